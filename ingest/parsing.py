"""Load files in processes of their own, so that a bad one costs itself alone.

A PDF can make its parser loop, eat all memory or crash the interpreter. Each worker has a
memory limit, each file a time limit, and a dead worker is replaced. Workers start by spawn,
because a forked copy of a process with threads and models in it can hang. A spawned worker
imports this module and the functions' own, and the main script too unless that is a package's
``__main__``: a script that starts a pool should import heavy parts inside its functions.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from pebble import ProcessExpired, ProcessPool

from rag_service.errors import DocumentError, ParserFailed

P = ParamSpec("P")
T = TypeVar("T")

_MEBIBYTE = 1024 * 1024
_FILES_PER_WORKER = 200  # then it is replaced, so that slow leaks stay small
_IN_FLIGHT_PER_JOB = 2  # one at work, one at hand; the rest waits here, where it can be cancelled
_ATTEMPTS = 3  # a file innocent of the pool's death gets this many pools


@dataclass(eq=False, slots=True)
class _Job:
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    future: Future[Any] = field(default_factory=Future)
    attempts_left: int = _ATTEMPTS


class ParserPool:
    """A context manager. Leaving it waits for all files; on an exception it kills the workers.

    Args:
        jobs: worker processes.
        timeout_s: wall-clock time one file may take once its parsing has begun.
        memory_mb: address space, in MiB, that a worker may take on top of what it starts
            with. Enforced on Linux.
    """

    def __init__(self, *, jobs: int, timeout_s: float, memory_mb: int) -> None:
        self._jobs = jobs
        self._timeout_s = timeout_s
        self._memory_mb = memory_mb
        self._lock = threading.RLock()
        self._backlog: deque[_Job] = deque()
        self._in_flight: set[_Job] = set()
        self._pool = self._new_pool()
        self._retired: list[ProcessPool] = []
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                wait(self._unfinished())
        finally:
            self._stop()

    def submit(self, function: Callable[P, T], *arguments: P.args, **_: P.kwargs) -> Future[T]:
        """Call a module's function in a worker, with positional arguments that pickle.

        The future raises what the function raises if that is a DocumentError, and ParserFailed
        when it crashed or met the time or memory limit: a DocumentError in every case.
        Cancelling the future stops the function if it is already at work.
        """
        job = _Job(function, arguments)
        with self._lock:
            if self._is_closed:
                raise RuntimeError("The parser pool is closed; this is a bug.")
            self._backlog.append(job)
        self._feed()
        return job.future

    def _feed(self) -> None:
        with self._lock:
            while self._backlog and len(self._in_flight) < _IN_FLIGHT_PER_JOB * self._jobs:
                job = self._backlog.popleft()
                if not job.future.cancelled():
                    self._start(job)

    def _start(self, job: _Job) -> None:
        self._in_flight.add(job)
        inner = self._schedule(job)
        # Both may run at once, in this thread: they come last.
        job.future.add_done_callback(lambda outer: outer.cancelled() and inner.cancel())
        inner.add_done_callback(partial(self._deliver, job))

    def _schedule(self, job: _Job) -> Future[Any]:
        try:
            return self._schedule_on(self._pool, job)
        except RuntimeError:  # pebble's word for a pool that has broken
            self._retired.append(self._pool)
            self._pool = self._new_pool()
            return self._schedule_on(self._pool, job)

    def _schedule_on(self, pool: ProcessPool, job: _Job) -> Future[Any]:
        scheduled: Future[Any] = pool.schedule(
            job.function, args=job.arguments, timeout=self._timeout_s
        )
        return scheduled

    def _deliver(self, job: _Job, inner: Future[Any]) -> None:
        error = None if inner.cancelled() else inner.exception()
        with self._lock:
            self._in_flight.discard(job)
            job.attempts_left -= 1
            # pebble gives up the whole pool when an idle worker is killed from outside.
            retry = isinstance(error, BrokenProcessPool) and job.attempts_left > 0
            if retry and not self._is_closed:  # _stop has emptied the backlog for good
                self._backlog.appendleft(job)
        if not retry and not inner.cancelled():
            self._resolve(job.future, inner, error)
        self._feed()

    def _resolve(
        self,
        outer: Future[Any],
        inner: Future[Any],
        error: BaseException | None,
    ) -> None:
        with contextlib.suppress(InvalidStateError):  # cancelled in the meantime
            if error is None:
                outer.set_result(inner.result())
            else:
                outer.set_exception(self._translated(error))

    def _translated(self, error: BaseException) -> DocumentError:
        if isinstance(error, DocumentError):
            return error
        failure = ParserFailed(self._explain(error))
        failure.__cause__ = error
        return failure

    def _explain(self, error: BaseException) -> str:
        if isinstance(error, TimeoutError):
            return (
                f"The parser took longer than the limit of {self._timeout_s:g} s "
                "(RAG_INGEST__PARSE_TIMEOUT_S)."
            )
        if isinstance(error, MemoryError):
            return (
                f"The parser needed more memory than the limit of {self._memory_mb} MiB "
                "(RAG_INGEST__PARSE_MEMORY_MB)."
            )
        if isinstance(error, ProcessExpired):
            return f"The parser crashed ({_exit_reason(error.exitcode)})."
        if isinstance(error, BrokenProcessPool):
            return "The parser processes were killed again and again."
        return f"The parser failed: {type(error).__name__}: {error}"

    def _new_pool(self) -> ProcessPool:
        return ProcessPool(
            max_workers=self._jobs,
            max_tasks=_FILES_PER_WORKER,
            initializer=_prepare_worker,
            initargs=(self._memory_mb,),
            context=multiprocessing.get_context("spawn"),
        )

    def _unfinished(self) -> list[Future[Any]]:
        with self._lock:
            return [job.future for job in [*self._backlog, *self._in_flight]]

    def _stop(self) -> None:
        with self._lock:
            self._is_closed = True
            unfinished = self._unfinished()
            self._backlog.clear()
        for pool in [*self._retired, self._pool]:
            pool.stop()
            pool.join()
        for future in unfinished:
            future.cancel()


def _exit_reason(code: Any) -> str:
    if isinstance(code, int) and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit status {code}"


def _prepare_worker(memory_mb: int) -> None:
    # The parent's Ctrl-C is the parent's to handle, and a worker has nothing to tidy up:
    # SIGTERM must end it even while it is stuck in C code.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        _die_with_parent()
        _limit_memory(memory_mb)


def _die_with_parent() -> None:
    """Let the kernel end this process when its parent is gone, however it died.

    The pipe that multiprocessing keeps to the parent closes then. Asked for by signal rather
    than by a watching thread, it works while C code holds the interpreter lock; and unlike
    PR_SET_PDEATHSIG it does not mistake the end of the parent's starting thread for its death.
    """
    import fcntl

    parent = multiprocessing.parent_process()
    if parent is None:
        raise RuntimeError("Not in a worker process; this is a bug.")
    signal.signal(signal.SIGIO, signal.SIG_DFL)  # by default it ends the process
    flags = fcntl.fcntl(parent.sentinel, fcntl.F_GETFL)
    fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, flags | os.O_ASYNC)
    if not parent.is_alive():  # it died before the request was in place
        os._exit(1)


def _limit_memory(memory_mb: int) -> None:
    import resource

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + memory_mb * _MEBIBYTE
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
