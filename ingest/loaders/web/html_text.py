"""The text of HTML elements as a browser lays it out: white space, line ends, what images say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree
from lxml.etree import _Element as Element

from ingest.loaders.web.html_tree import is_hidden

BLOCKS = frozenset(
    """address article aside blockquote body caption center dd details dialog dir div dl dt
    fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html
    legend li main menu nav ol p search section summary table tbody td tfoot th thead tr
    ul""".split()  # noqa: SIM905
)
PREFORMATTED = frozenset({"pre", "listing", "xmp", "plaintext"})

LINE_END = "\n"  # what <br> leaves
_SOURCE_LINE_END = "\r"  # a line end in the source, which a browser shows as a space
_SOURCE_SPACES = re.compile("[ \t\n\r\f\xa0]+")
_CJK = "[\u2e80-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef]"
_WRAPPED_CJK = re.compile(f"(?<={_CJK}) *\r[ \r]*(?={_CJK})")
_SPACES = re.compile("[ \r]+")
_LINE_ENDS = re.compile("[ \r]*\n[ \r]*")

_RAISED = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_SHIFTS = {"sup": _RAISED, "sub": _LOWERED}
_MAX_SHIFTED = 4

_FILE_NAME = re.compile(r"\.\w{2,5}$|^https?:|^[\w-]*\d[\w-]*$")
_MIN_ALT_WORDS = 3
_MIN_ALT_CJK = 4
_CJK_LETTER = re.compile("[\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")


def source_text(text: str) -> str:
    """Text of the source with its white space closed up, to be joined and ``laid_out``."""
    return _SOURCE_SPACES.sub(
        lambda match: _SOURCE_LINE_END if "\n" in match[0] else " ", text.replace("\r", "\n")
    )


def laid_out(text: str) -> str:
    """As a browser shows it, but without a space where Chinese is wrapped in the source."""
    text = _LINE_ENDS.sub("\n", text)
    return _SPACES.sub(" ", _WRAPPED_CJK.sub("", text)).strip()


def flat_text(element: Element) -> str:
    """All visible text within ``element`` on one line."""
    return laid_out("".join(_pieces(element))).replace("\n", " ")


def _pieces(element: Element) -> Iterator[str]:
    walk = etree.iterwalk(element, events=("start", "end"))
    for event, node in walk:
        if event == "start":
            text = None if node is element else replacement(node)
            if text is None:
                yield _gap(node) + source_text(node.text or "")
            else:
                yield text
                walk.skip_subtree()
        elif node is not element:
            yield _gap(node) + source_text(node.tail or "")


def lead_in(element: Element) -> str:
    """A space between two links with nothing between them: items of a list, not one word."""
    before = element.getprevious() if element.tag == "a" else None
    return " " if before is not None and before.tag == "a" and not before.tail else ""


def _gap(element: Element) -> str:
    is_block = element.tag in BLOCKS or element.tag in PREFORMATTED
    return " " if is_block else lead_in(element)


def replacement(element: Element) -> str | None:
    """What stands in the text for the whole of ``element``; None where its content does."""
    if is_hidden(element):
        return ""
    tag = element.tag
    if tag == "br":
        return LINE_END
    if tag == "img":
        return f" {alt} " if (alt := image_text(element)) else ""
    if tag in _SHIFTS and not len(element):
        return shifted(tag, (element.text or "").strip())
    return _formula(element) if tag == "math" else None


def image_text(element: Element) -> str:
    """The text that describes an image, where it is more than a name."""
    alt = " ".join(element.get("alt", "").split())
    if _FILE_NAME.search(alt):
        return ""
    cjk = len(_CJK_LETTER.findall(alt))
    return alt if cjk >= _MIN_ALT_CJK or len(alt.split()) >= _MIN_ALT_WORDS else ""


def shifted(tag: str, text: str) -> str | None:
    """10<sup>2</sup> is not 102: short raised or lowered numbers in characters of their own."""
    table = _SHIFTS[tag]
    is_number = 0 < len(text) <= _MAX_SHIFTED and all(ord(char) in table for char in text)
    return text.translate(table) if is_number else None


def _formula(element: Element) -> str | None:
    """A formula as its author wrote it, in TeX, where that is given."""
    for note in element.iter("annotation"):
        if note.get("encoding") == "application/x-tex" and note.text:
            return f" {note.text.strip()} "
    alt = element.get("alttext", "").strip()
    return f" {alt} " if alt else None
