"""The running text of an OpenDocument paragraph, and what hangs on it: frames and notes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from ingest.loaders.office.notes import note_mark
from ingest.loaders.office.numerals import stated
from ingest.loaders.office.odf_names import DRAW, OFFICE, PRESENTATION, SVG, TEXT

_SPACES: Final = re.compile(r"[ \t\r\n]+")
_MAX_SPACES: Final = 100  # a count that a file claims
_LEFT_OUT: Final = frozenset(
    {
        f"{OFFICE}annotation",
        f"{OFFICE}annotation-end",
        f"{TEXT}tracked-changes",
        f"{TEXT}ruby-text",
        f"{TEXT}hidden-text",
        f"{TEXT}hidden-paragraph",
        f"{TEXT}note-citation",
        f"{SVG}title",
        f"{SVG}desc",
        f"{PRESENTATION}date-time",
    }
)


@dataclass(slots=True)
class Inline:
    """``frames`` are drawings that hold blocks of their own, ``notes`` label and body."""

    pieces: list[str] = field(default_factory=list)
    frames: list[etree._Element] = field(default_factory=list)
    notes: list[tuple[str, etree._Element]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces).strip()


class InlineReader:
    """Reads one paragraph at a time."""

    def read(self, paragraph: etree._Element) -> Inline:
        into = Inline()
        self._read_children(paragraph, into)
        return into

    def _read_children(self, element: etree._Element, into: Inline) -> None:
        self._add(element.text, into)
        for child in element:
            self._read(child, into)
            self._add(child.tail, into)

    def _read(self, element: etree._Element, into: Inline) -> None:
        tag = element.tag
        if tag == f"{TEXT}s":
            into.pieces.append(" " * _count(element))
        elif tag == f"{TEXT}tab":
            into.pieces.append("\t")
        elif tag == f"{TEXT}line-break":
            into.pieces.append("\n")
        elif tag == f"{TEXT}note":
            _read_note(element, into)
        elif isinstance(tag, str) and tag.startswith(DRAW) and tag != f"{DRAW}a":
            into.frames.append(element)
        elif tag not in _LEFT_OUT:
            self._read_children(element, into)

    def _add(self, text: str | None, into: Inline) -> None:
        if text:
            into.pieces.append(_SPACES.sub(" ", text))


def _read_note(note: etree._Element, into: Inline) -> None:
    label = (note.findtext(f"{TEXT}note-citation") or "").strip() or "*"
    body = note.find(f"{TEXT}note-body")
    if body is not None:
        into.pieces.append(note_mark(label))
        into.notes.append((label, body))


def _count(spaces: etree._Element) -> int:
    return stated(spaces.get(f"{TEXT}c"), 1, most=_MAX_SPACES)
