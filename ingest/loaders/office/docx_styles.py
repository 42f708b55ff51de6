"""What Word's styles and numbering make of a paragraph: heading, list item, contents line, code."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Final

from lxml import etree

from ingest.loaders.office.numerals import numeral, stated
from ingest.loaders.office.ooxml import W, is_on

_BODY_TEXT: Final = 9  # the outline level of what is no heading
_HEADING_NAME: Final = re.compile(
    r"(?:heading|标题|標題|见出し|見出し|제목|überschrift|titre|título|заголовок)\s*([1-9])"
)
_TITLE_NAMES: Final = {"title", "标题", "標題", "文档标题", "表題"}
_CONTENTS_NAME: Final = re.compile(
    r"toc\s*[1-9]|目录\s*[1-9]|目錄\s*[1-9]|目次\s*[1-9]|table of figures"
)
_CODE_NAME: Final = re.compile(
    r"(?:source\s*)?code(?:\s*block)?|html preformatted|代码|程式碼|代码块"
)
_PLACE: Final = re.compile(r"%([1-9])")
_MAX_INHERITANCE: Final = 50  # styles can be based on one another in a circle


@dataclass(frozen=True, slots=True)
class Style:
    """``heading`` is a level from 1, 0 for none; ``number_id`` "" or "0" means no list."""

    heading: int = 0
    number_id: str = ""
    level: int = 0
    is_contents: bool = False
    is_code: bool = False


class Styles:
    """The paragraph styles of ``word/styles.xml`` by their id."""

    def __init__(self, root: etree._Element | None) -> None:
        styles = [] if root is None else root.findall(f"{W}style")
        self._elements = {style.get(f"{W}styleId", ""): style for style in styles}
        self._default = next((_id(style) for style in styles if _is_default_paragraph(style)), "")
        self._known: dict[str, Style] = {}

    def of(self, properties: etree._Element | None) -> Style:
        """The style of a paragraph with these ``w:pPr``."""
        if properties is None:
            return self._named(self._default)
        named = properties.find(f"{W}pStyle")
        style = self._named(self._default if named is None else named.get(f"{W}val", ""))
        return _with_properties(style, properties)

    def _named(self, style_id: str) -> Style:
        if style_id not in self._known:
            self._known[style_id] = self._resolve(style_id)
        return self._known[style_id]

    def _resolve(self, style_id: str) -> Style:
        style = Style()
        for element in reversed(self._ancestry(style_id)):
            style = _with_name(style, _style_name(element))
            properties = element.find(f"{W}pPr")
            if properties is not None:
                style = _with_properties(style, properties)
        return style

    def _ancestry(self, style_id: str) -> list[etree._Element]:
        """The style and those it is based on, the nearest first."""
        chain: list[etree._Element] = []
        while (element := self._elements.get(style_id)) is not None:
            chain.append(element)
            base = element.find(f"{W}basedOn")
            if base is None or len(chain) > _MAX_INHERITANCE:
                break
            style_id = base.get(f"{W}val", "")
        return chain


def _id(style: etree._Element) -> str:
    return str(style.get(f"{W}styleId", ""))


def _is_default_paragraph(style: etree._Element) -> bool:
    return style.get(f"{W}type") == "paragraph" and style.get(f"{W}default") in {"1", "true"}


def _style_name(element: etree._Element) -> str:
    name = element.find(f"{W}name")
    return "" if name is None else str(name.get(f"{W}val", "")).strip().lower()


def heading_level(style_name: str) -> int:
    """The level of a heading by its style's name, lower case; 0 for another style."""
    heading = _HEADING_NAME.fullmatch(style_name)
    if heading:
        return int(heading.group(1))
    return 1 if style_name in _TITLE_NAMES else 0


def is_contents_style(style_name: str) -> bool:
    """Whether the style is that of the lines of a table of contents."""
    return _CONTENTS_NAME.fullmatch(style_name) is not None


def _with_name(style: Style, name: str) -> Style:
    if level := heading_level(name):
        return replace(style, heading=level)
    if is_contents_style(name):
        return replace(style, is_contents=True, heading=0)
    return replace(style, is_code=True) if _CODE_NAME.fullmatch(name) else style


