"""From what was found to a probability that it answers."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from rag_service.retrieval.confidence import SHIPPED, Calibration, Logistic
from rag_service.retrieval.evidence import Evidence, Kind, gather_evidence
from rag_service.search_types import SearchResult
from rag_service.types import Chunk, Hit, LegScore

SHARES = [n / 10 for n in range(8)]
QUESTION = "When did Tesla visit Graz in 1875?"


def hit(
    coverage: float, cosine: float | None = None, *, crossed: bool = False, text: str = "text"
) -> Hit:
    chunk = Chunk(1, 1, 0, "a.txt", "", "", None, 0, len(text), text)
    dense = LegScore(1, cosine) if cosine is not None else None
    return Hit(chunk, 1.0, dense, coverage=coverage, crossed=crossed)


def found(*hits: Hit, lexical: tuple[float, ...] = ()) -> SearchResult:
    return SearchResult(hits, 1, (), leg_scores={"lexical": lexical})


def only(result: SearchResult, question: str = QUESTION) -> Evidence:
    (evidence,) = gather_evidence(question, result)
    return evidence


def probability(coverage: float, cosine: float, lead: float, *, crossed: bool) -> float:
    return SHIPPED.probability(Evidence(coverage, cosine, lead, crossed=crossed))


@pytest.mark.parametrize("crossed", [False, True])
def test_confidence_grows_with_what_speaks_for_an_answer(crossed: bool) -> None:
    for confidences in (
        [probability(share, 0.3, 0.5, crossed=crossed) for share in SHARES],
        [probability(0.3, share, 0.5, crossed=crossed) for share in SHARES],
        [probability(0.5, 0.5, share, crossed=crossed) for share in SHARES],
    ):
        assert all(lower < higher for lower, higher in pairwise(confidences))


def test_a_name_that_is_missing_lowers_the_confidence() -> None:
    whole, missing = Evidence(0.6, 0.6), Evidence(0.6, 0.6, missing=1.0)
    assert SHIPPED.probability(missing) < SHIPPED.probability(whole)


def test_confidence_is_a_probability_at_the_ends_too() -> None:
    ends = [Evidence(c, cosine, c) for c in (0.0, 1.0) for cosine in (None, -1.0, 1.0)]
    assert all(0 < SHIPPED.probability(evidence) < 1 for evidence in ends)


def test_confidence_is_the_regression_of_its_kind_and_the_better_side_counts() -> None:
    models: dict[Kind, Logistic] = {
        "own": Logistic(-1.0, (2.0, 3.0, 4.0, 5.0)),
        "crossed": Logistic(1.0, (2.0, 3.0)),
    }
    own, across = Evidence(0.5, 0.5, 0.1, 0.2, 1.0), Evidence(0.5, None, 0.1, crossed=True)
    calibration = Calibration(models)
    expected = {own: -1 + 2 * 0.75 + 3 * 0.1 + 4 * 0.2 + 5, across: 1 + 2 * 0.5 + 3 * 0.1}
    for evidence, logit in expected.items():
        assert calibration.probability(evidence) == pytest.approx(1 / (1 + math.exp(-logit)))
    assert calibration.confidence([own, across]) == calibration.probability(own)
    assert calibration.decisive([across, own]) == own


def test_a_calibration_needs_a_weight_for_every_feature() -> None:
    with pytest.raises(ValueError, match="crossed evidence needs a weight for each of support"):
        Calibration({"own": SHIPPED.models["own"]})


def test_without_hits_there_is_next_to_no_confidence() -> None:
    nothing = gather_evidence("What is it?", found())
    assert [(e.coverage, e.cosine, e.missing) for e in nothing] == [(0.0, None, 0.0)]
    assert SHIPPED.confidence(nothing) < 0.01


def test_the_best_coverage_and_the_nearest_passage_count_wherever_they_stand() -> None:
    evidence = only(found(hit(0.2, 0.3), hit(0.9), hit(0.1, 0.7)))
    assert (evidence.coverage, evidence.cosine) == (0.9, 0.7)


def test_coverage_is_looked_for_in_the_first_five_passages() -> None:
    assert only(found(*[hit(0.1)] * 5, hit(1.0))).coverage == 0.1
    assert only(found(*[hit(0.1)] * 4, hit(1.0))).coverage == 1.0


def test_either_words_or_meaning_support_an_answer() -> None:
    assert Evidence(0.5, 0.5).support == 0.75
    assert Evidence(0.5, None).support == Evidence(0.5, -0.5).support == 0.5
    assert Evidence(1.0, 0.0).support == Evidence(0.0, 1.0).support == 0.9


@pytest.mark.parametrize(
    ("scores", "lead"),
    [
        ((), 0.0),
        ((8.0,), 0.5),
        ((8.0, 2.0), 0.75),
        ((8.0, *[6.0] * 8, 4.0, 1.0), 0.5),
        ((0.0, 0.0), 0.0),
    ],
)
def test_the_lead_is_over_the_tenth_candidate(scores: tuple[float, ...], lead: float) -> None:
    assert only(found(hit(0.5), lexical=scores)).lead == lead


def test_the_length_is_of_what_is_asked_for() -> None:
    assert only(found(hit(0.5))).length == pytest.approx(math.log(4))  # tesla visit graz 1875
    assert only(found(hit(0.5)), "Graz?").length == pytest.approx(math.log(3))
    endless = " ".join(f"Graz{n}" for n in range(2_000))
    assert only(found(hit(0.5)), endless).length == pytest.approx(math.log(120))


def test_the_confidence_of_what_is_hopeless_is_next_to_nothing() -> None:
    assert Logistic(-1e6, (-1e6,)).probability([1.0]) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("question", "texts", "missing"),
    [
        (QUESTION, ["Tesla went to Graz in 1875."], 0.0),
        (QUESTION, ["Tesla went to Graz.", "It was 1875."], 0.0),
        (QUESTION, ["Tesla went to Graz in 1876."], 1.0),
        (QUESTION, ["In 1875 he went to Graz."], 1.0),
        ("Where is the station?", ["Nothing of the kind."], 0.0),
        ("May I smoke here?", ["Nothing of the kind."], 0.0),
        ("柯玛 T7 在 2023 年卖了多少台？", ["柯玛 T7 于 2023 年售出十台。"], 0.0),
        ("柯玛 T9 在 2023 年卖了多少台？", ["柯玛 T7 于 2023 年售出十台。"], 1.0),
        ("Does the B-52s take a 5,000 hour check?", ["The B 52s: every 5,000 hours."], 0.0),
    ],
)
def test_a_name_or_number_that_no_passage_holds_is_missing(
    question: str, texts: list[str], missing: float
) -> None:
    assert only(found(*(hit(0.5, text=text) for text in texts)), question).missing == missing


def test_passages_of_each_language_are_looked_at_apart() -> None:
    own, across = gather_evidence(QUESTION, found(hit(0.2, 0.3), hit(0.6, 0.6, crossed=True)))
    assert (own.coverage, own.cosine, own.kind) == (0.2, 0.3, "own")
    assert (across.coverage, across.cosine, across.kind) == (0.6, 0.6, "crossed")


@pytest.mark.parametrize(
    ("question", "text", "missing"),
    [
        ("第3条规定了什么", "第三条 住宿", 0.0),
        ("第5条规定了什么", "第三条 住宿", 1.0),
        ("第3条在2087年规定了什么", "第三条 住宿", 1.0),  # 三条 does not stand for 2087
        ("Who won World War 2 in 2087?", "World War II", 1.0),
    ],
)
def test_a_number_is_not_missing_where_it_is_spelled_otherwise(
    question: str, text: str, missing: float
) -> None:
    assert only(found(hit(0.5, text=text)), question).missing == missing
