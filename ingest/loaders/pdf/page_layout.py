"""The text of a page from words with places: reading order, lines, and tables among them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from ingest.loaders.pdf.page_tables import Word, find_tables, is_same_line, rows_of, table_lines

_MAX_CUTS = 60  # within one another
_MAX_BLOCKS = 20_000


def layout_text(words: Sequence[Word]) -> tuple[str, bool]:
    """The text of a page, and whether it has tables.

    Text outside tables keeps the order of ``words``; a table stands where its first word does.
    """
    table_of = {id(word): table for table in find_tables(words) for row in table for word in row}
    lines: list[str] = []
    done: set[int] = set()
    last: Word | None = None
    for word in words:
        table = table_of.get(id(word))
        if table is None:
            _write(lines, last, word)
            last = word
        elif id(table) not in done:
            done.add(id(table))
            lines += table_lines(table)
            last = None
    return "\n".join(lines), bool(done)


def _write(lines: list[str], last: Word | None, word: Word) -> None:
    if last is not None and is_same_line(last, word) and word.left >= last.right - last.height:
        lines[-1] += f" {word.text}"
    else:
        lines.append(word.text)


class _Block(NamedTuple):
    """A word, or all words of a table."""

    words: list[Word]
    left: float
    top: float
    right: float
    bottom: float


def reading_order(words: Sequence[Word]) -> list[Word]:
    """``words`` as a person reads them: columns from left to right, each from top to bottom.

    Recursive XY cut (Nagy and Seth 1984): cut where a blank strip runs through all of it,
    upright strips first. Tables are left whole.
    """
    tables = [[word for row in rows for word in row] for rows in find_tables(words)]
    held = {id(word) for table in tables for word in table}
    blocks = [_block(table) for table in tables]
    blocks += [_block([word]) for word in words if id(word) not in held]
    return [word for block in _cut(blocks) for word in block.words]


def _block(words: list[Word]) -> _Block:
    return _Block(
        words,
        min(word.left for word in words),
        min(word.top for word in words),
        max(word.right for word in words),
        max(word.bottom for word in words),
    )


def _cut(blocks: list[_Block], depth: int = 0) -> list[_Block]:
    if not 2 <= len(blocks) <= _MAX_BLOCKS or depth == _MAX_CUTS:
        return _by_line(blocks)
    height = median(block.words[0].height for block in blocks)
    left, right = _halves(sorted(blocks, key=lambda block: block.left), "left", "right", height)
    if not right:
        ordered = sorted(blocks, key=lambda block: block.top)
        left, right = _halves(ordered, "top", "bottom", 0.0)
    if not right:
        return _by_line(blocks)
    return _cut(left, depth + 1) + _cut(right, depth + 1)


def _halves(
    blocks: list[_Block], start: str, end: str, min_gap: float
) -> tuple[list[_Block], list[_Block]]:
    """``blocks``, ordered by ``start``, cut at the widest blank strip above ``min_gap``."""
    widest, cut, reach = min_gap, len(blocks), float("-inf")
    for index, block in enumerate(blocks):
        gap = getattr(block, start) - reach
        if index and gap > widest:
            widest, cut = gap, index
        reach = max(reach, getattr(block, end))
    return blocks[:cut], blocks[cut:]


def _by_line(blocks: Sequence[_Block]) -> list[_Block]:
    whole = {id(block.words[0]): block for block in blocks}
    rows = rows_of([block.words[0] for block in blocks])
    return [whole[id(word)] for row in rows for word in row]
