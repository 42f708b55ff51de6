"""What a file states of itself for filters: its date and its tags."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from ingest.loaders.builder import one_line

if TYPE_CHECKING:
    from lxml import etree

MAX_TAGS = 100
_MAX_TAG = 100  # characters; longer ones are sentences
# 2024-05-31, 2024/5/31, 2024年5月31日, 20240531; whatever follows (a time) is left alone.
_DAY: Final = re.compile(
    r"(?<!\d)(\d{4})(?:\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?!\d)|(\d\d)(\d\d))"
)
_YEARS: Final = range(1900, 2200)  # beyond them it is a program's way to say nothing
_BETWEEN_TAGS: Final = re.compile(r"[,;，；、\n]")

# Elements of document properties by local name, the ones that say most first. The date of an
# office file's making is often that of its template.
_MODIFIED: Final = ("modified", "date", "created", "creation-date")
_KEYWORDS: Final = ("keywords", "keyword")  # OOXML, OpenDocument


@dataclass(frozen=True, slots=True)
class About:
    """``date`` is ISO 8601, "" where none is stated."""

    date: str = ""
    tags: tuple[str, ...] = ()


NOTHING_STATED: Final = About()


def stated_day(text: str) -> str:
    """The day a text begins with or names first, as ISO 8601; "" for none."""
    for match in _DAY.finditer(text):
        year = int(match[1])
        month, day = (int(match[2]), int(match[3])) if match[2] else (int(match[4]), int(match[5]))
        try:
            if year in _YEARS:
                return date(year, month, day).isoformat()
        except ValueError:  # the 45th of a month: not a date
            continue
    return ""


def split_tags(*texts: str) -> tuple[str, ...]:
    """The tags in texts that hold one or, parted by commas, several; each once."""
    parts = (one_line(part) for text in texts for part in _BETWEEN_TAGS.split(text))
    found = dict.fromkeys(part for part in parts if part and len(part) <= _MAX_TAG)
    return tuple(found)[:MAX_TAGS]


def about_properties(root: etree._Element | None, *, tags: Iterable[str] = _KEYWORDS) -> About:
    """What the document properties of an office file or a book say.

    ``tags``: the elements, by local name, that hold them.
    """
    if root is None:
        return About()
    days = (stated_day(text) for name in _MODIFIED for text in _texts(root, name))
    words = [text for name in tags for text in _texts(root, name)]
    return About(next(filter(None, days), ""), split_tags(*words))


def _texts(root: etree._Element, name: str) -> Iterator[str]:
    for element in root.iter(f"{{*}}{name}"):
        if element.text:
            yield str(element.text)
