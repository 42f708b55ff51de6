"""The blocks of an OpenDocument text or slide in reading order."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from typing import Final

from lxml import etree

from ingest.loaders.archive import Parts
from ingest.loaders.builder import TextBuilder
from ingest.loaders.office.notes import note_line
from ingest.loaders.office.numerals import stated
from ingest.loaders.office.odf_lists import Numbering, Styles
from ingest.loaders.office.odf_names import (
    CHART,
    DRAW,
    MATHML,
    OFFICE,
    PRESENTATION,
    TABLE,
    TEXT,
    XLINK,
)
from ingest.loaders.office.odf_text import Inline, InlineReader
from ingest.loaders.safe_xml import parse_xml
from ingest.loaders.tables import looks_like_header, tidied

MAX_HEADING: Final = 200  # characters
_MAX_REPEATED: Final = 1_000  # rows or columns that stand in the file once
_INDEXES: Final = frozenset(
    f"{TEXT}{name}"
    for name in (
        "table-of-content",
        "illustration-index",
        "table-index",
        "object-index",
        "user-index",
        "alphabetical-index",
    )
)
_ROW_GROUPS: Final = frozenset(
    f"{TABLE}{name}" for name in ("table-header-rows", "table-rows", "table-row-group")
)
_REPEATED_ON_SLIDES: Final = frozenset({"date-time", "footer", "header", "page-number", "page"})


class BodyReader:
    """Adds blocks to ``builder``; embedded charts and formulas are read from ``parts``."""

    def __init__(
        self,
        parts: Parts,
        builder: TextBuilder,
        content: etree._Element,
        styles: etree._Element | None,
    ) -> None:
        self._parts = parts
        self._builder = builder
        self._styles = Styles(styles, content)
        self._numbering = Numbering(styles, content)
        self._inline = InlineReader()
        self._code: list[str] = []

    def read(self, container: Iterable[etree._Element]) -> None:
        for element in container:
            self._block(element)
        self._end_code()

    def read_slide(self, slide: etree._Element, number: int) -> None:
        """A slide under its title, or its number where it has none."""
        shapes = [shape for shape in slide if _is_shown(shape)]
        titles = [shape for shape in shapes if shape.get(f"{PRESENTATION}class") == "title"]
        title = " ".join(filter(None, map(self._flat_text, titles)))
        body = [shape for shape in shapes if shape not in titles]
        if title or any(map(self._flat_text, body)):
            self._builder.heading(title or f"Slide {number}", 1)
        self.read(body)

    def notes_text(self, notes: etree._Element) -> str:
        """What the speaker wrote, without the page's own header and number."""
        texts = (self._flat_text(shape) for shape in notes if _is_shown(shape))
        return "\n".join(filter(None, texts))

    def _block(self, element: etree._Element) -> None:
        tag = element.tag
        if tag == f"{TEXT}p":
            self._paragraph(element)
            return
        self._end_code()
        if tag == f"{TEXT}h":
            self._heading(element)
        elif tag == f"{TEXT}list":
            self._list(element, "", 0)
        elif tag == f"{TABLE}table":
            self._table(element)
        elif tag == f"{DRAW}object":
            self._object(element)
        elif _is_container(tag):
            self.read(element)

    def _heading(self, heading: etree._Element) -> None:
        level = _count(heading, f"{TEXT}outline-level")
        is_numbered = heading.get(f"{TEXT}is-list-header") != "true"
        label = self._numbering.label("", level - 1) if is_numbered else ""
        inline = self._inline.read(heading)
        if len(inline.text) > MAX_HEADING:
            self._builder.paragraph(f"{label} {inline.text}")
        elif inline.text:
            self._builder.heading(f"{label} {inline.text}", level)
        self._what_hangs_on(inline)

    def _paragraph(self, paragraph: etree._Element) -> None:
        inline = self._inline.read(paragraph)
        if self._styles.is_based_on(paragraph, "Preformatted_20_Text"):
            self._code.append("".join(inline.pieces))
            return
        self._end_code()
        is_title = self._styles.is_based_on(paragraph, "Title")
        if is_title and len(inline.text) <= MAX_HEADING:
            self._builder.heading(inline.text, 1)
        else:
            self._builder.paragraph(inline.text)
        self._what_hangs_on(inline)

    def _end_code(self) -> None:
        if self._code:
            lines, self._code = self._code, []
            self._builder.code("\n".join(lines))

    def _what_hangs_on(self, inline: Inline) -> None:
        self.read(inline.frames)
        for label, body in inline.notes:
            text = self._flat_text(body)
            if text:
                self._builder.paragraph(note_line(label, text))

    def _list(self, element: etree._Element, style: str, depth: int) -> None:
        style = element.get(f"{TEXT}style-name", style)
        goes_on = element.get(f"{TEXT}continue-numbering") == "true"
        if not goes_on and element.get(f"{TEXT}continue-list") is None:
            self._numbering.restart(style, depth)
        for item in element.iterchildren(f"{TEXT}list-item", f"{TEXT}list-header"):
            self._item(item, style, depth)

    def _item(self, item: etree._Element, style: str, depth: int) -> None:
        """The first paragraph carries the bullet; what follows it goes on below."""
        holds_text = any(child.tag == f"{TEXT}p" for child in item)
        label = ""
        if holds_text and item.tag == f"{TEXT}list-item":
            label = self._numbering.label(style, depth, item.get(f"{TEXT}start-value", ""))
        bullet = label or "-"
        for child in item:
            if child.tag == f"{TEXT}list":
                self._list(child, style, depth + 1)
            elif child.tag == f"{TEXT}p" and bullet:
                inline = self._inline.read(child)
                self._builder.list_item(inline.text, depth=depth, bullet=bullet)
                self._what_hangs_on(inline)
                bullet = "" if inline.text else bullet
            else:
                self._block(child)

    def _table(self, table: etree._Element) -> None:
        rows = list(_rows(table))
        cells = [list(_cells(row)) for row in rows]
        if all(len(row) <= 1 for row in cells):  # frames text, relates nothing to anything
            for cell in (cell for row in cells for cell in row if cell is not None):
                self.read(cell)
            return
        texts = tidied(
            [["" if cell is None else self._flat_text(cell) for cell in row] for row in cells]
        )
        marked = rows[0].getparent().tag == f"{TABLE}table-header-rows"
        self._builder.table(texts, has_header=marked or looks_like_header(texts))

    def _flat_text(self, container: etree._Element) -> str:
        """All paragraphs within, on one line; frames and notes inline."""
        if container.tag in {f"{TEXT}p", f"{TEXT}h"}:
            inline = self._inline.read(container)
            inner = [*inline.frames, *(body for _, body in inline.notes)]
            texts = [inline.text, *map(self._flat_text, inner)]
        else:
            texts = [self._flat_text(child) for child in container if _holds_text(child.tag)]
        return " ".join(filter(None, texts))

    def _object(self, element: etree._Element) -> None:
        """An embedded chart's title and data, or a formula as it was typed."""
        folder = posixpath.normpath(element.get(f"{XLINK}href", "")).lstrip("./")
        name = f"{folder}/content.xml"
        if not folder or name not in self._parts:
            return
        root = parse_xml(self._parts.read(name), name)
        formula = next(root.iter(f"{MATHML}annotation"), None)
        if formula is not None:
            self._builder.paragraph(formula.text or "")
        for chart in root.iterfind(f"{OFFICE}body/{OFFICE}chart/{CHART}chart"):
            self.read(chart.iterfind(f"{CHART}title/{TEXT}p"))
            self.read(chart.iterfind(f"{TABLE}table"))


