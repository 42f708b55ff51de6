"""The structure of a document's text: sections under headings, and what kind of text they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ingest.headings import Heading, Line, markdown_headings, plain_headings

BlockKind = Literal["heading", "prose", "table", "code"]

HEADING_SEPARATOR: Final = " > "

_LINE: Final = re.compile(r"[^\r\n\x0b\x0c\x85\u2028\u2029]+")
_LINE_BREAK: Final = re.compile(r"\r\n?|[\n\x85\u2028]")
_PAGE_OR_PARAGRAPH: Final = re.compile(r"[\x0b\x0c\u2029]")
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_TABLE_ROW: Final = re.compile(r"\s*\|.*\S")
_CELLS_APART: Final = re.compile(r"\S[^\S\r\n]*(?:\t|\|)\s*\S")


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of one kind of text; a heading, table or code block consists of whole lines."""

    kind: BlockKind
    char_start: int
    char_end: int


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks under one heading path ("A > B"), beginning with the heading lines themselves."""

    heading: str
    blocks: tuple[Block, ...]


def split_sections(text: str, *, markdown: bool) -> list[Section]:
    """The sections of ``text`` in order; their blocks hold every character but white space.

    Headings that follow one another without text between them open one section together.
    """
    lines = split_lines(text)
    kinds = _line_kinds(lines, markdown=markdown)
    if markdown:
        headings = markdown_headings(lines, [kind == "code" for kind in kinds])
    else:
        headings = plain_headings(lines, [kind == "table" for kind in kinds])
    return list(_assemble(lines, kinds, headings))


def split_lines(text: str) -> list[Line]:
    """The lines of ``text`` that are not blank."""
    lines: list[Line] = []
    end = 0
    for match in _LINE.finditer(text):
        if match[0].isspace():
            continue
        apart = not lines or is_paragraph_gap(text[end : match.start()])
        lines.append(Line(match.start(), match.end(), match[0], apart))
        end = match.end()
    return lines


def is_paragraph_gap(gap: str) -> bool:
    """Whether the white space ``gap`` holds a blank line or a page or paragraph separator."""
    return len(_LINE_BREAK.findall(gap)) > 1 or _PAGE_OR_PARAGRAPH.search(gap) is not None


def first_markdown_title(text: str) -> str:
    """The first heading of level 1 outside code; "" where there is none."""
    lines = split_lines(text)
    found = markdown_headings(lines, _code_lines(lines))
    return next((heading.title for heading in found.values() if heading.level == 1), "")


def _line_kinds(lines: Sequence[Line], *, markdown: bool) -> list[BlockKind]:
    in_code = _code_lines(lines) if markdown else [False] * len(lines)
    in_table = _table_lines(lines)
    kinds: list[BlockKind] = []
    for code, table in zip(in_code, in_table, strict=True):
        kinds.append("code" if code else "table" if table else "prose")
    return kinds


def _code_lines(lines: Sequence[Line]) -> list[bool]:
    """Which lines belong to fenced code, fences included; an open fence runs to the end."""
    marks: list[bool] = []
    fence = ""
    for line in lines:
        match = _FENCE.match(line.text)
        marks.append(bool(fence) or match is not None)
        if match is None:
            continue
        if not fence:
            fence = match[1]
        elif match[1].startswith(fence) and not match[2].strip():
            fence = ""
    return marks


def _table_lines(lines: Sequence[Line]) -> list[bool]:
    """Rows that begin with a bar, and neighbouring lines whose cells are set apart."""
    celled = [False, *(_CELLS_APART.search(line.text) is not None for line in lines), False]
    return [
        _TABLE_ROW.match(line.text) is not None or (here and (before or after))
        for line, before, here, after in zip(lines, celled, celled[1:], celled[2:], strict=False)
    ]


def _assemble(
    lines: Sequence[Line], kinds: Sequence[BlockKind], headings: dict[int, Heading]
) -> Iterator[Section]:
    path: list[Heading] = []
    blocks: list[Block] = []
    has_text = False
    heading_lines = 0
    for index, (line, kind) in enumerate(zip(lines, kinds, strict=True)):
        heading = headings.get(index)
        if heading is not None:
            if has_text:
                yield _section(path, blocks)
                blocks, has_text = [], False
            path = [outer for outer in path if outer.level < heading.level] + [heading]
            heading_lines = heading.lines
        if heading_lines:
            heading_lines -= 1
            _append(blocks, "heading", line)
        else:
            has_text = True
            _append(blocks, kind, line)
    if blocks:
        yield _section(path, blocks)


def _append(blocks: list[Block], kind: BlockKind, line: Line) -> None:
    """Add ``line``, to the last block where that is of the same kind."""
    if blocks and blocks[-1].kind == kind:
        blocks[-1] = Block(kind, blocks[-1].char_start, line.end)
    else:
        blocks.append(Block(kind, line.start, line.end))


def _section(path: Sequence[Heading], blocks: Sequence[Block]) -> Section:
    return Section(HEADING_SEPARATOR.join(heading.title for heading in path), tuple(blocks))
