"""The lines of a text, and what the white space between them means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

LINE: Final = re.compile(r"[^\r\n\x0b\x0c\x85\u2028\u2029]+")
_END: Final = re.compile(r"[\r\n\x0b\x0c\x85\u2028\u2029]")
_LINE_BREAK: Final = re.compile(r"\r\n?|[\n\x85\u2028]")
_PAGE_OR_PARAGRAPH: Final = re.compile(r"[\x0b\x0c\u2029]")
_COMMON_GAPS: Final = frozenset({"", " ", "\n", "\r\n"})  # nearly all, and none of a paragraph


class Line(NamedTuple):
    """A line that is not blank. ``apart`` says that a blank line or nothing stands before it."""

    start: int
    end: int  # without the line break
    text: str
    apart: bool


def iter_lines(text: str) -> Iterator[Line]:
    """The lines of ``text`` that are not blank."""
    end = -1
    for match in LINE.finditer(text):
        line = match[0]
        if line.isspace():
            continue
        start = match.start()
        yield Line(start, match.end(), line, end < 0 or is_paragraph_gap(text[end:start]))
        end = match.end()


def is_paragraph_gap(gap: str) -> bool:
    """Whether the white space ``gap`` holds a blank line or a page or paragraph separator."""
    if gap in _COMMON_GAPS:
        return False
    return len(_LINE_BREAK.findall(gap)) > 1 or _PAGE_OR_PARAGRAPH.search(gap) is not None


def holds_line_break(gap: str) -> bool:
    """Whether ``gap`` ends a line."""
    return _END.search(gap) is not None


def trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The span without outer white space; nothing where it is blank."""
    piece = text[start:end]
    if body := piece.strip():
        first = start + len(piece) - len(piece.lstrip())
        yield first, first + len(body)
