"""The words of taking a document in: what a loader makes of a file, and what it is cut into.

Small frozen dataclasses with no heavy imports. Positions are as in `rag_service.types`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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
