"""Chinese text cut into the dictionary's own words."""

from __future__ import annotations

from itertools import groupby
from typing import Final

from rag_service.text.gloss.dictionary import LONGEST_WORD, Dictionary
from rag_service.text.gloss.function_words import FUNCTION_WORDS

# As few words as possible; among equals, letters left alone should be those that often stand
# alone (after rule 4 of Chih-Hao Tsai's MMSEG). On the parallel sets this beats the words of
# jieba, which the dictionary often does not have (docs/decisions/0011-crossing-languages.md).
_WORD_COST: Final = 1.0
_FUNCTION_WORD_COST: Final = 0.9
_LETTER_COST: Final = 1.05
_UNKNOWN_COST: Final = 2.0


def segment(run: str, known: Dictionary) -> list[str]:
    """Words of a run of Simplified Chinese letters, in order; unknown ones letter by letter.

    Dynamic programming over the ends of words: linear in the length of ``run``.
    """
    costs, starts, words = [0.0], [0], known.packed
    for end in range(1, len(run) + 1):
        start = end - 1
        cost = costs[start] + _letter_cost(run[start], known)
        for earlier in range(max(0, end - LONGEST_WORD), end - 1):
            reached = costs[earlier] + _WORD_COST
            if reached < cost and run[earlier:end] in words:
                cost, start = reached, earlier
        costs.append(cost)
        starts.append(start)
    return _words(run, starts)


def with_names(words: list[str], known: Dictionary) -> list[str]:
    """The words with letters left alone joined where they spell a name the dictionary lacks.

    Foreign names are spelled by sound with a few hundred letters, whose meanings would only
    mislead: 坎克利 (Kuechly) is no pit.
    """
    joined: list[str] = []
    for is_name, group in groupby(words, lambda word: _spells(word, known)):
        letters = list(group)
        joined += ["".join(letters)] if is_name and len(letters) > 1 else letters
    return joined


def _spells(word: str, known: Dictionary) -> bool:
    return len(word) == 1 and word in known.name_letters and word not in FUNCTION_WORDS


def _letter_cost(letter: str, known: Dictionary) -> float:
    if letter in FUNCTION_WORDS:
        return _FUNCTION_WORD_COST
    return _LETTER_COST if letter in known else _UNKNOWN_COST


def _words(run: str, starts: list[int]) -> list[str]:
    """The words of the cheapest way to the end, read back from where each of them starts."""
    words: list[str] = []
    end = len(run)
    while end:
        words.append(run[starts[end] : end])
        end = starts[end]
    return words[::-1]
