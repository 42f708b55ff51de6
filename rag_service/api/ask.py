"""POST /ask: one question, answered as JSON or as server-sent events."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Iterator
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from rag_service.api.conversion import answer_response, sources_event, to_filters, to_turns
from rag_service.api.dependencies import KNOWN_QUERY, RequestIdDep, ServiceDep
from rag_service.api.errors import error_of, log_error
from rag_service.api.lane import AnswerRun, Start
from rag_service.api.ports import Service
from rag_service.api.questions import check_length
from rag_service.api.schemas import (
    AnswerResponse,
    AskRequest,
    DebugAnswerResponse,
    TokenEventOut,
)
from rag_service.api.sse import KEEP_ALIVE, EventStream, frame
from rag_service.errors import Cancelled
from rag_service.types import Answer, AnswerEvent, DoneEvent, SourcesEvent, TokenEvent

router = APIRouter(tags=["questions"], dependencies=KNOWN_QUERY)

_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer. With `stream`: the events `sources`, any number of `token`, "
        "then `done` (data: the whole answer) or `error` (data: an error body).",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


def _start(service: Service, body: AskRequest, cancelled: threading.Event) -> Iterator[AnswerEvent]:
    return service.ask(
        body.question,
        collection=body.collection,
        top_k=body.top_k,
        filters=to_filters(body.filters),
        history=to_turns(body.history),
        max_tokens=body.max_tokens,
        cancelled=cancelled,
    )


async def _whole_answer(run: AnswerRun) -> Answer:
    while event := await run.next():
        if isinstance(event, DoneEvent):
            return event.answer
    raise RuntimeError("The answer ended without a DoneEvent. This is a bug.")


def _frame(event: AnswerEvent, request_id: str, *, debug: bool) -> bytes:
    match event:
        case SourcesEvent():
            return frame("sources", sources_event(event, request_id=request_id))
        case TokenEvent(text):
            return frame("token", TokenEventOut(text=text))
        case DoneEvent(answer):
            return frame("done", answer_response(answer, request_id=request_id, debug=debug))


async def _events(run: AnswerRun, keep_alive_s: float) -> AsyncGenerator[AnswerEvent | None, None]:
    """The events of ``run``; ``None`` wherever ``keep_alive_s`` seconds passed without one."""
    while True:
        try:
            event = await run.next(keep_alive_s)
        except TimeoutError:
            yield None
            continue
        if event is None:
            raise RuntimeError("The answer ended without a DoneEvent. This is a bug.")
        yield event
        if isinstance(event, DoneEvent):
            return


async def _frames(
    request: Request, start: Start, request_id: str, *, debug: bool
) -> AsyncGenerator[bytes, None]:
    """The answer as frames. An error before the first frame is raised, a later one is sent.

    The first frame is the first event, or a keep-alive if that takes its time.
    """
    state = request.app.state
    begun = False
    async with state.lane.answering(start, request.receive) as run:
        try:
            async for event in _events(run, state.keep_alive_s):
                begun = True
                yield _frame(event, request_id, debug=debug) if event else KEEP_ALIVE
                if isinstance(event, DoneEvent):
                    state.metrics.answer(event.answer)
        except Cancelled:
            if not begun:
                raise
        except Exception as error:
            if not begun:
                raise
            # The status has been sent, so only an event can still tell.
            log_error(error, request_id)
            yield frame("error", error_of(error, request_id))


@router.post(
    "/ask",
    response_model=AnswerResponse | DebugAnswerResponse,
    responses=_RESPONSES,
    summary="Answer a question from a collection",
)
async def ask(
    body: AskRequest, request: Request, service: ServiceDep, request_id: RequestIdDep
) -> Response:
    check_length(body.question, service.settings.api.max_question_chars)
    start = partial(_start, service, body)
    state = request.app.state
    if body.stream:
        frames = _frames(request, start, request_id, debug=body.debug)
        return EventStream(await anext(frames), frames)
    async with state.lane.answering(start, request.receive) as run:
        answer = await _whole_answer(run)
    state.metrics.answer(answer)
    reply = answer_response(answer, request_id=request_id, debug=body.debug)
    return Response(
        reply.model_dump_json(),
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
