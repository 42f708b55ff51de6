"""Headers, footers and page numbers: lines that stand at the edge of nearly every page.

A line that repeats is kept where it first stands, so that nothing is lost: it may be the head
of a table. A page number that follows the pages is dropped everywhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ingest.loaders.builder import CELL_SEPARATOR
from rag_service.text.language import is_cjk

MIN_PAGES = 4
_NEARLY_ALL = 0.7  # title pages and the first pages of chapters have no header
_TOP, _BOTTOM = 5, 4  # lines at the edges in which these are looked for
_NUMBER = re.compile(r"\d{1,5}")
# What is written around a page number, in Chinese, English and a few neighbours.
_PAGE_WORDS = re.compile(
    r"pages?|pag|pg|p|of|total|seite|von|第|页|頁|共|总|總|페이지|쪽|ページ|\d+|[-–—―·•.,:/|~()\[\]<>《》【】、，]"
)
_MIN_WORDS, _MIN_HANZI = 3, 6


class _Key(NamedTuple):
    """A line, and how far the number in it (shown as "#") runs ahead of the page."""

    text: str
    ahead: int | None = None


def remove_running_lines(pages: Sequence[Sequence[str]]) -> list[list[str]]:
    """``pages`` as lines, without the lines that repeat at their edges.

    Documents of fewer than ``MIN_PAGES`` pages with text are left as they are, and so is a page
    that has no other line.
    """
    running = _running(pages)
    seen: set[_Key] = set()
    return [_stripped(page, number, running, seen) for number, page in enumerate(pages)]


def _running(pages: Sequence[Sequence[str]]) -> set[_Key]:
    """Keys found on nearly all pages, or on nearly all even or odd ones."""
    places: dict[_Key, set[int]] = defaultdict(set)
    filled: list[int] = []
    for number, page in enumerate(pages):
        lines = [line for line in page if line.strip()]
        if lines:
            filled.append(number)
        for line in [*lines[:_TOP], *lines[-_BOTTOM:]]:
            for key in _keys(line, number):
                places[key].add(number)
    halves = [filled, filled[::2], filled[1::2]]
    return {
        key
        for key, numbers in places.items()
        if any(_is_on_nearly_all(numbers, half) for half in halves)
    }


def _is_on_nearly_all(numbers: set[int], pages: Sequence[int]) -> bool:
    count = len(numbers.intersection(pages))
    return count >= MIN_PAGES and count >= _NEARLY_ALL * len(pages)


def _keys(line: str, page: int) -> Iterator[_Key]:
    """What makes ``line`` equal to lines of other pages."""
    text = " ".join(unicodedata.normalize("NFKC", line).split())
    yield _Key(text)
    for found in _NUMBER.finditer(text):
        rest = f"{text[: found.start()]}#{text[found.end() :]}"
        if _is_page_number(rest) or _names_work(rest):
            yield _Key(rest, int(found.group()) - page)


def _is_page_number(text: str) -> bool:
    return not _PAGE_WORDS.sub("", text.lower().replace("#", "")).strip()


def _names_work(text: str) -> bool:
    """Whether the text beside the number is too long for "Chapter 3" or "表 3"."""
    words = [word for word in text.split() if word.isalpha()]
    return len(words) >= _MIN_WORDS or sum(map(is_cjk, text)) >= _MIN_HANZI


def _stripped(page: Sequence[str], number: int, running: set[_Key], seen: set[_Key]) -> list[str]:
    lines = list(page)
    top = _edge(lines, range(len(lines)), _TOP, number, running)
    rest = range(len(lines) - 1, max(top, default=-1), -1)
    bottom = _edge(lines, rest, _BOTTOM, number, running)
    repeats = {at for at in [*top, *bottom] if _is_repeat(lines[at], number, running, seen)}
    kept = [line for at, line in enumerate(lines) if at not in repeats]
    return kept if any(line.strip() for line in kept) else lines


def _edge(
    lines: Sequence[str], order: range, limit: int, number: int, running: set[_Key]
) -> list[int]:
    """Indexes of running lines from the edge inwards, up to the first that is not.

    A row of figures is never one, a row of names may be the head of a table.
    """
    found: list[int] = []
    for index in order:
        if not lines[index].strip():
            continue
        keys = running.intersection(_keys(lines[index], number))
        is_row = CELL_SEPARATOR in lines[index] and _NUMBER.search(lines[index])
        if len(found) == limit or not keys or (is_row and not _has_page_number(keys)):
            break
        found.append(index)
    return found


def _is_repeat(line: str, number: int, running: set[_Key], seen: set[_Key]) -> bool:
    """Whether ``line`` can go: a page number, or seen on an earlier page."""
    keys = running.intersection(_keys(line, number))
    is_known = not seen.isdisjoint(keys)
    seen |= keys
    return is_known or _has_page_number(keys)


def _has_page_number(keys: Iterable[_Key]) -> bool:
    return any(key.ahead is not None and _is_page_number(key.text) for key in keys)
