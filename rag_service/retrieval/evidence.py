"""Is the question answered by what was found? A probability, not a raw score."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag_service.text.analysis import content_terms
from rag_service.types import Hit

# How many of the best passages are looked at; answers beyond them are not used anyway.
_DEPTH = 5

# Logistic regression over the two features below, fitted by benchmarks/fit_evidence.py.
_BIAS, _COVERAGE, _COSINE = -6.0, 9.0, 2.0
# Questions the embedding model cannot represent are judged by their words alone.
_BIAS_LEXICAL, _COVERAGE_LEXICAL = -5.0, 9.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """``coverage``: share (by IDF) of the question's terms that one passage holds.

    ``cosine``: of the nearest passage, None when the dense leg had no vote.
    """

    coverage: float
    cosine: float | None

    @property
    def confidence(self) -> float:
        """Probability that the passages answer the question."""
        if self.cosine is None:
            return _logistic(_BIAS_LEXICAL + _COVERAGE_LEXICAL * self.coverage)
        return _logistic(_BIAS + _COVERAGE * self.coverage + _COSINE * self.cosine)


def gather_evidence(question: str, hits: Sequence[Hit], *, idf: Callable[[str], float]) -> Evidence:
    """What the best passages offer for a question."""
    terms = {term: idf(term) for term in content_terms(question)}
    cosines = [hit.dense.score for hit in hits if hit.dense]
    covered = [_coverage(hit, terms) for hit in hits[:_DEPTH]]
    return Evidence(max(covered, default=0.0), max(cosines, default=None))


def _coverage(hit: Hit, terms: dict[str, float]) -> float:
    chunk = hit.chunk
    held = content_terms(f"{chunk.title}\n{chunk.heading}\n{chunk.text}")
    total = sum(terms.values())
    return sum(weight for term, weight in terms.items() if term in held) / total if total else 0.0


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))
