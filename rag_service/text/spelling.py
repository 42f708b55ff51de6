"""Other spellings of a word, for one that stands in no document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from string import ascii_lowercase
from typing import Final

# Shorter words have too many neighbours; a longer one is a code or no word at all. A figure
# or a code is never another one.
_WORD: Final = re.compile(r"[a-z]{5,24}")


def other_spellings(term: str) -> frozenset[str]:
    """What ``term`` may be a slip of: one letter left out, doubled, changed or out of place.

    That is every word one edit away (after Norvig, "How to Write a Spelling Corrector", 2007,
    but for the first letter, which is seldom wrong) and every one with the same letters, one
    of them moved or two exchanged: "ghandi" for "gandhi" is two edits, but one slip. Empty
    for short words, numbers and codes.
    """
    if not _WORD.fullmatch(term):
        return frozenset()
    return frozenset((*_edited(term), *_reordered(term))) - {term}


def _edited(term: str) -> Iterator[str]:
    for i in range(1, len(term) + 1):
        head, tail = term[:i], term[i:]
        if tail:
            yield head + tail[1:]
        for letter in ascii_lowercase:
            yield head + letter + tail
            if tail:
                yield head + letter + tail[1:]


def _reordered(term: str) -> Iterator[str]:
    places = range(1, len(term))
    for i in places:
        rest = term[:i] + term[i + 1 :]
        for j in places:
            yield rest[:j] + term[i] + rest[j:]
    for i, j in combinations(places, 2):
        yield term[:i] + term[j] + term[i + 1 : j] + term[i] + term[j + 1 :]
