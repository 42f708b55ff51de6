"""Asking questions of a collection and judging what comes back."""

from __future__ import annotations

import math
import unicodedata

import pytest

from rag_service.errors import InvalidRequest
from rag_service.evaluation.questions import EvalQuestion
from rag_service.evaluation.runner import evaluate
from rag_service.evaluation.runs import Outcome
from rag_service.evaluation.target import DocumentName, Passage
from tests.eval_targets import PlantedTarget

DOCUMENTS = [
    DocumentName("manuals/car.pdf", "Car manual"),
    DocumentName("manuals/bike.pdf", "Bike manual"),
    DocumentName("规章[1].txt", "员工规章"),
]


def passage(source: str, text: str = "text", page: int | None = None) -> Passage:
    return Passage(source, "", page, text)


def question(**fields: object) -> EvalQuestion:
    return EvalQuestion.model_validate({"question": "How long?", "id": "q", "lang": "en", **fields})


def judged(found: list[Passage], **fields: object) -> Outcome:
    target = PlantedTarget(DOCUMENTS, {"How long?": found})
    (outcome,) = evaluate([question(**fields)], target).outcomes
    return outcome


def test_ranks_are_those_of_distinct_documents() -> None:
    found = [passage("manuals/bike.pdf"), passage("manuals/bike.pdf"), passage("manuals/car.pdf")]
    outcome = judged(found, sources=["manuals/car.pdf"])
    assert outcome.found == ("manuals/bike.pdf", "manuals/car.pdf")
    assert outcome.metrics == {
        "hit@1": 0.0,
        "hit@5": 1.0,
        "hit@10": 1.0,
        "recall@5": 1.0,
        "recall@10": 1.0,
        "ndcg@10": 1 / math.log2(3),
        "mrr@10": 0.5,
    }


@pytest.mark.parametrize(
    ("labels", "recall"),
    [
        ({"sources": ["manuals/*.pdf"]}, 0.5),
        ({"sources": ["*"]}, 1 / 3),
        ({"sources": ["规章[1].txt"]}, 0.0),  # the path itself, not the pattern
        ({"titles": ["car MANUAL "]}, 1.0),
        ({"sources": ["manuals/bike.pdf"], "titles": ["Car manual"]}, 0.5),
    ],
)
def test_documents_are_named_by_path_pattern_or_title(
    labels: dict[str, list[str]], recall: float
) -> None:
    assert judged([passage("manuals/car.pdf")], **labels).metrics["recall@10"] == recall


def test_a_file_name_with_its_accents_apart_is_the_same_name() -> None:
    documents = [DocumentName(unicodedata.normalize("NFD", "café.txt"), "")]
    target = PlantedTarget(documents, {"How long?": [passage(documents[0].source)]})
    (outcome,) = evaluate([question(sources=["café.txt"])], target).outcomes
    assert outcome.metrics["hit@1"] == 1.0


def test_with_pages_the_right_page_must_be_found() -> None:
    found = [passage("manuals/car.pdf", page=2), passage("manuals/car.pdf", page=3)]
    outcome = judged(found, sources=["manuals/car.pdf"], pages=[3])
    assert outcome.found == ("manuals/car.pdf p. 2", "manuals/car.pdf p. 3")
    assert (outcome.metrics["hit@1"], outcome.metrics["mrr@10"]) == (0.0, 0.5)


def test_answers_are_looked_for_in_all_passages_within_each_budget() -> None:
    found = [passage("manuals/car.pdf", "字" * 300), passage("manuals/bike.pdf", "三年")]
    assert judged(found, answers=["三年"]).metrics == {
        "answer_in_context@256": 0.0,
        "answer_in_context@512": 1.0,
        "answer_in_context@1024": 1.0,
    }


def test_a_question_without_labels_has_no_metrics() -> None:
    assert judged([passage("manuals/car.pdf")]).metrics == {}


def test_answers_are_made_only_if_a_question_cannot_be_answered() -> None:
    planted = {"How long?": [passage("manuals/car.pdf")]}
    target = PlantedTarget(DOCUMENTS, planted)
    (searched,) = evaluate([question()], target).outcomes
    assert (searched.refused, searched.confidence, searched.ask_ms) == (None, None, None)
    assert target.asked == []

    unanswerable = question(id="u", question="Who?", answerable=False)
    answered, refused = evaluate([question(), unanswerable], target).outcomes
    assert target.asked == ["How long?", "Who?"]
    assert (answered.refused, refused.refused) == (False, True)
    assert (answered.confidence, refused.confidence) == (1.0, 0.0)


@pytest.mark.parametrize(("ask", "asked"), [(True, ["How long?"]), (False, [])])
def test_the_caller_may_decide_whether_answers_are_made(ask: bool, asked: list[str]) -> None:
    target = PlantedTarget(DOCUMENTS, {})
    evaluate([question()], target, ask=ask)
    assert target.asked == asked


def test_a_document_that_is_missing_counts_as_not_found_and_is_told() -> None:
    target = PlantedTarget(DOCUMENTS, {"How long?": [passage("manuals/car.pdf")]})
    run = evaluate([question(sources=["manuals/car.pdf", "gone.pdf"])], target)
    assert run.outcomes[0].metrics["recall@10"] == 0.5
    assert run.notes == (
        "1 documents named by questions are not in the collection and count as not found: "
        "'gone.pdf'.",
    )


def test_questions_about_another_collection_are_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"None of the documents .* e\.g\. 'gone\.pdf'"):
        evaluate([question(sources=["gone.pdf"])], PlantedTarget(DOCUMENTS, {}))


def test_progress_is_told_of_every_question() -> None:
    told: list[None] = []
    questions = [question(id=str(n)) for n in range(3)]
    evaluate(questions, PlantedTarget(DOCUMENTS, {}), on_question=lambda: told.append(None))
    assert len(told) == 3
