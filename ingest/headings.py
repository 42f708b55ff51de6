"""Headings: their titles and paths, and how plain text is searched for them.

Plain text is judged conservatively. A heading that is missed costs a little context; a line
wrongly taken for one splits a passage.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from ingest.lines import Line
from rag_service.text.language import CJK_CLASS, is_cjk


class Heading(NamedTuple):
    """``level`` 1 is the outermost. ``lines`` is 0 where the heading shares its line with text."""

    level: int
    title: str
    lines: int = 1


HEADING_SEPARATOR: Final = " > "
MAX_HEADING_LINE: Final = 300  # characters; a longer line is a paragraph, however it is marked
_MAX_TITLE: Final = 120  # characters in a heading path; the text itself is never cut
_MAX_DEPTH: Final = 6  # as many levels as Markdown and HTML have
_MAX_PATH: Final = 300  # characters; a path is embedded with every chunk below it

_MARKUP: Final = re.compile(
    r"!?\[([^\]]*)\]\([^)]*\)|\s*\{#[^}]*\}\s*$|\*\*|__|`|</?[a-zA-Z][^>]*>"
)
_NUMERAL: Final = r"[一二三四五六七八九十百千零〇两兩\d]{1,6}"
_CHINESE_PART: Final = re.compile(rf"\s*第\s*{_NUMERAL}\s*([编編篇卷部章回节節])(\s|[:：]|$)?")
_CHINESE_ARTICLE: Final = re.compile(
    rf"\s*(第{_NUMERAL}[条條](?:之{_NUMERAL})?)(?:[\s\u3000]|$|(?=[【（]))(.*)"
)
_ENGLISH_PART: Final = re.compile(
    r"\s*(?i:(?=[A-Z])(part|book|volume|chapter|section|appendix))\s+"
    r"(?:\d{1,3}|[IVXLC]+|[A-Z]|(?i:one|two|three|four|five|six|seven|eight|nine|ten|"
    r"eleven|twelve|thirteen|fourteen|fifteen))(?:\.?|\s*[.:—–-]\s*\S.*|\s+[A-Z].*)$"
)
_NUMBERED: Final = re.compile(rf"\s*(\d{{1,2}}(?:\.\d{{1,2}}){{1,4}})\.?\s+[A-Z{CJK_CLASS}].*$")
_COUNTED: Final = re.compile(r"\s*[一二三四五六七八九十]{1,3}、\s*\S")
_LISTED: Final = re.compile(r"\s*(?:[-*+•·●○▪■>|]|\(?\d{1,3}[.)、]|[（(]\S{1,3}[)）])")
_SENTENCE_END: Final = re.compile(r"[。！？；，、,;!?.:：…][\"'”’」』）)]*\s*$")
_HOLDS_SENTENCE: Final = re.compile(r"[。！？；]|[a-z)\"”][.!?](?:\s|$)")
_ENDS_WITH_PAGE: Final = re.compile(r"(?:\.{2,}|…|\s)\s*\d+\s*$")

_PART_LEVELS: Final = dict(zip("编編篇卷部章回节節", (1, 1, 1, 1, 1, 2, 2, 3, 3), strict=True))
_ENGLISH_LEVELS: Final = {"part": 1, "book": 1, "volume": 1, "section": 3}  # others: 2
_COUNTED_LEVEL, _STANDALONE_LEVEL, _ARTICLE_LEVEL = 4, 8, 9
_NUMBERED_LEVEL = 3  # plus the dots: "1.2" is 4, "1.2.3" is 5
_MAX_COLUMNS: Final = 60
_MAX_WORDS: Final = 10
_PARAGRAPH_LINE: Final = 100  # characters; a line this long holds a whole paragraph
_RUNNING_HEADER_REPEATS: Final = 3


def clean_title(title: str) -> str:
    """``title`` on one line, without Markdown's inline marks, at most 120 characters."""
    return one_line_title(_MARKUP.sub(r"\1", title))


