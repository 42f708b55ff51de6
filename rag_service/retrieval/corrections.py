"""Words of a question that stand in no document, and what is searched for in their place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from rag_service.text.analysis import analyze
from rag_service.text.spelling import other_spellings

# What a guessed term counts beside one that was asked for: it may be another word altogether.
_GUESSED: float = 0.7
# Words looked at: a question has a slip or two, and a text pasted from elsewhere thousands of
# words that stand nowhere, each of which takes 6 to 25 ms.
_MOST_DOUBTED = 5


class Vocabulary(Protocol):
    """What is asked of the index; a `CollectionView` is one."""

    def frequency(self, term: str) -> int:
        """How many passages hold ``term``, in any field."""
        ...


@dataclass(frozen=True, slots=True)
class Correction:
    """A term that stands nowhere and the commonest one it may be a slip of."""

    asked: str
    meant: str


def corrections(terms: Iterable[str], vocabulary: Vocabulary) -> tuple[Correction, ...]:
    """One for each of ``terms`` that no passage holds and that has a neighbour which some do.

    Only words spelled with Latin letters are looked at, and of those that stand nowhere the
    first few: 400 to 2,000 looks into the index each. Questions without a slip cost nothing.
    """
    unknown = (term for term in terms if not vocabulary.frequency(term))
    doubted = ((term, words) for term in unknown if (words := other_spellings(term)))
    found = []
    for term, spellings in islice(doubted, _MOST_DOUBTED):
        held = {word: count for word in spellings if (count := vocabulary.frequency(word))}
        if held:
            found.append(Correction(term, min(held, key=lambda word: (-held[word], word))))
    return tuple(found)


def corrected(weights: Mapping[str, float], corrections: Sequence[Correction]) -> dict[str, float]:
    """The weights with what is meant in the place of what was asked."""
    result = dict(weights)
    for correction in corrections:
        weight = result.pop(correction.asked)
        result[correction.meant] = max(result.get(correction.meant, 0.0), _GUESSED * weight)
    return result


def reworded(question: str, corrections: Sequence[Correction]) -> str:
    """The question as it is read: with the stems that are meant for the words that were typed."""
    for correction in corrections:
        question = question.replace(_as_typed(question, correction.asked), correction.meant)
    return question


def correction_notes(question: str, corrections: Sequence[Correction]) -> tuple[str, ...]:
    """Tells of every correction, with the word as it was typed and the stem that was guessed."""
    return tuple(
        f"No document has the word “{_as_typed(question, c.asked)}”: words on “{c.meant}” were "
        "searched for in its place."
        for c in corrections
    )


def _as_typed(question: str, term: str) -> str:
    words = (word.strip(".,;:!?\"'()“”‘’") for word in question.split())
    return next((word for word in words if term in analyze(word)), term)
