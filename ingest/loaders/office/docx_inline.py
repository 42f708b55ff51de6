"""The running text of a Word paragraph, and what hangs on it: boxes, graphics, notes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from ingest.loaders.office.equations import M, equation_text
from ingest.loaders.office.notes import note_mark
from ingest.loaders.office.numerals import roman
from ingest.loaders.office.ooxml import MC, A, W, chosen, is_on
from ingest.loaders.office.symbol_fonts import symbol

_VML_TEXT: Final = "{urn:schemas-microsoft-com:vml}textpath"
# Deleted and moved-away text, instructions of fields, readings above characters.
_LEFT_OUT_NAMES: Final = (
    "del moveFrom instrText delInstrText delText pPr rPr rt sectPr commentReference "
    "annotationRef footnoteRef endnoteRef fldData sdtPr sdtEndPr"
)
_LEFT_OUT: Final = frozenset(f"{W}{name}" for name in _LEFT_OUT_NAMES.split())


@dataclass(frozen=True, slots=True)
class NoteReference:
    """``kind`` is "footnote" or "endnote"; ``label`` is what the reader sees, 1 or i."""

    kind: str
    note_id: str
    label: str


@dataclass(slots=True)
class Inline:
    """``boxes`` hold blocks of their own (w:txbxContent); ``graphics`` charts and diagrams."""

    pieces: list[str] = field(default_factory=list)
    boxes: list[etree._Element] = field(default_factory=list)
    graphics: list[etree._Element] = field(default_factory=list)
    notes: list[NoteReference] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces).strip()


class InlineReader:
    """Reads paragraphs in order, so that it can number the notes."""

    def __init__(self) -> None:
        self._counts = {"footnote": 0, "endnote": 0}
        self._readers: dict[str, Callable[[etree._Element, Inline], None]] = {
            f"{W}t": lambda element, into: into.pieces.append(element.text or ""),
            f"{W}r": self._read_run,
            f"{W}sym": _read_symbol,
            f"{W}br": lambda _, into: into.pieces.append("\n"),
            f"{W}cr": lambda _, into: into.pieces.append("\n"),
            f"{W}tab": lambda _, into: into.pieces.append("\t"),
            f"{W}ptab": lambda _, into: into.pieces.append("\t"),
            f"{W}noBreakHyphen": lambda _, into: into.pieces.append("-"),
            f"{W}footnoteReference": self._read_note,
            f"{W}endnoteReference": self._read_note,
            f"{W}txbxContent": lambda element, into: into.boxes.append(element),
            f"{W}sdt": self._read_control,
            f"{A}graphicData": self._read_graphic,
            f"{M}oMath": lambda element, into: into.pieces.append(equation_text(element)),
            f"{MC}AlternateContent": lambda element, into: self._read_all(chosen(element), into),
            _VML_TEXT: lambda element, into: into.pieces.append(element.get("string", "")),
        }

    def read(self, paragraph: etree._Element) -> Inline:
        into = Inline()
        self._read_all(paragraph, into)
        return into

    def _read_all(self, elements: Iterable[etree._Element], into: Inline) -> None:
        for element in elements:
            read = self._readers.get(element.tag)
            if read:
                read(element, into)
            elif element.tag not in _LEFT_OUT:
                self._read_all(element, into)

    def _read_run(self, run: etree._Element, into: Inline) -> None:
        properties = run.find(f"{W}rPr")
        if properties is None or not is_on(properties.find(f"{W}vanish")):
            self._read_all(run, into)

    def _read_control(self, control: etree._Element, into: Inline) -> None:
        if not shows_placeholder(control):
            self._read_all(control.iterfind(f"{W}sdtContent"), into)

    def _read_graphic(self, graphic: etree._Element, into: Inline) -> None:
        into.graphics.append(graphic)
        self._read_all(graphic, into)

    def _read_note(self, reference: etree._Element, into: Inline) -> None:
        kind = "footnote" if reference.tag == f"{W}footnoteReference" else "endnote"
        self._counts[kind] += 1
        number = self._counts[kind]
        label = str(number) if kind == "footnote" else roman(number)
        into.notes.append(NoteReference(kind, reference.get(f"{W}id", ""), label))
        into.pieces.append(note_mark(label))


def shows_placeholder(control: etree._Element) -> bool:
    """Whether a form's field still says "Click here to enter text"."""
    return is_on(control.find(f"{W}sdtPr/{W}showingPlcHdr"))


def _read_symbol(element: etree._Element, into: Inline) -> None:
    try:
        code = int(element.get(f"{W}char", ""), 16)
    except ValueError:
        return
    into.pieces.append(symbol(code, element.get(f"{W}font", "")))
