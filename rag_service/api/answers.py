"""What the routes that answer questions share: an answer as a whole, or as frames of a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

from fastapi import Request

from rag_service.api.errors import log_error
from rag_service.api.lane import AnswerRun, Start
from rag_service.api.sse import KEEP_ALIVE
from rag_service.errors import Cancelled
from rag_service.types import Answer, AnswerEvent, DoneEvent

_NO_END = "The answer ended without a DoneEvent. This is a bug."


async def whole_answer(request: Request, start: Start) -> Answer:
    """Run ``start`` to its end, and count the answer.

    Raises:
        Overloaded, ShuttingDown: it could not begin.
        Exception: whatever the answerer raised.
    """
    async with request.app.state.lane.answering(start, request.receive) as run:
        answer = await _answer_of(run)
    request.app.state.metrics.answer(answer)
    return answer


async def _answer_of(run: AnswerRun) -> Answer:
    while event := await run.next():
        if isinstance(event, DoneEvent):
            return event.answer
    raise RuntimeError(_NO_END)


async def frames(
    request: Request,
    start: Start,
    shown: Callable[[AnswerEvent], bytes],
    failed: Callable[[Exception], bytes],
) -> AsyncGenerator[bytes, None]:
    """The answer as frames. An error before the first frame is raised, a later one is sent.

    ``shown`` makes the frame of an event (b"" for none), ``failed`` that of an error. The first
    frame is that of the first event, or a keep-alive if that takes its time.
    """
    state = request.app.state
    begun = False
    async with state.lane.answering(start, request.receive) as run:
        try:
            async for event in _events(run, state.keep_alive_s):
                part = shown(event) if event else KEEP_ALIVE
                begun |= bool(part)
                if part:
                    yield part
                if isinstance(event, DoneEvent):
                    state.metrics.answer(event.answer)
        except Cancelled:
            if not begun:
                raise
        except Exception as error:
            if not begun:
                raise
            # The status has been sent, so only an event can still tell.
            log_error(error, request.state.request_id)
            yield failed(error)


async def _events(run: AnswerRun, keep_alive_s: float) -> AsyncGenerator[AnswerEvent | None, None]:
    """The events of ``run``; ``None`` wherever ``keep_alive_s`` seconds passed without one."""
    while True:
        try:
            event = await run.next(keep_alive_s)
        except TimeoutError:
            yield None
            continue
        if event is None:
            raise RuntimeError(_NO_END)
        yield event
        if isinstance(event, DoneEvent):
            return
