"""The JSON shapes of the HTTP interface. `conversion.py` fills them from the core's types.

Requests refuse unknown fields and do not convert between types (``"5"`` is not 5).
Floats that are not numbers are written as ``null``, because JSON has no NaN.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rag_service.api.explain_schemas import DroppedOut, ExplainedOut, LegOut
from rag_service.api.filters import FiltersIn
from rag_service.api.shapes import NotBlank, RequestShape, Shape, Text
from rag_service.types import StatementStatus

MAX_TOP_K = 100
MAX_TURNS = 100

TopK = Annotated[int, Field(ge=1, le=MAX_TOP_K)]

_COLLECTION = Field("default", description="Name of the collection.", examples=["default"])
_DEBUG = Field(False, description="Also say how the result came about.")


class TurnIn(RequestShape):
    """One earlier message of the conversation."""

    role: Literal["user", "assistant"] = Field(description="Who said it.")
    content: Text = Field(min_length=1, description="What was said.")


class AskRequest(RequestShape):
    """A question to a collection."""

    question: NotBlank = Field(
        description="The question, in Chinese or English.", examples=["How long is the warranty?"]
    )
    collection: Text = _COLLECTION
    top_k: TopK | None = Field(
        None, description="Passages handed to the answer; unset: setting retrieval.top_k."
    )
    filters: FiltersIn | None = Field(None, description="Restricts the documents asked.")
    history: list[TurnIn] = Field(
        default_factory=list, max_length=MAX_TURNS, description="Earlier messages, oldest first."
    )
    stream: bool = Field(False, description="Answer as server-sent events.")
    max_tokens: Annotated[int, Field(ge=1, le=1_048_576)] | None = Field(
        None, description="Longest answer, in tokens; unset: setting chat.max_tokens."
    )
    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(
        None, description="0: the likeliest answer; unset: setting chat.temperature."
    )
    seed: Annotated[int, Field(ge=0, le=2**32 - 2)] | None = Field(
        None, description="The same seed gives the same answer; unset: setting chat.seed."
    )
    reasoning: bool = Field(
        False, description="Also return what a thinking model thought before its answer."
    )
    debug: bool = _DEBUG


class SearchRequest(RequestShape):
    """A query for passages, without an answer."""

    query: NotBlank = Field(
        description="What to look for, in Chinese or English.", examples=["warranty period"]
    )
    collection: Text = _COLLECTION
    top_k: TopK = Field(10, description="Passages wanted.")
    filters: FiltersIn | None = Field(None, description="Restricts the documents searched.")
    debug: bool = _DEBUG


class _Passage(Shape):
    chunk_id: int = Field(description="Number of the passage; never reused.")
    doc_id: int = Field(description="Number of the document; never reused.")
    source: str = Field(description="Path relative to the ingested folder, forward slashes.")
    title: str = Field(description='Title of the document, "" if it has none.')
    page: int | None = Field(description="Page, from 1; null for formats without pages.")
    char_start: int = Field(description="First character in the document's extracted text.")
    char_end: int = Field(description="One past the last character.")


class ResultOut(_Passage):
    """A passage found."""

    text: str = Field(description="The passage.")
    score: float = Field(
        description="0 to 1; 1 means first in every leg that voted and the whole question covered."
    )


class DebugResultOut(ResultOut, ExplainedOut):
    """A passage found, and why it stands where it does."""

    dense: LegOut | None = Field(description="By embedding; null: not among its candidates.")
    lexical: LegOut | None = Field(description="By words; null: not among its candidates.")
    coverage: float = Field(description="Share of the question's terms that the passage holds.")
    rerank: float | None = Field(
        description="By the cross-encoder, on its own scale; null: it did not read the passage."
    )
    highlights: list[tuple[int, int]] = Field(
        description="Where those terms stand in `text`: first character, and one past the last."
    )


class SearchResponse(Shape):
    """Passages, best first."""

    results: list[ResultOut] = Field(description="Passages, best first.")
    revision: int = Field(description="Revision of the collection that was searched.")
    timings: dict[str, float] = Field(description="Milliseconds by stage.")
    notes: list[str] = Field(
        description="What to know of the search, such as a leg that had no vote."
    )


class DebugSearchResponse(Shape):
    """Passages, best first, and how they were found."""

    results: list[DebugResultOut] = Field(description="Passages, best first.")
    revision: int = Field(description="Revision of the collection that was searched.")
    timings: dict[str, float] = Field(description="Milliseconds by stage.")
    notes: list[str] = Field(
        description="What to know of the search, such as a leg that had no vote."
    )
    legs: list[str] = Field(description="The retrieval legs that voted.")
    terms: list[str] = Field(description="The terms, as analysed, that were searched for.")
    gloss_terms: list[str] = Field(
        description="English terms searched for to reach passages in the other language."
    )
    dropped: list[DroppedOut] = Field(
        description="Candidates that are not among the results, those that came furthest first."
    )


class CitationOut(Shape):
    """A place in a document that supports a place in the answer."""

    n: int = Field(description="Number of the passage cited, as [n] in the answer.")
    doc_id: int = Field(description="Number of the document.")
    source: str = Field(description="Path relative to the ingested folder.")
    page: int | None = Field(description="Page, from 1; null for formats without pages.")
    char_start: int = Field(description="First character in the document's extracted text.")
    char_end: int = Field(description="One past the last character.")
    quote: str = Field(description="The document's own words there.")
    verified: bool = Field(description="The quote was read back and supports the sentence.")
    added: bool = Field(description="Found by the service: the model did not cite it there.")


class StatementOut(Shape):
    """One sentence of the answer, and whether the sources hold it."""

    char_start: int = Field(description="First character in `answer`, markers included.")
    char_end: int = Field(description="One past the last character.")
    status: StatementStatus = Field(
        description="unverified: the sources are in another language, and neither confirm nor "
        "contradict it. no_claim: a greeting, a heading, a question, or that the documents do not "
        "say."
    )
    support: float = Field(description="0 to 1; supported from 0.5 on.")
    citations: list[int] = Field(description="Which of `citations` it rests on, counted from 0.")


class SourceOut(_Passage):
    """A numbered passage given to the answer."""

    n: int = Field(description="Its number in the answer.")
    score: float = Field(description="0 to 1; 1 means first in every leg that voted.")
    text: str = Field(description="The passage.")


class UsageOut(Shape):
    """Tokens of the chat model; zeros when none ran."""

    prompt_tokens: int = Field(description="Tokens read.")
    completion_tokens: int = Field(description="Tokens written.")
    cached_tokens: int = Field(description="Of those read: known from the question before.")
    reasoning_tokens: int = Field(description="Of those written: before the answer, thinking.")


class AnswerResponse(Shape):
    """The answer with everything it stands on."""

    answer: str = Field(description="The answer, or the refusal, in the question's language.")
    status: Literal["answered", "refused"] = Field(description="Refused: no evidence was found.")
    generator: Literal["chat", "extractive"] = Field(
        description="Extractive: no chat model wrote this, the sentences are quoted."
    )
    confidence: float = Field(description="0 to 1.")
    citations: list[CitationOut] = Field(description="In the order of the answer.")
    statements: list[StatementOut] = Field(description="The sentences of the answer, in order.")
    sources: list[SourceOut] = Field(description="The passages the answer was made from.")
    dropped: list[int] = Field(description="chunk_id of passages that did not fit the model.")
    model: str = Field(description="What wrote the answer.")
    collection: str = Field(description="The collection asked.")
    revision: int = Field(description="Its revision.")
    usage: UsageOut = Field(description="Token counts.")
    timings: dict[str, float] = Field(description="Milliseconds by stage.")
    request_id: str = Field(description="Also in the X-Request-ID header and the log.")
    notes: list[str] = Field(description="What a reader should know of how it was made.")
    reasoning: str = Field(description="What a thinking model thought; only if asked for.")
    standalone_question: str = Field(
        description="What was searched for, where the question was completed from `history`; else "
        "empty."
    )


class DebugAnswerResponse(AnswerResponse):
    """The answer, and how its passages were found."""

    legs: dict[int, dict[str, LegOut]] = Field(
        description="By the source's n: where each retrieval leg placed it."
    )


class SourcesEventOut(Shape):
    """Data of the `sources` event."""

    sources: list[SourceOut] = Field(description="The passages the answer will be made from.")
    revision: int = Field(description="Revision of the collection.")
    request_id: str = Field(description="Also in the X-Request-ID header and the log.")


class QueuedEventOut(Shape):
    """Data of a `queued` event: the chat model is busy with other questions."""

    position: int = Field(description="Questions ahead, the one being answered included.")
    wait_s: float | None = Field(
        description="Seconds until all of them are answered, judged by the last ones; null: none."
    )


class TokenEventOut(Shape):
    """Data of a `token` or `reasoning` event."""

    text: str = Field(description="The next piece of the answer, or of the reasoning.")


class HealthResponse(Shape):
    """The process is alive."""

    status: Literal["ok"] = Field("ok", description="Always ok.")


class ReadyResponse(Shape):
    """Whether questions can be answered now."""

    ready: bool = Field(description="True when there is nothing in `reasons`.")
    reasons: list[str] = Field(description="What is missing, in words.")
    jobs_queued: int = Field(description="Jobs that wait for the worker.")
    jobs_running: int = Field(description="Jobs that the worker is at.")
    worker_alive: bool = Field(
        description="Whether a worker runs now; by default one is started when there are jobs."
    )


class ErrorBody(Shape):
    """What went wrong."""

    code: str = Field(description="Stable and machine-readable.", examples=["invalid_request"])
    message: str = Field(description="For people; says what to do next.")
    request_id: str = Field(description="Also in the X-Request-ID header and the log.")


class ErrorResponse(Shape):
    """Every error has this body."""

    error: ErrorBody = Field(description="Code, text and request.")
