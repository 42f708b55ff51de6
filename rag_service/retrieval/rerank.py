"""Second stage: candidates reordered by how much of the question they cover.

BM25 adds up over a whole passage and rank fusion forgets by how much one candidate won;
coverage restores both. Figures: docs/decisions/0005-retrieval.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag_service.retrieval.coverage import QuestionTerms
from rag_service.types import Hit


def rerank(hits: Sequence[Hit], terms: QuestionTerms, *, weight: float) -> list[Hit]:
    """Hits reordered by ``fused score + weight · coverage``, scaled back to 0..1.

    Each hit carries its passage coverage; equal scores keep their order.
    """
    scored: list[Hit] = []
    for hit in hits:
        coverage = terms.coverage(hit.chunk)
        score = (hit.score + weight * coverage.mean) / (1 + weight)
        scored.append(replace(hit, score=score, coverage=coverage.passage))
    return sorted(scored, key=lambda hit: -hit.score)
