"""A chat model and a corpus in memory, and what is asked of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata

from rag_service.answering import Answerer, Corpus
from rag_service.errors import Cancelled, Overloaded, RagError
from rag_service.filters import Filters
from rag_service.generation.backend import CallOptions
from rag_service.generation.prompts import PromptLibrary
from rag_service.generation.question import Question
from rag_service.search_types import SearchResult
from rag_service.types import (
    Answer,
    AnswerEvent,
    Chunk,
    DoneEvent,
    Hit,
    LegScore,
    QueuedEvent,
    TokenEvent,
)

PROMPTS = PromptLibrary.load(None)
QUESTION = "How long is the warranty of the recorder?"
WARRANTY = "The warranty of the recorder lasts three years. It begins with the delivery."
RETURNS = "Unused goods may be returned within thirty days. A fee of ten euros is kept back."
CHINESE = "记录仪的保修期为三年。保修期从交货之日开始。"
LOOKED_FOR = "Searched for: “warranty”, “recorder”."
REFUSAL = (
    f"The documents hold no reliable answer to “{QUESTION}”.\n{LOOKED_FOR}\n"
    "Nearest sources:\n- a.txt\n- b.txt"
)


def words(messages: Sequence[BaseMessage]) -> int:
    return sum(len(str(message.content).split()) for message in messages)


@dataclass
class FakeBackend:
    """A chat model that says what it was told to; one word is one token.

    ``replies`` are used up one per call. ``asked`` remembers the messages of each call and
    ``limits`` the tokens it was allowed.
    """

    replies: list[Sequence[str]]
    context_tokens: int = 4096
    name: str = "scripted"
    setup: str = "in memory"
    error: RagError | None = None
    full: bool = False
    finish_reason: str = "stop"
    asked: list[Sequence[BaseMessage]] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)
    closed: bool = False

    def count(self, messages: Sequence[BaseMessage]) -> int:
        return words(messages)

    def require_room(self) -> None:
        if self.full:
            raise Overloaded("Full.", retry_after=3)

    def stream(
        self, messages: Sequence[BaseMessage], options: CallOptions
    ) -> Iterator[QueuedEvent | AIMessageChunk]:
        self.asked.append(messages)
        self.limits.append(options.max_tokens)
        pieces = self.replies.pop(0)
        for piece in pieces:
            if options.cancelled.is_set():
                raise Cancelled("The request was cancelled.")
            yield AIMessageChunk(content=piece)
        if self.error:
            raise self.error
        counts = (words(messages), len("".join(pieces).split()))
        yield AIMessageChunk(
            content="",
            usage_metadata=UsageMetadata(
                input_tokens=counts[0], output_tokens=counts[1], total_tokens=sum(counts)
            ),
            response_metadata={"finish_reason": self.finish_reason},
        )

    def close(self) -> None:
        self.closed = True


class RestartingBackend(FakeBackend):
    """Says its first reply, and then that it was reasoning."""

    def stream(
        self, messages: Sequence[BaseMessage], options: CallOptions
    ) -> Iterator[QueuedEvent | AIMessageChunk]:
        said = "".join(self.replies[0])
        yield from super().stream(messages, options)
        extra = {"reasoning_content": said, "answer_restarts": True}
        yield AIMessageChunk(content="", additional_kwargs=extra)
        yield from super().stream(messages, options)


@dataclass
class FakeCorpus:
    """Finds the same hits for every question and remembers what was searched for."""

    hits: Sequence[Hit]
    notes: tuple[str, ...] = ()
    searched: list[tuple[str, int, Filters | None]] = field(default_factory=list)

    def search(self, query: str, top_k: int, filters: Filters | None) -> SearchResult:
        self.searched.append((query, top_k, filters))
        return SearchResult(
            tuple(self.hits),
            7,
            ("dense", "lexical"),
            self.notes,
            {"embed_ms": 1.5},
            leg_scores={"lexical": (10.0, 1.0)},
        )

    @property
    def corpus(self) -> Corpus:
        return Corpus(self.search, lambda _: 1.0)


def hit(text: str, chunk_id: int, *, sure: bool = True, source: str = "a.txt") -> Hit:
    chunk = Chunk(chunk_id, chunk_id, 0, source, "", "", None, 100, 100 + len(text), text)
    return Hit(chunk, 0.9, LegScore(1, 0.9 if sure else 0.1), coverage=1.0 if sure else 0.1)


FOUND = (hit(WARRANTY, 11), hit(RETURNS, 12, source="b.txt"))


def question(text: str = QUESTION, **more: object) -> Question:
    values: dict[str, object] = {"collection": "manuals", "top_k": 8, "max_tokens": 100, **more}
    return Question(text, **values)  # type: ignore[arg-type]


def events_of(
    chat: FakeBackend | None, asked: Question, found: FakeCorpus | None = None
) -> list[AnswerEvent]:
    answerer = Answerer(PROMPTS, chat, min_confidence=0.5)
    return list(answerer.ask(asked, (found or FakeCorpus(FOUND)).corpus))


def answer_of(
    chat: FakeBackend | None, asked: Question | None = None, found: FakeCorpus | None = None
) -> Answer:
    *_, last = events_of(chat, asked or question(), found)
    assert isinstance(last, DoneEvent)
    return last.answer


def shown(events: Sequence[AnswerEvent]) -> list[str]:
    """The pieces of text a user sees as they come."""
    return [event.text for event in events if isinstance(event, TokenEvent)]


def saying(*pieces: str, **more: object) -> FakeBackend:
    return FakeBackend([pieces], **more)  # type: ignore[arg-type]
