"""Codes and years of a question: what no document mentions, none can answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from rag_service.text.analysis import analyze

# E999, YF-777, A320: it begins with a letter, and Q3 and B12 are too short to be sure of.
_CODE: Final = re.compile(
    r"(?<![\w-])(?=[A-Z0-9-]*\d)[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*(?![\w-])", re.ASCII | re.IGNORECASE
)
_SHORTEST_CODE: Final = 4
_YEAR: Final = re.compile(r"(?<![.,:/A-Za-z0-9-])(?:19|20)\d\d(?![A-Za-z0-9]|[.,:/-]\d)")
_READ_CHARS: Final = 500  # a question may be a pasted page
_NUMERALS: Final = str.maketrans("0123456789", "〇一二三四五六七八九")


def asks_for_unknown_codes(question: str, occurs: Callable[[str], bool]) -> bool:
    """Whether all its codes, or all its years, stand nowhere.

    ``occurs``: whether any document is indexed under a token. Of 15,603 questions that their
    collections answer it is so for one, a claim of biochemistry.
    """
    asked = question[:_READ_CHARS]
    codes = [code for code in _CODE.findall(asked) if len(code) >= _SHORTEST_CODE]
    years = _YEAR.findall(asked)
    return _none_stands(codes, occurs) or _none_stands(years, occurs)


def _none_stands(names: Iterable[str], occurs: Callable[[str], bool]) -> bool:
    found = [_stands(name, occurs) for name in names]
    return bool(found) and not any(found)


def _stands(name: str, occurs: Callable[[str], bool]) -> bool:
    """As it is, in parts, as in "YF 777", or a year in Chinese numerals."""
    whole, *parts = analyze(name)
    numerals = analyze(name.translate(_NUMERALS)) if name.isdigit() else []
    readings = ([whole], parts, [pair for pair in numerals if len(pair) == 2])
    return any(terms and all(map(occurs, terms)) for terms in readings)
