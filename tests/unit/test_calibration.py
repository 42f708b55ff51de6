"""Fitting the confidence to questions: what is learnt, what is refused, what is kept and used."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from rag_service.errors import InvalidRequest
from rag_service.evaluation.calibration import Example, fit, gather_examples, judged, recalibrate
from rag_service.evaluation.questions import EvalQuestion
from rag_service.evaluation.target import DocumentName
from rag_service.retrieval.calibration_file import (
    Calibrations,
    StoredCalibration,
    calibration_path,
    fitted_for,
    write_calibration,
)
from rag_service.retrieval.confidence import SHIPPED, Calibration, Logistic
from rag_service.retrieval.evidence import Evidence
from rag_service.search_types import SearchResult
from rag_service.store.home import CollectionHome
from rag_service.types import Chunk, Hit

FINGERPRINT = {"embedding_model": "words", "dimension": 3}
OTHER = Calibration(
    {"own": Logistic(-9.0, (9.0, 1.0, 0.5, -1.0)), "crossed": Logistic(-1.0, (1.0, 1.0))}
)


def examples(count: int, truth: Calibration, *, seed: int = 1) -> list[Example]:
    """Questions of which as many are answered as ``truth`` says."""
    drawn = random.Random(seed)
    made: list[Example] = []
    for _ in range(count):
        evidence = Evidence(drawn.random(), drawn.random(), drawn.random(), 1 + drawn.random())
        made.append(Example((evidence,), drawn.random() < truth.probability(evidence)))
    return made


def test_many_questions_decide_and_few_move_little() -> None:
    few, many = (fit(examples(count, OTHER), SHIPPED).models["own"] for count in (20, 20_000))
    shipped, true = SHIPPED.models["own"], OTHER.models["own"]
    assert abs(few.weights[1] - shipped.weights[1]) < 1
    assert [round(w) for w in many.weights[:2]] == pytest.approx(true.weights[:2], abs=1)


def test_a_kind_of_evidence_that_was_not_seen_stays_as_it_is() -> None:
    assert fit(examples(50, OTHER), SHIPPED).models["crossed"] == SHIPPED.models["crossed"]


def test_the_weight_of_an_example_is_how_often_it_counts() -> None:
    once = examples(40, OTHER)
    doubled = [Example(e.evidence, e.right, 2.0) for e in once]
    assert fit(doubled, SHIPPED).models["own"].weights == pytest.approx(
        fit([*once, *once], SHIPPED).models["own"].weights
    )


def test_questions_that_contradict_the_shipped_confidence_make_a_better_one() -> None:
    found = recalibrate(examples(600, OTHER))
    assert found.is_better
    assert found.after.ece < found.before.ece
    assert found.answerable + found.unanswerable == 600


def test_questions_that_agree_with_the_shipped_confidence_are_judged_no_worse() -> None:
    found = recalibrate(examples(600, SHIPPED))
    assert found.after.brier == pytest.approx(found.before.brier, abs=0.01)


@pytest.mark.parametrize(("right", "wrong"), [(29, 30), (30, 29), (100, 0)])
def test_too_few_questions_of_a_kind_are_refused(right: int, wrong: int) -> None:
    evidence = (Evidence(0.5, 0.5),)
    made = [Example(evidence, True)] * right + [Example(evidence, False)] * wrong
    with pytest.raises(InvalidRequest, match=rf"at least 30 questions .* {right} and {wrong}\."):
        recalibrate(made)
    judged(made, [SHIPPED] * len(made))  # to judge them is no matter of how many there are


class Searched:
    """Finds one passage for every question."""

    def documents(self) -> Sequence[DocumentName]:
        return [DocumentName("a.txt", ""), DocumentName("b.txt", "")]

    def find(self, question: str) -> SearchResult:
        chunk = Chunk(1, 1, 0, "a.txt", "", "", None, 0, 9, "It lasts three years.")
        return SearchResult((Hit(chunk, 1.0, coverage=0.5),), 1, ())


@pytest.mark.parametrize(
    ("labels", "right"),
    [
        ({}, True),
        ({"answerable": False}, False),
        ({"answers": ["three years"]}, True),
        ({"answers": ["two years"], "sources": ["a.txt"]}, False),
        ({"sources": ["a.txt"]}, True),
        ({"sources": ["b.txt"]}, False),
    ],
    ids=str,
)
def test_a_question_is_right_if_what_is_found_answers_it(
    labels: dict[str, object], right: bool
) -> None:
    question = EvalQuestion.model_validate({"question": "How long?", **labels})
    (example,) = gather_examples([question], Searched())
    assert example.right == right
    assert example.evidence[0].coverage == 0.5


def test_a_question_counts_once_however_often_it_is_there() -> None:
    texts = ["How long?", "how long", "How far?"]
    questions = [EvalQuestion.model_validate({"question": text}) for text in texts]
    assert len(gather_examples(questions, Searched())) == 2


# -- the file ----------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> CollectionHome:
    return CollectionHome("default", tmp_path)


def stored() -> StoredCalibration:
    return StoredCalibration.of(
        OTHER,
        made_at="2025-01-02T03:04:05+00:00",
        fitted_for=fitted_for(FINGERPRINT),
        answerable=30,
        unanswerable=30,
    )


def test_what_is_kept_is_used_at_once_and_leaves_nothing_beside_it(home: CollectionHome) -> None:
    calibrations = Calibrations()
    assert calibrations.of(home, FINGERPRINT) == (SHIPPED, "")
    path = write_calibration(home, stored())
    assert [each.name for each in path.parent.iterdir()] == ["calibration.json"]
    assert calibrations.of(home, FINGERPRINT) == (OTHER, "")
    path.unlink()
    assert calibrations.of(home, FINGERPRINT) == (SHIPPED, "")


def test_a_calibration_for_another_model_is_not_used_and_this_is_told(
    home: CollectionHome,
) -> None:
    write_calibration(home, stored())
    used = Calibrations().of(home, FINGERPRINT | {"embedding_model": "other"})
    assert used.calibration == SHIPPED
    assert "another embedding model" in used.note
    assert "rag eval QUESTIONS.jsonl --calibrate" in used.note


@pytest.mark.parametrize("damage", ["{", "[]", "weights", "kind", "NaN", "1e308"])
def test_a_damaged_file_is_not_used_and_this_is_told(home: CollectionHome, damage: str) -> None:
    document = json.loads(stored().model_dump_json())
    if damage == "weights":
        del document["models"]["own"]["lead"]
    elif damage == "kind":
        del document["models"]["own"]
    elif damage in {"NaN", "1e308"}:
        document["models"]["own"]["lead"] = float(damage)
    text = damage if damage in {"{", "[]"} else json.dumps(document)
    calibration_path(home).write_text(text, encoding="utf-8")
    used = Calibrations().of(home, FINGERPRINT)
    assert used.calibration == SHIPPED
    assert "calibration.json of this collection cannot be read" in used.note
