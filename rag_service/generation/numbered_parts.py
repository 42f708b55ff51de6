"""Articles, sections and clauses that a question asks for by their number.

By their words all articles of a rule are alike, and its title is more like the question than any.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final, NamedTuple

from rag_service.text.numerals import ROMAN, chinese_value
from rag_service.types import Chunk

_NUMERALS: Final = "〇零一二三四五六七八九十百千两"
# What 条, 节 and 款 count as well in a question: the second production line, the third carriage.
_COUNTED: Final = re.compile(
    "(?:生?[产產])?[线線]|[路街河船道]|[消信]息|新[闻聞]|[车車][厢廂]|[课課]|手机|手機|[产產]品"
)
_PART: Final = re.compile(
    rf"第\s?(?P<number>[{_NUMERALS}]{{1,8}}|\d{{1,4}})\s?(?P<unit>[条條章节節款])"
    r"|\b(?P<word>article|section|clause|chapter|part|annex|appendix)\s"
    r"(?P<place>\d{1,3}(?:\.\d{1,3}){0,3}|[ivx]{1,5})\b",
    re.IGNORECASE | re.ASCII,
)
_UNITS: Final = str.maketrans("條節", "条节")
_READ_CHARS: Final = 500  # a question may be a pasted page
_OPENING: Final = 40  # characters of a line; its number stands behind "## ", "- " or "**" at most


class Part(NamedTuple):
    """As 第六条 is ("条", "6"), Section 4.2 ("section", "4.2")."""

    unit: str
    number: str


def asked_parts(question: str) -> frozenset[Part]:
    """Those that the question names."""
    found = _PART.finditer(question[:_READ_CHARS])
    return frozenset(_part(m) for m in found if not _COUNTED.match(question, m.end()))


def are_missing(parts: Collection[Part], chunks: Collection[Chunk]) -> bool:
    """Whether these passages count such parts, and none of them mentions one of those asked for.

    What stands in another article is no answer then.
    """
    units = {part.unit for part in parts}
    told = {_part(m) for chunk in chunks for m in _PART.finditer(f"{chunk.heading}\n{chunk.text}")}
    begun = {p.unit for c in chunks for p in _begun([*c.heading.split(" > "), *c.text.split("\n")])}
    return bool(units & begun) and not any(_is_within(part, parts) for part in told)


def stands_under(parts: Collection[Part], chunk: Chunk, end: int) -> bool:
    """Whether what ends at ``end`` of the chunk's text is in one of these parts of the document.

    Of 第一章第二条 it must not be in another chapter, nor under another article.
    """
    lines = [*chunk.heading.split(" > "), *chunk.text[:end].split("\n")]
    current = {part.unit: part for part in _begun(lines)}  # the last of each unit
    within = [_is_within(current[part.unit], parts) for part in parts if part.unit in current]
    return bool(within) and all(within)


def _is_within(part: Part, parts: Iterable[Part]) -> bool:
    """Whether it is one of them, or one of their own: Section 3.1 of Section 3."""
    unit, number = part
    return any(unit == p.unit and f"{number}.".startswith(f"{p.number}.") for p in parts)


def _begun(lines: Iterable[str]) -> Iterator[Part]:
    """The parts that lines begin with."""
    for line in lines:
        found = _PART.search(line[:_OPENING])
        if found and not any(letter.isalnum() for letter in line[: found.start()]):
            yield _part(found)


def _part(found: re.Match[str]) -> Part:
    if found["word"]:
        place = found["place"].upper()
        return Part(found["word"].lower(), str(ROMAN.index(place) + 1) if place in ROMAN else place)
    number = found["number"]
    value = int(number) if number.isdigit() else chinese_value(number)
    return Part(found["unit"].translate(_UNITS), str(value))
