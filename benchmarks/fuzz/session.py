"""A run of the fuzzer: choose, mutate, examine, keep what is new, write down what is wrong."""

from __future__ import annotations

import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from pebble import ProcessExpired

from benchmarks.fuzz.case import Case, Examined
from benchmarks.fuzz.corpus import Corpus
from benchmarks.fuzz.findings import Finding, innermost_dumped
from benchmarks.fuzz.worker import CASE, CaseResult, run_batch, run_file
from ingest.parsing import ParserPool
from rag_service.errors import ParserFailed

_BATCH: Final = 40  # cases; a batch ends earlier when its time is up
_AHEAD: Final = 2  # batches per process in flight


@dataclass(slots=True)
class Found:
    """The first case that showed a finding, and how many did."""

    finding: Finding
    case: Case
    data: bytes
    times: int = 1
    is_repeatable: bool = True


@dataclass(slots=True)
class Tally:
    """What was done. ``statuses``: cases by (suffix, status)."""

    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    found: dict[tuple[str, str, str], Found] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)
    mutants: int = 0
    slowest: tuple[float, str] = (0.0, "")
    seconds: float = 0.0

    @property
    def cases(self) -> int:
        return self.statuses.total()


@dataclass(frozen=True, slots=True)
class _Batch:
    cases: tuple[Case, ...]
    dump: Path
    future: Future[list[CaseResult]]


class Session:
    """``on_found`` is told of every new finding at once; ``on_batch`` of every batch done."""

    def __init__(
        self,
        pool: ParserPool,
        corpus: Corpus,
        folder: Path,
        *,
        seed: int,
        jobs: int,
        on_found: Callable[[Found], None],
        on_batch: Callable[[Tally], None],
    ) -> None:
        self._pool = pool
        self._corpus = corpus
        self._folder = folder
        self._rng = Random(seed)
        self._seed = seed
        self._in_flight = jobs * _AHEAD
        self._on_found = on_found
        self._on_batch = on_batch
        self._batches = 0
        self._chosen = 0
        self.tally = Tally()

    def run(self, seconds: float) -> Tally:
        """First the corpus as it is, then mutations of it until the time is up."""
        started = time.monotonic()
        # One by one: a seed that ends its process must not take others along.
        waiting = deque(self._submit([case]) for case in self._corpus.unmutated())
        while waiting:
            self._take(waiting.popleft())
            self.tally.seconds = time.monotonic() - started
            while self.tally.seconds < seconds and len(waiting) < self._in_flight:
                waiting.append(self._submit(self._choose()))
        return self.tally

    def _choose(self) -> list[Case]:
        self._chosen += _BATCH
        keys = range(self._chosen - _BATCH, self._chosen)
        return [self._corpus.choose(self._rng, f"{self._seed}/{key}") for key in keys]

    def _submit(self, cases: Sequence[Case]) -> _Batch:
        self._batches += 1
        dump = self._folder / f"dump-{self._batches}.txt"
        future = self._pool.submit(run_batch, tuple(cases), str(dump))
        return _Batch(tuple(cases), dump, future)

    def _take(self, batch: _Batch) -> None:
        try:
            results = batch.future.result()
        except ParserFailed as failure:
            self._take_failure(batch, failure)
        else:
            for case, result in zip(batch.cases, results, strict=False):
                self._record(case, result)
        batch.dump.unlink(missing_ok=True)
        self._on_batch(self.tally)

    def _take_failure(self, batch: _Batch, failure: ParserFailed) -> None:
        """The process is gone, and with it the results of the batch; the rest is done again."""
        culprit = _last_begun(batch.dump)
        case = batch.cases[culprit]
        finding = process_finding(failure, batch.dump)
        self._record(case, CaseResult(Examined(finding.kind, (finding,)), 0.0))
        rest = [*batch.cases[:culprit], *batch.cases[culprit + 1 :]]
        if rest:
            self._take(self._submit(rest))

    def _record(self, case: Case, result: CaseResult) -> None:
        tally = self.tally
        tally.statuses[Path(case.name).suffix, result.examined.status] += 1
        tally.slowest = max(tally.slowest, (result.cpu_s, Path(case.name).suffix))
        new = set(result.reached) - tally.reached
        tally.reached |= new
        if new and case.key:
            tally.mutants += self._corpus.add_mutant(
                case,
                case.data(),
                cpu_s=result.cpu_s,
                is_loaded=result.examined.status == "loaded",
            )
        for finding in result.examined.findings:
            self._count(case, finding)

    def _count(self, case: Case, finding: Finding) -> None:
        known = self.tally.found.get(finding.signature)
        if known:
            known.times += 1
            return
        found = Found(finding, case, case.data())
        self.tally.found[finding.signature] = found
        self._on_found(found)


def _last_begun(dump: Path) -> int:
    said = dump.read_text(encoding="utf-8", errors="replace") if dump.exists() else ""
    begun = [line for line in said.split("\n") if line.startswith(CASE)]
    return int(begun[-1].removeprefix(CASE)) if begun else 0


def process_finding(failure: ParserFailed, dump: Path) -> Finding:
    """What to say of a case that ended its process."""
    said = dump.read_text(encoding="utf-8", errors="replace") if dump.exists() else ""
    cause, where = failure.__cause__, innermost_dumped(said)
    if isinstance(cause, ProcessExpired):
        if cause.exitcode == -signal.SIGPROF:
            return Finding("slow", "over the limit of CPU time", where, said)
        return Finding("crash", str(failure), where, said)
    if isinstance(cause, MemoryError):
        return Finding("memory", "MemoryError", where, said)
    return Finding("stuck", str(failure), where, said)


def findings_of(pool: ParserPool, path: Path, case: Case, dump: Path) -> tuple[Finding, ...]:
    """What is wrong with the file at ``path``, examined as ``case`` is."""
    future = pool.submit(run_file, str(path), case, str(dump))
    try:
        return future.result().examined.findings
    except ParserFailed as failure:
        return (process_finding(failure, dump),)
