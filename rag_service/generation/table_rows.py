"""Rows of tables, said so that they can be understood without the rest of the table.

"| 3 | cuvette | 120 |" means nothing alone; "No.: 3; item: cuvette; price (EUR): 120" does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag_service.text.language import is_cjk
from rag_service.types import Chunk

# A bar that is not escaped, as Markdown writes tables and the loaders write all others.
_BORDER = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"[\s|:+-]*-{2,}[\s|:+-]*")
_FEWEST_CELLS = 2


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
    if _RULE.fullmatch(line):
        return True
    below = chunk.text[end:].lstrip("\r\n").split("\n", 1)[0]
    return bool(_cells(line)) and _RULE.fullmatch(below) is not None


def row_spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The lines of ``text[start:end]`` if all of them are rows, else the whole."""
    lines = list(re.finditer(r"[^\n]+", text[start:end]))
    if len(lines) == 1 or not all(_cells(line[0]) or _RULE.fullmatch(line[0]) for line in lines):
        return [(start, end)]
    return [(start + line.start(), start + line.end()) for line in lines]


def _column_names(chunk: Chunk, start: int) -> list[str]:
    """Those of the table that goes on at ``start``."""
    head: list[str] = []
    for line in _lines_above(chunk.text, start):
        if not _cells(line) and not _RULE.fullmatch(line):
            break
        head = _cells(line) or head
    else:  # the table began before the passage
        return _cells(chunk.table_header) or head
    return head


def _lines_above(text: str, start: int) -> Iterator[str]:
    """The nearest first."""
    return (
        reversed(text[:start].rstrip(" \t").removesuffix("\n").split("\n")) if start else iter(())
    )


def _cells(line: str) -> list[str]:
    """Empty if ``line`` is no row of a table."""
    if "\n" in line or "|" not in line or _RULE.fullmatch(line):
        return []
    body = line.strip().removeprefix("|")
    body = body if body.endswith("\\|") else body.removesuffix("|")
    cells = [" ".join(cell.split()).replace("\\|", "|") for cell in _BORDER.split(body)]
    return cells if len(cells) >= _FEWEST_CELLS else []
