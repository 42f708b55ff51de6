"""Search and refusals of the default configuration, on 74 questions over 42 short documents.

`documents.jsonl` and `questions.jsonl` were written for this test. The tags say what makes a
question hard: another wording than the document (paraphrase), near twins of the document that
differ in one figure (similar), codes, the other Chinese script, the other language (crossing).

Floors, not targets: each allows one failure more than was measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rag_service.evaluation.questions import load_questions
from rag_service.evaluation.runner import evaluate
from rag_service.evaluation.runs import Outcome, Run
from rag_service.evaluation.summary import grouped
from rag_service.evaluation.target import LocalTarget
from rag_service.retrieval.embedding import LocalEmbeddings
from rag_service.service import Service
from tests.real_parts import ingest_folder, open_service, settings_for, write_folder

HERE = Path(__file__).parent

# Questions that may fail, of: 20 in English, 22 in Simplified and 20 in Traditional Chinese, 8
# over another language, 6 over the other script, 20 with twins, 7 with codes, 29 paraphrased.
FAILURES_ALLOWED = {
    "lang:en": {"hit@1": 3, "hit@5": 2, "answer_in_context@256": 2},
    "lang:zh-Hans": {"hit@1": 3, "hit@5": 1, "answer_in_context@256": 1},
    "lang:zh-Hant": {"hit@1": 3, "hit@5": 1, "answer_in_context@256": 1},
    "tag:crossing": {"hit@1": 1, "hit@5": 1, "answer_in_context@256": 1},
    "tag:script": {"hit@1": 1, "hit@5": 1, "answer_in_context@256": 1},
    "tag:similar": {"hit@1": 3, "hit@5": 1, "answer_in_context@256": 1},
    "tag:codes": {"hit@1": 2, "hit@5": 1, "answer_in_context@256": 1},
    "tag:paraphrase": {"hit@1": 6, "hit@5": 2, "answer_in_context@256": 2},
}
# Of 12 questions about nothing that the documents speak of, and of 62 that they answer.
NOT_REFUSED_ALLOWED, REFUSED_ALLOWED = 1, 9


@pytest.fixture(scope="module")
def service(
    embeddings: LocalEmbeddings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    lines = (HERE / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    texts = {document["source"]: document["text"] for document in map(json.loads, lines)}
    data = tmp_path_factory.mktemp("data")
    folder = write_folder(tmp_path_factory.mktemp("documents"), texts)
    ingest_folder(folder, settings_for(data), embeddings)
    with closing(open_service(settings_for(data), embeddings)) as opened:
        yield opened


@pytest.fixture(scope="module")
def run(service: Service) -> Run:
    return evaluate(load_questions(HERE / "questions.jsonl"), LocalTarget(service))


def failed(outcomes: list[Outcome], metric: str) -> list[str]:
    return [outcome.question for outcome in outcomes if outcome.metrics.get(metric) == 0]


def test_every_document_that_a_question_names_is_there(run: Run) -> None:
    assert (len(run.outcomes), run.notes) == (74, ())


@pytest.mark.parametrize(
    ("group", "metric", "allowed"),
    [
        (group, metric, n)
        for group, floor in FAILURES_ALLOWED.items()
        for metric, n in floor.items()
    ],
)
def test_search_does_not_fall_below_its_floor(
    run: Run, group: str, metric: str, allowed: int
) -> None:
    failures = failed(grouped(run.outcomes)[group], metric)
    assert len(failures) <= allowed, failures


def test_questions_on_nothing_in_the_documents_are_refused(run: Run) -> None:
    answered = [o.question for o in run.outcomes if not o.answerable and not o.refused]
    assert len(answered) <= NOT_REFUSED_ALLOWED, answered


def test_questions_that_the_documents_answer_are_seldom_refused(run: Run) -> None:
    refused = [o.question for o in run.outcomes if o.answerable and o.refused]
    assert len(refused) <= REFUSED_ALLOWED, refused


def test_a_search_that_finds_nothing_would_fall_below_the_floors(run: Run) -> None:
    broken = [o.model_copy(update={"metrics": dict.fromkeys(o.metrics, 0.0)}) for o in run.outcomes]
    groups = grouped(broken)
    for group, floor in FAILURES_ALLOWED.items():
        assert all(len(failed(groups[group], metric)) > n for metric, n in floor.items()), group
