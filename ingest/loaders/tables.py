"""Tables of text cells: closing their gaps, telling what names their columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from typing import Final, TypeVar

_NUMBER: Final = re.compile(
    r"[-+−(]?\s*[$€£¥￥]?\s*[-+−]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?([eE][-+]?\d+)?\s*[%‰]?\)?\s*[万亿萬億]?元?"
)
_DATE: Final = re.compile(
    r"\d{4}[-/.年]\d{1,2}([-/.月]\d{1,2}日?)?月?([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?"
    r"|\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}|\d{1,2}:\d{2}(:\d{2})?"
)
_YEAR: Final = re.compile(r"(19|20|21)\d\d年?(Q[1-4])?")
Row = Sequence[str]
RowT = TypeVar("RowT", bound=Row)
HEADER_SAMPLE: Final = 30  # rows that tell whether the first is a header
_MAX_NAME: Final = 100  # characters of a column's name
_MIN_NAMED: Final = 0.5  # of the columns


def tidied(rows: Sequence[Row]) -> list[list[str]]:
    """Without columns that are blank in every row, and without blank cells at row ends.

    Word keeps a grid column for every edge of any cell, spreadsheets columns for the look.
    """
    used = sorted({place for row in rows for place, cell in enumerate(row) if cell.strip()})
    return [_trimmed([row[place] for place in used if place < len(row)]) for row in rows]


def _trimmed(row: list[str]) -> list[str]:
    while row and not row[-1].strip():
        row.pop()
    return row


def captions(rows: list[RowT]) -> list[str]:
    """Takes lines of one cell off the top of a table of several columns."""
    taken: list[str] = []
    width = max(map(_filled, rows), default=0)
    while len(rows) > 1 and width > 1 and _filled(rows[0]) <= 1:
        taken += filter(str.strip, rows.pop(0))
    return taken


def _filled(row: Row) -> int:
    return sum(1 for cell in row if cell.strip())


def looks_like_header(rows: Sequence[Row]) -> bool:
    """Whether the first row of a table that is not blank names the columns.

    Names are short, differ, and are no values: a number or date may only stand among them
    (years of a balance sheet) where what stands below is of another kind.
    """
    filled = list(islice((row for row in rows if any(map(str.strip, row))), HEADER_SAMPLE))
    if len(filled) < 2:
        return False
    header, *below = filled
    names = [name.strip() for name in header if name.strip()]
    width = max(map(_filled, filled))
    if len(names) < _MIN_NAMED * width or len(set(names)) < len(names):
        return False
    if any(len(name) > _MAX_NAME for name in names):
        return False
    kinds = [_kind(name) for name in header]
    columns = [_kinds_below(below, column) for column in range(len(kinds))]
    if width == 1:  # lines of text have no header; a list of figures may
        return "text" in kinds and not any("text" in column for column in columns)
    return "text" in kinds and all(map(_may_be_name, kinds, columns))


def _kinds_below(rows: Sequence[Row], column: int) -> list[str]:
    return [_kind(row[column]) for row in rows if column < len(row)]


def _may_be_name(kind: str, below: Sequence[str]) -> bool:
    if kind in {"text", ""}:
        return True
    if kind == "number":
        return False
    return below.count(kind) * 2 < len(below)


def _kind(cell: str) -> str:
    text = cell.strip()
    if not text:
        return ""
    if _YEAR.fullmatch(text):
        return "year"
    if _DATE.fullmatch(text):
        return "date"
    return "number" if any(map(str.isdigit, text)) and _NUMBER.fullmatch(text) else "text"
