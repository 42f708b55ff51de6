"""Questions that follow others."""

from __future__ import annotations

import pytest

from rag_service.types import Turn
from tests.answering_parts import (
    FOUND,
    PROMPTS,
    QUESTION,
    FakeBackend,
    FakeCorpus,
    RestartingBackend,
    answer_of,
    hit,
    question,
    saying,
    words,
)

HISTORY = (Turn("user", "Tell me of the recorder."), Turn("assistant", "It is grey [2]."))


def test_a_follow_up_is_rewritten_and_the_rewritten_question_searched_for() -> None:
    chat = FakeBackend([["How long is the recorder's", " warranty?\n"], ["Three years [1]."]])
    found = FakeCorpus(FOUND)
    answer = answer_of(chat, question("And its warranty?", history=HISTORY), found)
    assert [query for query, _, _ in found.searched] == ["How long is the recorder's warranty?"]
    condense, final = chat.asked
    assert "User: Tell me of the recorder.\nAssistant: It is grey." in str(condense[-1].content)
    contents = [str(message.content) for message in final[1:]]
    assert contents[:2] == ["Tell me of the recorder.", "It is grey."]
    assert contents[2].endswith("Question: And its warranty?")
    assert (answer.answer, chat.limits) == ("Three years [1].", [96, 100])
    assert answer.standalone_question == "How long is the recorder's warranty?"


def test_a_rewriting_that_comes_back_empty_gives_way_to_the_rule() -> None:
    chat, found = FakeBackend([[" "], ["Three years [1]."]]), FakeCorpus(FOUND)
    answer = answer_of(chat, question("And its warranty?", history=HISTORY), found)
    assert [query for query, _, _ in found.searched] == ["And its warranty? (recorder)"]
    assert answer.standalone_question == "And its warranty? (recorder)"


def test_without_a_chat_model_a_follow_up_is_completed_from_the_questions_before() -> None:
    found = FakeCorpus(FOUND)
    turns = (Turn("user", "Where is the office?"), *HISTORY)
    answer = answer_of(None, question("And its warranty?", history=turns), found)
    assert [query for query, _, _ in found.searched] == ["And its warranty? (office recorder)"]
    assert answer.standalone_question == "And its warranty? (office recorder)"


@pytest.mark.parametrize("has_model", [False, True], ids=["without a model", "with one"])
@pytest.mark.parametrize("text", [QUESTION, "外籍员工的试用期有多长？"])
def test_a_question_that_stands_alone_is_searched_for_as_it_is(
    text: str, *, has_model: bool
) -> None:
    chat = saying("Three years [1].") if has_model else None
    found = FakeCorpus(FOUND)
    answer = answer_of(chat, question(text, history=HISTORY), found)
    assert [query for query, _, _ in found.searched] == [text]
    assert answer.standalone_question == ""
    assert chat is None or len(chat.asked) == 1


def test_a_first_question_is_not_rewritten() -> None:
    chat = saying("Three years [1].")
    answer_of(chat)
    assert len(chat.asked) == 1


def test_a_long_conversation_gives_way_to_the_documents() -> None:
    bare = words(PROMPTS.answer_messages(QUESTION, "", "en", []))
    chat = saying("Three years [1].", context_tokens=2 * bare + 200)
    turns = (Turn("user", "word " * 300), Turn("assistant", "An earlier answer."))
    answer = answer_of(chat, question(history=turns))
    (final,) = chat.asked
    assert [str(message.content) for message in final[1:-1]] == ["An earlier answer."]
    assert answer.sources == FOUND


def test_of_a_conversation_too_long_to_rewrite_the_oldest_turns_are_left_out() -> None:
    chat = FakeBackend([["And where?"], ["Three years [1]."]], context_tokens=1500)
    turns = (Turn("user", "word " * 2000), *HISTORY)
    answer_of(chat, question("And its warranty?", history=turns))
    condense, _ = chat.asked
    assert "word" not in str(condense[-1].content)
    assert "User: Tell me of the recorder.\nAssistant: It is grey." in str(condense[-1].content)


def test_a_follow_up_that_cannot_be_rewritten_in_the_window_is_completed_by_rule() -> None:
    found = FakeCorpus(FOUND)
    turns = (*HISTORY[:1], Turn("assistant", "word " * 2000))
    chat = saying("Three years [1].", context_tokens=1500)
    answer_of(chat, question("And its warranty?", history=turns), found)
    assert [query for query, _, _ in found.searched] == ["And its warranty? (recorder)"]
    assert len(chat.asked) == 1


def test_a_rewriting_that_begins_with_reasoning_is_searched_for_without_it() -> None:
    chat = RestartingBackend(
        [["It is the recorder."], ["How long is its warranty?"], ["Hm."], ["Three years [1]."]]
    )
    found = FakeCorpus(FOUND)
    answer_of(chat, question("And its warranty?", history=HISTORY), found)
    assert [query for query, _, _ in found.searched] == ["How long is its warranty?"]


def test_what_a_follow_up_asks_itself_decides_what_is_quoted() -> None:
    found = FakeCorpus(
        [hit("Class A cities have a hotel limit of 500. Meals are paid with 110.", 1)]
    )
    turns = (Turn("user", "What is the hotel limit of class A cities?"),)
    answer = answer_of(None, question("And for meals?", history=turns), found)
    assert [query for query, _, _ in found.searched] != ["And for meals?"]
    assert answer.answer.startswith("Meals are paid with 110. [1]")
