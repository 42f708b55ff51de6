"""Second stage: what the fused scores do not see, read from the candidates' texts.

Two things, without a model: how much of the question one sentence covers, because BM25 adds
up over a whole passage; and whether the passage holds the kind of answer that is asked for.
Figures: docs/decisions/0012-retrieval-quality.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag_service.retrieval.answer_kind import AnswerKind, answer_kind
from rag_service.retrieval.coverage import QuestionTerms
from rag_service.types import Hit


@dataclass(frozen=True, slots=True)
class Weights:
    """Beside the fused score, which weighs 1."""

    coverage: float
    answer_kind: float


def rerank(
    hits: Sequence[Hit], question: str, terms: QuestionTerms, weights: Weights, *, depth: int
) -> list[Hit]:
    """The first ``depth`` hits by the weighted mean of fused score, coverage and answer kind.

    Scores stay in 0..1. A hit that was read carries its passage coverage, the others stay
    below in their order; equal scores keep theirs.
    """
    kind = answer_kind(question) if weights.answer_kind else None
    total = 1 + weights.coverage + (weights.answer_kind if kind else 0.0)
    read = [_read(hit, terms, kind, weights, total) for hit in hits[:depth]]
    # Nothing was added to the rest, so it cannot rise above what came before it.
    rest = [replace(hit, score=hit.score / total) for hit in hits[depth:]]
    return sorted(read, key=lambda hit: -hit.score) + rest


def _read(
    hit: Hit, terms: QuestionTerms, kind: AnswerKind | None, weights: Weights, total: float
) -> Hit:
    coverage = terms.coverage(hit.chunk)
    score = hit.score + weights.coverage * coverage.sentence
    if kind:
        score += weights.answer_kind * kind.held(hit.chunk.text)
    return replace(hit, score=score / total, coverage=coverage.passage)
