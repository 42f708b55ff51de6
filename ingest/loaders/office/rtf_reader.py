"""Reads RTF's groups and control words: where text goes and what encoding its bytes are in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from ingest.loaders.builder import TextBuilder
from ingest.loaders.office.notes import note_mark
from ingest.loaders.office.rtf_document import Layout, Paragraph, joined
from ingest.loaders.office.rtf_fonts import Fonts
from ingest.loaders.office.rtf_tokens import Token, tokens
from rag_service.errors import BrokenFile

MAX_DEPTH: Final = 10_000  # groups within groups
_CHARACTERS: Final = {
    "tab": "\t", "line": "\n", "page": "\n", "column": "\n", "nestcell": " ", "emdash": "—",
    "endash": "–", "bullet": "•", "lquote": "‘", "rquote": "’", "ldblquote": "“",
    "rdblquote": "”", "emspace": " ", "enspace": " ", "qmspace": " ",
}  # fmt: skip
_SYMBOLS: Final = {"~": " ", "_": "-", "\\": "\\", "{": "{", "}": "}"}
# Destinations whose text no reader sees in the place where it stands.
_SKIPPED_WORDS: Final = (
    "colortbl pict fldinst listtable listoverridetable revtbl rsidtbl filetbl generator "
    "themedata colorschememapping latentstyles datastore xmlnstbl xe rxe tc tcn bkmkstart "
    "bkmkend atnid atnauthor annotation atnref atndate atnicn upr private pnseclvl pgdsctbl "
    "objdata objclass fontemb falt panose info keywords subject author operator company "
    "category doccomm manager do shpinst background sp ftnsep ftnsepc ftncn aftnsep "
    "aftnsepc aftncn mmathPr userprops"
)
_SKIPPED: Final = frozenset(_SKIPPED_WORDS.split())
# Whose text a destination holds; what is dropped doubles something that is read already.
_DESTINATIONS: Final = {
    "fonttbl": "fonts", "stylesheet": "styles", "listtext": "label", "pntext": "label",
    "shptxt": "box", "dptxbxtext": "box", "title": "title",
    "header": "running", "headerl": "running", "headerr": "running", "headerf": "running",
    "footer": "running", "footerl": "running", "footerr": "running", "footerf": "running",
    "shprslt": "drop", "nonshppict": "drop",
}  # fmt: skip


@dataclass(slots=True)
class _State:
    """What a group inherits, and its end restores. ``place`` says whose text ``sink`` is."""

    place: str
    sink: list[str]
    outer: tuple[str, list[str]]  # place and sink before the group was skipped
    font: int = 0
    fallback_length: int = 1  # bytes that stand for a character of \u in old programs
    is_hidden: bool = False


class RtfReader:
    """Reads one document into ``builder``.

    ``title``, ``running_heads`` (headers and footers) and ``warnings`` are there after ``read``.
    """

    def __init__(self, builder: TextBuilder) -> None:
        self.fonts = Fonts()
        self.title = ""
        self.running_heads: list[str] = []
        self.warnings: list[str] = []
        self._styles: dict[int, str] = {}
        self._layout = Layout(builder, self._styles)
        self._paragraph = Paragraph()
        body = ("text", self._layout.text)
        self._state = _State(*body, outer=body)
        self._states: list[_State] = []
        self._bytes = bytearray()
        self._fallback_left = 0
        self._is_optional = False  # \* stands before the next word
        self._defined = -1  # the font or style that is being defined
        self._notes = 0
        self._words = self._handlers()

    def read(self, data: bytes) -> None:
        """Raises BrokenFile for groups nested beyond reason."""
        for token in tokens(data):
            if token.kind in {"text", "byte"}:
                self._collect(token.data)
                continue
            self._flush()
            self._control(token)
        self._flush()
        if self._states:
            self.warnings.append("The file ends too early; text may be missing at its end.")
        self._layout.end(self._paragraph)

    def _collect(self, data: bytes) -> None:
        skipped = min(self._fallback_left, len(data))
        self._fallback_left -= skipped
        self._bytes += data[skipped:]

    def _flush(self) -> None:
        if not self._bytes:
            return
        self._put(self.fonts.text(self._state.font, bytes(self._bytes)))
        self._bytes.clear()

    def _put(self, text: str) -> None:
        if self._state.place in {"fonts", "styles"}:
            self._define(text)
        elif self._state.place not in {"skip", "drop"} and not self._state.is_hidden:
            self._state.sink.append(text)

    def _control(self, token: Token) -> None:
        if token.kind == "open":
            self._open()
        elif token.kind == "close":
            self._close()
        elif self._fallback_left:  # a control counts as one character
            self._fallback_left -= 1
        elif token.kind == "symbol":
            self._symbol(token.name)
        else:
            self._word(token.name, token.number)

    def _open(self) -> None:
        if len(self._states) >= MAX_DEPTH:
            raise BrokenFile("The RTF document is nested too deeply to be read.")
        self._fallback_left = 0
        self._states.append(self._state)
        self._state = replace(self._state)
        if self._state.place == "styles":
            self._defined = -1

    def _close(self) -> None:
        self._fallback_left = 0
        if not self._states:
            return
        ended, self._state = self._state, self._states.pop()
        if ended.sink is not self._state.sink:
            self._leave(ended.place, joined(ended.sink))

    def _leave(self, place: str, text: str) -> None:
        if place == "label":
            self._layout.label = text
        elif place == "note":
            self._layout.notes.append((str(self._notes), " ".join(text.split())))
        elif place == "box":
            self._layout.boxes.append(text)
        elif place == "running":
            self.running_heads += text.split("\n")
        elif place == "title":
            self.title = self.title or text

    def _enter(self, place: str) -> None:
        if self._state.place != "drop":
            self._state.place, self._state.sink = place, []

    def _symbol(self, name: str) -> None:
        if name == "*":
            self._is_optional = True
        elif name in {"\r", "\n"}:
            self._end_paragraph()
        else:
            self._put(_SYMBOLS.get(name, ""))

    def _word(self, name: str, number: int | None) -> None:
        is_optional, self._is_optional = self._is_optional, False
        handler = self._words.get(name)
        if name in _CHARACTERS:
            self._put(_CHARACTERS[name])
        elif name in _DESTINATIONS:
            self._enter(_DESTINATIONS[name])
        elif handler:
            handler(-1 if number is None else number)
        elif name in _SKIPPED or is_optional:
            self._skip()

    def _skip(self) -> None:
        if self._state.place not in {"skip", "drop"}:
            self._state.outer = (self._state.place, self._state.sink)
            self._state.place = "skip"

    def _handlers(self) -> dict[str, Callable[[int], None]]:
        return {
            "ansicpg": self.fonts.set_document_code_page,
            "mac": lambda _: self.fonts.set_document_code_page(10000),
            "pc": lambda _: self.fonts.set_document_code_page(437),
            "pca": lambda _: self.fonts.set_document_code_page(850),
            "deff": self._set_default_font,
            "f": self._set_font,
            "fcharset": lambda number: self.fonts.set_charset(self._defined, number),
            "cpg": self._set_font_code_page,
            "u": self._unicode,
            "uc": lambda number: setattr(self._state, "fallback_length", max(0, number)),
            "v": self._hide,
            "deleted": self._hide,
            "plain": self._plain,
            "footnote": self._footnote,
            "ud": lambda _: self._restore(),
            "par": lambda _: self._end_paragraph(),
            "sect": lambda _: self._end_paragraph(),
            "cell": lambda _: self._end_cell(),
            "row": lambda _: self._end_row(),
            "trhdr": lambda _: self._layout.mark_header(),
            "pard": lambda _: self._set_paragraph(Paragraph()),
            "s": self._set_style,
            "outlinelevel": lambda number: self._change_paragraph(outline=number),
            "intbl": lambda _: self._change_paragraph(in_table=True),
            "ls": lambda number: self._change_paragraph(is_list=number != 0),
            "ilvl": lambda number: self._change_paragraph(depth=max(0, min(number, 8))),
        }

    def _set_default_font(self, number: int) -> None:
        self.fonts.default = self._state.font = number

    def _set_font(self, number: int) -> None:
        if self._state.place == "fonts":
            self._defined = number
        else:
            self._state.font = number

    def _set_font_code_page(self, number: int) -> None:
        if self._state.place == "fonts":
            self.fonts.set_code_page(self._defined, number)

    def _define(self, text: str) -> None:
        """The name of a font or style; it ends with a semicolon."""
        self._state.sink.append(text)
        if not text.rstrip().endswith(";"):
            return
        name = "".join(self._state.sink).strip(" ;")
        self._state.sink.clear()
        if self._state.place == "styles":
            self._styles[self._defined] = name.lower()
        else:
            self.fonts.set_name(self._defined, name)

    def _unicode(self, number: int) -> None:
        self._put(self.fonts.character(self._state.font, number % 0x10000))
        self._fallback_left = self._state.fallback_length

    def _hide(self, number: int) -> None:
        self._state.is_hidden = number != 0

    def _plain(self, _: int) -> None:
        self._state.is_hidden = False
        self._state.font = self.fonts.default

    def _footnote(self, _: int) -> None:
        self._notes += 1
        self._put(note_mark(str(self._notes)))
        self._enter("note")

    def _restore(self) -> None:
        if self._state.place == "skip":
            self._state.place, self._state.sink = self._state.outer

    def _end_paragraph(self) -> None:
        if self._state.place == "text":
            self._layout.end_paragraph(self._paragraph)
        else:
            self._put("\n")

    def _end_cell(self) -> None:
        if self._state.place == "text":
            self._layout.end_cell(self._paragraph)
        else:
            self._put(" ")

    def _end_row(self) -> None:
        if self._state.place == "text":
            self._layout.end_row()

    def _set_paragraph(self, paragraph: Paragraph) -> None:
        if self._state.place == "text":
            self._paragraph = paragraph

    def _change_paragraph(self, **changes: int) -> None:
        if self._state.place == "text":
            self._paragraph = replace(self._paragraph, **changes)  # type: ignore[arg-type]

    def _set_style(self, number: int) -> None:
        if self._state.place == "styles":
            self._defined = number
        else:
            self._change_paragraph(style=number)
