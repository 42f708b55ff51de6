"""The OpenAI-compatible interface: its clients ask a collection as if it were a model."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from rag_service.api.answers import frames, whole_answer
from rag_service.api.conversion import to_filters
from rag_service.api.dependencies import KNOWN_QUERY, RequestIdDep, ServiceDep
from rag_service.api.errors import openai_error_of
from rag_service.api.openai_conversion import (
    Chunks,
    completion,
    history_of,
    max_tokens_of,
    model_out,
    question_of,
    seed_of,
)
from rag_service.api.openai_errors import OpenAIErrorResponse
from rag_service.api.openai_schemas import Completion, CompletionRequest, ModelOut, ModelsOut
from rag_service.api.ports import Service
from rag_service.api.questions import check_question
from rag_service.api.sse import EventStream, comment, data
from rag_service.types import (
    AnswerEvent,
    DoneEvent,
    QueuedEvent,
    ReasoningEvent,
    SourcesEvent,
    TokenEvent,
)

_ERRORS: dict[int | str, dict[str, Any]] = {
    422: {"model": OpenAIErrorResponse, "description": "Never sent: it is 400 here."},
    "default": {"model": OpenAIErrorResponse, "description": "Any error, in OpenAI's shape."},
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer. With `stream`: chunks as server-sent events, then `[DONE]`; "
        "the chunk with finish_reason has `rag`.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}

router = APIRouter(
    prefix="/v1", tags=["OpenAI-compatible"], dependencies=KNOWN_QUERY, responses=_ERRORS
)
_DONE = b"data: [DONE]\n\n"


@router.get("/models", summary="All collections, as models")
def list_models(service: ServiceDep) -> ModelsOut:
    return ModelsOut(data=[model_out(info) for info in service.collections()])


@router.get("/models/{model}", summary="One collection, as a model")
def get_model(model: str, service: ServiceDep) -> ModelOut:
    return model_out(service.collection(model))


@router.post(
    "/chat/completions",
    response_model=Completion,
    responses=_STREAM,
    summary="Answer the last message from a collection",
)
async def create_completion(
    body: CompletionRequest, request: Request, service: ServiceDep, request_id: RequestIdDep
) -> Response:
    question = check_question(question_of(body), service.settings.api.max_question_chars)
    start = partial(_start, service, body, question)
    if not body.stream:
        answer = await whole_answer(request, start)
        reply = completion(body, answer, request_id).model_dump_json()
        headers = {"Cache-Control": "no-store"}
        return Response(reply, media_type="application/json", headers=headers)
    shown = partial(_frame, Chunks(body, request_id), body.options.reasoning)

    def failed(error: Exception) -> bytes:
        return data(openai_error_of(error, request_id))

    parts = frames(request, start, shown, failed)
    return EventStream(await anext(parts), parts)


def _start(
    service: Service, body: CompletionRequest, question: str, cancelled: threading.Event
) -> Iterator[AnswerEvent]:
    return service.ask(
        question,
        collection=body.model,
        top_k=body.options.top_k,
        filters=to_filters(body.options.filters),
        history=history_of(body),
        max_tokens=max_tokens_of(body),
        temperature=body.temperature,
        seed=seed_of(body),
        cancelled=cancelled,
    )


def _frame(chunks: Chunks, reasoning: bool, event: AnswerEvent) -> bytes:
    match event:
        case QueuedEvent(position):
            return comment(f"queued at position {position}")
        case SourcesEvent():
            return data(chunks.delta(role="assistant", content=""))
        case ReasoningEvent(text):
            return data(chunks.delta(reasoning_content=text)) if reasoning else b""
        case TokenEvent(text):
            return data(chunks.delta(content=text))
        case DoneEvent(answer):
            return _joined(data(chunk) for chunk in chunks.end(answer)) + _DONE


def _joined(parts: Iterable[bytes]) -> bytes:
    return b"".join(parts)