def one_line_title(title: str) -> str:
    """``title`` on one line, at most 120 characters."""
    line = " ".join(title.split())
    if len(line) <= _MAX_TITLE:
        return line
    kept = line[: _MAX_TITLE - 1]
    before, _, _ = kept.rpartition(" ")
    return (before if len(before) > _MAX_TITLE // 2 else kept) + "…"


def heading_path(headings: Iterable[Heading], document_title: str) -> str:
    """The titles from the outermost to the innermost, "Chapter > Section".

    Without the document's title, which every chunk has anyway, and without repetitions. Of a
    path that is too deep or too long the innermost titles remain.
    """
    titles: list[str] = []
    last = document_title
    for heading in headings:
        if not _same_title(heading.title, last):
            titles.append(heading.title)
        last = heading.title
    titles = titles[-_MAX_DEPTH:]
    while len(titles) > 1 and len(HEADING_SEPARATOR.join(titles)) > _MAX_PATH:
        del titles[0]
    return HEADING_SEPARATOR.join(titles)


def _same_title(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def ends_like_sentence(text: str) -> bool:
    """Whether ``text`` ends in punctuation that no title ends in."""
    return _SENTENCE_END.search(text[-40:]) is not None


def is_numbered_heading(line: str) -> bool:
    """Whether ``line`` heads a chapter or section by number, so cannot title the whole."""
    return (_article(line) or _numbered(Line(0, len(line), line, apart=True))) is not None


def plain_headings(lines: Sequence[Line], in_table: Sequence[bool]) -> dict[int, Heading]:
    """Headings by line index: numbered ones, chapters, articles, and short lines set apart."""
    repeats = Counter(line.text.strip() for line in lines if len(line.text) <= _MAX_COLUMNS)
    found: dict[int, Heading] = {}
    for index, line in enumerate(lines):
        if in_table[index] or len(line.text) > MAX_HEADING_LINE:
            continue
        heading = _article(line.text) or _numbered(line)
        if heading is None and repeats[line.text.strip()] < _RUNNING_HEADER_REPEATS:
            heading = _standalone(lines, index)
        if heading is not None:
            found[index] = heading
    return _without_lists(found, len(lines))


def _without_lists(found: dict[int, Heading], line_count: int) -> dict[int, Heading]:
    """Without headings that announce nothing: tables of contents and numbered lists."""

    def announces(index: int) -> bool:
        if found[index].lines == 0:
            return True
        after, before = found.get(index + 1), [found.get(index - 1), found.get(index - 2)]
        level = found[index].level
        is_third_of_list = all(other is not None and other.level == level for other in before)
        is_followed = index + 1 < line_count and (after is None or after.level > level)
        return is_followed and not is_third_of_list

    return {index: heading for index, heading in found.items() if announces(index)}


def _article(line: str) -> Heading | None:
    """An article of a statute: its text usually follows on the line."""
    match = _CHINESE_ARTICLE.match(line)
    if match is None:
        return None
    return Heading(_ARTICLE_LEVEL, match[1], lines=0 if match[2].strip() else 1)


def _numbered(line: Line) -> Heading | None:
    text = line.text.strip()
    if _columns(text) > _MAX_COLUMNS or _ENDS_WITH_PAGE.search(text):
        return None
    if match := _ENGLISH_PART.match(text):
        return Heading(_ENGLISH_LEVELS.get(match[1].lower(), 2), clean_title(text))
    if ends_like_sentence(text):
        return None
    match = _CHINESE_PART.match(text)
    if match and (match[2] is not None or line.apart):
        return Heading(_PART_LEVELS[match[1]], clean_title(text))
    if match := _NUMBERED.match(text):
        return Heading(_NUMBERED_LEVEL + match[1].count("."), clean_title(text))
    return Heading(_COUNTED_LEVEL, clean_title(text)) if _COUNTED.match(text) else None


def _standalone(lines: Sequence[Line], index: int) -> Heading | None:
    """A short line set apart, followed by a paragraph of whole sentences.

    Apart means a blank line on both sides, or a next line too long to be wrapped text.
    """
    if not lines[index].apart or index + 1 == len(lines):
        return None
    text, after = lines[index].text.strip(), lines[index + 1]
    if not after.apart and len(after.text) < _PARAGRAPH_LINE:
        return None
    if not _looks_like_title(text) or _columns(after.text) <= _columns(text):
        return None
    following = "\n".join(line.text for line in lines[index + 1 : index + 4])
    return (
        Heading(_STANDALONE_LEVEL, clean_title(text)) if _HOLDS_SENTENCE.search(following) else None
    )


def _looks_like_title(text: str) -> bool:
    if _columns(text) > _MAX_COLUMNS or len(text.split()) > _MAX_WORDS:
        return False
    if ends_like_sentence(text) or _LISTED.match(text) or _HOLDS_SENTENCE.search(text):
        return False
    letters = sum(char.isalpha() for char in text)
    return letters >= 2 and (text[0].isupper() or text[0].isdigit() or is_cjk(text[0]))


def _columns(text: str) -> int:
    """Width in columns, where a CJK letter takes two; exact as far as it matters for a heading."""
    if text.isascii() or len(text) > _MAX_COLUMNS:
        return len(text)
    return len(text) + sum(map(is_cjk, text))
