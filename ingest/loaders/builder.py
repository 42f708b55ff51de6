"""Building the text of a structured format together with the marks of its structure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ingest.invisible import without_invisible
from ingest.structure import Block, text_blocks
from rag_service.document_types import LoadedText, Mark, Page
from rag_service.errors import NoText

CELL_SEPARATOR = " | "
MAX_TITLE = 300
MAX_DEPTH = 8  # of a list; no office program goes deeper, and a file can claim any
# What no reader sees and no store should hold: control characters, halves of surrogate pairs.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_LINE_ENDS = re.compile("\r\n?|[\x85\u2028\u2029]")
_SPACES = re.compile(r"\s+")


def clean_text(text: str) -> str:
    """``text`` with ``\\n`` line ends and without what cannot be shown."""
    return without_invisible(_UNPRINTABLE.sub("", _LINE_ENDS.sub("\n", text)))


def one_line(text: str) -> str:
    """``text`` on one line, runs of white space closed up."""
    if text.isprintable():  # nothing to clean, and no white space but U+0020: four times as fast
        return " ".join(text.split())
    return _SPACES.sub(" ", clean_text(text)).strip()


class TextBuilder:
    """Collects the parts of a document in reading order.

    Parts are set apart by a blank line, list items that follow one another by a line end.
    Blank parts are left out. A table is a line a row, its cells parted by " | ".
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._marks: list[Mark] = []
        self._page_starts: list[tuple[int, int]] = []
        self._after_item = False

    def heading(self, text: str, level: int) -> None:
        """``level`` starts at 1, the outermost."""
        if line := one_line(text):
            start = self._append(line)
            self._marks.append(Mark("heading", start, self._length, level=max(1, level)))

    def paragraph(self, text: str) -> None:
        """Line ends within ``text`` are kept."""
        self._append(clean_text(text).strip())

    def list_item(self, text: str, *, depth: int = 0, bullet: str = "-") -> None:
        """``depth`` 0 is the outermost list."""
        if line := one_line(text):
            self._append(f"{'  ' * min(depth, MAX_DEPTH)}{bullet} {line}", item=True)

    def table(self, rows: Iterable[Sequence[str]], *, has_header: bool) -> None:
        """``has_header``: the first row that is not blank names the columns."""
        lines = [line for row in rows if (line := _row(row))]
        if not lines:
            return
        start = self._append("\n".join(lines))
        header_end = start + len(lines[0]) if has_header and len(lines) > 1 else start
        self._marks.append(Mark("table", start, self._length, header_end=header_end))

    def code(self, text: str) -> None:
        """Lines and their indentation are kept."""
        if body := clean_text(text).strip("\n").rstrip():
            start = self._append(body)
            self._marks.append(Mark("code", start, self._length))

    def insert(self, loaded: LoadedText) -> None:
        """A whole document within this one, e.g. the attachment of a mail; pages are dropped.

        Its headings become headings one level further in.
        """
        if loaded.syntax == "marked":
            self._insert_marked(loaded)
        else:
            for block in text_blocks(loaded):
                self._insert_block(loaded.text[block.char_start : block.char_end], block)

    def _insert_block(self, body: str, block: Block) -> None:
        if block.kind == "heading" and block.heading is not None:
            self.heading(block.heading.title, block.heading.level + 1)
        elif block.kind == "code":
            self.code(body)
        elif block.kind == "table":
            start = self._append(body)
            header = block.table.end - block.char_start if block.table else 0
            self._marks.append(Mark("table", start, self._length, header_end=start + header))
        else:
            self.paragraph(body)

    def _insert_marked(self, loaded: LoadedText) -> None:
        text = loaded.text.rstrip()
        if not text.strip():
            return
        start = self._append(text)
        for mark in loaded.marks:
            if mark.char_end <= len(text):
                self._marks.append(
                    Mark(
                        mark.kind,
                        start + mark.char_start,
                        start + mark.char_end,
                        level=mark.level + 1 if mark.kind == "heading" else 0,
                        header_end=start + mark.header_end if mark.kind == "table" else 0,
                    )
                )

    def start_page(self, number: int) -> None:
        """What is added from here on belongs to this page, slide or sheet (from 1)."""
        self._page_starts.append((number, len(self._parts)))

    @property
    def is_blank(self) -> bool:
        return not self._parts

    def build(
        self,
        *,
        engine: str,
        title: str = "",
        encoding: str = "",
        warnings: Iterable[str] = (),
        date: str = "",
        tags: tuple[str, ...] = (),
    ) -> LoadedText:
        """The document; ``date`` and ``tags`` as `ingest.loaders.about` finds them.

        Raises:
            NoText: nothing was added.
        """
        if self.is_blank:
            raise NoText("There is no text in the file.")
        return LoadedText(
            text="".join(self._parts),
            title=one_line(title)[:MAX_TITLE],
            pages=self._pages(),
            encoding=encoding,
            engine=engine,
            warnings=tuple(warnings),
            syntax="marked",
            marks=tuple(self._marks),
            date=date,
            tags=tags,
        )

    def _append(self, text: str, *, item: bool = False) -> int:
        """Add ``text`` and say where it starts."""
        if not text:
            return self._length
        if self._parts:
            gap = "\n" if item and self._after_item else "\n\n"
            self._parts.append(gap)
            self._length += len(gap)
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        self._after_item = item
        return start

    def _pages(self) -> tuple[Page, ...]:
        offsets = [0]
        for part in self._parts:
            offsets.append(offsets[-1] + len(part))
        starts = [(number, offsets[index]) for number, index in self._page_starts]
        ends = [*(start for _, start in starts[1:]), self._length]
        return tuple(
            Page(number, start, end)
            for (number, start), end in zip(starts, ends, strict=False)
            if end > start
        )


def _row(cells: Sequence[str]) -> str:
    shown = [one_line(cell) for cell in cells]
    return CELL_SEPARATOR.join(shown) if any(shown) else ""
