"""Tables among words with places, as PDF engines and OCR give them.

Coordinates are in any unit, y growing downwards. A table is told from columns of prose by
blank strips that all its lines share, and by its short cells. Its rows become lines of cells
parted by " | ", an empty cell kept, so that a figure stays in its row and below its heading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from statistics import median
from typing import NamedTuple
from unicodedata import east_asian_width

from ingest.loaders.builder import CELL_SEPARATOR
from rag_service.text.language import is_cjk

# In heights of the letters:
_SAME_LINE = 0.5  # two words on one line overlap at least so far
_WIDE_GAP = 1.0  # between two cells; words of a sentence are closer
_GUTTER = 0.5  # a blank strip down a table
_TABLE_END = 3.0  # nothing between two lines
_TIGHT = 0.35  # between a cell's lines
_INTERLOCKED = 0.2  # that lines of one row reach into one another
# Judged, not fitted: a table that is missed is read as lines, which loses little.
_MIN_ROWS = 3
_MAX_WORDS = 300  # of a line: comparing strips takes their square
_MAX_PAGE_WORDS = 10_000  # a page of fine print has 2,000
_ROWS_WITH_CELLS = 0.6  # share of rows with several cells
_ROWS_WITH_BOTH = 0.8  # the same where there are only two columns
_MIN_FILLED = 0.3  # share of cells
_CROSSING = 0.15  # share of rows with a cell too wide for its column
_MIN_DENSE_ROWS = 5
_DENSE = 0.7  # share of cells filled
_PROSE_WIDTH = 24  # columns of a terminal: the median of lines of prose; cells are shorter
_FIGURE = re.compile(r"[-+(]*[$€£¥￥]? ?[\d,. ]+[%％)]*|[-–—]+|N/?A", re.IGNORECASE)
_MIN_FIGURES = 4
_MOSTLY = 0.8


class Word(NamedTuple):
    """Text without a blank or a wide gap in it."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        return self.bottom - self.top


Row = list[Word]  # the words of a line, from left to right
Span = tuple[float, float]
Cells = list[str]


def is_same_line(one: Word, other: Word) -> bool:
    """Whether two words stand beside each other."""
    overlap = min(one.bottom, other.bottom) - max(one.top, other.top)
    return overlap >= _SAME_LINE * min(one.height, other.height)


def find_tables(words: Sequence[Word]) -> list[list[Row]]:
    """The rows of each table on a page. ``words`` are in the order in which they were written."""
    if len(words) > _MAX_PAGE_WORDS:
        return []
    place = {id(word): index for index, word in enumerate(words)}
    return list(_tables(rows_of(words), place))


def _tables(rows: Sequence[Row], place: dict[int, int]) -> Iterator[list[Row]]:
    for run in _runs(rows):
        columns = _columns(run) if run else []
        cut = _column_break(run, columns, place)
        if _is_table(run, columns, cut):
            yield run
        elif cut is not None:  # columns of the page, each of which may hold a table
            for side in _sides(run, cut):
                yield from _tables(side, place)
        else:
            yield from (part for part in _gapped(run) if _is_table(part, _columns(part), None))


def _column_break(
    run: Sequence[Row], columns: Sequence[Span], place: dict[int, int]
) -> float | None:
    """Where most lines were not written across; None where all columns go together.

    Rows of a table are mostly written one after another, columns of prose never.
    """
    for (_, right), (left, _) in pairwise(columns):
        pairs = [
            place[id(two)] - place[id(one)] == 1
            for row in run
            for one, two in pairwise(row)
            if one.left < right and two.right > left and two.left >= right
        ]
        if 2 * sum(pairs) < len(pairs):
            return (right + left) / 2
    return None


def _sides(run: Sequence[Row], cut: float) -> Iterator[list[Row]]:
    lefts = [[word for word in row if word.left < cut] for row in run]
    rights = [[word for word in row if word.left >= cut] for row in run]
    yield [row for row in lefts if row]
    yield [row for row in rights if row]


def _gapped(run: Sequence[Row]) -> Iterator[list[Row]]:
    """Stretches of ``run`` in which every line has a wide gap."""
    for has_gap, part in groupby(run, key=lambda row: bool(_wide_gaps(row))):
        if has_gap:
            yield list(part)


def table_lines(rows: Sequence[Row]) -> list[str]:
    """A line for each row of a table."""
    columns = _columns(rows)
    lines: list[Cells] = []
    above: Row = []
    for row in rows:
        cells = _cells(row, columns)
        if lines and _belongs(cells, lines[-1], _overlap(above, row)):
            lines[-1] = [_joined(one, two) for one, two in zip(lines[-1], cells, strict=True)]
        else:
            lines.append(cells)
        above = row
    return [CELL_SEPARATOR.join(cells).strip() for cells in lines]


def _overlap(above: Row, row: Row) -> float:
    """How far ``row`` reaches into the line above, in heights; negative is a gap."""
    reach = max(word.bottom for word in above) - min(word.top for word in row)
    return reach / row[0].height


def _belongs(cells: Cells, held: Cells, overlap: float) -> bool:
    """Whether ``cells`` are further lines of the cells ``held`` above.

    Figures beside a label of two lines stand between these, overlapping both.
    """
    taken = {at for at, cell in enumerate(cells) if cell}
    before = {at for at, cell in enumerate(held) if cell}
    if not taken & before:
        return overlap >= _INTERLOCKED
    is_part = taken < before and len(taken) == 1
    return is_part and overlap >= (_INTERLOCKED if 0 in taken else -_TIGHT)


