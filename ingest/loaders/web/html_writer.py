"""From the element tree of a page to text with marks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree
from lxml.etree import _Element as Element

from ingest.loaders.builder import TextBuilder
from ingest.loaders.web.html_tables import read_table
from ingest.loaders.web.html_text import (
    BLOCKS,
    LINE_END,
    PREFORMATTED,
    laid_out,
    lead_in,
    replacement,
    source_text,
)
from ingest.loaders.web.html_tree import consists_of_links, is_hidden, is_named_menu, is_of_the_site

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LISTS = frozenset({"ul", "ol", "menu", "dir"})
_MAX_HEADING = 300  # characters; a heading that was never closed holds the rest of the page
_MAX_DEPTH = 8  # deeper lists are not indented further
_MENU_EFFORT = 200_000  # elements; menus within menus could be looked at again and again
# A table is looked through to tell whether it holds data; within more layouts, none is.
_MAX_LAYOUTS = 16
_PARAGRAPH_GAP = re.compile("\n{2,}")
_NUMBER = re.compile("-?[0-9]{1,6}")
_COLONS = (":", "：")
_IDEOGRAPH_END = re.compile("[\u3041-\u30ff\u3400-\u9fff\uff00-\uffef]$")


def write_html(root: Element, builder: TextBuilder, *, whole_page: bool = False) -> bool:
    """Add the visible content of ``root`` to ``builder``; whether there was any.

    ``whole_page`` keeps what belongs to the site: navigation, footer, cookie notices.
    """
    writer = _Writer(builder, whole_page=whole_page)
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        if event == "end":
            writer.end(element)
        elif not writer.start(element):
            walk.skip_subtree()
    return writer.finish()


@dataclass(slots=True)
class _List:
    is_numbered: bool
    number: int = 1


class _Writer:
    """Gathers inline text and adds it to the builder wherever a block begins or ends."""

    def __init__(self, builder: TextBuilder, *, whole_page: bool) -> None:
        self._builder = builder
        self._whole_page = whole_page
        self._pieces: list[str] = []
        self._left_out: Element | None = None
        self._preformatted: Element | None = None
        self._lists: list[_List] = []
        self._layouts = 0  # open tables that only place parts of the page
        self._heading = 0  # level of the open heading
        self._bullet = ""  # of a list item of which nothing has been written yet
        self._term = ""  # of a definition list, before its definition
        self._has_text = False
        self._menu_effort = _MENU_EFFORT

    def start(self, element: Element) -> bool:
        """Whether the content of ``element`` is to be visited."""
        if self._is_left_out(element):
            self._left_out = element
            return False
        tag = element.tag
        if self._preformatted is not None:
            self._pieces.append(LINE_END if tag == "br" else element.text or "")
            return bool(tag != "br")
        text = replacement(element)
        if text is not None:
            self._pieces.append(text)
            self._left_out = element
            return False
        if tag in BLOCKS or tag in PREFORMATTED:
            self._flush()
            if self._open_block(element, tag):
                return False
        self._pieces.append(self._own_text(element))
        return True

    def end(self, element: Element) -> None:
        if element is self._left_out:
            self._left_out = None
        elif element is self._preformatted:
            self._close_code()
        elif self._preformatted is not None:
            self._end_line(element)
        elif element.tag in BLOCKS:
            self._close_block(element.tag)
        tail = element.tail or ""
        self._pieces.append(tail if self._preformatted is not None else source_text(tail))

    def finish(self) -> bool:
        """Whether anything was written."""
        self._flush()
        self._release_term()
        return self._has_text

    def _is_left_out(self, element: Element) -> bool:
        # A button can be the text of a question that unfolds, or "Copy".
        if is_hidden(element) or (element.tag == "button" and not self._heading):
            return True
        return not self._whole_page and (is_of_the_site(element) or self._is_menu(element))

    def _is_menu(self, element: Element) -> bool:
        if self._menu_effort <= 0 or not is_named_menu(element):
            return False
        is_menu, effort = consists_of_links(element)
        self._menu_effort -= effort
        return is_menu

    def _own_text(self, element: Element) -> str:
        text = element.text or ""
        return text if self._preformatted is not None else lead_in(element) + source_text(text)

    def _open_block(self, element: Element, tag: str) -> bool:
        """Whether the whole of it has been written."""
        if tag in _HEADINGS:
            self._heading = _HEADINGS[tag]
        elif tag in PREFORMATTED:
            self._preformatted = element
        elif tag in _LISTS:
            self._lists.append(_List(tag == "ol", _integer(element.get("start"), 1)))
        elif tag == "li":
            self._bullet = self._next_bullet(element)
        elif tag == "table":
            return self._write_table(element)
        return False

    def _close_block(self, tag: str) -> None:
        if tag == "dt":
            self._keep_term()
        else:
            self._flush()
        if tag in _HEADINGS:
            self._heading = 0
        elif tag in _LISTS and self._lists:
            self._lists.pop()
        elif tag == "table":
            self._layouts -= 1
        elif tag == "li":
            self._bullet = ""
        elif tag == "dl":
            self._release_term()

    def _next_bullet(self, element: Element) -> str:
        current = self._lists[-1] if self._lists else _List(is_numbered=False)
        if not current.is_numbered:
            return "-"
        number = _integer(element.get("value"), current.number)
        current.number = number + 1
        return f"{number}."

    def _write_table(self, element: Element) -> bool:
        table = read_table(element) if self._layouts < _MAX_LAYOUTS else None
        if table is None:
            self._layouts += 1
            return False
        self._release_term()
        self._builder.paragraph(table.caption)
        self._builder.table(table.rows, has_header=table.has_header)
        self._has_text = self._has_text or any(map(any, table.rows))
        self._left_out = element
        return True

    def _close_code(self) -> None:
        self._preformatted = None
        self._release_term()
        code = "".join(self._pieces)
        self._pieces.clear()
        self._builder.code(code)
        self._has_text = self._has_text or not code.isspace()

    def _end_line(self, element: Element) -> None:
        is_open = self._pieces and not "".join(self._pieces[-3:]).endswith("\n")
        if element.tag in BLOCKS and is_open:
            self._pieces.append("\n")

    def _flush(self) -> None:
        text = laid_out("".join(self._pieces))
        self._pieces.clear()
        for paragraph in _PARAGRAPH_GAP.split(text):
            if paragraph.strip():
                self._add(paragraph.strip())

    def _add(self, text: str) -> None:
        self._has_text = True
        if self._heading and len(text) <= _MAX_HEADING:
            self._release_term()
            self._builder.heading(text, self._heading)
            # What follows within an unclosed heading is the page.
            self._heading = 0
        elif self._bullet:
            depth = min(max(0, len(self._lists) - 1), _MAX_DEPTH)
            self._release_term()
            self._builder.list_item(text, depth=depth, bullet=self._bullet)
            self._bullet = ""
        else:
            self._builder.paragraph(self._defined(text))

    def _keep_term(self) -> None:
        self._release_term()
        self._term = laid_out("".join(self._pieces)).replace("\n", " ")
        self._pieces.clear()

    def _defined(self, text: str) -> str:
        """``text`` after the term it defines."""
        if not self._term:
            return text
        colon = "：" if _IDEOGRAPH_END.search(self._term) else ": "
        lead = self._term + (" " if self._term.endswith(_COLONS) else colon)
        self._term = ""
        return lead + text

    def _release_term(self) -> None:
        """A term without a definition stands alone."""
        self._has_text = self._has_text or bool(self._term)
        self._builder.paragraph(self._term)
        self._term = ""


def _integer(value: str | None, default: int) -> int:
    return int(value) if value and _NUMBER.fullmatch(value.strip()) else default
