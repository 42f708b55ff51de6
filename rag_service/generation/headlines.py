"""Titles, headings and heads of tables: lines that name what follows, and answer nothing."""

from __future__ import annotations

import re

from rag_service.generation.table_rows import is_table_head
from rag_service.text.language import is_cjk
from rag_service.types import Chunk

_SENTENCE_ENDS = re.compile(r"[。.!?！？…](?:[\"'”’」』）)]|\[\d{1,3}\])*\s*$")
_SHORTEST_TITLE, _KIND = 4, 3  # characters: a shorter title may begin a sentence
_NARROW = 24  # columns of a line; `text.line_breaks` takes narrower ones for whole lines


def says_nothing(chunk: Chunk, start: int, end: int) -> bool:
    """Whether it is a title, a heading or the head of a table: they name, and tell nothing."""
    return (
        is_table_head(chunk, start, end)
        or _opens_as_title(chunk, start, end)
        or chunk.text[start:end].lstrip("# ") in _titles(chunk)
    )


def _opens_as_title(chunk: Chunk, start: int, end: int) -> bool:
    """Whether a line without an end opens the document, and a paragraph follows."""
    line, below = chunk.text[start:end], chunk.text[end:]
    if chunk.char_start + start or _SENTENCE_ENDS.search(line):
        return False
    if not below.startswith("\n") or "\n" in line:
        return False
    if _is_called(line.strip("# "), chunk.title):
        return True
    follows = below[1:].split("\n", 1)[0]
    columns = len(follows) + sum(map(is_cjk, follows))
    # Where lines are too narrow to tell, the first one may be a sentence that goes on.
    return not follows or (columns >= _NARROW and _SENTENCE_ENDS.search(follows) is not None)


def _is_called(line: str, title: str) -> bool:
    """Whether the line is the title, or the kind of document stands behind: 用电管理规定."""
    kind = line.removeprefix(title)
    return len(title) >= _SHORTEST_TITLE and (not kind or (len(kind) <= _KIND and kind.isalpha()))


def after_title(chunk: Chunk, start: int, end: int) -> int:
    """Where the sentence begins that a title on a line of its own was taken for a part of."""
    first, line_break, rest = chunk.text[start:end].partition("\n")
    if first.strip().lstrip("# ") not in _titles(chunk) or not rest.strip():
        return start
    return start + len(first + line_break) + len(rest) - len(rest.lstrip())


def _titles(chunk: Chunk) -> tuple[str, ...]:
    return (chunk.title, *chunk.heading.split(" > "))
