"""Words of a question that stand in no document, and what is searched for in their place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rag_service.text.analysis import analyze
from rag_service.text.spelling import other_spellings

# What a guessed term counts beside one that was asked for: it may be another word altogether.
_GUESSED: float = 0.7


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

    Only words spelled with Latin letters are looked at. About 400 looks into the index each,
    1 ms; questions without a slip cost nothing.
    """
    found = []
    for term in terms:
        spellings = () if vocabulary.frequency(term) else other_spellings(term)
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
