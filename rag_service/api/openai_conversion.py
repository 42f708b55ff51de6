"""Between OpenAI's shapes and the core's types."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from rag_service.api.conversion import answer_response
from rag_service.api.openai_schemas import (
    ChoiceOut,
    Completion,
    CompletionChunk,
    CompletionDetails,
    CompletionRequest,
    CompletionUsage,
    Delta,
    DeltaChoice,
    MessageIn,
    MessageOut,
    ModelOut,
    PromptDetails,
    RagReply,
)
from rag_service.api.schemas import MAX_TURNS
from rag_service.collection_types import CollectionInfo
from rag_service.errors import InvalidRequest
from rag_service.text.language import Language, detect_language
from rag_service.types import Answer, Citation, StatementStatus, Turn, Usage

_HEADINGS = {"zh-Hans": "来源：", "zh-Hant": "來源：", "en": "Sources:"}
_UNVERIFIED = {"zh-Hans": "（未核实）", "zh-Hant": "（未核實）", "en": " (not verified)"}
_PAGES = {"zh-Hans": "，第 {} 页", "zh-Hant": "，第 {} 頁", "en": ", page {}"}
_DOUBTED: dict[StatementStatus, dict[Language, str]] = {
    "unsupported": {
        "zh-Hans": "以下语句没有来源支持：",
        "zh-Hant": "以下語句沒有來源支持：",
        "en": "No source supports:",
    },
    "unverified": {
        "zh-Hans": "以下语句与来源的语言不同，未能核实：",
        "zh-Hant": "以下語句與來源的語言不同，未能核實：",
        "en": "Not verified, because the sources are in another language:",
    },
}
_SHOWN_CHARS = 120  # of such a sentence: enough to find it by
# The lists below an answer that a client sends back.
_SOURCES = rf"\n\n(?:{'|'.join(_HEADINGS.values())})(?:\n\[\d+\] [^\n]*)+"
_DOUBT_HEADINGS = "|".join(text for texts in _DOUBTED.values() for text in texts.values())
_SENTENCES = rf"\n\n(?:{_DOUBT_HEADINGS})(?:\n- [^\n]*)+"
# What may begin anywhere must begin with something: `\s*\Z` alone takes quadratic time.
_SOURCE_LIST = re.compile(rf"(?:{_SOURCES}(?:{_SENTENCES}){{0,2}}|(?:{_SENTENCES}){{1,2}})\Z")
_SEEDS = 2**32 - 1  # llama.cpp's, but for the one that means a random seed


def question_of(body: CompletionRequest) -> str:
    """The last message.

    Raises:
        InvalidRequest: it is not the user's.
    """
    last = body.messages[-1]
    if last.role != "user":
        raise InvalidRequest("messages: the last one must be the user's, because it is answered")
    return last.text


def history_of(body: CompletionRequest) -> tuple[Turn, ...]:
    """What was said before the question, the latest turns of it."""
    turns = [turn for message in body.messages[:-1] if (turn := _turn(message))]
    return tuple(turns[-MAX_TURNS:])


def _turn(message: MessageIn) -> Turn | None:
    text = message.text
    if message.role == "user":
        return Turn("user", text) if text.strip() else None
    if message.role == "assistant":
        text = _SOURCE_LIST.sub("", text.rstrip())
        return Turn("assistant", text) if text.strip() else None
    return None


def max_tokens_of(body: CompletionRequest) -> int | None:
    return body.max_tokens if body.max_completion_tokens is None else body.max_completion_tokens


def seed_of(body: CompletionRequest) -> int | None:
    """Clients draw seeds from a wider range than llama.cpp's."""
    return None if body.seed is None else body.seed % _SEEDS


def source_list(answer: Answer) -> str:
    """What follows the text of an answer, one a line: the sources it cites, the sentences that
    no source supports, and those that could not be verified; "" for none of them.
    """
    language = detect_language(answer.answer)
    doubted = (_doubted(answer, status, language) for status in _DOUBTED)
    return _cited_sources(answer, language) + "".join(doubted)


