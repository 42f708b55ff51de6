"""Headings from a PDF's bookmarks and tables from its rows, as marks on the text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ingest.loaders.builder import CELL_SEPARATOR
from ingest.loaders.pdf.pdf_pypdf import Bookmark
from rag_service.document_types import Mark, Page

_MIN_HEADINGS = 2
_FOUND = 0.9  # share of bookmarks that must be found as lines, or none is trusted
_MAX_PAGES_APART = 10  # pages per heading; sparser bookmarks leave most headings to be guessed
_MAX_LINES = 3  # of one heading
_LINE = re.compile(r"[^\n]+")
_DIGIT = re.compile(r"\d")


class _Line(NamedTuple):
    start: int
    end: int
    folded: str


def marks_of(
    text: str, pages: Sequence[Page], bookmarks: Sequence[Bookmark]
) -> tuple[Mark, ...] | None:
    """Marks of ``text``; None where the bookmarks do not tell its headings exactly."""
    if len(bookmarks) < max(_MIN_HEADINGS, len(pages) / _MAX_PAGES_APART):
        return None
    lines = [_lines(text, page) for page in pages]
    headings = list(_headings(bookmarks, lines))
    if len(headings) < _FOUND * len(bookmarks):
        return None
    taken = [(mark.char_start, mark.char_end) for mark in headings]
    tables = [
        mark
        for mark in _tables(text)
        if all(end <= mark.char_start or mark.char_end <= start for start, end in taken)
    ]
    return tuple(sorted([*headings, *tables], key=lambda mark: mark.char_start))


def _lines(text: str, page: Page) -> list[_Line]:
    found = _LINE.finditer(text, page.char_start, page.char_end)
    return [_Line(line.start(), line.end(), _folded(line.group())) for line in found]


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _headings(bookmarks: Sequence[Bookmark], pages: Sequence[Sequence[_Line]]) -> Iterator[Mark]:
    """Each bookmark as the line or lines of its page that say what it says, in order."""
    reached = 0
    for bookmark in bookmarks:
        if bookmark.page >= len(pages):
            continue
        found = _find(_folded(bookmark.title), pages[bookmark.page], reached)
        if found is not None:
            start, reached = found
            yield Mark("heading", start, reached, level=bookmark.level)


def _find(title: str, lines: Sequence[_Line], start: int) -> tuple[int, int] | None:
    for index, line in enumerate(lines):
        if line.start < start or not title.startswith(line.folded):
            continue
        joined = ""
        for following in lines[index : index + _MAX_LINES]:
            joined += following.folded
            if joined == title:
                return line.start, following.end
    return None


def _tables(text: str) -> Iterator[Mark]:
    """Lines of cells that follow one another."""
    rows: list[re.Match[str]] = []
    for line in _LINE.finditer(text):
        if CELL_SEPARATOR.strip() in line.group() and (
            not rows or line.start() == rows[-1].end() + 1
        ):
            rows.append(line)
            continue
        yield from _table(rows)
        rows = [line] if CELL_SEPARATOR.strip() in line.group() else []
    yield from _table(rows)


def _table(rows: Sequence[re.Match[str]]) -> Iterator[Mark]:
    if len(rows) < 2:
        return
    names = not _DIGIT.search(rows[0].group()) and any(_DIGIT.search(row.group()) for row in rows)
    start, end = rows[0].start(), rows[-1].end()
    yield Mark("table", start, end, header_end=rows[0].end() if names else start)
