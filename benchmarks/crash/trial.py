"""Sets the stage, goes through the phases, and sums up."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from benchmarks.crash import phases
from benchmarks.crash.reader import Reader, cheap_service
from benchmarks.crash.scene import Stage, Tally, TooManyProblems
from rag_service.bootstrap import open_service
from rag_service.service import Service
from rag_service.settings import Settings
from rag_service.store.library import Library

Phase = Callable[[Stage, int], None]

CHEAP: Mapping[str, Phase] = {
    "first ingest": phases.first_ingests,
    "changes": phases.changes,
    "watch": phases.watching,
    "large files": phases.large_files,
    "rebuilds": phases.rebuilds,
    "uploads": phases.uploads,
    "huge file": phases.huge_file,
}
TRUE: Mapping[str, Phase] = {
    "rag ingest": phases.commands,
    "rag ingest --watch": phases.watched_commands,
}


def run_trial(
    folder: Path,
    kills: Mapping[str, int],
    *,
    seed: int,
    say: Callable[[str], None] = print,
) -> Tally:
    """Kill ``kills`` ingests of each of the phases named, in an empty folder."""
    tally = Tally()
    for kind, opened in ((CHEAP, _cheap), (TRUE, _true)):
        chosen = {name: kills[name] for name in kind if kills.get(name)}
        if chosen:
            with _stage(folder / opened.__name__[1:], opened, seed, tally, say) as stage:
                for name, number in chosen.items():
                    began = time.monotonic()
                    with suppress(TooManyProblems):
                        kind[name](stage, number)
                    tally.seconds[name] += round(time.monotonic() - began)
    return tally


def _cheap(data_dir: Path) -> Service:
    return cheap_service(data_dir)


def _true(data_dir: Path) -> Service:
    return open_service(Settings.model_validate({"data_dir": data_dir}))


@contextmanager
def _stage(
    folder: Path,
    opened: Callable[[Path], Service],
    seed: int,
    tally: Tally,
    say: Callable[[str], None],
) -> Iterator[Stage]:
    folder.mkdir(parents=True)
    data = folder / "data"
    with closing(opened(data)) as service, closing(Library(data)) as library:
        reader = Reader(service, seed)
        reader.start()
        try:
            yield Stage(folder, library, service, reader, random.Random(seed), tally, say)
        finally:
            reader.finish()
            tally.searches += reader.searches
            tally.problems += [f"reader: {problem}" for problem in reader.problems]
