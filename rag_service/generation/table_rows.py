"""Rows of tables, said so that they can be understood without the rest of the table.

"| 3 | cuvette | 120 |" means nothing alone; "No.: 3; item: cuvette; price (EUR): 120" does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag_service.text.language import is_cjk
from rag_service.types import Chunk

# A bar that is not escaped, as Markdown writes tables and the loaders write all others.
_BORDER = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"[\s|:+-]+")
_FEWEST_CELLS = 2
_FEWEST_NAMES = 3
# What a column may be called where no row of dashes says that it is: item, CO2 (ppm), 2024 Q1.
_NAME = re.compile(r"(?:\D|(?<=[A-Za-z])\d){1,40}|(?:19|20)\d\d年?(?: ?Q[1-4])?")


def said_in_full(chunk: Chunk, start: int, end: int) -> str | None:
    """The row in ``chunk.text[start:end]`` with the name of each column before its value.

    None if that is no row of a table, or nothing says how its columns are called.
    """
    cells = _cells(chunk.text[start:end])
    names = _column_names(chunk, start) if cells else []
    if not cells or len(names) != len(cells):
        return None
    named = [(name, cell) for name, cell in zip(names, cells, strict=True) if cell]
    colon, between = ("：", "；") if any(map(is_cjk, "".join(names))) else (": ", "; ")
    return between.join(f"{name}{colon}{cell}" if name else cell for name, cell in named)


def is_table_head(chunk: Chunk, start: int, end: int) -> bool:
    """Whether ``chunk.text[start:end]`` is the row of column names, or the rule below it."""
    line = chunk.text[start:end]
    if _is_rule(line):
        return True
    below = chunk.text[end:].lstrip("\r\n").split("\n", 1)[0]
    cells = _cells(line)
    return bool(cells) and (_is_rule(below) or _opens_as_names(chunk, start, cells, below))


def _opens_as_names(chunk: Chunk, start: int, cells: Sequence[str], below: str) -> bool:
    """Whether no rule tells, but the table begins here; of two columns one may name the rows.

    Names cannot be told from a first row of words, unless the one below has something else.
    """
    above = next(_lines_above(chunk.text, start), chunk.table_header)
    values = _cells(below)
    return (
        len(cells) >= _FEWEST_NAMES
        and len(values) == len(cells)
        and not _cells(above)
        and _may_be_names(cells)
        and not _may_be_names(values)
    )


def row_spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The lines of ``text[start:end]`` if all of them are rows, else the whole."""
    lines = list(re.finditer(r"[^\n]+", text[start:end]))
    if len(lines) == 1 or not all(_cells(line[0]) or _is_rule(line[0]) for line in lines):
        return [(start, end)]
    return [(start + line.start(), start + line.end()) for line in lines]


def _column_names(chunk: Chunk, start: int) -> list[str]:
    """Those of the table that goes on at ``start``."""
    head: list[str] = []
    ruled = False
    for line in _lines_above(chunk.text, start):
        is_rule = _is_rule(line)
        if not _cells(line) and not is_rule:
            break
        ruled = ruled or is_rule
        head = _cells(line) or head
    else:  # the table began before the passage
        if carried := _cells(chunk.table_header):
            return carried
    return head if ruled or _may_be_names(head) else []


def _may_be_names(cells: Sequence[str]) -> bool:
    """Whether a first row names the columns, rather than being one of many: 08:30 | INFO | up."""
    named = [cell for cell in cells if cell]
    return len(set(named)) == len(named) and all(map(_NAME.fullmatch, named))


def _lines_above(text: str, start: int) -> Iterator[str]:
    """The nearest first."""
    return (
        reversed(text[:start].rstrip(" \t").removesuffix("\n").split("\n")) if start else iter(())
    )


def _is_rule(line: str) -> bool:
    """Whether ``line`` is a row of dashes; in two steps, for one pattern would take cubic time."""
    return "--" in line and _RULE.fullmatch(line) is not None


def _cells(line: str) -> list[str]:
    """Empty if ``line`` is no row of a table."""
    if "\n" in line or "|" not in line or _is_rule(line):
        return []
    body = line.strip().removeprefix("|")
    body = body if body.endswith("\\|") else body.removesuffix("|")
    cells = [" ".join(cell.split()).replace("\\|", "|") for cell in _BORDER.split(body)]
    return cells if len(cells) >= _FEWEST_CELLS else []
