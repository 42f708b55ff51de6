"""How long the service takes to be ready, and how much memory it then holds.

Resident memory as Linux counts it: the mapped parts of libraries and indexes included.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.corpus import questions
from benchmarks.results import Figure, report
from benchmarks.service import Client, prepare_collection, running_service

NAME = "service memory"
_LIMIT_MB = 1000.0
_SEARCHES = 100


def resident_mb(pid: int, field: str = "VmRSS") -> float:
    """Resident memory of a process in units of 10⁶ bytes; ``VmHWM`` for its peak."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    line = next(line for line in status.splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024 / 1e6


def measure(data_dir: Path) -> list[Figure]:
    """A service over the collection of ``data_dir``: idle, and after searches."""
    figure = partial(Figure, NAME)
    asked = [*questions("en", _SEARCHES // 2), *questions("zh", _SEARCHES // 2)]
    with running_service(data_dir) as service, Client(service.port) as client:
        figures = [
            figure("start to ready", service.seconds_to_ready, "s"),
            figure("resident when ready", resident_mb(service.pid), "MB", _LIMIT_MB),
        ]
        for done, query in enumerate(asked, start=1):
            client.post("/search", {"query": query})
            if done in (1, _SEARCHES):
                name = f"resident after {done} search{'es' if done > 1 else ''}"
                figures.append(figure(name, resident_mb(service.pid), "MB", _LIMIT_MB))
        figures.append(figure("peak", resident_mb(service.pid, "VmHWM"), "MB"))
    return figures


def run(*, chunks: int) -> list[Figure]:
    """Measure on a generated collection."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        return measure(prepare_collection(Path(temporary), chunks=chunks))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.service_memory", description=__doc__
    )
    parser.add_argument("--chunks", type=int, default=5000, help="size of the collection")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    args = parser.parse_args()
    report(partial(run, chunks=args.chunks), args.json)


if __name__ == "__main__":
    main()
