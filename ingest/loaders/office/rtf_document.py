"""What RTF's control words build: paragraphs, headings, lists, tables, notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ingest.loaders.builder import TextBuilder
from ingest.loaders.office.docx_styles import heading_level, is_contents_style
from ingest.loaders.office.notes import note_line
from ingest.loaders.tables import looks_like_header, tidied

MAX_HEADING: Final = 200  # characters
_BODY_TEXT: Final = 9  # the outline level of what is no heading


@dataclass(slots=True)
class Paragraph:
    """The properties that ``\\pard`` resets."""

    style: int = 0
    outline: int = _BODY_TEXT
    in_table: bool = False
    is_list: bool = False
    depth: int = 0


@dataclass(slots=True)
class Layout:
    """Collects text into a builder. ``label`` is the coming list item's; ``notes`` (label and
    text) and ``boxes`` follow the paragraph or table that they hang on.
    """

    builder: TextBuilder
    style_names: dict[int, str]
    text: list[str] = field(default_factory=list)
    label: str = ""
    notes: list[tuple[str, str]] = field(default_factory=list)
    boxes: list[str] = field(default_factory=list)
    _cells: list[str] = field(default_factory=list)
    _cell_lines: list[str] = field(default_factory=list)
    _rows: list[list[str]] = field(default_factory=list)
    _has_header: bool = False

    def end_paragraph(self, paragraph: Paragraph) -> None:
        text = _take(self.text)
        label, self.label = self.label.strip(), ""
        if paragraph.in_table:
            self._cell_lines.append(f"{label} {text}" if any(map(str.isalnum, label)) else text)
            return
        self.end_table()
        self._add(paragraph, text, label)
        self._what_hangs_on()

    def _add(self, paragraph: Paragraph, text: str, label: str) -> None:
        style = self.style_names.get(paragraph.style, "")
        level = heading_level(style) if paragraph.outline >= _BODY_TEXT else paragraph.outline + 1
        if not text or is_contents_style(style):
            return
        if level and len(text) <= MAX_HEADING:
            self.builder.heading(f"{label} {text}", level)
        elif label or paragraph.is_list:
            bullet = label if any(map(str.isalnum, label)) else "-"
            self.builder.list_item(text, depth=paragraph.depth, bullet=bullet)
        else:
            self.builder.paragraph(text)

    def end_cell(self, paragraph: Paragraph) -> None:
        paragraph.in_table = True
        self.end_paragraph(paragraph)
        self._cells.append(" ".join(filter(None, self._cell_lines)))
        self._cell_lines = []

    def end_row(self) -> None:
        self._rows.append(self._cells)
        self._cells = []

    def mark_header(self) -> None:
        """The row that is being defined repeats at the top of pages."""
        self._has_header |= not self._rows

    def end_table(self) -> None:
        if self._cells or self._cell_lines:  # a table cut off in a row
            self._cells.append(" ".join(filter(None, self._cell_lines)))
            self._cell_lines = []
            self.end_row()
        rows, self._rows = self._rows, []
        marked, self._has_header = self._has_header, False
        if all(len(row) <= 1 for row in rows):  # frames text, relates nothing to anything
            for row in rows:
                self.builder.paragraph(" ".join(row))
        else:
            rows = tidied(rows)
            self.builder.table(rows, has_header=marked or looks_like_header(rows))
        if rows:
            self._what_hangs_on()

    def end(self, paragraph: Paragraph) -> None:
        """Whatever is still open."""
        if self.text:
            self.end_paragraph(paragraph)
        self.end_table()
        self._what_hangs_on()

    def _what_hangs_on(self) -> None:
        boxes, self.boxes = self.boxes, []
        for text in boxes:
            self.builder.paragraph(text)
        notes, self.notes = self.notes, []
        for label, text in notes:
            self.builder.paragraph(note_line(label, text))


def _take(pieces: list[str]) -> str:
    text = joined(pieces).strip()
    pieces.clear()
    return text


def joined(pieces: list[str]) -> str:
    """RTF gives characters beyond U+FFFF as two halves."""
    text = "".join(pieces)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
