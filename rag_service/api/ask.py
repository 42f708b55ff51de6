"""POST /ask: one question, answered as JSON or as server-sent events."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from rag_service.api.answers import frames, whole_answer
from rag_service.api.conversion import answer_response, sources_event, to_filters, to_turns
from rag_service.api.dependencies import KNOWN_QUERY, RequestIdDep, ServiceDep
from rag_service.api.errors import error_of
from rag_service.api.ports import Service
from rag_service.api.questions import check_length
from rag_service.api.schemas import (
    AnswerResponse,
    AskRequest,
    DebugAnswerResponse,
    QueuedEventOut,
    TokenEventOut,
)
from rag_service.api.sse import EventStream, frame
from rag_service.types import (
    Answer,
    AnswerEvent,
    DoneEvent,
    QueuedEvent,
    ReasoningEvent,
    SourcesEvent,
    TokenEvent,
)

router = APIRouter(tags=["questions"], dependencies=KNOWN_QUERY)

_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer. With `stream`: the events `sources`, any number of `token`, "
        "then `done` (data: the whole answer) or `error` (data: an error body). While the chat "
        "model is busy with others `queued` says at which position, with `reasoning` asked for "
        "so are the pieces of what a thinking model thinks.",
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
        temperature=body.temperature,
        seed=body.seed,
        cancelled=cancelled,
    )


def _frame(event: AnswerEvent, request_id: str, body: AskRequest) -> bytes:
    match event:
        case QueuedEvent():
            return frame("queued", QueuedEventOut.model_validate(event, from_attributes=True))
        case SourcesEvent():
            return frame("sources", sources_event(event, request_id=request_id))
        case ReasoningEvent(text):
            return frame("reasoning", TokenEventOut(text=text)) if body.reasoning else b""
        case TokenEvent(text):
            return frame("token", TokenEventOut(text=text))
        case DoneEvent(answer):
            return frame("done", _reply(answer, request_id, body))


def _reply(answer: Answer, request_id: str, body: AskRequest) -> AnswerResponse:
    shown = answer if body.reasoning else replace(answer, reasoning="")
    return answer_response(shown, request_id=request_id, debug=body.debug)


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
    if body.stream:

        def shown(event: AnswerEvent) -> bytes:
            return _frame(event, request_id, body)

        def failed(error: Exception) -> bytes:
            return frame("error", error_of(error, request_id))

        parts = frames(request, start, shown, failed)
        return EventStream(await anext(parts), parts)
    answer = await whole_answer(request, start)
    return Response(
        _reply(answer, request_id, body).model_dump_json(),
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
