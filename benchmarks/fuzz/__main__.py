"""Feeds damaged files to the loaders and the chunker and reports whatever goes wrong.

    python -m benchmarks.fuzz --minutes 20 --jobs 2 --seed 1 [--keep FOLDER] [FOLDER]

Files of every format are made here, those of FOLDER are added, and all are mutated: bytes, text
with an eye to its format, parts of containers. Each is loaded and chunked in a process of the
product's own ParserPool. A finding is any exception but a DocumentError, more than 10 s of CPU
time or more memory than the limit, a crash, anything printed, text that cannot be stored, marks
or pages out of order, and chunks that break their promises. Findings are told apart by kind,
exception and innermost function of ours; the smallest input found for each goes to --keep.
Exits 1 on findings. Linux only.

A file that reaches new lines of our code is kept and mutated further. The lines are found with
sys.settrace rather than with atheris: libFuzzer's loop lives in one process, which a hang, a
crash or the memory limit would end, and it cannot see into the parsers written in C either.
"masked" findings are bugs of ours that were reported as damage in the file: told, and counted
only with --strict, because the file alone pays for them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.fuzz.corpus import Corpus, files_of
from benchmarks.fuzz.report import Keeper, print_summary
from benchmarks.fuzz.seed_files import all_seeds
from benchmarks.fuzz.session import Found, Session, Tally, findings_of
from benchmarks.fuzz.shrink import shrink
from ingest.loaders import format_of
from ingest.parsing import ParserPool

_WALL_LIMIT_S = 300.0  # of a batch: only a deadlock takes so long, CPU time has its own limit
_PROGRESS_S = 30.0


def main() -> int:
    arguments = _arguments()
    with (
        tempfile.TemporaryDirectory(prefix="fuzz-") as name,
        ParserPool(
            jobs=arguments.jobs, timeout_s=_WALL_LIMIT_S, memory_mb=arguments.memory_mb
        ) as pool,
    ):
        work = Path(name)
        tally = _fuzz(pool, work, arguments)
        if arguments.keep:
            _shrink_all(pool, work, tally, Keeper(arguments.keep), arguments.shrink_seconds)
    return print_summary(tally, strict=arguments.strict)


def _fuzz(pool: ParserPool, work: Path, arguments: argparse.Namespace) -> Tally:
    corpus_folder = work / "corpus"
    corpus_folder.mkdir()
    seeds = _seeds(arguments.folder, arguments.formats)
    keeper = Keeper(arguments.keep) if arguments.keep else None
    progress = _Progress()

    def on_found(found: Found) -> None:
        print(f"  found: {' '.join(found.finding.signature)} ({found.case.name})", flush=True)
        if keeper:
            keeper.keep(found, found.data)

    session = Session(
        pool, Corpus(corpus_folder, seeds), work, seed=arguments.seed, jobs=arguments.jobs,
        on_found=on_found, on_batch=progress.show,
    )  # fmt: skip
    print(f"{len(seeds)} seeds, seed {arguments.seed}, {arguments.minutes:g} minutes", flush=True)
    return session.run(arguments.minutes * 60)


def _seeds(folder: Path | None, formats: str) -> dict[str, bytes]:
    made = all_seeds()
    real = files_of(folder) if folder else {}
    only = {f".{one}" for one in formats.split(",") if one}
    return {
        name: data
        for name, data in (made | real).items()
        if format_of(name) and (not only or Path(name).suffix in only)
    }


def _shrink_all(pool: ParserPool, work: Path, tally: Tally, keeper: Keeper, seconds: float) -> None:
    trial, dump = work / "trial", work / "dump.txt"
    for found in tally.found.values():

        def shows(data: bytes, found: Found = found) -> bool:
            trial.write_bytes(data)
            findings = findings_of(pool, trial, found.case, dump)
            return found.finding.signature in {each.signature for each in findings}

        if shows(found.data):
            found.data = shrink(found.data, shows, seconds=seconds)
        else:
            found.is_repeatable = False
        keeper.keep(found, found.data)


class _Progress:
    def __init__(self) -> None:
        self._said = time.monotonic()

    def show(self, tally: Tally) -> None:
        now = time.monotonic()
        if now - self._said < _PROGRESS_S:
            return
        self._said = now
        print(
            f"  {tally.seconds:6.0f} s  {tally.cases:7,} cases  {len(tally.reached):6,} lines  "
            f"{tally.mutants:5,} kept  {len(tally.found):3} found",
            flush=True,
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fuzz", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("folder", type=Path, nargs="?", help="more seeds: files of any format")
    parser.add_argument("--minutes", type=float, default=20.0, help="how long (default 20)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default 1)")
    parser.add_argument("--keep", type=Path, help="folder for the inputs of findings")
    parser.add_argument("--formats", default="", help="only these, e.g. pdf,docx")
    parser.add_argument("--memory-mb", type=int, default=1024, help="limit of a process")
    parser.add_argument("--shrink-seconds", type=float, default=20.0, help="for each finding")
    parser.add_argument("--strict", action="store_true", help="count masked findings as well")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
