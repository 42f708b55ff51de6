"""Fusion of the retrieval legs by their scores.

Each leg's scores are divided by its best one, so that cosines and BM25 meet on one scale, and
a candidate's score is their weighted mean: the convex combination of Bruch, Gai and Ingber,
"An Analysis of Fusion Functions for Hybrid Retrieval" (ACM TOIS 42, 2023, arXiv:2210.11934).
Fusion by rank forgets by how much a candidate won.
Figures: docs/decisions/0012-retrieval-quality.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rag_service.types import LegScore

# By the leg's name: rank, from 1, and score of each of its candidates.
Places = Mapping[str, Mapping[int, tuple[int, float]]]


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg's candidates as ``(chunk_id, score)``, best first."""

    name: str
    weight: float
    candidates: Sequence[tuple[int, float]]

    def best(self, count: int) -> tuple[float, ...]:
        """The first ``count`` scores."""
        return tuple(score for _, score in self.candidates[:count])


class Fused(NamedTuple):
    """``score`` is in 0..1; 1 means first in every leg that voted."""

    chunk_id: int
    score: float
    places: Places  # of every candidate: most are never asked where they stood

    @property
    def legs(self) -> dict[str, LegScore]:
        """Where it stood in each leg that had it."""
        return {
            name: LegScore(*place)
            for name, found in self.places.items()
            if (place := found.get(self.chunk_id))
        }


def fuse(legs: Sequence[Leg], depth: int) -> list[Fused]:
    """All candidates of all legs, best first; ties go to the older chunk.

    ``depth`` is how many candidates each leg was asked for. A leg that gave as many would have
    gone on with scores just below its last one, so that is what candidates of the other leg
    get; one that gave fewer has nothing more. A leg without candidates has no vote: it takes
    nothing away from the others' scores.
    """
    voting = [leg for leg in legs if leg.candidates and leg.weight > 0]
    total = sum(leg.weight for leg in voting)
    scores: dict[int, float] = {}
    unseen = 0.0
    for leg in voting:
        shares = _shares(leg)
        rest = shares[-1] if len(shares) >= depth else 0.0
        unseen += leg.weight * rest
        for (chunk_id, _), share in zip(leg.candidates, shares, strict=True):
            scores[chunk_id] = scores.get(chunk_id, 0.0) + leg.weight * (share - rest)
    places = {leg.name: _places(leg) for leg in voting}
    order = sorted((-(score + unseen) / total, chunk_id) for chunk_id, score in scores.items())
    return [Fused(chunk_id, -score, places) for score, chunk_id in order]


def _shares(leg: Leg) -> list[float]:
    """The scores as shares of the best one; none is negative."""
    best = leg.candidates[0][1]
    return [max(score, 0.0) / best if best > 0 else 0.0 for _, score in leg.candidates]


def _places(leg: Leg) -> dict[int, tuple[int, float]]:
    ranked = enumerate(leg.candidates, start=1)
    return {chunk_id: (rank, score) for rank, (chunk_id, score) in ranked}
