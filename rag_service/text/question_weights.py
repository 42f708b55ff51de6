"""What each term of a question counts in the lexical index."""

from __future__ import annotations

from collections import Counter
from typing import Final

from rag_service.text.analysis import analyze_query
from rag_service.text.language import is_cjk
from rag_service.text.numerals import other_spelling

# A Chinese word of two letters is three terms, its letters and their pair; a Latin word or a
# number beside it is one. Twice brings names and figures level: hit@1 over Chinese documents
# gains on four of five question sets and loses on none (docs/decisions/0012).
_LATIN_AMONG_CHINESE: Final = 2.0
# 第三条 where 第3条 was asked for: the other spelling of a number is searched for as well, and
# counts a little less.
_OTHER_SPELLING: Final = 0.7


def question_weights(text: str) -> dict[str, float]:
    """The terms of :func:`analyze_query`, each with its weight; in the order of the question.

    Then those of its numbers in their other spelling.
    """
    return _weights(text) | respelled_weights(text)


def respelled_weights(text: str) -> dict[str, float]:
    """The further terms of the numbers of a question in their other spelling."""
    other = other_spelling(text)
    if other == text:
        return {}
    asked = _weights(text)
    new = {term: weight for term, weight in _weights(other).items() if term not in asked}
    # A Chinese numeral by itself says nothing: 三 stands everywhere.
    return {t: _OTHER_SPELLING * w for t, w in new.items() if len(t) > 1 or not is_cjk(t[0])}


def _weights(text: str) -> dict[str, float]:
    counted = Counter(analyze_query(text))
    factor = _LATIN_AMONG_CHINESE if any(is_cjk(term[0]) for term in counted) else 1.0
    return {term: count * (1.0 if is_cjk(term[0]) else factor) for term, count in counted.items()}
