"""What the service adds to a search on top of embedding the question.

The time of the whole request, seen by the client over a kept-alive loopback connection,
less the `embed_ms` that the response reports.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.corpus import Language, questions
from benchmarks.results import Figure, note, percentile, report
from benchmarks.service import BenchmarkFailed, Client, prepare_collection, running_service

NAME = "search latency"
_WARM_UP = 20
_LIMIT_MS = 10.0
_LABELS: dict[Language, str] = {"en": "English", "zh": "Chinese"}


@dataclass(frozen=True, slots=True)
class Latency:
    """Of one request, in milliseconds."""

    total: float
    embedding: float

    @property
    def added(self) -> float:
        return self.total - self.embedding


def search(client: Client, query: str) -> Latency:
    started = time.perf_counter()
    answer = client.post("/search", {"query": query})
    total = (time.perf_counter() - started) * 1e3
    found = json.loads(answer)
    if not found["results"]:
        raise BenchmarkFailed(f"Nothing was found for {query!r}.")
    return Latency(total, found["timings"]["embed_ms"])


def _one_client(port: int, queries: Sequence[str]) -> list[Latency]:
    with Client(port) as client:
        return [search(client, query) for query in queries]


def _one_by_one(port: int, language: Language, requests: int) -> list[Figure]:
    _one_client(port, questions(language, _WARM_UP, seed=2))
    taken = _one_client(port, questions(language, requests))
    added = [latency.added for latency in taken]
    figure = partial(Figure, NAME)
    label = _LABELS[language]
    return [
        figure(f"{label}: added, median", statistics.median(added), "ms", _LIMIT_MS),
        figure(f"{label}: added, 95th percentile", percentile(added, 95), "ms"),
        figure(f"{label}: embedding, median", _median_embedding(taken), "ms"),
        figure(f"{label}: whole, median", statistics.median(x.total for x in taken), "ms"),
    ]


def _median_embedding(taken: Sequence[Latency]) -> float:
    return statistics.median(latency.embedding for latency in taken)


def _together(port: int, language: Language, requests: int, clients: int) -> list[Figure]:
    asked = questions(language, requests)
    shares = [asked[n::clients] for n in range(clients)]
    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        answered = pool.map(partial(_one_client, port), shares)
        totals = [latency.total for share in answered for latency in share]
    seconds = time.perf_counter() - started
    label = f"{_LABELS[language]}, {clients} clients"
    return [
        Figure(NAME, f"{label}: whole, median", statistics.median(totals), "ms"),
        Figure(NAME, f"{label}: whole, 95th percentile", percentile(totals, 95), "ms"),
        Figure(NAME, f"{label}: throughput", len(totals) / seconds, "searches/s"),
    ]


def _floor(port: int, requests: int) -> Figure:
    """The least that HTTP on this machine costs."""
    taken: list[float] = []
    with Client(port) as client:
        for _ in range(requests):
            started = time.perf_counter()
            client.get("/healthz")
            taken.append((time.perf_counter() - started) * 1e3)
    return Figure(NAME, "GET /healthz, median", statistics.median(taken), "ms")


def measure(data_dir: Path, *, requests: int, clients: int) -> list[Figure]:
    """English and Chinese searches in the collection of ``data_dir``."""
    with running_service(data_dir) as service:
        figures = [_floor(service.port, requests)]
        for language in _LABELS:
            note(f"Searching: {_LABELS[language]} ...")
            figures += _one_by_one(service.port, language, requests)
            figures += _together(service.port, language, requests, clients)
    return figures


def run(*, chunks: int, requests: int, clients: int) -> list[Figure]:
    """Measure on a generated collection."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        data_dir = prepare_collection(Path(temporary), chunks=chunks)
        return measure(data_dir, requests=requests, clients=clients)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.search_latency", description=__doc__
    )
    parser.add_argument("--chunks", type=int, default=5000, help="size of the collection")
    parser.add_argument("--requests", type=int, default=300, help="searches per language")
    parser.add_argument("--clients", type=int, default=8, help="concurrent clients")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    args = parser.parse_args()
    sizes = {"chunks": args.chunks, "requests": args.requests, "clients": args.clients}
    report(partial(run, **sizes), args.json)


if __name__ == "__main__":
    main()
