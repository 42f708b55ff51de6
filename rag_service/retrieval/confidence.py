"""From evidence to the probability that the passages found answer the question.

Logistic regressions, one for each kind of evidence: those that are shipped, or those that a
user has fitted to a collection. How they came about: docs/decisions/0017-confidence.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag_service.retrieval.evidence import FEATURES, Evidence, Kind
from rag_service.retrieval.shipped_confidence import PARAMETERS

_LEAST_SCORE = -700.0  # `exp` of more than 709 overflows


@dataclass(frozen=True, slots=True)
class Logistic:
    """``weights`` in the order of the features of its kind."""

    bias: float
    weights: tuple[float, ...]

    def probability(self, features: Sequence[float]) -> float:
        score = self.bias + math.fsum(map(float.__mul__, self.weights, features))
        return 1 / (1 + math.exp(-max(score, _LEAST_SCORE)))


@dataclass(frozen=True, slots=True)
class Calibration:
    """One regression for each kind of evidence.

    Raises:
        ValueError: a kind is missing, or has not as many weights as features.
    """

    models: Mapping[Kind, Logistic]

    def __post_init__(self) -> None:
        for kind, names in FEATURES.items():
            if kind not in self.models or len(self.models[kind].weights) != len(names):
                raise ValueError(f"{kind} evidence needs a weight for each of {', '.join(names)}")

    def confidence(self, evidence: Sequence[Evidence]) -> float:
        """Probability that the passages answer the question, by the side that says most."""
        return max(map(self.probability, evidence))

    def decisive(self, evidence: Sequence[Evidence]) -> Evidence:
        """The side that decides the confidence."""
        return max(evidence, key=self.probability)

    def probability(self, evidence: Evidence) -> float:
        """By one side alone."""
        return self.models[evidence.kind].probability(evidence.features())


SHIPPED = Calibration(
    {kind: Logistic(bias, weights) for kind, (bias, weights) in PARAMETERS.items()}
)