def _is_container(tag: object) -> bool:
    if not isinstance(tag, str) or tag in _INDEXES:
        return False
    return tag.startswith(DRAW) or tag in {
        f"{TEXT}section",
        f"{TEXT}bibliography",
        f"{TEXT}index-body",
        f"{TEXT}numbered-paragraph",
        f"{TEXT}list-header",
    }


def _holds_text(tag: object) -> bool:
    if not isinstance(tag, str):
        return False
    return tag.startswith((DRAW, TEXT, TABLE)) and tag != f"{TEXT}tracked-changes"


def _is_shown(shape: etree._Element) -> bool:
    if shape.tag in {f"{PRESENTATION}notes", f"{OFFICE}forms", f"{DRAW}page-thumbnail"}:
        return False
    return shape.get(f"{PRESENTATION}class") not in _REPEATED_ON_SLIDES


def _rows(table: etree._Element) -> Iterator[etree._Element]:
    for child in table:
        if child.tag in _ROW_GROUPS:
            yield from _rows(child)
        elif child.tag == f"{TABLE}table-row":
            has_text = any(child.itertext())
            for _ in range(_count(child, f"{TABLE}number-rows-repeated") if has_text else 1):
                yield child


def _cells(row: etree._Element) -> Iterator[etree._Element | None]:
    """The cells in their columns; None where a merged one reaches."""
    for cell in row.iterchildren(f"{TABLE}table-cell", f"{TABLE}covered-table-cell"):
        covered = cell.tag == f"{TABLE}covered-table-cell"
        for _ in range(_count(cell, f"{TABLE}number-columns-repeated")):
            yield None if covered else cell


def _count(element: etree._Element, attribute: str) -> int:
    return stated(element.get(attribute), 1, least=1, most=_MAX_REPEATED)
