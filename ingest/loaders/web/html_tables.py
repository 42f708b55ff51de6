"""HTML tables: telling data from layout, and spanned cells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml.etree import _Element as Element

from ingest.loaders.tables import looks_like_header
from ingest.loaders.web.html_text import flat_text
from ingest.loaders.web.html_tree import is_hidden

_ROW_GROUPS = frozenset({"thead", "tbody", "tfoot"})
_PAGE_PARTS = ("h1", "h2", "h3", "h4", "h5", "h6", "pre", "form", "article", "section")
_MAX_CELL = 2_000  # characters; a longer cell holds a page, not a value
_MAX_HEADER_ROWS = 4
# What spanned cells may add in all, beyond as much again as the cells themselves hold: each row
# costs an attacker a few bytes and could otherwise repeat thousands of cells.
_REPEAT_ALLOWANCE = 20_000
_MAX_REPEATED = 200  # characters of a cell that is worth repeating
_MAX_SPAN = 1_000


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    is_header: bool
    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class DataTable:
    """``rows`` are ready to be written; the first names the columns where ``has_header``."""

    caption: str
    rows: list[list[str]]
    has_header: bool


def read_table(table: Element) -> DataTable | None:
    """The rows of a data table; None for one that only places parts of the page."""
    rows = list(_own_rows(table))
    if _is_layout(table, rows):
        return None
    cells = [[_cell(element) for element in _own_cells(row)] for row in rows]
    named = _header_rows(rows, cells)
    grid = _Grid(_REPEAT_ALLOWANCE + sum(len(cell.text) + 3 for row in cells for cell in row))
    lines = [grid.add(row, is_header=index < named) for index, row in enumerate(cells)]
    header = [_merged(lines[:named])] if named else []
    caption = next(_shown(table, {"caption"}), None)
    return DataTable(
        flat_text(caption) if caption is not None else "",
        _without_blank_columns(header + lines[named:]),
        named > 0,
    )


def _own_rows(table: Element) -> Iterator[Element]:
    for child in _shown(table, {"tr", *_ROW_GROUPS}):
        if child.tag == "tr":
            yield child
        else:
            yield from _shown(child, {"tr"})


def _own_cells(row: Element) -> Iterator[Element]:
    return _shown(row, {"td", "th"})


def _shown(parent: Element, tags: set[str]) -> Iterator[Element]:
    return (child for child in parent if child.tag in tags and not is_hidden(child))


def _is_layout(table: Element, rows: list[Element]) -> bool:
    if table.get("role") in {"presentation", "none"}:
        return True
    cells = [cell for row in rows for cell in _own_cells(row)]
    if any(_holds_page_part(cell) for cell in cells):
        return True
    if any(cell.tag == "th" for cell in cells):
        return False
    if next(table.iterdescendants("table"), None) is not None:
        return True
    return len(rows) < 2 or max((len(list(_own_cells(row))) for row in rows), default=0) < 2


def _holds_page_part(cell: Element) -> bool:
    if next(cell.iterdescendants(_PAGE_PARTS), None) is not None:
        return True
    length = 0
    for text in cell.itertext():
        length += len(text.strip())
        if length > _MAX_CELL:
            return True
    return False


def _cell(element: Element) -> Cell:
    columns, rows = _span(element, "colspan"), _span(element, "rowspan")
    return Cell(flat_text(element), element.tag == "th", columns, rows)


def _span(element: Element, name: str) -> int:
    value = element.get(name, "").strip()
    if not re.fullmatch("[0-9]{1,6}", value):
        return 1
    return min(max(1, int(value)), _MAX_SPAN)


def _header_rows(rows: list[Element], cells: list[list[Cell]]) -> int:
    """How many rows name the columns."""
    named = 0
    for row, content in zip(rows, cells, strict=True):
        is_header = any(cell.is_header for cell in content)
        is_header = is_header and all(cell.is_header or not cell.text for cell in content)
        if not is_header and row.getparent().tag != "thead":
            break
        named += 1
    if 0 < named <= _MAX_HEADER_ROWS:
        return named if named < len(rows) else 0
    return 1 if named or _names_columns(cells) else 0


def _names_columns(cells: list[list[Cell]]) -> bool:
    """Whether the first row names the columns though nothing in the page says so.

    Two columns are as often names and values.
    """
    texts = [[cell.text for cell in row] for row in cells]
    return max(map(len, texts), default=0) > 2 and looks_like_header(texts)


@dataclass(slots=True)
class _Grid:
    """Rows as they come, cells that reach into later rows repeated there."""

    allowance: int
    carried: dict[int, tuple[str, int]] = field(default_factory=dict)  # column: text, rows left

    def add(self, cells: list[Cell], *, is_header: bool) -> list[str]:
        row: list[str] = []
        for cell in cells:
            self._fill_carried(row)
            self._place(cell, row, repeats=is_header)
        self._fill_carried(row)
        if len(cells) == 1:  # a title across all columns, or what is left beside carried cells
            return list(dict.fromkeys(text for text in row if text))
        return row if cells else []

    def _place(self, cell: Cell, row: list[str], *, repeats: bool) -> None:
        again = cell.text if len(cell.text) <= _MAX_REPEATED else ""
        for offset in range(cell.columns):
            text = cell.text if not offset else again if repeats else ""
            if offset and not self._affords(text):
                return
            if cell.rows > 1:
                self.carried[len(row)] = (again if not offset or repeats else "", cell.rows - 1)
            row.append(text)

    def _fill_carried(self, row: list[str]) -> None:
        while (held := self.carried.pop(len(row), None)) is not None:
            text, left = held
            if not self._affords(text):
                return
            if left > 1:
                self.carried[len(row)] = (text, left - 1)
            row.append(text)

    def _affords(self, text: str) -> bool:
        self.allowance -= len(text) + 3
        return self.allowance >= 0


def _merged(rows: list[list[str]]) -> list[str]:
    """Several header rows as one: each column under all its names."""
    width = max(map(len, rows))
    columns = ([row[index] for row in rows if index < len(row)] for index in range(width))
    return [" ".join(dict.fromkeys(name for name in names if name)) for names in columns]


def _without_blank_columns(rows: list[list[str]]) -> list[list[str]]:
    """Columns that hold nothing anywhere only set others apart."""
    used = {index for row in rows for index, text in enumerate(row) if text}
    return [[text for index, text in enumerate(row) if index in used] for row in rows]
