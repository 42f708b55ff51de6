"""What runs in a parser process: cases one after the other, watched closely."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TextIO

from benchmarks.fuzz.case import Case, Examined, examine
from benchmarks.fuzz.findings import Finding
from benchmarks.fuzz.reached import ReachedLines

CPU_LIMIT_S: Final = 10.0  # of one case
_TRACED_CPU_LIMIT_S: Final = 20.0  # looking at every line takes its own time
_BATCH_S: Final = 1.5  # wall time after which a batch is handed back, finished or not
_MAX_OUTPUT: Final = 2_000
CASE: Final = "case "  # in the dump, before the number of a case that was begun

_reached = ReachedLines()
_output: int = -1  # file that standard output and error of this process go to


@dataclass(frozen=True, slots=True)
class CaseResult:
    """``reached``: lines of ours reached by this process for the first time."""

    examined: Examined
    cpu_s: float
    reached: tuple[str, ...] = ()


def run_batch(cases: Sequence[Case], dump_path: str) -> list[CaseResult]:
    """As many of ``cases`` as the time of a batch allows, at least one.

    A case over the CPU limit ends the process; ``dump_path`` then says which it was, and where.
    """
    started = time.monotonic()
    results: list[CaseResult] = []
    with Path(dump_path).open("w", encoding="utf-8") as dump:
        for number, case in enumerate(cases):
            dump.write(f"{CASE}{number}\n")
            dump.flush()
            results.append(_watched(case, case.data(), dump))
            if time.monotonic() - started > _BATCH_S:
                break
    return results


def run_file(path: str, case: Case, dump_path: str) -> CaseResult:
    """The file as it is, examined as ``case`` is."""
    with Path(dump_path).open("w", encoding="utf-8") as dump:
        return _watched(replace(case, is_traced=False), Path(path).read_bytes(), dump)


def _watched(case: Case, data: bytes, dump: TextIO) -> CaseResult:
    _redirect_output()
    _allow_cpu(_TRACED_CPU_LIMIT_S if case.is_traced else CPU_LIMIT_S, dump)
    started = time.process_time()
    with _reached if case.is_traced else nullcontext():
        examined = examine(case.name, data, case.counter, case.max_tokens)
    cpu_s = time.process_time() - started
    signal.setitimer(signal.ITIMER_PROF, 0)
    printed = _printed()
    if printed:
        examined = replace(examined, findings=(*examined.findings, printed))
    return CaseResult(examined, cpu_s, tuple(_reached.new) if case.is_traced else ())


def _allow_cpu(seconds: float, dump: TextIO) -> None:
    """Let the kernel end this process when it has used so much, wherever it is stuck.

    faulthandler writes down the place first, also that of a crash.
    """
    faulthandler.enable(dump, all_threads=False)
    faulthandler.register(signal.SIGPROF, dump, all_threads=False, chain=True)
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _redirect_output() -> None:
    """Nothing may be printed: it would tear the progress bar of `rag ingest`."""
    global _output
    if _output < 0:
        with tempfile.TemporaryFile() as file:
            _output = os.dup(file.fileno())
        os.dup2(_output, 1)
        os.dup2(_output, 2)


def _printed() -> Finding | None:
    sys.stdout.flush()
    sys.stderr.flush()
    if not os.fstat(_output).st_size:
        return None
    text = os.pread(_output, _MAX_OUTPUT, 0).decode(errors="replace")
    os.ftruncate(_output, 0)
    os.lseek(_output, 0, os.SEEK_SET)
    first = text.strip().split("\n", 1)[0]
    return Finding("output", _shape(first), detail=text)


def _shape(line: str) -> str:
    """A printed line without its numbers, so that the same message counts once."""
    return "".join("0" if char.isdigit() else char for char in line)[:80]
