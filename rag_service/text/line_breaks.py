"""Which line breaks end something, and which only wrap a line.

In PDF text and hard-wrapped files most line breaks fall in the middle of a sentence, in Chinese
even inside a word. The evidence used here: blank lines, what the next line begins with, how this
line ends, and whether this line was full, so that the next word no longer fitted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from rag_service.text.language import CJK_CLASS

_LINE_BREAK: Final = re.compile(r"\r\n?|[\n\x85\u2028]|(?P<always>[\x0b\x0c\u2029])")

# How a line begins that starts something new: list items, headings, table rows, quotes, markup.
_OPENS: Final = re.compile(
    r"\u3000|\s*(?:"
    r"[-*+•·●○▪■◆►※]\s|#{1,6}\s|\||>|`{3}|~{3}|={3,}\s*$|-{3,}\s*$|<[a-z/!]"
    r"|\(?\d{1,3}(?:\.\d{1,3}){0,4}[.)、）](?!\d)|\d{1,2}(?:\.\d{1,2}){1,4}\s+\S|[①-⑳]"
    r"|\([a-zA-Z]{1,4}\)\s|[（(][一二三四五六七八九十\d]{1,3}[)）]|[一二三四五六七八九十]{1,3}、"
    r"|第[一二三四五六七八九十百千零〇\d]{1,6}[编篇卷部章节條条回](?:\s|$))"
)
_STANDS_ALONE: Final = re.compile(r"\s*(?:#{1,6}\s|\||`{3}|~{3}|={3,}\s*$|-{3,}\s*$)")
_COMPLETE: Final = re.compile(r"[；;：:][\"'”’」』）)】\]]*\Z")
_RUNS_ON: Final = re.compile(
    r"(?:[,，、（(《“「\-‐—&+/=]|\b(?:a|an|the|of|and|or|to|in|for|with))\Z"
)
_FIRST_WORD: Final = re.compile(rf"\s*([{CJK_CLASS}]|[^\s{CJK_CLASS}]{{1,40}})")
_WIDE: Final = re.compile(rf"[{CJK_CLASS}\u3000-\u3004\u3008-\u3020\uff01-\uff60]")

_MAX_COLUMNS: Final = 200  # a longer line is a paragraph of its own, not a wrapped one
_MIN_COLUMNS: Final = 24  # columns as narrow as twelve Chinese characters exist in print
_FULL: Final = 0.8  # of the widest line nearby; in proportional type lengths vary that much
_NEARBY: Final = 2  # lines before and after


class _Line(NamedTuple):
    start: int
    end: int
    columns: int  # a CJK letter takes two; counted up to a little over _MAX_COLUMNS
    break_always: bool  # the break after it is a page or paragraph separator


def running_stretches(text: str) -> Iterator[tuple[int, int]]:
    """Consecutive ``(start, end)`` covering ``text``; line breaks inside one only wrap it.

    Time is linear in the length of ``text``.
    """
    if not _LINE_BREAK.search(text):
        yield 0, len(text)
        return
    lines = list(_lines(text))
    start = 0
    for index in range(len(lines) - 1):
        if _break_ends(text, lines, index):
            yield start, lines[index].end
            start = lines[index + 1].start
    yield start, len(text)


def _lines(text: str) -> Iterator[_Line]:
    start = 0
    for match in _LINE_BREAK.finditer(text):
        end = match.start()
        yield _Line(start, end, _columns(text, start, end), match["always"] is not None)
        start = match.end()
    yield _Line(start, len(text), _columns(text, start, len(text)), True)


def _columns(text: str, start: int, end: int) -> int:
    line = text[start : min(end, start + _MAX_COLUMNS + 1)].rstrip()
    return len(line) if line.isascii() else len(line) + len(_WIDE.findall(line))


def _break_ends(text: str, lines: list[_Line], index: int) -> bool:
    line, after = lines[index], lines[index + 1]
    if line.break_always or not line.columns or not after.columns:
        return True
    widest = max(near.columns for near in lines[max(0, index - _NEARBY) : index + _NEARBY + 1])
    if not _MIN_COLUMNS <= widest <= _MAX_COLUMNS:
        return True
    head = text[line.start : min(line.end, line.start + 40)]
    next_head = text[after.start : min(after.end, after.start + 40)]
    if _OPENS.match(next_head) or _STANDS_ALONE.match(head) or _is_tabular(text, line, after):
        return True
    tail = text[max(line.start, line.end - 24) : line.end].rstrip()
    if _COMPLETE.search(tail):
        return True
    return not (_RUNS_ON.search(tail) or _continues(line, next_head, widest))


def _continues(line: _Line, next_head: str, widest: int) -> bool:
    """Whether the next line goes on: it starts in lower case, or its first word did not fit."""
    word = _FIRST_WORD.match(next_head)
    if word is None or (word[1].isascii() and word[1][0].islower()):
        return True
    return line.columns + 1 + len(word[1]) > _FULL * widest


def _is_tabular(text: str, line: _Line, after: _Line) -> bool:
    return any("\t" in text[each.start : each.end].strip() for each in (line, after))