def _joined(one: str, two: str) -> str:
    """Two lines of a cell; Chinese needs no blank between them."""
    is_chinese = one and two and is_cjk(one[-1]) and is_cjk(two[0])
    return one + two if is_chinese else f"{one} {two}".strip()


def rows_of(words: Sequence[Word]) -> list[Row]:
    """``words`` grouped into lines, from top to bottom."""
    rows: list[Row] = []
    for word in sorted(words, key=lambda word: word.top + word.bottom):
        if rows and is_same_line(rows[-1][0], word):
            rows[-1].append(word)
        else:
            rows.append([word])
    return [sorted(row, key=lambda word: word.left) for row in rows]


def _runs(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Lines that follow one another and leave the same strips blank."""
    run: list[Row] = []
    strips: list[Span] = []
    for row in rows:
        shared = _still_blank(strips, row) if run and _is_near(run[-1], row) else []
        if not shared:
            yield _trimmed(run)
            run, shared = [], _wide_gaps(row)
        if shared:
            run.append(row)
        strips = shared
    yield _trimmed(run)


def _wide_gaps(row: Row) -> list[Span]:
    if len(row) > _MAX_WORDS:
        return []
    gaps = [(one.right, two.left) for one, two in pairwise(row)]
    return [(left, right) for left, right in gaps if right - left >= _WIDE_GAP * row[0].height]


def _still_blank(strips: Sequence[Span], row: Row) -> list[Span]:
    """What ``row`` leaves of ``strips``."""
    if len(row) > _MAX_WORDS:
        return []
    edges = [float("-inf"), *(edge for word in row for edge in (word.left, word.right))]
    edges.append(float("inf"))
    blanks = list(zip(edges[::2], edges[1::2], strict=True))
    shared = [(max(a, left), min(b, right)) for a, b in strips for left, right in blanks]
    return [(left, right) for left, right in shared if right - left >= _GUTTER * row[0].height]


def _is_near(above: Row, row: Row) -> bool:
    gap = min(word.top for word in row) - max(word.bottom for word in above)
    return gap <= _TABLE_END * row[0].height


def _trimmed(run: list[Row]) -> list[Row]:
    """Without the last lines that have no wide gap: they are text below the table."""
    while run and not _wide_gaps(run[-1]):
        if len(run) > 1 and _overlap(run[-2], run[-1]) >= _INTERLOCKED:
            break  # the last line of a cell
        run = run[:-1]
    return run


def _columns(rows: Sequence[Row]) -> list[Span]:
    """Where words stand when all rows but a few are laid over one another."""
    crossing = int(_CROSSING * len(rows))
    gutter = _GUTTER * median(word.height for row in rows for word in row)
    edges = sorted(
        edge for row in rows for word in row for edge in ((word.left, 1), (word.right, -1))
    )
    columns: list[Span] = []
    depth = 0
    start = 0.0
    for at, step in edges:
        if depth == crossing and step == 1:
            start = at
        depth += step
        if depth == crossing and step == -1:
            if columns and start - columns[-1][1] < gutter:
                start = columns.pop()[0]
            columns.append((start, at))
    return columns


def _cells(row: Row, columns: Sequence[Span]) -> Cells:
    cells = [""] * len(columns)
    index = 0
    last: Word | None = None
    for word in row:
        overlaps = [min(word.right, right) - max(word.left, left) for left, right in columns]
        is_close = last is not None and word.left - last.right < _GUTTER * word.height
        # A word in no column belongs to the one in front of it, or to the nearest column.
        if max(overlaps) > 0 or not is_close:
            index = overlaps.index(max(overlaps))
        cells[index] = f"{cells[index]} {word.text}".strip()
        last = word
    return cells


def _is_table(run: Sequence[Row], columns: Sequence[Span], cut: float | None) -> bool:
    """``cut`` is where ``run`` was not written line by line, if anywhere."""
    rows = [_cells(row, columns) for row in run]
    filled = [sum(map(bool, cells)) for cells in rows]
    if len(rows) < _MIN_ROWS or sum(filled) < _MIN_FILLED * len(rows) * len(columns):
        return False
    prose = sum(_is_prose([cells[at] for cells in rows]) for at in range(len(columns)))
    if cut is not None:
        is_dense = sum(filled) >= _DENSE * len(rows) * len(columns) and not prose
        return is_dense and len(columns) > 2 and len(rows) >= _MIN_DENSE_ROWS and not _is_list(rows)
    share = sum(count > 1 for count in filled) / len(rows)
    if _holds_figures(rows):
        share = max(share, _ROWS_WITH_BOTH)
    if len(columns) > 2:
        return share >= _ROWS_WITH_CELLS and prose <= 1
    is_long = len(columns) == 2 and len(rows) > _MIN_ROWS
    return is_long and share >= _ROWS_WITH_BOTH and not prose and not _is_list(rows)


def _holds_figures(rows: Sequence[Cells]) -> bool:
    """Whether numbers stand beside the labels, at least in some rows."""
    beside = [cell for cells in rows for cell in cells[1:] if cell]
    figures = sum(_FIGURE.fullmatch(cell) is not None for cell in beside)
    return len(beside) >= _MIN_FIGURES and figures >= _MOSTLY * len(beside)


def _is_prose(column: Sequence[str]) -> bool:
    widths = [_display_width(cell) for cell in column if cell]
    return bool(widths) and median(widths) >= _PROSE_WIDTH


def _is_list(rows: Sequence[Cells]) -> bool:
    """Bullets or numbers in front of lines."""
    marks = [cells[0] for cells in rows if cells[0]]
    return 2 * sum(len(mark.strip(".()[]")) <= 2 for mark in marks) > len(marks)


def _display_width(text: str) -> int:
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)
