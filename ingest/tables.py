"""Tables: which lines are rows, which row names the columns, and how it is carried along."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from ingest.lines import Line, holds_line_break

CELL_SEPARATOR: Final = " | "
MAX_HEADER: Final = 300  # characters of a header row that go with the rows of a later chunk

_BAR_ROW: Final = re.compile(r"\s*\|.*\S")
_CELLS_APART: Final = re.compile(r"\S[^\S\r\n]*(?:\t|\|)\s*\S")
_CELL_BORDER: Final = re.compile(r"(?<!\\)[|\t]")
# The row of dashes below a header, as in GitHub Flavored Markdown, section 4.10.
_DELIMITER_ROW: Final = re.compile(r"\|?(?:\s*:?[-=]+:?\s*(?:\||$))+")

_SAMPLED_ROWS: Final = 6  # enough to see that a column holds numbers
_MIN_ROWS: Final = 3
_MAX_COLUMN_NAME: Final = 40  # characters
_DIGIT: Final = re.compile(r"\d")


class Table(NamedTuple):
    """The header row of a table: what it says and where it is.

    ``start`` and ``end`` span it in the text, with the row of dashes below it; both are -1
    where the text does not hold it. ``barred`` says that rows begin and end with a bar.
    """

    cells: tuple[str, ...]
    start: int = -1
    end: int = -1
    barred: bool = False


def split_cells(row: str, *, barred: bool) -> list[str]:
    """The cells of a row, trimmed. A bar at the outer edge is a border where ``barred``."""
    body = row.strip()
    if barred:
        body = body.removeprefix("|")
        body = body if body.endswith("\\|") else body.removesuffix("|")
    return [" ".join(cell.split()) for cell in _CELL_BORDER.split(body)]


def joined_cells(cells: Sequence[str], limit: int = MAX_HEADER) -> str:
    """As many ``cells`` as fit into ``limit`` characters on one line; part of the first at least.

    "" where all are blank.
    """
    if not any(cells):
        return ""
    line = CELL_SEPARATOR.join(cells)
    if len(line) <= limit:
        return line.strip()
    border = line.rfind(CELL_SEPARATOR, 0, limit + len(CELL_SEPARATOR))
    if border <= 0:
        border = line.rfind(" ", 0, limit + 1)
    return line[: border if border > 0 else limit].strip()


def table_lines(lines: Sequence[Line]) -> list[bool]:
    """Rows that begin with a bar, and neighbouring lines whose cells are set apart."""
    celled = [False, *(_has_cells(line.text) for line in lines), False]
    return [
        (here and (before or after)) or _BAR_ROW.match(line.text) is not None
        for line, before, here, after in zip(lines, celled, celled[1:], celled[2:], strict=False)
    ]


def _has_cells(line: str) -> bool:
    return ("|" in line or "\t" in line) and _CELLS_APART.search(line) is not None


def find_tables(
    lines: Sequence[Line], in_table: Sequence[bool], *, markdown: bool
) -> dict[int, Table | None]:
    """Where tables begin, by line index, each with its header row if it clearly has one.

    A blank line ends a table. A header row has a row of dashes below it; in plain text it may
    also be a row of words above columns of numbers.
    """
    found: dict[int, Table | None] = {}
    for start, end in _runs(lines, in_table):
        found[start] = None
        for index in range(start + 1, end):
            if _is_delimiter(lines[index].text):
                found[index - 1] = _header(lines[index - 1], lines[index].end)
        if found[start] is None and not markdown and _names_columns(lines[start:end]):
            found[start] = _header(lines[start], lines[start].end)
    return found


def _is_delimiter(line: str) -> bool:
    return "|" in line and _DELIMITER_ROW.fullmatch(line.strip()) is not None


def _runs(lines: Sequence[Line], in_table: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Ranges of lines without a blank line between them that are all rows."""
    start = -1
    for index, row in enumerate(in_table):
        if start >= 0 and (not row or lines[index].apart):
            yield start, index
            start = -1
        if row and start < 0:
            start = index
    if start >= 0:
        yield start, len(lines)


def _header(line: Line, end: int) -> Table:
    row = line.text.lstrip()
    barred = row.startswith("|")
    start = line.end - len(row)
    return Table(tuple(split_cells(row, barred=barred)), start, end, barred)


def _names_columns(lines: Sequence[Line]) -> bool:
    """Whether the first row names the columns: words of its own above a column of numbers."""
    rows = [split_cells(line.text, barred=False) for line in lines[:_SAMPLED_ROWS]]
    names, body = rows[0], rows[1:]
    if len(rows) < _MIN_ROWS or any(len(row) != len(names) for row in body):
        return False
    named = [name for name in names if name]
    if len(named) < 2 or len(set(named)) < len(named):
        return False
    if any(_DIGIT.search(name) or len(name) > _MAX_COLUMN_NAME for name in named):
        return False
    return any(all(_DIGIT.search(cell) for cell in column) for column in zip(*body, strict=True))


@lru_cache(maxsize=2)  # a row of a megabyte is cut into thousands of pieces, which ask in turn
def _borders(text: str, row_start: int) -> list[int]:
    """Where the cells of a row end."""
    end = text.find("\n", row_start)
    row_end = end if end >= 0 else len(text)
    return [border.start() for border in _CELL_BORDER.finditer(text, row_start, row_end)]


def header_of(text: str, table: Table, row_start: int, start: int, end: int, limit: int) -> str:
    """What the header row says of the rows, or of the cells of one row, in ``text[start:end]``.

    At most ``limit`` characters. Cells cut from the long row that begins at ``row_start`` get
    the names of their own columns.
    """
    if holds_line_break(text[start:end]):
        return joined_cells(table.cells, limit)
    before = bisect_left(_borders(text, row_start), start)
    within = len(_CELL_BORDER.findall(text[start:end].rstrip(" |\t")))
    first, last = (max(0, borders - table.barred) for borders in (before, before + within))
    return joined_cells(table.cells[first : last + 1], limit) or joined_cells(table.cells, limit)
