"""What becomes of the citations and statements of an answer."""

from __future__ import annotations

import re

import pytest

from rag_service.answering import Answerer
from rag_service.settings import Unsupported
from rag_service.types import AnswerEvent, DoneEvent, SourcesEvent, TokenEvent
from tests.answering_parts import FOUND, PROMPTS, WARRANTY, FakeCorpus, answer_of, question, saying


def test_a_supported_citation_is_verified_and_names_its_place() -> None:
    (citation,) = answer_of(saying("The warranty lasts three years [1].")).citations
    assert (citation.n, citation.chunk_id, citation.source) == (1, 11, "a.txt")
    assert citation.verified
    assert citation.quote == WARRANTY[citation.char_start - 100 : citation.char_end - 100]
    assert "lasts three years." in citation.quote


def test_a_citation_of_the_wrong_passage_is_not_verified_and_the_right_one_is_added() -> None:
    answer = answer_of(saying("The warranty lasts three years [2]."))
    cited = [(c.n, c.chunk_id, c.verified, c.added) for c in answer.citations]
    assert cited == [(2, 12, False, False), (1, 11, True, True)]
    assert [(s.status, s.citations) for s in answer.statements] == [("supported", (0, 1))]
    assert answer.notes == ()


@pytest.mark.parametrize("markers", ["[1][9]", "[1, 9]", "[9, 1]"])
def test_an_invented_citation_is_removed_and_noted(markers: str) -> None:
    answer = answer_of(saying(f"The warranty lasts three years {markers}."))
    assert answer.answer == "The warranty lasts three years [1]."
    assert [(c.n, c.verified) for c in answer.citations] == [(1, True)]
    assert answer.notes == ("Citation numbers removed because they name no source: 1.",)


def test_an_answer_without_support_says_that_nothing_was_verified() -> None:
    answer = answer_of(saying("The warranty lasts nine years."))
    assert (answer.status, answer.citations) == ("answered", ())
    assert [statement.status for statement in answer.statements] == ["unsupported"]
    assert answer.notes == ("No statement of this answer could be verified against the sources.",)


HALF_MADE_UP = "The warranty lasts three years [1]. It covers alien abduction as well."


def checked(policy: Unsupported, text: str) -> list[AnswerEvent]:
    answerer = Answerer(PROMPTS, saying(*re.split("(?<= )", text)), 0.5, policy)
    return list(answerer.ask(question(), FakeCorpus(FOUND).corpus))


def test_unsupported_sentences_are_marked_in_an_answer_that_streams_as_it_is_written() -> None:
    _, *tokens, last = checked("mark", HALF_MADE_UP)
    assert len(tokens) > 1
    assert isinstance(last, DoneEvent)
    statuses = [statement.status for statement in last.answer.statements]
    assert statuses == ["supported", "unsupported"]


def test_unsupported_sentences_can_be_removed_before_anything_is_shown() -> None:
    first, token, last = checked("remove", HALF_MADE_UP)
    assert isinstance(first, SourcesEvent)
    assert token == TokenEvent("The warranty lasts three years [1].")
    assert isinstance(last, DoneEvent)
    assert last.answer.answer == "The warranty lasts three years [1]."
    assert [statement.status for statement in last.answer.statements] == ["supported"]
    assert last.answer.notes == ("Sentences removed because no source supports them: 1.",)


@pytest.mark.parametrize("policy", ["mark", "remove", "refuse"])
def test_sentences_that_cannot_be_verified_across_languages_stay_with_a_note(
    policy: Unsupported,
) -> None:
    *_, last = checked(policy, "质保从交货当天算起 [1]。")
    assert isinstance(last, DoneEvent)
    assert last.answer.answer == "质保从交货当天算起 [1]。"
    assert [statement.status for statement in last.answer.statements] == ["unverified"]
    assert [citation.verified for citation in last.answer.citations] == [False]
    assert last.answer.notes == (
        "Sentences that could not be verified, because the sources are in another language: 1.",
        "No statement of this answer could be verified against the sources.",
    )


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ("refuse", HALF_MADE_UP),
        ("remove", "It covers alien abduction."),
        ("refuse", "Yes."),
        ("refuse", "Hello!"),
    ],
)
def test_an_answer_can_be_refused_for_what_no_source_supports(
    policy: Unsupported, text: str
) -> None:
    _, token, last = checked(policy, text)
    assert isinstance(last, DoneEvent)
    assert (last.answer.status, last.answer.citations) == ("refused", ())
    assert token == TokenEvent(last.answer.answer)
    assert "alien" not in last.answer.answer
    assert not any(": 0." in note for note in last.answer.notes)
