"""Floors on small parts of public question sets, where a folder of them is at hand.

The variable QUESTION_SETS names a folder with a folder a set: `corpus.jsonl` (id, title, text)
and `queries.jsonl` (question, answers, doc_ids). None of it is part of this project.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from rag_service.evaluation.questions import EvalQuestion
from rag_service.evaluation.runner import evaluate
from rag_service.evaluation.statistics import ratios
from rag_service.evaluation.summary import METRICS, parts_of
from rag_service.evaluation.target import LocalTarget
from rag_service.retrieval.embedding import LocalEmbeddings
from tests.real_parts import ingest_folder, open_service, settings_for, write_folder

VARIABLE = "QUESTION_SETS"
QUESTIONS = 30


@dataclass(frozen=True)
class Part:
    """The first ``documents`` of a set, and floors a question or two of 30 below the figures."""

    set: str
    documents: int
    floors: dict[str, float]


PARTS = [
    Part("xquad_en_docs", 8, {"hit@1": 0.96, "answer_in_context@256": 0.96}),
    Part("xquad_zh_docs", 8, {"hit@1": 0.96, "answer_in_context@256": 0.93}),
    Part("drcd_dev", 8, {"hit@1": 0.96, "answer_in_context@256": 0.93}),
    Part("xquad_qzh_den", 40, {"hit@1": 0.66, "hit@5": 0.88}),
    Part("xquad_qen_dzh", 40, {"hit@1": 0.8, "hit@5": 0.88}),
]


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def folder_of(part: Part) -> Path:
    sets = os.environ.get(VARIABLE)
    if not sets:
        pytest.skip(f"{VARIABLE} names no folder of question sets")
    folder = Path(sets) / part.set
    assert (folder / "corpus.jsonl").is_file(), f"{VARIABLE} names {sets}, which lacks {part.set}"
    return folder


def source_of(doc_id: str) -> str:
    return f"{doc_id}.txt"


def questions_about(folder: Path, documents: set[str]) -> list[EvalQuestion]:
    """The first questions about the documents and no others."""
    chosen = (row for row in rows(folder / "queries.jsonl") if row.get("fast", True))
    inside = (row for row in chosen if row["doc_ids"] and documents.issuperset(row["doc_ids"]))
    return [
        EvalQuestion(
            id=row["id"],
            question=row["question"],
            answers=tuple(row["answers"]),
            sources=tuple(map(source_of, row["doc_ids"])),
            lang=row["lang"],
        )
        for row in islice(inside, QUESTIONS)
    ]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.set)
def test_a_part_of_a_public_set_does_not_fall_below_its_floors(
    part: Part, embeddings: LocalEmbeddings, tmp_path: Path
) -> None:
    folder = folder_of(part)
    documents = list(islice(rows(folder / "corpus.jsonl"), part.documents))
    texts = {
        source_of(d["id"]): f"{d.get('title') or ''}\n\n{d['text']}".strip() for d in documents
    }
    settings = settings_for(tmp_path / "data")
    ingest_folder(write_folder(tmp_path / "documents", texts), settings, embeddings)
    with closing(open_service(settings, embeddings)) as service:
        questions = questions_about(folder, {d["id"] for d in documents})
        run = evaluate(questions, LocalTarget(service))
    values = dict(zip(METRICS, ratios(parts_of(run.outcomes).sum(axis=0)), strict=True))
    assert len(questions) == QUESTIONS
    assert {name: values[name] for name in part.floors if values[name] < part.floors[name]} == {}
