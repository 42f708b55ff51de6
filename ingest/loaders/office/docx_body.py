"""The blocks of a Word document in reading order: headings, paragraphs, lists, tables, boxes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from lxml import etree

from ingest.loaders.builder import TextBuilder
from ingest.loaders.office.docx_inline import (
    Inline,
    InlineReader,
    NoteReference,
    shows_placeholder,
)
from ingest.loaders.office.docx_styles import Numbering, Style, Styles
from ingest.loaders.office.drawingml import add_graphic
from ingest.loaders.office.notes import note_line
from ingest.loaders.office.numerals import stated
from ingest.loaders.office.ooxml import MC, Package, W, chosen, is_on
from ingest.loaders.tables import looks_like_header, tidied

MAX_HEADING: Final = 200  # characters; longer ones are paragraphs given an outline level by mistake
_MAX_SPAN: Final = 64  # Word tables have no more columns
_WRAPPERS: Final = frozenset(
    f"{W}{name}" for name in ("sdtContent", "ins", "moveTo", "customXml", "smartTag", "dir", "bdo")
)


@dataclass(slots=True)
class _Found:
    """What is to follow the block that it hangs on."""

    boxes: list[etree._Element]
    graphics: list[etree._Element]
    notes: list[NoteReference]

    def add(self, inline: Inline) -> None:
        self.boxes += inline.boxes
        self.graphics += inline.graphics
        self.notes += inline.notes


class BodyReader:
    """Adds blocks to ``builder``; ``part`` is the name of the part that they stand in.

    ``foreign_parts`` counts embedded documents (w:altChunk), which are not read.
    """

    def __init__(self, package: Package, part: str, builder: TextBuilder) -> None:
        self._package = package
        self._part = part
        self._builder = builder
        self._styles = Styles(package.related_xml(part, "styles"))
        self._numbering = Numbering(package.related_xml(part, "numbering"))
        self._inline = InlineReader()
        self._notes = {
            f"{W}{kind}": _by_id(package.related_xml(part, f"{kind}s"))
            for kind in ("footnote", "endnote")
        }
        self._code: list[str] = []
        self.foreign_parts = 0

    def read(self, container: Iterable[etree._Element]) -> None:
        self._blocks(container)
        self._end_code()

    def _blocks(self, container: Iterable[etree._Element]) -> None:
        for element in _unwrapped(container):
            if element.tag == f"{W}p":
                self._paragraph(element)
            elif element.tag == f"{W}tbl":
                self._end_code()
                self._table(element)
            elif element.tag == f"{W}altChunk":
                self.foreign_parts += 1

    def _paragraph(self, paragraph: etree._Element) -> None:
        style = self._styles.of(paragraph.find(f"{W}pPr"))
        inline = self._inline.read(paragraph)
        if style.is_code:
            self._code.append("".join(inline.pieces))
        else:
            self._end_code()
            self._prose(style, inline.text)
        found = _Found([], [], [])
        found.add(inline)
        self._what_hangs_on(found)

    def _prose(self, style: Style, text: str) -> None:
        label = self._numbering.label(style)
        if style.is_contents or not text:
            return
        if style.heading and len(text) <= MAX_HEADING:
            self._builder.heading(f"{label} {text}", style.heading)
        elif self._numbering.is_list(style):
            self._builder.list_item(text, depth=style.level, bullet=label or "-")
        else:
            self._builder.paragraph(text)

    def _end_code(self) -> None:
        if self._code:
            lines, self._code = self._code, []
            self._builder.code("\n".join(lines))

    def _what_hangs_on(self, found: _Found) -> None:
        for graphic in found.graphics:
            add_graphic(self._builder, self._package, self._part, graphic)
        for box in found.boxes:
            self._blocks(box)
        for reference in found.notes:
            self._note(reference)

    def _note(self, reference: NoteReference) -> None:
        note = self._notes[f"{W}{reference.kind}"].get(reference.note_id)
        text = "" if note is None else self._flat_text(note, _Found([], [], []))
        if text:
            self._builder.paragraph(note_line(reference.label, text))

    def _table(self, table: etree._Element) -> None:
        rows = list(_rows(table))
        cells = [list(_cells(row)) for row in rows]
        if all(len(row) <= 1 for row in cells):
            self._layout(cells)
            return
        found = _Found([], [], [])
        texts = tidied([self._row(row, found) for row in _spread(rows, cells)])
        has_header = _is_marked_header(rows[0]) or looks_like_header(texts)
        self._builder.table(texts, has_header=has_header)
        self._what_hangs_on(found)

    def _layout(self, cells: list[list[etree._Element]]) -> None:
        """A table of one column frames text; it relates nothing to anything."""
        for row in cells:
            for cell in row:
                self._blocks(cell)

    def _row(self, cells: list[etree._Element | None], found: _Found) -> list[str]:
        return ["" if cell is None else self._flat_text(cell, found) for cell in cells]

    def _flat_text(self, container: etree._Element, found: _Found) -> str:
        """The paragraphs and nested tables of a cell or note on one line."""
        texts: list[str] = []
        for element in _unwrapped(container):
            if element.tag == f"{W}p":
                texts.append(self._flat_paragraph(element, found))
            elif element.tag == f"{W}tbl":
                nested = (cell for row in _rows(element) for cell in _cells(row))
                texts += (self._flat_text(cell, found) for cell in nested)
        return " ".join(text for text in texts if text)

    def _flat_paragraph(self, paragraph: etree._Element, found: _Found) -> str:
        inline = self._inline.read(paragraph)
        label = self._numbering.label(self._styles.of(paragraph.find(f"{W}pPr")))
        found.add(inline)
        return f"{label} {inline.text}".strip() if inline.text else ""


def _by_id(root: etree._Element | None) -> dict[str, etree._Element]:
    return {} if root is None else {str(note.get(f"{W}id")): note for note in root}


def _unwrapped(container: Iterable[etree._Element]) -> Iterator[etree._Element]:
    """The blocks, rows or cells within, out of content controls and tracked insertions."""
    for element in container:
        if element.tag == f"{W}sdt":
            if not shows_placeholder(element) and not _is_contents(element):
                yield from _unwrapped(element.iterfind(f"{W}sdtContent"))
        elif element.tag in _WRAPPERS:
            yield from _unwrapped(element)
        elif element.tag == f"{MC}AlternateContent":
            yield from _unwrapped(chosen(element))
        else:
            yield element


def _is_contents(control: etree._Element) -> bool:
    """A table of contents repeats every heading and would answer for all of them."""
    gallery = control.find(f"{W}sdtPr/{W}docPartObj/{W}docPartGallery")
    return gallery is not None and gallery.get(f"{W}val") == "Table of Contents"


def _rows(table: etree._Element) -> Iterator[etree._Element]:
    for row in _unwrapped(table):
        if row.tag == f"{W}tr" and row.find(f"{W}trPr/{W}del") is None:
            yield row


def _cells(row: etree._Element) -> Iterator[etree._Element]:
    return (cell for cell in _unwrapped(row) if cell.tag == f"{W}tc")


def _spread(
    rows: list[etree._Element], cells: list[list[etree._Element]]
) -> Iterator[list[etree._Element | None]]:
    """Each row's cells in their columns; None where a merged cell reaches."""
    for row, own in zip(rows, cells, strict=True):
        spread: list[etree._Element | None] = [None] * _number(row.find(f"{W}trPr/{W}gridBefore"))
        for cell in own:
            span = max(1, _number(cell.find(f"{W}tcPr/{W}gridSpan")))
            spread += [None if _is_continued(cell) else cell, *[None] * (span - 1)]
        yield spread


def _is_continued(cell: etree._Element) -> bool:
    merges = (cell.find(f"{W}tcPr/{W}{name}") for name in ("vMerge", "hMerge"))
    return any(
        merge is not None and merge.get(f"{W}val", "continue") == "continue" for merge in merges
    )


def _number(element: etree._Element | None) -> int:
    return 0 if element is None else stated(element.get(f"{W}val"), 0, most=_MAX_SPAN)


def _is_marked_header(row: etree._Element) -> bool:
    return is_on(row.find(f"{W}trPr/{W}tblHeader"))
