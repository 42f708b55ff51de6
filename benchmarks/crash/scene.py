"""One collection and its folder, and the ways to start, kill and finish an ingest of it."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.crash.checks import Inspector
from benchmarks.crash.child import Order, Program
from benchmarks.crash.corpus import Corpus
from benchmarks.crash.reader import Reader
from benchmarks.crash.runs import KILLED, Command, Forked, Moment, Run, kill, orphans
from rag_service.service import Service
from rag_service.store.library import Library

Start = Callable[[Moment], Run]
_ENOUGH = 20


class TooManyProblems(Exception):
    """Nothing more is to be learnt by going on."""


@dataclass(slots=True)
class Tally:
    """What was done, and what was found."""

    kills: Counter[str] = field(default_factory=Counter)  # by phase
    landed: Counter[str] = field(default_factory=Counter)  # by what the run was doing
    ended: Counter[str] = field(default_factory=Counter)  # runs that ended before their kill
    seconds: Counter[str] = field(default_factory=Counter)  # by phase
    searches: int = 0
    given: int = 0  # texts that the cheap model was given
    embedded: int = 0  # texts stored with their embedding
    distinct: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Stage:
    """What all scenes share: one data folder, a service that searches it, the results."""

    folder: Path
    library: Library
    service: Service
    reader: Reader
    rng: random.Random
    tally: Tally
    say: Callable[[str], None]

    @property
    def data(self) -> Path:
        return self.folder / "data"


class Scene:
    """``name`` is the collection's, ``root`` what is ingested if not the corpus itself."""

    def __init__(
        self, stage: Stage, phase: str, name: str, *, documents: int, root: Path | None = None
    ) -> None:
        self.stage, self.phase, self.name = stage, phase, name
        self.corpus = Corpus(stage.folder / name, stage.rng.randrange(1 << 30))
        self.corpus.fill(documents)
        self.root = root or self.corpus.root
        self.inspector = Inspector(self.corpus, stage.library, name, self.root)
        self.typical_s = 1.5  # how long a run takes that is left alone
        self._settled = False

    # -- starting ----------------------------------------------------------------

    def ingest(self, *options: str, real_sizes: bool = False) -> Start:
        """How to start an ingest in a forked process."""
        arguments = (str(self.root), "-c", self.name, "-j", "1", "--json", *options)
        return lambda moment: self._fork("ingest", arguments, moment, real_sizes)

    def worker(self, moment: Moment) -> Run:
        return self._fork("worker", ("--until-idle", "0"), moment, False)

    def command(self, *options: str) -> Start:
        """How to start the true command."""
        arguments = [str(self.root), "-c", self.name, "--jobs", "2", "--json", *options]
        return lambda _: Command(arguments, self.stage.data, self.stage.folder)

    def _fork(
        self, command: Program, arguments: tuple[str, ...], moment: Moment, real: bool
    ) -> Run:
        out = self.stage.folder / "out.json"
        out.unlink(missing_ok=True)
        return Forked(
            Order(
                command,
                arguments,
                str(self.stage.data),
                log=str(self.log),
                out=str(out),
                pause=(moment.at, moment.nth) if moment.pause else None,
                real_sizes=real,
            )
        )

    @property
    def log(self) -> Path:
        return self.stage.folder / "log.txt"

    # -- killing -----------------------------------------------------------------

    def random_moment(self) -> Moment:
        return Moment(after_s=self.stage.rng.uniform(0, self.typical_s))

    def strike(self, start: Start, moment: Moment) -> bool:
        """Start a run, kill it at the moment, and look at what it left; False if it ended first."""
        run = start(moment)
        run.await_moment(moment)
        return self.end(run)

    def end(self, run: Run) -> bool:
        """Kill a run, by chance with or without all that it has started; and look."""
        tally, rng = self.stage.tally, self.stage.rng
        group = rng.random() < 0.5
        code = kill(run, group=group)
        if code == KILLED:
            tally.kills[self.phase] += 1
            tally.landed[run.here()] += 1
            how = f"killed ({'group' if group else 'main process'})"
            self.stage.say(f"{self.phase}: {self.name} {how}: {run.here()}")
        else:
            tally.ended[self.phase] += 1
        self.has_ended(run, code, (0, KILLED))
        self._look(self.inspector.after_a_kill())
        return code == KILLED

    def has_ended(self, run: Run, code: int, allowed: Container[int]) -> None:
        """Check its exit code, and that nothing of it is left."""
        self.stage.tally.given += run.given()
        if code not in allowed:
            self.problem(f"a run ended with exit code {code}; see {self.log}")
        if run.is_stuck:
            self.problem(f"a run did not end: {run.here()}")
        if found := orphans(run):
            self.problem(f"{len(found)} processes outlived their run")

    # -- finishing ---------------------------------------------------------------

    def finish(self, start: Start | None = None) -> None:
        """Let a run come to its end; then everything must be as if nothing had happened."""
        began = time.monotonic()
        run = (start or self.ingest())(Moment())
        code = run.wait()
        self.typical_s = time.monotonic() - began
        self.has_ended(run, code, (0,))
        self.check()

    def check(self) -> None:
        """Everything must be in order, and nothing left over."""
        self._look(self.inspector.when_finished())
        self._settled = True
        self.look_for_marks()

    def close(self) -> None:
        """Add up what the scene has cost."""
        embedded, distinct = self.inspector.embedded()
        self.stage.tally.embedded += embedded
        self.stage.tally.distinct += distinct

    def look_for_marks(self) -> None:
        """Tell the reader what it must find now, and what never again."""
        here = self.inspector.marks_held() | self.corpus.marks()
        gone = set(self.corpus.mark_of.values()) - here
        stable = self.corpus.kept_marks() if self._settled else set()
        self.stage.reader.expect(self.name, gone=gone, stable=stable)

    def problem(self, text: str) -> None:
        told = f"{self.phase}: {self.name}: {text}"
        self.stage.tally.problems.append(told)
        self.stage.say(f"PROBLEM: {told}")
        if len(self.stage.tally.problems) >= _ENOUGH:
            raise TooManyProblems

    def _look(self, problems: Iterable[str]) -> None:
        for problem in problems:
            self.problem(problem)
        self.look_for_marks()
