"""The metrics of `rag eval`, against cases worked by hand."""

from __future__ import annotations

import math

import pytest

from rag_service.evaluation.metrics import (
    answer_in_context,
    clip,
    count_tokens,
    hit_at,
    ndcg_at,
    normalize,
    recall_at,
    reciprocal_rank_at,
)

SECOND_AND_FOURTH = [False, True, False, True, False]


@pytest.mark.parametrize(("k", "expected"), [(1, 0.0), (2, 1.0), (5, 1.0)])
def test_a_hit_is_one_wanted_document_among_the_first(k: int, expected: float) -> None:
    assert hit_at(SECOND_AND_FOURTH, k) == expected


@pytest.mark.parametrize(("k", "expected"), [(1, 0.0), (2, 0.25), (4, 0.5), (9, 0.5)])
def test_recall_is_the_share_of_all_wanted_documents(k: int, expected: float) -> None:
    assert recall_at(SECOND_AND_FOURTH, k, wanted=4) == expected


def test_ndcg_discounts_by_the_logarithm_of_the_rank() -> None:
    gained = 1 / math.log2(3) + 1 / math.log2(5)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert ndcg_at(SECOND_AND_FOURTH, 10, wanted=3) == pytest.approx(gained / ideal)
    assert ndcg_at([True, True], 10, wanted=2) == 1.0
    assert ndcg_at([], 10, wanted=2) == 0.0


def test_the_ideal_of_ndcg_has_no_more_than_k_documents() -> None:
    assert ndcg_at([True] * 10, 10, wanted=25) == 1.0


@pytest.mark.parametrize(("k", "expected"), [(1, 0.0), (2, 0.5), (10, 0.5)])
def test_the_reciprocal_rank_is_that_of_the_first_wanted_document(k: int, expected: float) -> None:
    assert reciprocal_rank_at(SECOND_AND_FOURTH, k) == expected


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("保固三年", 4),
        ("保固三年。", 4),
        ("Three years", 2.6),
        ("E-33", 2.6),
        ("保固30个月, ok", 5 + 2 * 0.3 + 1),
        ("café", 1.3),
    ],
)
def test_a_chinese_character_is_a_token_and_a_latin_word_1_3(text: str, tokens: float) -> None:
    assert count_tokens(text) == pytest.approx(tokens)


@pytest.mark.parametrize(
    ("budget", "kept"),
    [
        (0, " "),
        (1, " "),
        (1.3, " one, "),
        (2.3, " one, 二"),
        (3.3, " one, 二三 "),
        (4.6, " one, 二三 four."),
    ],
)
def test_a_text_is_cut_before_the_token_that_is_too_much(budget: float, kept: str) -> None:
    assert clip(" one, 二三 four.", budget) == kept


def test_letters_and_digits_alone_are_compared() -> None:
    assert normalize("Ｅ－３３： 30 MONTHS_（三个月）") == "e3330months三个月"


def test_an_answer_must_stand_within_the_budget() -> None:
    passages = ["甲乙丙丁", "The fee is 12 %."]
    assert answer_in_context(passages, ["丁"], 4) == 1.0
    assert answer_in_context(passages, ["丁"], 3) == 0.0
    assert answer_in_context(passages, ["Fee is 12%"], 9) == 0.0  # 4 + 4 × 1.3 tokens
    assert answer_in_context(passages, ["Fee is 12%"], 10) == 1.0


def test_any_one_of_the_answers_will_do() -> None:
    assert answer_in_context(["About 18 minutes."], ["a quarter", "18 minutes"], 256) == 1.0
    assert answer_in_context(["About 18 minutes."], ["a quarter"], 256) == 0.0


def test_an_answer_may_run_over_two_passages_but_not_over_the_end_of_the_budget() -> None:
    assert answer_in_context(["三", "年"], ["三年"], 2) == 1.0
    assert answer_in_context(["三", "年"], ["三年"], 1) == 0.0
