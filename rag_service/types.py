"""The words every part of the service shares.

Small frozen dataclasses with no heavy imports. Positions are character offsets
(Unicode code points) into the document's extracted text, end exclusive. Scores
are higher-is-better.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Role = Literal["user", "assistant"]
StatementStatus = Literal["supported", "unsupported", "no_claim"]

_CHARACTER_SET = re.compile(r"\[[!^]?\]?[^]]*\]")  # of a glob: [a-z], [!0-9], []]


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page, slide or sheet of the extracted text: ``number`` starts at 1."""

    number: int
    char_start: int
    char_end: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Structure that a loader knows of: whole lines of the text that are of one kind.

    ``level`` is a heading's, 1 the outermost. ``header_end`` is where the header row of a
    table ends (end of line, exclusive); equal to ``char_start`` where it has none.
    """

    kind: Literal["heading", "table", "code"]
    char_start: int
    char_end: int
    level: int = 0
    header_end: int = 0


@dataclass(frozen=True, slots=True)
class LoadedText:
    """What a loader makes of one file.

    ``text`` is the whole extracted text and every later span points into it.
    ``pages`` is empty for formats without pages, otherwise ordered and disjoint.
    ``title`` is empty when the file names none. ``encoding`` is what the bytes
    were decoded with ("" where the format decides). ``warnings`` are sentences
    for people. ``engine`` names what read it, with its version. ``syntax`` says where the
    structure is to be found: in ``marks`` (ordered, disjoint; the rest is prose), in the
    text's Markdown, or in the look of the lines. ``seconds`` is what loading took. ``date``
    (ISO 8601, "" where none is stated) and ``tags`` are what the file says of itself.
    """

    text: str
    title: str = ""
    pages: tuple[Page, ...] = ()
    encoding: str = ""
    engine: str = ""
    warnings: tuple[str, ...] = ()
    syntax: Literal["marked", "markdown", "plain"] = "plain"
    marks: tuple[Mark, ...] = ()
    seconds: float = 0.0
    date: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChunkSpan:
    """A chunk before it is stored: ``text == document_text[char_start:char_end]``."""

    ordinal: int
    char_start: int
    char_end: int
    text: str
    page: int | None = None
    heading: str = ""  # heading path, "Chapter > Section"
    table_header: str = ""  # of a chunk of table rows that does not hold the header row itself
    page_end: int | None = None  # another than ``page`` only where a sentence runs over


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
class MatchedTerm:
    """A term of the question, as analysed, that stands in a passage or in its context."""

    term: str
    idf: float
    in_text: int  # how often in the text and table header
    in_context: int  # how often in title and headings
    in_gloss: int = 0  # how often in the English gloss of a Chinese passage


@dataclass(frozen=True, slots=True)
class StagePlace:
    """Where one stage after the legs left a candidate. ``rank`` starts at 1."""

    stage: str
    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class CandidateTrace:
    """The way of one candidate through a search.

    ``chunk`` is None when it is gone from the catalog. ``stages`` are in order, as far as it
    came. ``reason`` says why it is not among the results; "" for a result.
    """

    chunk_id: int
    chunk: Chunk | None
    legs: Mapping[str, LegScore]  # by the leg's name; of those it was a candidate of
    stages: tuple[StagePlace, ...]
    terms: tuple[MatchedTerm, ...]  # those that say most first
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SearchTrace:
    """How a result came about: ``results`` in the order of its hits, then who was ``dropped``."""

    terms: tuple[str, ...]  # what the lexical leg searched for
    results: tuple[CandidateTrace, ...]
    dropped: tuple[CandidateTrace, ...]
    gloss_terms: tuple[str, ...] = ()  # what it searched for across languages, in English


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits of one query at one revision of the collection.

    ``legs`` names the legs that voted; ``notes`` says in plain words why one did not.
    ``leg_scores`` are the best scores of each leg, best first, on its own scale. ``glossed``:
    the embedding model read Chinese through the dictionary. ``trace`` is there when it was asked
    for.
    """

    hits: tuple[Hit, ...]
    revision: int
    legs: tuple[str, ...]
    notes: tuple[str, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)  # milliseconds
    trace: SearchTrace | None = None
    leg_scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    glossed: bool = False


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

    The span, markers included, is in the answer's text. ``no_claim``: a greeting, heading or
    question, or that the documents do not say. ``support`` is in 0..1, ``citations`` are
    indexes into those of the answer.
    """

    char_start: int
    char_end: int
    status: StatementStatus
    support: float
    citations: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Filters:
    """Restricts a search. Values of one field are alternatives, all fields must hold, and
    empty ones restrict nothing.

    ``sources`` are globs over the path relative to the ingested folder; ``*`` also matches
    "/". ``tags`` match whatever their case, width or script. ``since`` and ``until`` are the
    first and the last day of a document's date. A passage is let through if it touches a page
    from ``page_from`` to ``page_to``; one without pages never is.

    Raises:
        ValueError: it could match nothing in any collection.
    """

    doc_ids: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    page_from: int | None = None
    page_to: int | None = None

    def __post_init__(self) -> None:
        for glob in self.sources:
            _check_glob(glob)
        if not all(tag.strip() for tag in self.tags):
            raise ValueError("a tag must not be empty")
        if self.since and self.until and self.since > self.until:
            raise ValueError(f"since {self.since} is after until {self.until}")
        first, last = self.page_from, self.page_to
        if (first is not None and first < 1) or (last is not None and last < 1):
            raise ValueError("pages are counted from 1")
        if first is not None and last is not None and first > last:
            raise ValueError(f"page {first} is after page {last}")

    @property
    def by_page(self) -> bool:
        return self.page_from is not None or self.page_to is not None


def _check_glob(glob: str) -> None:
    if not glob:
        raise ValueError("a source glob must not be empty")
    if "[" in _CHARACTER_SET.sub("", glob):
        raise ValueError(f"the source glob {glob!r} has a [ without its ]")
    if glob.startswith(("/", "./", "../")):
        raise ValueError(
            f"the source glob {glob!r} can match nothing: paths are relative to the ingested "
            "folder, such as manuals/*.pdf"
        )


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


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """One line of a collection's document list."""

    doc_id: int
    source: str
    title: str
    pages: int
    chunks: int
    chars: int
    size_bytes: int
    content_hash: str  # sha256 hex of the file's bytes
    ingested_at: str  # ISO 8601, UTC
    date: str = ""  # its own, else that of the file's last change; ISO 8601
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """What `rag status` and `GET /collections` say of one collection."""

    name: str
    documents: int
    chunks: int
    failed: int  # files of the folder that could not be read
    revision: int
    pending: int  # committed changes the derived indexes have not seen yet
    embedding_model: str
    updated_at: str | None


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file of an ingested folder that could not be read; tried again when it changes."""

    collection: str
    folder: str
    source: str
    code: str
    message: str
    at: str  # of the last try; ISO 8601, UTC


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """Outcome of checking one collection; clean when ``problems`` is empty."""

    collection: str
    problems: tuple[str, ...]
    documents: int
    chunks: int
    vectors: int
    revision: int


@dataclass(frozen=True, slots=True)
class ReembedReport:
    """What was done. ``embedded``: texts that this run embedded; ``reused``: an earlier one."""

    collection: str
    model_before: str
    model: str
    documents: int
    chunks: int
    embedded: int
    reused: int
    seconds: float