def _doubted(answer: Answer, status: StatementStatus, language: Language) -> str:
    spans = [
        (statement.char_start, statement.char_end)
        for statement in answer.statements
        if statement.status == status
    ]
    if not spans:
        return ""
    lines = [" ".join(answer.answer[start:end].split()) for start, end in spans]
    shown = [f"- {ln[:_SHOWN_CHARS]}{'…' if len(ln) > _SHOWN_CHARS else ''}" for ln in lines]
    return "\n\n" + "\n".join([_DOUBTED[status][language], *shown])


def _cited_sources(answer: Answer, language: Language) -> str:
    if not answer.citations:
        return ""
    by_number = sorted(answer.citations, key=attrgetter("n"))
    lines = [
        _source_line(n, list(cited), language)
        for n, cited in groupby(by_number, key=attrgetter("n"))
    ]
    return "\n\n" + "\n".join([_HEADINGS[language], *lines])


def _source_line(n: int, citations: list[Citation], language: Language) -> str:
    first = citations[0]
    source = " ".join(first.source.split())  # one line, whatever a file is called
    page = "" if first.page is None else _PAGES[language].format(first.page)
    checked = "" if any(citation.verified for citation in citations) else _UNVERIFIED[language]
    return f"[{n}] {source}{page}{checked}"


def completion(body: CompletionRequest, answer: Answer, request_id: str) -> Completion:
    listed = source_list(answer) if body.options.source_list else ""
    message = MessageOut(
        content=answer.answer + listed,
        reasoning_content=(answer.reasoning or None) if body.options.reasoning else None,
    )
    return Completion(
        **_head(body, request_id),
        choices=[ChoiceOut(message=message, finish_reason=_finish(answer))],
        usage=usage_out(answer.usage),
        rag=rag_reply(body, answer, request_id),
    )


class Chunks:
    """The chunks of one streamed reply, which share their head."""

    def __init__(self, body: CompletionRequest, request_id: str) -> None:
        self._head = _head(body, request_id)
        self._body = body
        self._request_id = request_id

    def delta(self, **delta: Any) -> CompletionChunk:
        return CompletionChunk(**self._head, choices=[DeltaChoice(delta=Delta(**delta))])

    def end(self, answer: Answer) -> list[CompletionChunk]:
        """What comes after the answer's text: its sources, the end, the count of tokens."""
        chunks = []
        if self._body.options.source_list and (listed := source_list(answer)):
            chunks.append(self.delta(content=listed))
        last = DeltaChoice(delta=Delta(), finish_reason=_finish(answer))
        rag = rag_reply(self._body, answer, self._request_id)
        chunks.append(CompletionChunk(**self._head, choices=[last], rag=rag))
        if self._body.stream_options and self._body.stream_options.include_usage:
            usage = usage_out(answer.usage)
            chunks.append(CompletionChunk(**self._head, choices=[], usage=usage))
        return chunks


def _head(body: CompletionRequest, request_id: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{request_id}", "created": int(time.time()), "model": body.model}


def _finish(answer: Answer) -> str:
    return "length" if answer.cut else "stop"


def rag_reply(body: CompletionRequest, answer: Answer, request_id: str) -> RagReply:
    shown = answer if body.options.reasoning else replace(answer, reasoning="")
    reply = answer_response(shown, request_id=request_id, debug=False)
    return RagReply(**dict(reply), ignored=body.ignored)


def usage_out(usage: Usage) -> CompletionUsage:
    return CompletionUsage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.prompt_tokens + usage.completion_tokens,
        prompt_tokens_details=PromptDetails(cached_tokens=usage.cached_tokens),
        completion_tokens_details=CompletionDetails(reasoning_tokens=usage.reasoning_tokens),
    )


def model_out(info: CollectionInfo) -> ModelOut:
    changed = datetime.fromisoformat(info.updated_at).timestamp() if info.updated_at else 0
    return ModelOut(id=info.name, created=int(changed))
