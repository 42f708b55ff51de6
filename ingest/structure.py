"""The structure of a document's text: sections under headings, and what kind of text they hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from ingest.headings import MAX_HEADING_LINE, Heading, heading_path, one_line_title, plain_headings
from ingest.lines import Line, iter_lines, trimmed
from ingest.markdown import code_lines, front_matter_end, markdown_headings
from ingest.tables import CELL_SEPARATOR, Table, find_tables, split_cells, table_lines
from rag_service.document_types import LoadedText, Mark

BlockKind = Literal["heading", "prose", "table", "code"]

_MAX_CARRIED_HEADER: Final = 10_000  # characters of a table's header row


class Block(NamedTuple):
    """A stretch of one kind of text; a heading, table or code block consists of whole lines.

    ``heading`` is the one that begins here; a block of prose has one where the heading shares
    its line with text. ``table`` is the header row, where a table has one.
    """

    kind: BlockKind
    char_start: int
    char_end: int
    heading: Heading | None = None
    table: Table | None = None
    ends_section: bool = False


class Section(NamedTuple):
    """Blocks under one heading path ("A > B"), beginning with the heading lines themselves."""

    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Carried:
    """What a part of a very large document tells the next one; plain values, fit for JSON.

    ``headings`` are those open at the end of the part, as (level, title), the outermost first.
    ``table_header`` is the header row of the table that the part ends in, ``fence`` the mark
    of the fenced code that it ends in; "" where there is none.
    """

    title: str = ""  # of the whole document
    headings: tuple[tuple[int, str], ...] = ()
    table_header: str = ""
    fence: str = ""


class _Blocks(NamedTuple):
    found: list[Block]
    fence: str = ""  # still open at the end


def outline(loaded: LoadedText, carried: Carried, *, first: bool) -> tuple[list[Section], Carried]:
    """The sections of a document or of a part of it, and what the next part is to be told.

    The blocks of the sections hold every character but white space, in order. Headings that
    follow one another without text between them open one section together. ``first`` says
    that the text is where the document begins.
    """
    blocks = _find_blocks(loaded, carried, first=first)
    path = [Heading(level, title) for level, title in carried.headings]
    sections, path = _gather(blocks.found, path, carried.title)
    return sections, Carried(
        title=carried.title,
        headings=tuple((heading.level, heading.title) for heading in path),
        table_header=_open_table_header(blocks.found),
        fence=blocks.fence,
    )


def text_blocks(loaded: LoadedText) -> list[Block]:
    """The headings, tables, code and prose of a text whose syntax is plain or Markdown."""
    return _find_blocks(loaded, Carried(), first=True).found


def _find_blocks(loaded: LoadedText, carried: Carried, *, first: bool) -> _Blocks:
    if loaded.syntax == "marked":
        found = list(_marked_blocks(loaded.text, loaded.marks))
        # Where a table goes on, its first row here is a row like any other.
        return _Blocks(_continue_table(found, carried.table_header, replace=True))
    lines = list(iter_lines(loaded.text))
    if loaded.syntax == "markdown":
        blocks = _markdown_blocks(lines, carried.fence, first=first)
    else:
        blocks = _Blocks(_plain_blocks(lines))
    return blocks._replace(found=_continue_table(blocks.found, carried.table_header, replace=False))


def _marked_blocks(text: str, marks: Sequence[Mark]) -> Iterator[Block]:
    position = 0
    for mark in marks:
        start = max(mark.char_start, position)  # marks that overlap must not cost any text
        if mark.char_end <= start:
            continue
        yield from _prose(text, position, start)
        yield from _marked_block(text, mark, start)
        position = mark.char_end
    yield from _prose(text, position, len(text))


def _prose(text: str, start: int, end: int) -> Iterator[Block]:
    for span in trimmed(text, start, end):
        yield Block("prose", *span)


def _marked_block(text: str, mark: Mark, start: int) -> Iterator[Block]:
    for first, end in trimmed(text, start, mark.char_end):
        if mark.kind == "heading":
            # Whole paragraphs are given a heading's style; their sentences are still prose.
            kind: BlockKind = "prose" if end - first > MAX_HEADING_LINE else "heading"
            heading = Heading(mark.level, one_line_title(text[first:end]))
            yield Block(kind, first, end, heading=heading)
        elif mark.kind == "table" and mark.header_end > first:
            cells = split_cells(text[first : mark.header_end], barred=False)
            yield Block("table", first, end, table=Table(tuple(cells), first, mark.header_end))
        else:
            yield Block(mark.kind, first, end)


def _markdown_blocks(lines: Sequence[Line], fence: str, *, first: bool) -> _Blocks:
    code = list(code_lines(lines, fence))
    front = front_matter_end(lines) if first else 0
    in_code = [index < front or is_code for index, (is_code, _) in enumerate(code)]
    in_table = [
        table and not is_code for table, is_code in zip(table_lines(lines), in_code, strict=True)
    ]
    headings = markdown_headings(lines, in_code, front)
    tables = find_tables(lines, in_table, markdown=True)
    kinds: list[BlockKind] = [
        "code" if is_code else "table" if table else "prose"
        for is_code, table in zip(in_code, in_table, strict=True)
    ]
    blocks = list(_line_blocks(lines, kinds, headings, tables, front))
    if front:
        blocks[0] = blocks[0]._replace(ends_section=True)
    return _Blocks(blocks, fence=code[-1][1] if code else fence)


def _plain_blocks(lines: Sequence[Line]) -> list[Block]:
    in_table = table_lines(lines)
    headings = plain_headings(lines, in_table)
    tables = find_tables(lines, in_table, markdown=False)
    kinds: list[BlockKind] = ["table" if table else "prose" for table in in_table]
    return list(_line_blocks(lines, kinds, headings, tables))


def _line_blocks(
    lines: Sequence[Line],
    kinds: list[BlockKind],
    headings: Mapping[int, Heading],
    tables: Mapping[int, Table | None],
    front: int = 0,
) -> Iterator[Block]:
    """Runs of lines of one kind. ``front`` lines at the beginning stay by themselves."""
    for index, heading in headings.items():
        kinds[index : index + heading.lines] = ["heading"] * heading.lines
    starts = [
        index
        for index, kind in enumerate(kinds)
        if index == 0
        or kind != kinds[index - 1]
        or index in headings
        or index in tables
        or index == front
    ]
    for start, end in pairwise([*starts, len(lines)]):
        yield Block(
            kinds[start],
            lines[start].start,
            lines[end - 1].end,
            headings.get(start),
            tables.get(start),
        )


def _continue_table(blocks: list[Block], header: str, *, replace: bool) -> list[Block]:
    """``blocks`` with a table at the beginning continued under the ``header`` of another part."""
    if not header or not blocks or blocks[0].kind != "table":
        return blocks
    if blocks[0].table is not None and not replace:
        return blocks
    table = Table(tuple(split_cells(header, barred=False)))
    return [blocks[0]._replace(table=table), *blocks[1:]]


def _open_table_header(blocks: Sequence[Block]) -> str:
    if not blocks or blocks[-1].table is None:
        return ""
    return CELL_SEPARATOR.join(blocks[-1].table.cells)[:_MAX_CARRIED_HEADER]


def _gather(
    blocks: Iterable[Block], path: list[Heading], title: str
) -> tuple[list[Section], list[Heading]]:
    """The blocks by section, and the headings open at the end."""
    sections: list[Section] = []
    held: list[Block] = []
    for block in blocks:
        if block.heading is not None:
            if held and held[-1].kind != "heading":
                sections.append(Section(heading_path(path, title), tuple(held)))
                held = []
            level = block.heading.level
            path = [outer for outer in path if outer.level < level] + [block.heading]
        held.append(block)
        if block.ends_section:
            sections.append(Section(heading_path(path, title), tuple(held)))
            held = []
    if held:
        sections.append(Section(heading_path(path, title), tuple(held)))
    return sections, path
