"""The cells of a sheet as tables: cut at blank rows and columns, captions set apart."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, islice
from typing import Final

from ingest.loaders.builder import TextBuilder
from ingest.loaders.tables import HEADER_SAMPLE, Row, captions, looks_like_header, tidied

Cell = (
    int
    | float
    | str
    | bool
    | datetime.time
    | datetime.date
    | datetime.datetime
    | datetime.timedelta
)
# Larger sheets are lists, not layouts: one table, read as a stream.
LAYOUT_ROWS: Final = 20_000


@dataclass(slots=True)
class CharBudget:
    """How many more characters are read."""

    left: int

    @property
    def is_spent(self) -> bool:
        return self.left <= 0

    def take(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows until the budget is spent."""
        for row in rows:
            if self.is_spent:
                return
            self.left -= sum(map(len, row)) + len(row)
            yield row


def shown(cell: Cell, percent_decimals: int | None = None) -> str:
    """A cell as a person sees it."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, (int, float)):
        if percent_decimals is not None:
            return f"{cell * 100:.{percent_decimals}f}%"
        return _number(cell)
    if isinstance(cell, datetime.datetime):
        return _moment(cell)
    if isinstance(cell, datetime.timedelta):
        return _duration(cell)
    return cell.isoformat()


def _number(number: float) -> str:
    """Spreadsheets keep 15 digits; the rest is the noise of binary fractions."""
    if isinstance(number, int) or (number.is_integer() and abs(number) < 1e15):
        return str(int(number))
    return f"{number:.15g}"


def _moment(moment: datetime.datetime) -> str:
    if moment.microsecond:
        moment = (moment + datetime.timedelta(microseconds=500_000)).replace(microsecond=0)
    if moment.time() == datetime.time():
        return moment.date().isoformat()
    return moment.isoformat(" ", "seconds" if moment.second else "minutes")


def _duration(duration: datetime.timedelta) -> str:
    minutes, seconds = divmod(round(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"


def add_sheet(
    builder: TextBuilder,
    name: str,
    rows: Callable[[], Iterator[list[str]]],
    *,
    height: int,
    budget: CharBudget,
) -> bool:
    """Add a sheet under its name; False, and nothing added, where no cell is filled."""
    if not any(any(map(str.strip, row)) for row in rows()):
        return False
    builder.heading(name, 2)  # of level 1 it would be the title of the document
    within = budget.take(rows())
    if height > LAYOUT_ROWS:
        head = list(islice(within, HEADER_SAMPLE))
        builder.table(chain(head, within), has_header=looks_like_header(head))
        return True
    for block in _joined(_blocks(within)):
        for part in _side_by_side(block):
            _add_block(builder, part)
    return True


def _blocks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Runs of rows that are not blank."""
    for filled, run in groupby(rows, key=lambda row: any(map(str.strip, row))):
        if filled:
            yield list(run)


def _joined(blocks: Iterable[list[Row]]) -> Iterator[list[Row]]:
    """A run that has no header and fits under the one before goes on with its table."""
    current: list[Row] = []
    for block in blocks:
        if current and _continues(current, block):
            current += block
            continue
        if current:
            yield current
        current = block
    if current:
        yield current


def _continues(before: Sequence[Row], block: Sequence[Row]) -> bool:
    above, below = _columns(before), _columns(block)
    if len(below) < 2 or not below <= above or looks_like_header(block):
        return False
    return len(before) == 1 or looks_like_header(before)


def _columns(rows: Iterable[Row]) -> set[int]:
    return {place for row in rows for place, cell in enumerate(row) if cell.strip()}


def _side_by_side(block: list[Row]) -> list[list[Row]]:
    """Tables that stand beside one another, a blank column between them."""
    columns = sorted(_columns(block))
    groups: list[list[int]] = []
    for column in columns:
        if groups and groups[-1][-1] == column - 1:
            groups[-1].append(column)
        else:
            groups.append([column])
    parts = [[[row[place] for place in group] for row in block] for group in groups]
    if len(groups) < 2 or not all(map(_is_table, parts)):
        return [block]
    return [list(part) for part in parts]


def _is_table(rows: Sequence[Row]) -> bool:
    filled = [row for row in rows if any(map(str.strip, row))]
    return len(filled) > 1 and len(_columns(filled)) > 1


def _add_block(builder: TextBuilder, block: Sequence[Row]) -> None:
    rows: list[Row] = [row for row in tidied(block) if row]
    for caption in captions(rows):
        builder.paragraph(caption)
    if len(rows) == 1 and len(rows[0]) == 1:
        builder.paragraph(rows[0][0])
    else:
        builder.table(rows, has_header=looks_like_header(rows))
