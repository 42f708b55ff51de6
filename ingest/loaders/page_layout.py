"""Lines and tables from words with places, as PDF engines and OCR give them.

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
_ROWS_WITH_CELLS = 0.6  # share of rows with several cells
_ROWS_WITH_BOTH = 0.8  # the same where there are only two columns
_MIN_FILLED = 0.3  # share of cells
_CROSSING = 0.15  # share of rows with a cell too wide for its column
_MIN_DENSE_ROWS = 5
_DENSE = 0.7  # share of cells filled
_MAX_CUTS = 60
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


def layout_text(words: Sequence[Word]) -> tuple[str, bool]:
    """The text of a page, and whether it has tables.

    Text outside tables keeps the order of ``words``; a table stands where its first word does.
    """
    rows_of = {id(word): table for table in find_tables(words) for row in table for word in row}
    lines: list[str] = []
    done: set[int] = set()
    last: Word | None = None
    for word in words:
        table = rows_of.get(id(word))
        if table is None:
            _write(lines, last, word)
            last = word
        elif id(table) not in done:
            done.add(id(table))
            lines += table_lines(table)
            last = None
    return "\n".join(lines), bool(done)


def _write(lines: list[str], last: Word | None, word: Word) -> None:
    if last is not None and _is_same_line(last, word) and word.left >= last.right - last.height:
        lines[-1] += f" {word.text}"
    else:
        lines.append(word.text)


def _is_same_line(one: Word, other: Word) -> bool:
    overlap = min(one.bottom, other.bottom) - max(one.top, other.top)
    return overlap >= _SAME_LINE * min(one.height, other.height)


def find_tables(words: Sequence[Word]) -> list[list[Row]]:
    """The rows of each table on a page."""
    place = {id(word): index for index, word in enumerate(words)}
    tables: list[list[Row]] = []
    for run in _runs(_rows(words)):
        whole = [run] if _is_table(run, place) else []
        tables += whole or [part for part in _gapped(run) if _is_table(part, place)]
    return tables


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


def _rows(words: Sequence[Word]) -> list[Row]:
    rows: list[Row] = []
    for word in sorted(words, key=lambda word: word.top + word.bottom):
        if rows and _is_same_line(rows[-1][0], word):
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
    gaps = [(one.right, two.left) for one, two in pairwise(row)]
    return [(left, right) for left, right in gaps if right - left >= _WIDE_GAP * row[0].height]


def _still_blank(strips: Sequence[Span], row: Row) -> list[Span]:
    """What ``row`` leaves of ``strips``."""
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


def _is_table(run: Sequence[Row], place: dict[int, int]) -> bool:
    if len(run) < _MIN_ROWS:
        return False
    columns = _columns(run)
    rows = [_cells(row, columns) for row in run]
    filled = [sum(map(bool, cells)) for cells in rows]
    if sum(filled) < _MIN_FILLED * len(rows) * len(columns):
        return False
    prose = sum(_is_prose([cells[at] for cells in rows]) for at in range(len(columns)))
    share = sum(count > 1 for count in filled) / len(rows)
    if _holds_figures(rows):
        share = max(share, _ROWS_WITH_BOTH)
    if len(columns) < 3:
        is_regular = share >= _ROWS_WITH_BOTH and not prose and not _is_list(rows)
        return len(columns) == 2 and is_regular and _is_written_by_row(run, place)
    is_dense = sum(filled) >= _DENSE * len(rows) * len(columns) and len(rows) >= _MIN_DENSE_ROWS
    is_aligned = share >= _ROWS_WITH_CELLS and prose <= 1
    return is_aligned and (is_dense or _is_written_by_row(run, place))


def _holds_figures(rows: Sequence[Cells]) -> bool:
    """Whether numbers stand beside the labels, at least in some rows."""
    beside = [cell for cells in rows for cell in cells[1:] if cell]
    figures = sum(_FIGURE.fullmatch(cell) is not None for cell in beside)
    return len(beside) >= _MIN_FIGURES and figures >= _MOSTLY * len(beside)


def _is_written_by_row(run: Sequence[Row], place: dict[int, int]) -> bool:
    """Whether the words of most lines follow one another; prose is written column by column."""
    return 2 * sum(
        place[id(two)] - place[id(one)] == 1
        for row in run
        for one, two in pairwise(row)
        if two.left - one.right >= _WIDE_GAP * one.height
    ) > sum(len(_wide_gaps(row)) for row in run)


def _is_prose(column: Sequence[str]) -> bool:
    widths = [_display_width(cell) for cell in column if cell]
    return bool(widths) and median(widths) >= _PROSE_WIDTH


def _is_list(rows: Sequence[Cells]) -> bool:
    """Bullets or numbers in front of lines."""
    marks = [cells[0] for cells in rows if cells[0]]
    return 2 * sum(len(mark.strip(".()[]")) <= 2 for mark in marks) > len(marks)


def _display_width(text: str) -> int:
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


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
    if len(blocks) < 2 or depth == _MAX_CUTS:
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
    rows = _rows([block.words[0] for block in blocks])
    return [whole[id(word)] for row in rows for word in row]
