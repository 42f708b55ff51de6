"""The title of a document, from the best place that has one."""

from __future__ import annotations

from itertools import islice
from typing import Final

from ingest.headings import clean_title, ends_like_sentence, is_numbered_heading, one_line_title
from ingest.lines import iter_lines
from ingest.markdown import first_markdown_title
from rag_service.document_types import LoadedText

_MAX_TITLE: Final = 80  # characters of a first line that may be a title


def title_of(loaded: LoadedText, fallback: str) -> str:
    """The document's title: its own, its first heading of level 1, a title-like first line.

    Where headings are marked, the one of level 1 must be the first text of the document.
    ``fallback`` where it has none of these.
    """
    if loaded.syntax == "marked":
        found = one_line_title(loaded.title) or _first_marked_title(loaded)
    elif loaded.syntax == "markdown":
        found = clean_title(loaded.title) or first_markdown_title(loaded.text)
    else:
        found = clean_title(loaded.title)
    return found or _first_line_title(loaded) or fallback


def _first_marked_title(loaded: LoadedText) -> str:
    first = loaded.marks[0] if loaded.marks else None
    if first is None or (first.kind, first.level) != ("heading", 1):
        return ""
    if loaded.text[: first.char_start].strip():
        return ""
    line = loaded.text[first.char_start : first.char_end]
    return "" if is_numbered_heading(line) else one_line_title(line)


def _first_line_title(loaded: LoadedText) -> str:
    lines = list(islice(iter_lines(loaded.text), 2))
    if len(lines) < 2 or not lines[1].apart or _is_marked_text(loaded, lines[0].start):
        return ""
    line = lines[0].text.strip()
    if len(line) > _MAX_TITLE or not any(map(str.isalpha, line)):
        return ""
    if ends_like_sentence(line) or is_numbered_heading(line):
        return ""
    return one_line_title(line) if loaded.syntax == "marked" else clean_title(line)


def _is_marked_text(loaded: LoadedText, index: int) -> bool:
    """Whether ``index`` lies in a table or in code that comes first."""
    return any(
        mark.kind != "heading" and mark.char_start <= index < mark.char_end
        for mark in loaded.marks[:1]
    )
