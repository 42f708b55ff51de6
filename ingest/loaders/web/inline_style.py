"""What the style that an element carries itself hides from a reader; style sheets are not read.

Some of it hides all within: ``display: none``. A size or a colour that cannot be read hides only
text that has no other: mail wraps its text in cells of ``font-size: 0`` for the sake of the gaps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from lxml import etree
from lxml.etree import _Element as Element

_HIDES_ALL = re.compile(
    r"display:none|visibility:hidden|mso-hide:all|(?:^|;)(?:text-indent|left|top):-\d{3,}"
    # A page that stands in the middle begins half its width to the left of it: margin-left:-480px.
    r"|(?:^|;)margin-(?:left|top):-\d{4,}"
)
_CLEAR = re.compile(r"(?:^|;)opacity:(?:0(?:\.0*)?|\.0+)%?(?:!important)?(?:;|$)")
_FADES_IN = re.compile(r"transform:|transition|animation|will-change")  # when it is scrolled to
_HIDES_SOME = re.compile(r"(?i)font-size\s*:\s*[01.]|\bcolor\s*:")  # or may: worth a closer look
_SIZE = re.compile(r"([\d.]+)(px|pt)?")
_LEAST_SIZE = {"px": 2.0, "pt": 2.0}  # smaller is not read; of other units only zero is too small
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})")
_RGB = re.compile(r"rgba?\((\d{1,3}),(\d{1,3}),(\d{1,3})(?:,([\d.]+%?))?\)")
_NAMED = {"white": (255, 255, 255), "black": (0, 0, 0), "snow": (255, 250, 250)}
_WHOLE_PAGE = frozenset({"html", "body"})  # what is within takes its style from a sheet
_ALIKE = 8  # of 255: a difference in each of red, green and blue that nobody sees

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Seen:
    """How text stands out; what is within inherits it."""

    is_tiny: bool = False
    is_blended: bool = False  # in the colour of its background

    def within(self, element: Element) -> _Seen:
        if not element.attrib or element.tag in _WHOLE_PAGE:
            return self
        is_tiny, is_blended = _said(element.get("style", ""))
        if is_blended is None and (element.get("color") or element.get("bgcolor")):
            is_blended = False
        return _Seen(
            self.is_tiny if is_tiny is None else is_tiny,
            self.is_blended if is_blended is None else is_blended,
        )

    @property
    def is_hidden(self) -> bool:
        return self.is_tiny or self.is_blended


def hides_all(style: str) -> bool:
    """Whether an element of this style is not seen, nor anything within it."""
    folded = _folded(style)
    if _CLEAR.search(folded) and not _FADES_IN.search(folded):
        return True
    return _HIDES_ALL.search(folded) is not None


def blank_unreadable(root: Element) -> None:
    """Take out the text that is too small, or in the colour of its background.

    Most pages need no closer look. Styles are read from the tree: in the source of the page they
    can be written with character references (``font-size&#58;0``).
    """
    styles = map(str, root.xpath("//@style"))
    if not any("/*" in style or _HIDES_SOME.search(style) for style in styles):
        return
    seen = [_Seen()]
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            seen.append(seen[-1].within(element))
            if seen[-1].is_hidden:
                element.text = None
        else:
            seen.pop()
            if seen[-1].is_hidden:
                element.tail = None


def _folded(style: str) -> str:
    """Without white space and comments: ``display:/**/none``."""
    told, *commented = style.split("/*")
    shown = [told, *(rest.partition("*/")[2] for rest in commented)]
    return "".join("".join(shown).lower().split())


@lru_cache(maxsize=1024)  # a page repeats its styles
def _said(style: str) -> tuple[bool | None, bool | None]:
    """Whether text of this style is tiny and blended; None where it says nothing of that."""
    pairs = (declared.partition(":") for declared in _folded(style).split(";"))
    said = {name: value.removesuffix("!important") for name, _, value in pairs}
    coloured = not said.keys().isdisjoint(("color", "background", "background-color"))
    size = said.get("font-size")
    return _is_tiny(size) if size else None, _is_blended(said) if coloured else None


def _is_tiny(size: str) -> bool:
    found = _SIZE.match(size)
    try:
        return found is not None and float(found[1]) < _LEAST_SIZE.get(found[2], 1e-9)
    except ValueError:  # as "1.2.3"
        return False


def _is_blended(style: dict[str, str]) -> bool:
    if "text" in (style.get("background-clip"), style.get("-webkit-background-clip")):
        return False  # the background shows through the letters
    said = style.get("color", "")
    if said == "transparent" or _is_clear(said):
        return True
    text = _colour(said)
    behind = _colour(style.get("background-color") or style.get("background", ""))
    if text is None or behind is None:
        return False
    return all(abs(one - other) <= _ALIKE for one, other in zip(text, behind, strict=True))


def _is_clear(colour: str) -> bool:
    found = _RGB.fullmatch(colour)
    return found is not None and found[4] is not None and not found[4].strip("0.%")


def _colour(said: str) -> Colour | None:
    """Red, green and blue, 0 to 255; None for what is not plainly one colour."""
    if found := _HEX.fullmatch(said):
        digits = found[1] if len(found[1]) == 6 else "".join(2 * digit for digit in found[1])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    if found := _RGB.fullmatch(said):
        return int(found[1]), int(found[2]), int(found[3])
    return _NAMED.get(said)
