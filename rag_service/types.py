"""The words every part of the service shares.

Small frozen dataclasses with no heavy imports. Positions are character offsets
(Unicode code points) into the document's extracted text, end exclusive. Scores
are higher-is-better.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Role = Literal["user", "assistant"]


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
    text's Markdown, or in the look of the lines. ``seconds`` is what loading took.
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
    every term of the question covered.
    """

    chunk: Chunk
    score: float
    dense: LegScore | None = None  # score: cosine
    lexical: LegScore | None = None  # score: BM25
    coverage: float = 0.0  # share of the question's terms in the passage, weighted by IDF


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits of one query at one revision of the collection.

    ``legs`` names the legs that voted; ``notes`` says in plain words why one did not.
    """

    hits: tuple[Hit, ...]
    revision: int
    legs: tuple[str, ...]
    notes: tuple[str, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)  # milliseconds


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


@dataclass(frozen=True, slots=True)
class Filters:
    """Restricts a search to some documents; empty fields restrict nothing.

    ``source`` is a glob over the path relative to the ingested folder.
    """

    doc_ids: tuple[int, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of the chat model; zeros when no chat model ran."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


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


@dataclass(frozen=True, slots=True)
class SourcesEvent:
    """First event of an answer: the passages it will be made from."""

    sources: tuple[Hit, ...]
    revision: int


@dataclass(frozen=True, slots=True)
class TokenEvent:
    """A piece of answer text, in order."""

    text: str


@dataclass(frozen=True, slots=True)
class DoneEvent:
    """Last event: the whole answer."""

    answer: Answer


AnswerEvent = SourcesEvent | TokenEvent | DoneEvent


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
