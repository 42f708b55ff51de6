"""One thread that owns the model, and the queue in front of it.

A llama.cpp context serves one call at a time; two threads on one context kill the process.
So every call after loading runs here, in order of arrival. Formatting and tokenising stay
with the callers.
"""

from __future__ import annotations

import ctypes
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rag_service.errors import (
    Cancelled,
    DeadlineExceeded,
    GenerationError,
    Overloaded,
    RagError,
)
from rag_service.generation.output_text import Piece
from rag_service.types import QueuedEvent

CLOSED = "The chat model is closed."
DEADLINE_PASSED = (
    "The chat model did not finish in the time that a request may take (setting "
    "chat.deadline_s). Ask for fewer tokens, or try again when less is going on."
)
REMEMBERED_DURATIONS = 16


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """What to generate. ``thinking``: the prompt ends inside an opened reasoning block.

    The first ``stable`` tokens of the prompt are those that other prompts begin with too.
    """

    prompt: tuple[int, ...]
    stable: int
    thinking: bool
    max_tokens: int
    temperature: float
    seed: int | None
    stop: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a generation. Counts are in tokens; ``cached`` of the prompt were reused."""

    reason: Literal["stop", "length"]
    prompt: int
    output: int
    reasoning: int
    cached: int


JobEvent = QueuedEvent | Piece | Finished | RagError


class Job:
    """One generation: its events go out through ``deliver``, last Finished or an error.

    ``deliver`` may be called on any thread and must not block. ``left`` is an event the
    caller may set to say that nobody listens any more; so is ``deadline``, when it has passed
    (``time.monotonic``).
    """

    def __init__(
        self,
        request: GenerationRequest,
        deliver: Callable[[JobEvent], None],
        left: threading.Event | None = None,
        deadline: float = math.inf,
    ) -> None:
        self.request = request
        self.left = left
        self.deadline = deadline
        # Read by llama.cpp itself while it computes: "\0" go on, "\1" abort. One buffer per
        # job, so that a late cancel cannot hit the next one.
        self.abort_flag = ctypes.create_string_buffer(2)
        self.position = 0  # last told to the caller
        self._deliver = deliver

    def cancel(self) -> None:
        """Stop soon, from any thread, also from a destructor: takes no lock."""
        self.abort_flag[0] = b"\1"

    @property
    def cancelled(self) -> bool:
        return self.abort_flag[0] != b"\0" or self.over() is not None

    def over(self) -> Cancelled | DeadlineExceeded | None:
        """Why the caller no longer waits, if it said so or its time has passed."""
        if self.left is not None and self.left.is_set():
            return Cancelled("The request was cancelled.")
        if time.monotonic() > self.deadline:
            return DeadlineExceeded(DEADLINE_PASSED)
        return None

    def emit(self, event: JobEvent) -> None:
        try:
            self._deliver(event)
        except RuntimeError:  # the event loop that listened has been closed
            self.cancel()


class Lane:
    """Runs jobs one after the other on a thread of its own.

    Args:
        work: generates one job, emitting its pieces; called on the lane's thread only.
        release: frees the model; called once, on the same thread, when the lane closes.
        queue_size: jobs that may wait behind the running one.
    """

    def __init__(
        self, work: Callable[[Job], Finished], release: Callable[[], None], queue_size: int
    ) -> None:
        self._work = work
        self._release = release
        self._queue_size = queue_size
        self._changed = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._started = 0.0
        self._durations: deque[float] = deque(maxlen=REMEMBERED_DURATIONS)  # seconds
        self._closed = False
        self._thread = threading.Thread(target=self._loop, name="chat-model", daemon=True)
        self._thread.start()

    def submit(self, job: Job, *, admitted: bool = False) -> None:
        """Put a job in the queue.

        ``admitted``: `require_room` has let it in a moment ago, and its stream has begun. Others
        may have come in between: it is not turned away then, so the queue may be longer for once.

        Raises:
            Overloaded: as many jobs wait as are allowed.
            GenerationError: the lane is closed.
        """
        with self._changed:
            if not admitted or self._closed:
                self.require_room()
            self._waiting.append(job)
            if self._running is not None:
                self._tell_positions()
            self._changed.notify()

    def require_room(self) -> None:
        """Refuse now what `submit` would refuse now.

        Raises:
            Overloaded, GenerationError: as `submit`.
        """
        with self._changed:
            if self._closed:
                raise GenerationError(CLOSED)
            self._forget_cancelled()
            running = self._running is not None and not self._running.cancelled
            ahead = len(self._waiting) + running
            if ahead > self._queue_size:
                raise Overloaded(
                    f"The chat model is busy: {ahead} questions are ahead, which is the limit. "
                    "Try again later.",
                    retry_after=self._seconds_for(ahead),
                )

    def close(self) -> None:
        """Abort the running job, refuse the waiting ones, free the model. Idempotent."""
        with self._changed:
            self._closed = True
            refused = list(self._waiting)
            self._waiting.clear()
            if self._running is not None:
                self._running.cancel()
            self._changed.notify()
        for job in refused:
            job.emit(GenerationError(CLOSED))
        if threading.current_thread() is not self._thread:  # a destructor may run anywhere
            self._thread.join()

    def _seconds_for(self, jobs: int) -> int:
        """Estimate for a refusal; at least one second."""
        expected = self._expected_s(jobs)
        return max(1, math.ceil(jobs * self._elapsed_s() if expected is None else expected))

    def _expected_s(self, jobs: int) -> float | None:
        """When ``jobs`` will be done, the running one included, from recent durations."""
        if not self._durations:
            return None
        each = sum(self._durations) / len(self._durations)
        return max(0.0, jobs * each - min(each, self._elapsed_s()))

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._started if self._running else 0.0

    def _forget_cancelled(self) -> None:
        self._waiting = deque(job for job in self._waiting if not job.cancelled)

    def _tell_positions(self) -> None:
        """Tell every waiting caller whose position has changed."""
        self._forget_cancelled()
        for ahead, job in enumerate(self._waiting, start=1):
            if job.position != ahead:
                job.position = ahead
                job.emit(QueuedEvent(ahead, self._expected_s(ahead)))

    def _loop(self) -> None:
        try:
            while (job := self._next()) is not None:
                outcome = self._run(job)
                with self._changed:
                    self._running = None
                    self._durations.append(time.monotonic() - self._started)
                job.emit(outcome)  # after the lane is free: the caller may ask again at once
                del job, outcome  # nothing of a finished answer lingers while the lane waits
        finally:
            self._release()

    def _next(self) -> Job | None:
        with self._changed:
            while not self._closed:
                while self._waiting:
                    job = self._waiting.popleft()
                    if job.cancelled:
                        job.emit(job.over() or Cancelled("The request was cancelled."))
                        continue
                    self._running, self._started = job, time.monotonic()
                    self._tell_positions()
                    return job
                self._changed.wait()
            return None

    def _run(self, job: Job) -> JobEvent:
        try:
            return self._work(job)
        except Cancelled as error:
            return GenerationError(CLOSED) if self._closed else job.over() or error
        except RagError as error:
            return error
        except Exception as error:  # noqa: BLE001  the lane must outlive every job
            failure = GenerationError(f"The chat model failed: {error}.")
            failure.__cause__ = error
            return failure
