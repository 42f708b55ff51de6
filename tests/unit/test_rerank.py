"""The second stage: exact scores for planted passages, in both languages."""

from __future__ import annotations

import pytest

from rag_service.retrieval.coverage import Coverage, QuestionTerms
from rag_service.retrieval.rerank import Weights, rerank
from rag_service.types import Chunk, Hit


def chunk(text: str, chunk_id: int = 1, *, title: str = "", heading: str = "") -> Chunk:
    return Chunk(chunk_id, 1, 0, "a.txt", title, heading, None, 0, len(text), text)


def terms(question: str, **idf: float) -> QuestionTerms:
    """Every term weighs 1 but for those given."""
    return QuestionTerms(question, lambda term: idf.get(term, 1.0))


def reread(
    hits: list[Hit],
    question: str,
    *,
    coverage: float = 0.0,
    answer_kind: float = 0.0,
    depth: int = 10,
    idf: dict[str, float] | None = None,
) -> list[Hit]:
    asked = terms(question, **(idf or {}))
    return rerank(hits, question, asked, Weights(coverage, answer_kind), depth=depth)


def test_coverage_is_the_share_of_the_question_by_weight() -> None:
    asked = terms("recorder warranty", record=1.0, warranti=3.0)
    assert asked.coverage(chunk("The warranty is long.")) == Coverage(0.75, 0.75)
    assert asked.coverage(chunk("The recorder is grey.")) == Coverage(0.25, 0.25)
    assert asked.coverage(chunk("Nothing of it.")) == Coverage(0.0, 0.0)


def test_the_best_sentence_counts_beside_the_whole_passage() -> None:
    together = terms("recorder warranty").coverage(
        chunk("The recorder has a warranty. It is grey.")
    )
    apart = terms("recorder warranty").coverage(chunk("The recorder is grey. A warranty exists."))
    assert together == Coverage(1.0, 1.0)
    assert apart == Coverage(1.0, 0.5)
    assert apart.mean == 0.75


def test_title_and_heading_belong_to_the_passage_and_to_each_sentence() -> None:
    asked = terms("Aldra warranty period")
    held = asked.coverage(chunk("It is long.", title="Aldra", heading="Service > Warranty"))
    assert held == Coverage(2 / 3, 2 / 3)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("保修期", "保修期为三年。"),
        ("保修期", "保修期為三年。"),
        ("退貨發票", "退货时请附上发票。"),
        ("退货发票", "退貨時請附上發票。"),
    ],
)
def test_simplified_and_traditional_cover_each_other(question: str, text: str) -> None:
    held = terms(question).coverage(chunk(text))
    # Letters and the pairs within the words; "貨發" stands across two words.
    expected = 1.0 if question == "保修期" else 6 / 7
    assert held == Coverage(expected, expected)


def test_chinese_is_covered_letter_by_letter_and_pair_by_pair() -> None:
    # 保 修 期 保修 修期, of which the passage has 保, 修 and 保修.
    held = terms("保修期").coverage(chunk("保修为三年。日子很长。"))
    assert held == Coverage(3 / 5, 3 / 5)


@pytest.mark.parametrize("question", ["", "  ", "?!。"])
def test_an_empty_question_is_covered_by_nothing(question: str) -> None:
    assert terms(question).coverage(chunk("The warranty.")) == Coverage(0.0, 0.0)


def test_a_question_whose_terms_weigh_nothing_is_covered_by_nothing() -> None:
    asked = QuestionTerms("warranty", lambda _: 0.0)
    assert asked.coverage(chunk("The warranty.")) == Coverage(0.0, 0.0)


def test_hits_are_reordered_by_fused_score_and_sentence_coverage() -> None:
    hits = [
        Hit(chunk("The recorder is grey.", 1), 1.0),
        Hit(chunk("The recorder has a warranty.", 2), 0.9),
        Hit(chunk("The recorder is grey. A warranty exists.", 3), 0.8),
    ]
    best = reread(hits, "recorder warranty", coverage=0.4)
    assert [(hit.chunk.chunk_id, hit.coverage) for hit in best] == [(2, 1.0), (1, 0.5), (3, 1.0)]
    scores = [(0.9 + 0.4) / 1.4, (1.0 + 0.2) / 1.4, (0.8 + 0.2) / 1.4]
    assert [hit.score for hit in best] == pytest.approx(scores)


def test_a_passage_that_holds_what_is_asked_for_rises() -> None:
    hits = [
        Hit(chunk("Nobody knows when the recorder was released.", 1), 1.0),
        Hit(chunk("The recorder was released on 3 May 2021.", 2), 0.9),
    ]
    best = reread(hits, "When was the recorder released?", answer_kind=0.2)
    assert [hit.chunk.chunk_id for hit in best] == [2, 1]
    assert [hit.score for hit in best] == pytest.approx([(0.9 + 0.2) / 1.2, 1.0 / 1.2])


def test_a_question_that_asks_for_no_kind_of_answer_is_scored_without_it() -> None:
    (hit,) = reread([Hit(chunk("In 2021."), 0.6)], "Describe the recorder.", answer_kind=0.2)
    assert hit.score == pytest.approx(0.6)


def test_first_in_every_leg_and_wholly_covered_and_of_the_kind_asked_for_scores_one() -> None:
    hit = Hit(chunk("The recorder weighs 3 kg."), 1.0)
    question = "How heavy is the recorder, what does it weigh?"
    (best,) = reread([hit], question, coverage=0.4, answer_kind=0.2, idf={"heavi": 0.0})
    assert best.score == pytest.approx(1.0)
    assert best.coverage == 1.0


def test_equal_scores_keep_their_order() -> None:
    hits = [Hit(chunk("The warranty.", n), 0.5) for n in (5, 3, 9, 1)]
    assert [hit.chunk.chunk_id for hit in reread(hits, "warranty", coverage=0.4)] == [5, 3, 9, 1]


def test_what_is_not_read_stays_below_in_its_order() -> None:
    hits = [
        Hit(chunk("Nothing of it.", 1), 0.9),
        Hit(chunk("The warranty.", 2), 0.8),
        Hit(chunk("The warranty.", 3), 0.8),
        Hit(chunk("The warranty.", 4), 0.7),
    ]
    best = reread(hits, "warranty", coverage=0.5, depth=2)
    assert [hit.chunk.chunk_id for hit in best] == [2, 1, 3, 4]
    scores = [1.3 / 1.5, 0.9 / 1.5, 0.8 / 1.5, 0.7 / 1.5]
    assert [hit.score for hit in best] == pytest.approx(scores)
    assert [hit.coverage for hit in best] == [1.0, 0.0, 0.0, 0.0]


def test_without_weights_the_fused_order_stays_and_coverage_is_still_told() -> None:
    hits = [Hit(chunk("Nothing of it.", 1), 0.9), Hit(chunk("The warranty.", 2), 0.8)]
    best = reread(hits, "warranty")
    assert [(hit.score, hit.coverage) for hit in best] == [(0.9, 0.0), (0.8, 1.0)]


def test_no_hits_give_no_hits() -> None:
    assert reread([], "warranty", coverage=0.4) == []
