"""Runs the core's synchronous answer generators in threads, on behalf of async routes.

One thread owns one generator from its first step to its close, because a generator that
holds a lock of the model must release it where it took it. When the caller leaves, a flag
tells the generator to stop; the route does not wait for it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, suppress

from starlette.types import Receive

from rag_service.errors import Cancelled, Overloaded, RagError, ShuttingDown
from rag_service.types import AnswerEvent

Start = Callable[[threading.Event], Iterator[AnswerEvent]]

# Far above what one machine answers at a time; the queue in front of the model refuses long
# before. This only bounds threads when there is no such queue (extractive answers).
MAX_RUNNING = 64
_RETRY_AFTER_S = 2
_CLOSE_TIMEOUT_S = 5.0
_POLL_S = 0.05
_SHUTTING_DOWN = "The service is being stopped. Ask again when it is back."


class _End:
    """The generator has nothing more."""


class AnswerRun:
    """One answer in progress. Only its own thread touches the generator."""

    def __init__(self, start: Start) -> None:
        self.cancelled = threading.Event()
        self._start = start
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[AnswerEvent | Exception | _End] = asyncio.Queue()
        self.thread = threading.Thread(target=self._work, name="answer", daemon=True)
        self.thread.start()

    def _work(self) -> None:
        outcome: Exception | _End = _End()
        try:
            events = self._start(self.cancelled)
            try:
                self._forward(events)
            finally:
                if isinstance(events, Generator):
                    events.close()
        except Exception as error:  # noqa: BLE001 (it crosses to the route, which answers it)
            outcome = error
        finally:
            self._post(outcome)

    def _forward(self, events: Iterator[AnswerEvent]) -> None:
        for event in events:
            if self.cancelled.is_set():
                return
            self._post(event)

    def _post(self, item: AnswerEvent | Exception | _End) -> None:
        with suppress(RuntimeError):  # the loop is closed: the service has shut down
            self._loop.call_soon_threadsafe(self._events.put_nowait, item)

    def stop(self, reason: RagError) -> None:
        """Stop the generator, and raise ``reason`` where its next event is waited for. From the
        loop only.
        """
        self.cancelled.set()
        self._events.put_nowait(reason)

    async def next(self, timeout: float | None = None) -> AnswerEvent | None:
        """The next event; ``None`` after the last.

        Raises:
            TimeoutError: nothing within ``timeout`` seconds; ask again.
            Exception: whatever the generator raised; ``Cancelled`` when the caller left.
        """
        async with asyncio.timeout(timeout):
            item = await self._events.get()
        if isinstance(item, Exception):
            raise item
        return None if isinstance(item, _End) else item


class AnswerLane:
    """All answers in progress of one app."""

    def __init__(self, max_running: int = MAX_RUNNING) -> None:
        self._max_running = max_running
        self._running: set[AnswerRun] = set()
        self._ending = False

    def _start(self, start: Start) -> AnswerRun:
        if self._ending:
            raise ShuttingDown(_SHUTTING_DOWN)
        self._running = {run for run in self._running if run.thread.is_alive()}
        if len(self._running) >= self._max_running:
            raise Overloaded(
                f"{self._max_running} questions are being answered; try again later.",
                retry_after=_RETRY_AFTER_S,
            )
        run = AnswerRun(start)
        self._running.add(run)
        return run

    @asynccontextmanager
    async def answering(self, start: Start, receive: Receive) -> AsyncIterator[AnswerRun]:
        """Run ``start`` until the block ends or the caller, heard through ``receive``, leaves.

        Raises:
            Overloaded: too many answers in progress.
        """
        run = self._start(start)
        watcher = asyncio.create_task(_cancel_on_disconnect(run, receive))
        try:
            yield run
        finally:
            watcher.cancel()
            run.cancelled.set()

    async def wind_down(self, grace_s: float) -> None:
        """Begin no more answers, give those in progress so long to end, and stop the others."""
        self._ending = True
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                while any(run.thread.is_alive() for run in self._running):
                    await asyncio.sleep(_POLL_S)
        for run in self._running:
            run.stop(ShuttingDown(_SHUTTING_DOWN))

    async def close(self) -> None:
        """Stop all answers and wait a little for their threads."""
        for run in self._running:
            run.cancelled.set()
        await asyncio.to_thread(_join, [run.thread for run in self._running])


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(_CLOSE_TIMEOUT_S)


async def _cancel_on_disconnect(run: AnswerRun, receive: Receive) -> None:
    # The request's body has been read, so the only message left to come is the disconnect.
    while (await receive())["type"] != "http.disconnect":
        pass
    run.stop(Cancelled("The caller went away."))
