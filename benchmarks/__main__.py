"""All benchmarks but the crash loop, one table at the end: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

from benchmarks import ingest_speed, search_latency, service_memory
from benchmarks.results import Figure, note, report
from benchmarks.service import prepare_collection


def run(*, rounds: int, characters: int, chunks: int, requests: int) -> list[Figure]:
    note("Ingesting the same documents with rag and with a LangChain script ...")
    figures = ingest_speed.run(None, characters=characters, language="en", rounds=rounds)
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        data_dir = prepare_collection(Path(temporary), chunks=chunks)
        figures += search_latency.measure(data_dir, requests=requests, clients=8)
        figures += service_memory.measure(data_dir)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each ingest program")
    parser.add_argument(
        "--characters", type=int, default=400_000, help="size of the documents for ingest speed"
    )
    parser.add_argument("--chunks", type=int, default=5000, help="chunks to search in")
    parser.add_argument("--requests", type=int, default=300, help="searches per language")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    args = parser.parse_args()
    sizes = {name: getattr(args, name) for name in ("rounds", "characters", "chunks", "requests")}
    report(partial(run, **sizes), args.json)


if __name__ == "__main__":
    main()
