"""The words every part of the service shares.

Small frozen dataclasses with no heavy imports. Positions are character offsets
(Unicode code points) into the document's extracted text, end exclusive. Scores
are higher-is-better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["user", "assistant"]
StatementStatus = Literal["supported", "unverified", "unsupported", "no_claim"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stored chunk together with what a reader needs to know of its document."""

    chunk_id: int
    doc_id: int
    ordinal: int
    source: str
    title: str
    heading: str
    page: int | None
    char_start: int
    char_end: int
    text: str
    table_header: str = ""

    @property
    def context(self) -> str:
        """What surrounds the text and is searched with it: title, headings, table header."""
        return "\n".join(part for part in (self.title, self.heading, self.table_header) if part)


@dataclass(frozen=True, slots=True)
class LegScore:
    """Where one retrieval leg placed a chunk. ``rank`` starts at 1."""

    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved chunk. ``score`` is in 0..1: 1 means first in every leg that voted, and
    every term of the question covered. A cross-encoder changes the order, not the score.
    """

    chunk: Chunk
    score: float
    dense: LegScore | None = None  # score: cosine
    lexical: LegScore | None = None  # score: BM25
    coverage: float = 0.0  # share of the question's terms in the passage, weighted by IDF
    crossed: bool = False  # not in the question's language: compared through the dictionary
    rerank: float | None = None  # by the cross-encoder, on its own scale; None: it did not read it


@dataclass(frozen=True, slots=True)
class Citation:
    """A place in a document that supports a place in the answer.

    ``quote`` is the document's own text between ``char_start`` and ``char_end``.
    ``verified`` is True only if the quote was read back from the stored document and
    supports the sentence that cites it.
    """

    n: int
    chunk_id: int
    doc_id: int
    source: str
    page: int | None
    char_start: int
    char_end: int
    quote: str
    verified: bool
    added: bool = False  # found by the service: the model did not cite it there


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of an answer, and whether the sources hold it.

    The span, markers included, is in the answer's text. ``unverified``: the sources are in
    another language, and neither confirm nor contradict it. ``no_claim``: a greeting, heading
    or question, or that the documents do not say. ``support`` is in 0..1, ``citations`` are
    indexes into those of the answer.
    """

    char_start: int
    char_end: int
    status: StatementStatus
    support: float
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of the chat model; zeros when no chat model ran.

    ``cached_tokens`` of the prompt had been read before; ``reasoning_tokens`` of the
    completion are no part of the answer.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole result of one question."""

    answer: str
    status: Literal["answered", "refused"]
    generator: Literal["chat", "extractive"]
    confidence: float
    citations: tuple[Citation, ...]
    sources: tuple[Hit, ...]  # the numbered passages: sources[0] is [1]
    dropped: tuple[int, ...]  # chunk ids that did not fit the model's context
    model: str
    collection: str
    revision: int
    usage: Usage
    timings: dict[str, float]  # milliseconds
    notes: tuple[str, ...] = ()
    cut: bool = False  # the chat model had reached the most tokens allowed
    reasoning: str = ""  # what a thinking model wrote before the answer; never cited
    statements: tuple[Statement, ...] = ()  # the sentences of the answer; of a refusal, none
    standalone_question: str = ""  # what was searched for, where that is not the question as asked


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """The question waits for the chat model; again whenever its position changes.

    ``position``: how many are ahead, the one being answered included. ``wait_s``: how long
    that will take, judged by the last answers; None when there were none.
    """

    position: int
    wait_s: float | None


@dataclass(frozen=True, slots=True)
class SourcesEvent:
    """The passages that the answer will be made from, before all of its text."""

    sources: tuple[Hit, ...]
    revision: int


@dataclass(frozen=True, slots=True)
class TokenEvent:
    """A piece of answer text, in order."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningEvent:
    """A piece of what a thinking model writes before the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class DoneEvent:
    """Last event: the whole answer."""

    answer: Answer


AnswerEvent = QueuedEvent | SourcesEvent | ReasoningEvent | TokenEvent | DoneEvent
