"""Fusion of the legs by their scores: exact figures."""

from __future__ import annotations

import pytest

from rag_service.retrieval.fusion import Fused, Leg, fuse
from rag_service.types import LegScore

MANY = 100  # candidates asked for; no leg below has as many


def leg(name: str, scores: dict[int, float], weight: float = 1.0) -> Leg:
    return Leg(name, weight, list(scores.items()))


def dense(scores: dict[int, float], weight: float = 1.0) -> Leg:
    return leg("dense", scores, weight)


def lexical(scores: dict[int, float], weight: float = 1.0) -> Leg:
    return leg("lexical", scores, weight)


def check(fused: list[Fused], expected: dict[int, float]) -> None:
    """The chunks in this order with these scores."""
    assert [item.chunk_id for item in fused] == list(expected)
    assert [item.score for item in fused] == pytest.approx(list(expected.values()))


def test_a_score_is_the_mean_of_the_shares_of_each_legs_best_score() -> None:
    legs = [dense({1: 0.8, 2: 0.6}), lexical({2: 20.0, 3: 5.0})]
    check(fuse(legs, MANY), {2: (0.75 + 1) / 2, 1: 0.5, 3: 0.125})


def test_by_how_much_a_candidate_won_is_not_forgotten() -> None:
    legs = [dense({1: 0.50, 2: 0.49}), lexical({2: 12.0, 1: 3.0})]
    check(fuse(legs, MANY), {2: (0.98 + 1) / 2, 1: (1 + 0.25) / 2})


def test_first_in_every_leg_scores_one() -> None:
    check(fuse([dense({7: 0.3}), lexical({7: 2.0})], MANY), {7: 1.0})


def test_weights_decide_between_legs_that_disagree() -> None:
    check(fuse([dense({1: 0.5}, weight=3), lexical({2: 9.0})], MANY), {1: 0.75, 2: 0.25})


def test_a_leg_without_candidates_takes_nothing_from_the_other() -> None:
    check(fuse([dense({}), lexical({5: 8.0, 6: 4.0})], MANY), {5: 1.0, 6: 0.5})


def test_a_leg_of_weight_zero_has_no_vote() -> None:
    check(fuse([dense({1: 0.5}, weight=0), lexical({2: 9.0})], MANY), {2: 1.0})


def test_beyond_a_full_leg_candidates_get_the_score_of_its_last() -> None:
    legs = [dense({1: 0.8, 2: 0.4}), lexical({3: 6.0})]
    check(fuse(legs, 2), {3: (0.5 + 1) / 2, 1: 0.5, 2: 0.25})


def test_beyond_a_leg_that_found_no_more_candidates_get_nothing() -> None:
    legs = [dense({1: 0.8, 2: 0.4}), lexical({3: 6.0})]
    check(fuse(legs, 3), {1: 0.5, 3: 0.5, 2: 0.25})


def test_what_points_away_from_the_question_counts_as_nothing() -> None:
    check(fuse([dense({1: 0.5, 2: -0.1})], MANY), {1: 1.0, 2: 0.0})
    check(fuse([dense({1: -0.1, 2: -0.2})], MANY), {1: 0.0, 2: 0.0})


def test_ties_go_to_the_older_chunk() -> None:
    legs = [dense({9: 0.5, 4: 0.5}), lexical({4: 3.0, 9: 3.0})]
    assert [i.chunk_id for i in fuse(legs, MANY)] == [4, 9]


def test_every_result_remembers_its_rank_and_raw_score_in_each_leg() -> None:
    legs = [dense({1: 0.9, 2: 0.1}), lexical({2: 12.5})]
    placed = {item.chunk_id: dict(item.legs) for item in fuse(legs, MANY)}
    assert placed == {
        1: {"dense": LegScore(1, 0.9)},
        2: {"dense": LegScore(2, 0.1), "lexical": LegScore(1, 12.5)},
    }


@pytest.mark.parametrize(
    "legs", [[], [dense({})], [dense({}), lexical({})], [dense({1: 0.5}, weight=0)]]
)
def test_without_votes_there_is_no_result(legs: list[Leg]) -> None:
    assert fuse(legs, MANY) == []
