"""OpenDocument styles: titles, code, and how lists and headings are numbered."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from lxml import etree

from ingest.loaders.office.numerals import numeral, stated
from ingest.loaders.office.odf_names import STYLE, TEXT

_MAX_INHERITANCE: Final = 50  # styles can be based on one another in a circle
# style:num-format, OpenDocument 1.3 part 3, 19.507, and what LibreOffice adds to it.
_FORMATS: Final = {
    "a": "lowerLetter",
    "A": "upperLetter",
    "i": "lowerRoman",
    "I": "upperRoman",
    "一, 二, 三, ...": "chineseCounting",
    "壹, 贰, 叁, ...": "chineseLegalSimplified",
    "甲, 乙, 丙, ...": "ideographTraditional",
    "①, ②, ③, ...": "decimalEnclosedCircle",
}


@dataclass(frozen=True, slots=True)
class _Level:
    number_format: str  # "" shows no number
    prefix: str
    suffix: str
    display_levels: int
    start: int


class Styles:
    """Paragraph styles by name, as the chain of those they are based on."""

    def __init__(self, *roots: etree._Element | None) -> None:
        self._parents = {
            style.get(f"{STYLE}name", ""): style.get(f"{STYLE}parent-style-name", "")
            for root in roots
            if root is not None
            for style in root.iter(f"{STYLE}style")
            if style.get(f"{STYLE}family") == "paragraph"
        }

    def is_based_on(self, paragraph: etree._Element, ancestor: str) -> bool:
        name = paragraph.get(f"{TEXT}style-name", "")
        for _ in range(_MAX_INHERITANCE):
            if name == ancestor:
                return True
            name = self._parents.get(name, "")
        return False


class Numbering:
    """Numbered lists and headings; counts as they are read in order."""

    def __init__(self, *roots: etree._Element | None) -> None:
        self._levels: dict[str, dict[int, _Level]] = {}
        self._counters: dict[str, dict[int, int]] = defaultdict(dict)
        for root in (root for root in roots if root is not None):
            for style in root.iter(f"{TEXT}list-style", f"{TEXT}outline-style"):
                is_outline = style.tag == f"{TEXT}outline-style"
                self._levels["" if is_outline else style.get(f"{STYLE}name", "")] = _levels(style)

    def restart(self, style_name: str, depth: int) -> None:
        """Begin a list that does not go on with an earlier one."""
        counters = self._counters[style_name]
        for deeper in [level for level in counters if level >= depth]:
            del counters[deeper]

    def label(self, style_name: str, depth: int, start: str = "") -> str:
        """The next label at ``depth`` (from 0), "" for a bullet; style "" is the headings'."""
        levels = self._levels.get(style_name, {})
        level = levels.get(depth)
        if level is None:
            return ""
        counters = self._counters[style_name]
        counters[depth] = stated(start, counters.get(depth, level.start - 1) + 1)
        self.restart(style_name, depth + 1)
        if not level.number_format:
            return ""
        shown = range(max(0, depth + 1 - level.display_levels), depth + 1)
        numbers = (_number(levels.get(place), counters.get(place, 1)) for place in shown)
        return f"{level.prefix}{'.'.join(filter(None, numbers))}{level.suffix}".strip()


def _number(level: _Level | None, count: int) -> str:
    if level is None or not level.number_format:
        return ""
    return numeral(count, _FORMATS.get(level.number_format, "decimal"))


def _levels(style: etree._Element) -> dict[int, _Level]:
    return {
        stated(element.get(f"{TEXT}level"), 1) - 1: _Level(
            element.get(f"{STYLE}num-format", ""),
            element.get(f"{STYLE}num-prefix", ""),
            element.get(f"{STYLE}num-suffix", ""),
            stated(element.get(f"{TEXT}display-levels"), 1),
            stated(element.get(f"{TEXT}start-value"), 1),
        )
        for element in style.iterchildren(
            f"{TEXT}list-level-style-number", f"{TEXT}outline-level-style"
        )
    }
