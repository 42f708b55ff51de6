"""The sample questions over the sample knowledge base, with the default configuration.

Floors, not targets: each is one below what was measured, so that one more failure shows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from rag_service.service import Service
from rag_service.types import Answer, DoneEvent
from tests.real_parts import EXAMPLES

SOURCES_IN_TOP_5 = 22  # of 23; measured 23
ANSWERS_HELD = 18  # of 22; measured 19
# About nothing the documents speak of, or about a thing that no document has.
REFUSED = {"en-10", "en-11", "zh-11", "hant-06"}
# On a topic the documents do speak of: the words are near, only the fact is missing. Without a
# chat model nothing can tell, so nearby sentences are quoted.
NOT_REFUSED = {"zh-10", "hant-05"}


@dataclass(frozen=True)
class Outcome:
    question: dict[str, Any]
    top: list[str]
    answer: Answer

    @property
    def id(self) -> str:
        return str(self.question["id"])


@pytest.fixture(scope="module")
def outcomes(sample_service: Service) -> list[Outcome]:
    lines = (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [outcome(sample_service, json.loads(line)) for line in lines]


def outcome(service: Service, question: dict[str, Any]) -> Outcome:
    text = question["question"]
    hits = service.search(text, collection="default", top_k=5).hits
    *_, last = service.ask(text, collection="default")
    assert isinstance(last, DoneEvent)
    return Outcome(question, [hit.chunk.source for hit in hits], last.answer)


def answerable(outcomes: list[Outcome]) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.question["answerable"]]


def test_there_are_28_questions_of_which_22_can_be_answered(outcomes: list[Outcome]) -> None:
    assert (len(outcomes), len(answerable(outcomes))) == (28, 22)


def test_the_right_documents_are_among_the_first_five(outcomes: list[Outcome]) -> None:
    wanted = [(o, source) for o in answerable(outcomes) for source in o.question["sources"]]
    missed = [(o.id, source) for o, source in wanted if source not in o.top]
    assert len(wanted) - len(missed) >= SOURCES_IN_TOP_5, missed


def test_answers_hold_the_words_that_were_expected(outcomes: list[Outcome]) -> None:
    missed = [
        outcome.id
        for outcome in answerable(outcomes)
        if not all(words in outcome.answer.answer for words in outcome.question["answers"])
    ]
    assert len(answerable(outcomes)) - len(missed) >= ANSWERS_HELD, missed


def test_what_can_be_answered_is_not_refused(outcomes: list[Outcome]) -> None:
    assert [o.id for o in answerable(outcomes) if o.answer.status == "refused"] == []


def test_what_the_documents_do_not_speak_of_is_refused(outcomes: list[Outcome]) -> None:
    refused = {outcome.id for outcome in outcomes if outcome.answer.status == "refused"}
    assert refused == REFUSED
    assert refused | NOT_REFUSED == {o.id for o in outcomes if not o.question["answerable"]}


def test_every_citation_is_verified_and_stands_in_its_document(
    sample_service: Service, outcomes: list[Outcome]
) -> None:
    for outcome in outcomes:
        texts = {hit.chunk.chunk_id: hit.chunk for hit in outcome.answer.sources}
        for citation in outcome.answer.citations:
            chunk = texts[citation.chunk_id]
            start = citation.char_start - chunk.char_start
            end = citation.char_end - chunk.char_start
            assert (citation.verified, citation.quote) == (True, chunk.text[start:end]), outcome.id
