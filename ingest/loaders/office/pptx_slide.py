"""The shapes of a slide: title, outlines, text boxes, groups, tables, charts, diagrams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from lxml import etree

from ingest.loaders.builder import TextBuilder
from ingest.loaders.office.drawingml import add_graphic, add_table, all_text, paragraph_text
from ingest.loaders.office.numerals import stated
from ingest.loaders.office.ooxml import MC, A, Package, chosen

P: Final = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_TITLES: Final = frozenset({"title", "ctrTitle"})
_REPEATED: Final = frozenset({"dt", "ftr", "hdr", "sldNum", "sldImg"})
_OUTLINES: Final = frozenset({"body", "obj"})  # placeholders that a layout gives bullets


class SlideReader:
    """Adds one slide to ``builder``; ``number`` stands in for a title where it has none."""

    def __init__(self, package: Package, part: str, builder: TextBuilder, number: int) -> None:
        self._package = package
        self._part = part
        self._builder = builder
        self._number = number

    def read(self, slide: etree._Element) -> None:
        shapes = list(_shapes(slide.iterfind(f"{P}cSld/{P}spTree/*")))
        titles = [shape for shape in shapes if _placeholder(shape) in _TITLES]
        title = " ".join(filter(None, map(_text, titles)))
        body = [shape for shape in shapes if shape not in titles]
        if title or any(map(_is_filled, body)):
            # Without a heading of its own a slide would be filed under the one before.
            self._builder.heading(title or f"Slide {self._number}", 1)
        for shape in body:
            self._add(shape)

    def _add(self, shape: etree._Element) -> None:
        data = shape.find(f"{A}graphic/{A}graphicData")
        if data is not None:
            for table in data.iterfind(f"{A}tbl"):
                add_table(self._builder, table)
            add_graphic(self._builder, self._package, self._part, data)
        elif _placeholder(shape) not in _REPEATED:
            self._add_text(shape)

    def _add_text(self, shape: etree._Element) -> None:
        body = shape.find(f"{P}txBody")
        if body is None:
            return
        paragraphs = [
            (paragraph, text)
            for paragraph in body.iterfind(f"{A}p")
            if (text := paragraph_text(paragraph))
        ]
        in_outline = _placeholder(shape) in _OUTLINES and len(paragraphs) > 1
        count = 0
        for paragraph, text in paragraphs:
            properties = paragraph.find(f"{A}pPr")
            if not _has_bullet(properties, in_outline=in_outline):
                self._builder.paragraph(text)
                continue
            count = count + 1 if _is_numbered(properties) else 0
            bullet = f"{count}." if count else "-"
            self._builder.list_item(text, depth=_depth(properties), bullet=bullet)


def notes_text(notes: etree._Element) -> str:
    """What the speaker wrote, without the page's own header and number."""
    shapes = _shapes(notes.iterfind(f"{P}cSld/{P}spTree/*"))
    texts = (_text(shape) for shape in shapes if _placeholder(shape) not in _REPEATED)
    return "\n".join(filter(None, texts))


def _shapes(elements: Iterable[etree._Element]) -> Iterator[etree._Element]:
    """Shapes and graphics in stored order, out of their groups."""
    for element in elements:
        if element.tag == f"{P}grpSp":
            yield from _shapes(element)
        elif element.tag == f"{MC}AlternateContent":
            yield from _shapes(chosen(element))
        elif element.tag in {f"{P}sp", f"{P}graphicFrame"}:
            yield element


def _placeholder(shape: etree._Element) -> str | None:
    """The placeholder's type, "obj" where it names none; None for a free shape."""
    found = shape.find(f"{P}nvSpPr/{P}nvPr/{P}ph")
    return None if found is None else str(found.get("type", "obj"))


def _text(shape: etree._Element) -> str:
    body = shape.find(f"{P}txBody")
    return "" if body is None else all_text(body)


def _is_filled(shape: etree._Element) -> bool:
    if shape.find(f"{A}graphic/{A}graphicData") is not None:
        return shape.find(f"{A}graphic/{A}graphicData/{P}oleObj") is None
    return _placeholder(shape) not in _REPEATED and bool(_text(shape))


def _has_bullet(properties: etree._Element | None, *, in_outline: bool) -> bool:
    if properties is None:
        return in_outline
    if properties.find(f"{A}buNone") is not None:
        return False
    own = any(
        properties.find(f"{A}{name}") is not None for name in ("buChar", "buAutoNum", "buBlip")
    )
    return own or in_outline


def _is_numbered(properties: etree._Element | None) -> bool:
    return properties is not None and properties.find(f"{A}buAutoNum") is not None


def _depth(properties: etree._Element | None) -> int:
    return 0 if properties is None else stated(properties.get("lvl"), 0, most=8)
