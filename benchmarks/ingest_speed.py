"""How long a folder takes to become searchable, against LangChain's tutorial pipeline.

Both run as whole processes, in turns, on the same files with the same embedding weights.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.corpus import write_corpus
from benchmarks.results import Figure, note, report
from benchmarks.service import RAG, BenchmarkFailed, chunks_of, environment, ingest

_SCRIPT = Path(__file__).with_name("langchain_script.py")
NAME = "ingest speed"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a program took: seconds by the clock, and of all cores together."""

    wall_s: float
    cpu_s: float


def measured(command: Sequence[str], cwd: Path, data_dir: Path) -> Cost:
    """Run a program, and the processes it starts, to its end.

    Raises:
        BenchmarkFailed: it did not exit with 0.
    """
    log = cwd / "output.log"
    before, started = os.times(), time.perf_counter()
    with log.open("wb") as output:
        code = subprocess.call(
            command, cwd=cwd, env=environment(data_dir), stdout=output, stderr=output
        )
    wall = time.perf_counter() - started
    after = os.times()
    if code:
        text = log.read_text(encoding="utf-8", errors="replace")
        raise BenchmarkFailed(f"{' '.join(command)} exited with {code}: {text}")
    used = after.children_user + after.children_system
    return Cost(wall, used - before.children_user - before.children_system)


def _ours(folder: Path, work: Path) -> Cost:
    with tempfile.TemporaryDirectory(dir=work) as fresh:
        return measured([*RAG, "ingest", str(folder)], Path(fresh), Path(fresh))


def _langchain(folder: Path, work: Path) -> Cost:
    with tempfile.TemporaryDirectory(dir=work) as fresh:
        command = [sys.executable, str(_SCRIPT), str(folder), str(Path(fresh) / "index")]
        return measured(command, Path(fresh), Path(fresh))


def measure(folder: Path, work: Path, rounds: int) -> list[Figure]:
    """Both programs in turns, ``rounds`` times, and one more `rag ingest` for its report."""
    ours: list[Cost] = []
    theirs: list[Cost] = []
    for n in range(rounds):
        ours.append(_ours(folder, work))
        theirs.append(_langchain(folder, work))
        note(
            f"round {n + 1} of {rounds}: rag ingest {ours[-1].wall_s:.1f} s, "
            f"LangChain script {theirs[-1].wall_s:.1f} s"
        )
    return _figures(ours, theirs) + _stages(folder, work)


def _figures(ours: Sequence[Cost], theirs: Sequence[Cost]) -> list[Figure]:
    pairs = list(zip(ours, theirs, strict=True))
    figure = partial(Figure, NAME)
    return [
        figure("rag ingest", statistics.median(c.wall_s for c in ours), "s"),
        figure("LangChain script", statistics.median(c.wall_s for c in theirs), "s"),
        # Neighbours in time are compared, because other load on the machine comes and goes.
        figure("ratio", statistics.median(a.wall_s / b.wall_s for a, b in pairs), "×", 1.0),
        figure("rag ingest, CPU", statistics.median(c.cpu_s for c in ours), "s"),
        figure("LangChain script, CPU", statistics.median(c.cpu_s for c in theirs), "s"),
        figure("ratio, CPU", statistics.median(a.cpu_s / b.cpu_s for a, b in pairs), "×"),
    ]


def _stages(folder: Path, work: Path) -> list[Figure]:
    with tempfile.TemporaryDirectory(dir=work) as fresh:
        started = time.perf_counter()
        found = ingest(folder, Path(fresh))
        wall = time.perf_counter() - started
    busy = float(found["summary"]["seconds"])
    chunks = chunks_of(found)
    return [
        Figure(NAME, "chunks", chunks, "chunks"),
        Figure(NAME, "start and model load", wall - busy, "s"),
        Figure(NAME, "files to index, after that", busy, "s"),
        Figure(NAME, "throughput, after that", chunks / busy, "chunks/s"),
    ]


def run(folder: Path | None, *, characters: int, language: str, rounds: int) -> list[Figure]:
    """Measure on ``folder``, or on generated documents."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        work = Path(temporary)
        if folder is None:
            folder = work / "documents"
            write_corpus(folder, "zh" if language == "zh" else "en", characters)
        return measure(folder.resolve(), work, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest_speed", description=__doc__)
    parser.add_argument(
        "folder", nargs="?", type=Path, help=".txt files, UTF-8; default: generated documents"
    )
    parser.add_argument("--rounds", type=int, default=3, help="runs of each program")
    parser.add_argument(
        "--characters", type=int, default=400_000, help="size of the generated documents"
    )
    parser.add_argument("--language", choices=["en", "zh"], default="en", help="their language")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    args = parser.parse_args()
    chosen = {"characters": args.characters, "language": args.language, "rounds": args.rounds}
    report(partial(run, args.folder, **chosen), args.json)


if __name__ == "__main__":
    main()
