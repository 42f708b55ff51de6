"""Kills `rag ingest` again and again and checks that nothing is lost or done twice.

    python -m benchmarks.crash --kills 10 --docs 200 --seed 1

Every kill is SIGKILL at a random moment: by turns to the whole process group and to the
main process alone, whose parser processes must then end by themselves. The last third of
the kills hits runs that take in updates, deletions and moves. A reader searches all the
time. At the end an uninterrupted run must bring the collection to exactly what the
folder holds. Prints one line a kill and a summary; exits 1 on any problem. Linux only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag_service.bootstrap import Service, open_service
from rag_service.errors import CollectionNotFound
from rag_service.settings import load_settings
from rag_service.store.catalog import Catalog
from rag_service.store.library import Library

COLLECTION = "crash"
# Marks are words of these letters: no ending that a stemmer takes off, no digits to split at.
_LETTERS = "bcfghjkmnpqtvwxz"
_MARK = re.compile(f"zq[{_LETTERS}]{{3}}")
_STARTUP_S = 8.0  # imports and loading the model take about this long
_ORPHANS_END_WITHIN_S = 10.0
_LAGGING = "not searchable yet"  # allowed after a kill; the next run publishes
_WORDS = (
    "amber valve harbour lantern meadow piston quarry ribbon saddle timber umbrella violin "
    "walnut anchor basket candle dragon engine feather garden hammer island jacket kettle"
)
_CHINESE = "水火山石田土木林森禾米竹丝麻布衣帽鞋灯油盐酱醋茶酒碗筷桌椅门窗墙瓦路桥船车"


class Corpus:
    """A folder of documents. Every text names its own mark in every sentence."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.rng = random.Random(seed)
        self.mark_of_content: dict[str, str] = {}  # every version ever written, by SHA-256
        self._written = 0
        root.mkdir(parents=True)

    def sources(self) -> list[str]:
        return sorted(path.name for path in self.root.iterdir())

    def contents(self) -> dict[str, str]:
        """SHA-256 of every file, by source."""
        return {source: _sha256(self.root / source) for source in self.sources()}

    def add(self, source: str | None = None) -> None:
        """A new text under a new name, or in place of what ``source`` held."""
        self._written += 1
        mark = _mark(self._written)
        chinese = self._written % 5 == 0
        suffix = "txt" if chinese else "md"
        path = self.root / (source or f"{self._written:05}.{suffix}")
        text = _chinese(mark, self.rng) if chinese else _english(mark, self.rng)
        path.write_bytes(text.encode("gb18030" if chinese else "utf-8"))
        self.mark_of_content[_sha256(path)] = mark

    def copy(self) -> None:
        """The same text once more, under another name."""
        origin = self.root / self.rng.choice(self.sources())
        self._written += 1
        (self.root / f"{self._written:05}{origin.suffix}").write_bytes(origin.read_bytes())

    def fill(self, documents: int) -> None:
        for number in range(documents):
            if number % 10 == 9:
                self.copy()
            else:
                self.add()

    def change(self) -> None:
        """Update a tenth, delete, move and add a twentieth each."""
        picked = self.rng.sample(self.sources(), max(8, len(self.sources()) // 5))
        quarter = len(picked) // 4
        for source in picked[: 2 * quarter]:
            self.add(source)
        for source in picked[2 * quarter : 3 * quarter]:
            (self.root / source).unlink()
        for source in picked[3 * quarter :]:
            (self.root / source).rename(self.root / f"moved-{self._written}-{source}")
        for _ in range(quarter):
            self.add()


def _mark(number: int) -> str:
    digits = (number >> 8, number >> 4 & 15, number & 15)
    return "zq" + "".join(_LETTERS[digit] for digit in digits)


def _english(mark: str, rng: random.Random) -> str:
    lines = [f"Record {mark} says {' '.join(rng.choices(_WORDS.split(), k=9))}." for _ in range(15)]
    return f"# Report {mark}\n\n" + "\n".join(lines)


def _chinese(mark: str, rng: random.Random) -> str:
    return "\n".join(f"记录{mark}写道：{''.join(rng.choices(_CHINESE, k=16))}。" for _ in range(20))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Reader(threading.Thread):
    """Searches all the time; any error, and any text that is gone, is a problem."""

    def __init__(self, service: Service, seed: int) -> None:
        super().__init__(name="reader")
        self._service = service
        self._rng = random.Random(seed)
        self._done = threading.Event()
        self.gone: frozenset[str] = frozenset()
        self.problems: list[str] = []
        self.searches = 0

    def run(self) -> None:
        while not self._done.wait(0.2):
            try:
                self._search()
            except CollectionNotFound:
                continue  # the first run has not got that far
            except Exception as error:  # noqa: BLE001 - any error at all is a finding
                self.problems.append(f"a search failed: {type(error).__name__}: {error}")

    def _search(self) -> None:
        gone = self.gone
        query = f"{_mark(self._rng.randint(1, 300))} {self._rng.choice(_WORDS.split())}"
        hits = self._service.search(query, collection=COLLECTION, top_k=10).hits
        self.searches += 1
        shown = {mark for hit in hits for mark in _MARK.findall(hit.chunk.text)}
        if shown & gone:
            self.problems.append(f"deleted text was found: {sorted(shown & gone)}")

    def finish(self) -> None:
        self._done.set()
        self.join()


class Ingest:
    """One `rag ingest` process, the leader of its own session."""

    def __init__(self, corpus: Corpus, data: Path) -> None:
        clean = {name: value for name, value in os.environ.items() if name[:4] != "RAG_"}
        self._log = (data.parent / "ingest.log").open("ab")
        options = ["--collection", COLLECTION, "--json", "--jobs", "2"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "rag_service.cli", "ingest", str(corpus.root), *options],
            env={**clean, "RAG_DATA_DIR": str(data)},
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )

    def is_running(self) -> bool:
        return self._process.poll() is None

    def kill(self, *, group: bool) -> None:
        if group:
            os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()

    def result(self) -> tuple[int, dict[str, Any]]:
        """Exit code and report of a run that was left alone."""
        out, _ = self._process.communicate()
        self._log.close()
        return self._process.returncode, json.loads(out) if out else {}

    def orphans(self) -> list[int]:
        """Processes of the session that are still there some time after the kill."""
        self.result()
        deadline = time.monotonic() + _ORPHANS_END_WITHIN_S
        while (found := _session_members(self._process.pid)) and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        return found


def _session_members(session: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, its_session = path.read_text("utf-8").rpartition(")")[2].split()[:4]
        except OSError:  # it ended in between
            continue
        if int(its_session) == session and state != "Z":
            found.append(int(path.parent.name))
    return found


@dataclass(slots=True)
class Outcome:
    kills: int = 0
    searches: int = 0
    embedded: int = 0
    distinct: int = 0
    problems: list[str] = field(default_factory=list)


class Trial:
    """The kills, and what is checked after each of them."""

    def __init__(self, folder: Path, *, docs: int, seed: int, say: Callable[[str], None]) -> None:
        self.corpus = Corpus(folder / "documents", seed)
        self.corpus.fill(docs)
        self.data = folder / "data"
        self.library = Library(self.data)
        self.rng = random.Random(seed + 1)
        self.say = say
        self.outcome = Outcome()
        self.vector_keys: set[bytes] = set()
        self.committed: dict[str, str] = {}

    def run(self, kills: int, *, settle: bool) -> Outcome:
        service = open_service(load_settings(data_dir=self.data))
        reader = Reader(service, seed=2)
        reader.start()
        try:
            for number in range(kills):
                if number == kills - kills // 3 and settle:
                    self._run_to_the_end(reader)
                if number >= kills - kills // 3:
                    self.corpus.change()
                self._kill_one(number, kills)
                self._check_after_kill(reader)
            self._finish(service, reader)
        finally:
            reader.finish()
            service.close()
            self.library.close()
        self.outcome.searches = reader.searches
        self.outcome.problems += reader.problems
        return self.outcome

    def _problem(self, text: str) -> None:
        self.outcome.problems.append(text)
        self.say(f"PROBLEM: {text}")

    def _catalog(self) -> Catalog | None:
        try:
            return self.library.open(COLLECTION).catalog
        except CollectionNotFound:
            return None

    def _revision(self) -> int:
        catalog = self._catalog()
        return catalog.revision() if catalog else 0

    def _kill_one(self, number: int, kills: int) -> None:
        ingest, before, started = Ingest(self.corpus, self.data), self._revision(), time.monotonic()
        if number % 3 == 1:  # somewhere in the start
            moment = started + self.rng.uniform(0, _STARTUP_S)
        else:  # after some commits
            wanted = before + self.rng.randint(1, max(2, len(self.corpus.sources()) // kills))
            while ingest.is_running() and self._revision() < wanted:
                time.sleep(0.01)
            moment = time.monotonic() + self.rng.choice([0, 0.01, 0.1, 1]) * self.rng.random()
        while ingest.is_running() and time.monotonic() < moment:
            time.sleep(0.001)
        was_running, group = ingest.is_running(), number % 2 == 0
        ingest.kill(group=group) if was_running else None
        if orphans := ingest.orphans():
            self._problem(f"{len(orphans)} processes outlived the main process")
        self.outcome.kills += was_running
        self.say(
            f"kill {number + 1}: {'group' if group else 'main process'} after "
            f"{moment - started:.2f} s, revision {before} → {self._revision()}"
            + ("" if was_running else " (the run had ended)")
        )

    def _check_after_kill(self, reader: Reader) -> None:
        catalog = self._catalog()
        if catalog is None:
            return
        problems = self.library.verify(COLLECTION).problems
        for problem in problems:
            if _LAGGING not in problem:
                self._problem(f"after a kill: {problem}")
        held = self._held(catalog)
        present = self.corpus.contents()
        for source, content in self.committed.items():
            if present.get(source) == content and held.get(source) != content:
                self._problem(f"{source} was committed and is lost")
        self.committed = held
        self._remember(catalog, reader, present, held)

    def _held(self, catalog: Catalog) -> dict[str, str]:
        known = catalog.known_documents(str(self.corpus.root.resolve()))
        return {source: document.content_hash for source, document in known.items()}

    def _remember(
        self, catalog: Catalog, reader: Reader, present: dict[str, str], held: dict[str, str]
    ) -> None:
        """What can never come back, and every embedding there ever was."""
        marks = self.corpus.mark_of_content
        alive = {marks[content] for content in [*present.values(), *held.values()]}
        reader.gone = frozenset(set(marks.values()) - alive)
        with sqlite3.connect(f"{catalog.path.absolute().as_uri()}?mode=ro", uri=True) as db:
            self.vector_keys |= {row[0] for row in db.execute("SELECT vector_key FROM vectors")}
        db.close()

    def _run_to_the_end(self, reader: Reader) -> None:
        code, report = Ingest(self.corpus, self.data).result()
        self.say(f"left alone: {report.get('summary')}")
        if code != 0:
            self._problem(f"a run that was left alone exited with {code}")
        self._check_after_kill(reader)

    def _finish(self, service: Service, reader: Reader) -> None:
        self._run_to_the_end(reader)
        catalog = self._catalog()
        if catalog is None:
            self._problem("there is no collection at the end")
            return
        for problem in self.library.verify(COLLECTION).problems:
            self._problem(f"at the end: {problem}")
        if self._held(catalog) != self.corpus.contents():
            self._problem("the collection does not mirror the folder")
        self.outcome.embedded = catalog.texts_embedded()
        self.outcome.distinct = len(self.vector_keys)
        if self.outcome.embedded != self.outcome.distinct:
            self._problem(
                f"{self.outcome.embedded} texts were embedded, {self.outcome.distinct} are distinct"
            )
        self._check_everything_is_found(service)

    def _check_everything_is_found(self, service: Service) -> None:
        for source, content in sorted(self.corpus.contents().items())[::7]:
            mark = self.corpus.mark_of_content[content]
            hits = service.search(mark, collection=COLLECTION, top_k=3).hits
            if not any(mark in hit.chunk.text for hit in hits):
                self._problem(f"{source} is in the folder and is not found")


def run_trial(
    folder: Path,
    *,
    kills: int,
    docs: int,
    seed: int,
    settle: bool,
    say: Callable[[str], None] = print,
) -> Outcome:
    """Kill ``kills`` ingests of ``docs`` documents in an empty folder.

    ``settle``: run once to the end before the first changes are made.
    """
    return Trial(folder, docs=docs, seed=seed, say=say).run(kills, settle=settle)


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill ingests and check that nothing is lost.")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--docs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="empty folder to work in, kept afterwards")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        outcome = run_trial(
            options.folder or Path(scratch),
            kills=options.kills,
            docs=options.docs,
            seed=options.seed,
            settle=True,
        )
    print(
        f"{outcome.kills} kills, {outcome.searches} searches meanwhile, "
        f"{outcome.embedded} texts embedded, {outcome.distinct} distinct, "
        f"{len(outcome.problems)} problems"
    )
    return 1 if outcome.problems else 0


if __name__ == "__main__":
    sys.exit(main())