def _with_properties(style: Style, properties: etree._Element) -> Style:
    outline = _value(properties.find(f"{W}outlineLvl"))
    if outline is not None:
        style = replace(style, heading=0 if outline >= _BODY_TEXT else outline + 1)
    numbering = properties.find(f"{W}numPr")
    if numbering is None:
        return style
    number_id = numbering.find(f"{W}numId")
    level = _value(numbering.find(f"{W}ilvl"))
    return replace(
        style,
        number_id=style.number_id if number_id is None else number_id.get(f"{W}val", ""),
        level=style.level if level is None else level,
    )


def _value(element: etree._Element | None) -> int | None:
    """The number that a property states; None without one."""
    number = -1 if element is None else stated(element.get(f"{W}val"), -1)
    return None if number < 0 else number


@dataclass(frozen=True, slots=True)
class _Level:
    """How one level of a list is numbered; ``pattern`` like "%1.%2"."""

    number_format: str = "decimal"
    pattern: str = ""
    start: int = 1
    is_legal: bool = False  # all numbers Arabic


class Numbering:
    """The lists of ``word/numbering.xml``; counts as the paragraphs are read in order."""

    def __init__(self, root: etree._Element | None) -> None:
        self._levels: dict[str, dict[int, _Level]] = {}  # by list
        self._counters_of: dict[str, str] = {}  # lists of one definition count on together
        self._counters: dict[str, dict[int, int]] = defaultdict(dict)
        if root is not None:
            self._read(root)

    def label(self, style: Style) -> str:
        """The next label of the style's list: "2.1", "第三条"; "" for a bullet or no list."""
        levels = self._levels.get(style.number_id)
        if levels is None:
            return ""
        level = levels.get(style.level, _Level("bullet"))
        counters = self._counters[self._counters_of[style.number_id]]
        counters[style.level] = counters.get(style.level, level.start - 1) + 1
        for deeper in [other for other in counters if other > style.level]:
            del counters[deeper]
        return "" if level.number_format == "bullet" else _label(level, levels, counters)

    def is_list(self, style: Style) -> bool:
        return style.number_id in self._levels

    def _read(self, root: etree._Element) -> None:
        definitions = {
            element.get(f"{W}abstractNumId", ""): element
            for element in root.iterfind(f"{W}abstractNum")
        }
        linked = {
            str(link.get(f"{W}val")): element
            for element in definitions.values()
            if (link := element.find(f"{W}styleLink")) is not None
        }
        for number in root.iterfind(f"{W}num"):
            reference = number.find(f"{W}abstractNumId")
            abstract_id = "" if reference is None else str(reference.get(f"{W}val", ""))
            definition = definitions.get(abstract_id)
            if definition is not None:
                self._add(number, abstract_id, _followed(definition, linked))

    def _add(self, number: etree._Element, abstract_id: str, definition: etree._Element) -> None:
        number_id = str(number.get(f"{W}numId", ""))
        levels = dict(map(_level, definition.iterfind(f"{W}lvl")))
        overrides = number.findall(f"{W}lvlOverride")
        for override in overrides:
            place = stated(override.get(f"{W}ilvl"), 0)
            own = override.find(f"{W}lvl")
            start = _value(override.find(f"{W}startOverride"))
            level = levels.get(place, _Level()) if own is None else _level(own)[1]
            levels[place] = level if start is None else replace(level, start=start)
        self._levels[number_id] = levels
        self._counters_of[number_id] = f"num {number_id}" if overrides else abstract_id


def _followed(definition: etree._Element, linked: dict[str, etree._Element]) -> etree._Element:
    """A definition that only names a list style stands for that style's definition."""
    link = definition.find(f"{W}numStyleLink")
    return definition if link is None else linked.get(link.get(f"{W}val", ""), definition)


def _level(element: etree._Element) -> tuple[int, _Level]:
    number_format = element.find(f"{W}numFmt")
    pattern = element.find(f"{W}lvlText")
    start = _value(element.find(f"{W}start"))
    return stated(element.get(f"{W}ilvl"), 0), _Level(
        "decimal" if number_format is None else str(number_format.get(f"{W}val", "decimal")),
        "" if pattern is None else str(pattern.get(f"{W}val", "")),
        1 if start is None else start,
        is_on(element.find(f"{W}isLgl")),
    )


def _label(level: _Level, levels: dict[int, _Level], counters: dict[int, int]) -> str:
    def shown(match: re.Match[str]) -> str:
        place = int(match.group(1)) - 1
        other = levels.get(place, _Level())
        number_format = "decimal" if level.is_legal else other.number_format
        return numeral(counters.get(place, other.start), number_format)

    return _PLACE.sub(shown, level.pattern).strip()
