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

from rag_service.types import LegScore


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg's candidates as ``(chunk_id, score)``, best first."""

    name: str
    weight: float
    candidates: Sequence[tuple[int, float]]

    def best(self, count: int) -> tuple[float, ...]:
        """The first ``count`` scores."""
        return tuple(score for _, score in self.candidates[:count])


@dataclass(frozen=True, slots=True)
class Fused:
    """``score`` is in 0..1; 1 means first in every leg that voted."""

    chunk_id: int
    score: float
    legs: Mapping[str, LegScore]


def fuse(legs: Sequence[Leg], depth: int) -> list[Fused]:
    """All candidates of all legs, best first; ties go to the older chunk.

    ``depth`` is how many candidates each leg was asked for. A leg that gave as many would have
    gone on with scores just below its last one, so that is what candidates of the other leg
    get; one that gave fewer has nothing more. A leg without candidates has no vote: it takes
    nothing away from the others' scores.
    """
    voting = [leg for leg in legs if leg.candidates and leg.weight > 0]
    total = sum(leg.weight for leg in voting)
    placed: dict[int, dict[str, LegScore]] = {}
    scores: dict[int, float] = {}
    unseen = 0.0
    for leg in voting:
        shares = _shares(leg)
        rest = shares[-1] if len(shares) >= depth else 0.0
        unseen += leg.weight * rest
        for rank, ((chunk_id, score), share) in enumerate(zip(leg.candidates, shares, strict=True)):
            placed.setdefault(chunk_id, {})[leg.name] = LegScore(rank + 1, score)
            scores[chunk_id] = scores.get(chunk_id, 0.0) + leg.weight * (share - rest)
    fused = {chunk_id: (score + unseen) / total for chunk_id, score in scores.items()}
    order = sorted(fused, key=lambda chunk_id: (-fused[chunk_id], chunk_id))
    return [Fused(chunk_id, fused[chunk_id], placed[chunk_id]) for chunk_id in order]


def _shares(leg: Leg) -> list[float]:
    """The scores as shares of the best one; none is negative."""
    best = leg.candidates[0][1]
    return [max(score, 0.0) / best if best > 0 else 0.0 for _, score in leg.candidates]
