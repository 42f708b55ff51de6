"""Structure as Markdown writes it: front matter, fenced code, ATX and setext headings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ingest.headings import MAX_HEADING_LINE, Heading, clean_title
from ingest.lines import Line, iter_lines
from rag_service.text.language import CJK_CLASS

# CommonMark, but for the missing space of "##标题", which Chinese authors often write.
_ATX: Final = re.compile(rf" {{0,3}}(#{{1,6}})(?:[ \t]+|(?=[{CJK_CLASS}])|$)(.*)")
_ATX_CLOSING: Final = re.compile(r"(?:^|[ \t])#+[ \t]*$")
_SETEXT: Final = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_NOT_A_PARAGRAPH: Final = re.compile(r"\s*(?:[-*+>|#]|\d+[.)]\s|`{3}|~{3})")
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_FRONT_MATTER_ENDS: Final = {"---": ("---", "..."), "+++": ("+++",)}  # YAML, and Hugo's TOML
_FRONT_MATTER_LINES: Final = 60


def front_matter_end(lines: Sequence[Line]) -> int:
    """Number of lines that front matter takes; it would read as prose and a setext heading."""
    ends = _FRONT_MATTER_ENDS.get(lines[0].text.rstrip(), ()) if lines else ()
    for index, line in enumerate(lines[1:_FRONT_MATTER_LINES], start=1):
        if line.text.rstrip() in ends:
            return index + 1
    return 0


def code_lines(lines: Iterable[Line], fence: str = "") -> Iterator[tuple[bool, str]]:
    """Of each line, whether it belongs to fenced code, fences included, and the open fence.

    ``fence`` is the one that is open before the first line. An open fence runs to the end.
    """
    for line in lines:
        match = _FENCE.match(line.text)
        is_code = bool(fence) or match is not None
        if match is not None and not fence:
            fence = match[1]
        elif match is not None and match[1].startswith(fence) and not match[2].strip():
            fence = ""
        yield is_code, fence


def markdown_headings(
    lines: Sequence[Line], in_code: Sequence[bool], start: int = 0
) -> dict[int, Heading]:
    """Headings by the index of their first line, from the line ``start`` on."""
    found: dict[int, Heading] = {}
    for index in range(start, len(lines)):
        if in_code[index] or len(lines[index].text) > MAX_HEADING_LINE:
            continue
        heading = _atx(lines[index].text) or _setext(lines, in_code, index)
        if heading is not None:
            found[index] = heading
    return found


def first_markdown_title(text: str) -> str:
    """The first heading of level 1 outside code; "" where there is none."""
    lines = list(iter_lines(text))
    in_code = [code for code, _ in code_lines(lines)]
    found = markdown_headings(lines, in_code, front_matter_end(lines))
    return next((heading.title for heading in found.values() if heading.level == 1), "")


def _atx(line: str) -> Heading | None:
    match = _ATX.match(line)
    title = clean_title(_ATX_CLOSING.sub("", match[2])) if match else ""
    return Heading(len(match[1]), title) if match and title else None


def _setext(lines: Sequence[Line], in_code: Sequence[bool], index: int) -> Heading | None:
    if index + 1 == len(lines) or in_code[index + 1] or lines[index + 1].apart:
        return None
    underline = _SETEXT.match(lines[index + 1].text)
    line = lines[index]
    if underline is None or not line.apart or _NOT_A_PARAGRAPH.match(line.text):
        return None
    title = clean_title(line.text)
    return Heading(1 if underline[1][0] == "=" else 2, title, lines=2) if title else None
