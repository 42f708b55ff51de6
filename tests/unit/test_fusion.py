"""Reciprocal rank fusion: exact scores."""

from __future__ import annotations

import pytest

from rag_service.retrieval.fusion import Fused, Leg, fuse
from rag_service.types import LegScore


def dense(*ids: int, weight: float = 1.0) -> Leg:
    return Leg("dense", weight, [(chunk_id, 0.5) for chunk_id in ids])


def lexical(*ids: int, weight: float = 1.0) -> Leg:
    return Leg("lexical", weight, [(chunk_id, 9.0) for chunk_id in ids])


def check(fused: list[Fused], expected: dict[int, float]) -> None:
    """The chunks in this order with these scores."""
    assert [item.chunk_id for item in fused] == list(expected)
    assert [item.score for item in fused] == pytest.approx(list(expected.values()))


def test_a_score_is_the_sum_of_reciprocal_ranks_over_the_best_possible() -> None:
    best = 2 / 61
    expected = {2: (1 / 62 + 1 / 61) / best, 1: (1 / 61) / best, 3: (1 / 62) / best}
    check(fuse([dense(1, 2), lexical(2, 3)], k=60), expected)


def test_first_in_every_leg_scores_one() -> None:
    check(fuse([dense(7), lexical(7)], k=60), {7: 1.0})


def test_a_leg_without_candidates_takes_nothing_from_the_other() -> None:
    check(fuse([dense(), lexical(5, 6)], k=1), {5: 1.0, 6: 2 / 3})


def test_a_leg_of_weight_zero_has_no_vote() -> None:
    check(fuse([dense(1, weight=0), lexical(2)], k=60), {2: 1.0})


def test_weights_decide_between_legs_that_disagree() -> None:
    check(fuse([dense(1, weight=3), lexical(2, weight=1)], k=9), {1: 0.75, 2: 0.25})


def test_a_larger_constant_flattens_the_ranks() -> None:
    check(fuse([dense(1, 2)], k=1), {1: 1.0, 2: 2 / 3})
    check(fuse([dense(1, 2)], k=99), {1: 1.0, 2: 100 / 101})


def test_ties_go_to_the_older_chunk() -> None:
    assert [i.chunk_id for i in fuse([dense(9, 4), lexical(4, 9)], k=60)] == [4, 9]


def test_every_result_remembers_its_rank_and_raw_score_in_each_leg() -> None:
    legs = [Leg("dense", 1.0, [(1, 0.9), (2, 0.1)]), Leg("lexical", 1.0, [(2, 12.5)])]
    placed = {item.chunk_id: dict(item.legs) for item in fuse(legs, k=60)}
    assert placed == {
        1: {"dense": LegScore(1, 0.9)},
        2: {"dense": LegScore(2, 0.1), "lexical": LegScore(1, 12.5)},
    }


@pytest.mark.parametrize("legs", [[], [dense()], [dense(), lexical()], [dense(1, weight=0)]])
def test_without_votes_there_is_no_result(legs: list[Leg]) -> None:
    assert fuse(legs, k=60) == []
