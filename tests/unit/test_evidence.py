"""From what was found to a probability that it answers."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from rag_service.retrieval.evidence import Evidence, gather_evidence
from rag_service.types import Chunk, Hit, LegScore

CHUNK = Chunk(1, 1, 0, "a.txt", "", "", None, 0, 4, "text")
SHARES = [n / 10 for n in range(11)]


def hit(coverage: float, cosine: float | None = None, *, crossed: bool = False) -> Hit:
    dense = LegScore(1, cosine) if cosine is not None else None
    return Hit(CHUNK, 1.0, dense, coverage=coverage, crossed=crossed)


@pytest.mark.parametrize("cosine", [None, 0.0, 0.4, 0.8])
def test_confidence_grows_with_coverage(cosine: float | None) -> None:
    confidences = [Evidence(share, cosine).confidence for share in SHARES]
    assert all(lower < higher for lower, higher in pairwise(confidences))


@pytest.mark.parametrize("coverage", [0.0, 0.5, 1.0])
def test_confidence_grows_with_the_cosine(coverage: float) -> None:
    confidences = [Evidence(coverage, cosine).confidence for cosine in SHARES]
    assert all(lower < higher for lower, higher in pairwise(confidences))


def test_confidence_is_a_probability_at_the_ends_too() -> None:
    ends = [Evidence(c, cosine).confidence for c in (0.0, 1.0) for cosine in (None, -1.0, 1.0)]
    assert all(0 < confidence < 1 for confidence in ends)


@pytest.mark.parametrize(
    ("evidence", "logit"),
    [
        (Evidence(0.5, 0.5), -8.5 + 9.9 * 0.5 + 10.7 * 0.5),
        (Evidence(0.5, None), -6.5 + 17.0 * 0.5),
        (Evidence(0.0, None), -6.5),
        (Evidence(0.5, 0.5, crossed=True), -7.2 + 7.2 * 0.5 + 12.8 * 0.5),
    ],
)
def test_confidence_is_the_fitted_regression(evidence: Evidence, logit: float) -> None:
    assert evidence.confidence == pytest.approx(1 / (1 + math.exp(-logit)))


def test_without_hits_there_is_next_to_no_confidence() -> None:
    nothing = gather_evidence([])
    assert nothing == Evidence(0.0, None)
    assert nothing.confidence < 0.01


def test_the_best_coverage_and_the_nearest_passage_count_wherever_they_stand() -> None:
    hits = [hit(0.2, 0.3), hit(0.9), hit(0.1, 0.7)]
    assert gather_evidence(hits) == Evidence(0.9, 0.7)


def test_coverage_is_looked_for_in_the_first_five_passages() -> None:
    assert gather_evidence([*[hit(0.1)] * 5, hit(1.0)]) == Evidence(0.1, None)
    assert gather_evidence([*[hit(0.1)] * 4, hit(1.0)]) == Evidence(1.0, None)


def test_a_cosine_of_zero_is_a_vote() -> None:
    assert gather_evidence([hit(0.5, 0.0)]) == Evidence(0.5, 0.0)


def test_passages_of_each_language_are_judged_apart_and_the_better_case_counts() -> None:
    own, across = hit(0.2, 0.3), hit(0.6, 0.6, crossed=True)
    assert gather_evidence([own, across]) == Evidence(0.6, 0.6, crossed=True)
    assert gather_evidence([hit(0.9, 0.7), across]) == Evidence(0.9, 0.7)
    assert gather_evidence([own]) == Evidence(0.2, 0.3)
