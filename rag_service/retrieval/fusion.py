"""Reciprocal rank fusion of the retrieval legs.

Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and
individual Rank Learning Methods" (SIGIR 2009): a result's score is the sum over legs of
``weight / (k + rank)``. Ranks, unlike cosines and BM25 scores, share one scale.
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


@dataclass(frozen=True, slots=True)
class Fused:
    """``score`` is in 0..1; 1 means first in every leg that voted."""

    chunk_id: int
    score: float
    legs: Mapping[str, LegScore]


def fuse(legs: Sequence[Leg], k: int) -> list[Fused]:
    """All candidates of all legs, best first; ties go to the older chunk.

    A leg without candidates has no vote: it takes nothing away from the others' scores.
    """
    voting = [leg for leg in legs if leg.candidates and leg.weight > 0]
    best = sum(leg.weight / (k + 1) for leg in voting)
    placed: dict[int, dict[str, LegScore]] = {}
    scores: dict[int, float] = {}
    for leg in voting:
        for rank, (chunk_id, score) in enumerate(leg.candidates, start=1):
            placed.setdefault(chunk_id, {})[leg.name] = LegScore(rank, score)
            scores[chunk_id] = scores.get(chunk_id, 0.0) + leg.weight / (k + rank)
    order = sorted(scores, key=lambda chunk_id: (-scores[chunk_id], chunk_id))
    return [Fused(chunk_id, scores[chunk_id] / best, placed[chunk_id]) for chunk_id in order]
