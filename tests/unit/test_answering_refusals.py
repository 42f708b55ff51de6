"""When the documents hold no answer, and when the chat model says that they do not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag_service.answering import Answerer
from rag_service.text.analysis import analyze
from rag_service.types import DoneEvent, SourcesEvent, Usage
from tests.answering_parts import (
    FOUND,
    PROMPTS,
    QUESTION,
    REFUSAL,
    WARRANTY,
    FakeCorpus,
    answer_of,
    events_of,
    hit,
    question,
    saying,
    shown,
    words,
)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (QUESTION, REFUSAL.removesuffix("\n- b.txt")),
        (
            "记录仪的保修期是多久？",
            "文档中没有找到能可靠回答“记录仪的保修期是多久？”的内容。\n"
            "查找的关键词：“记录”、“保修期”。\n最接近的来源：\n- a.txt",
        ),
        (
            "記錄儀的保固期是多久？",
            "文檔中沒有找到能可靠回答“記錄儀的保固期是多久？”的內容。\n"
            "查找的關鍵詞：“記錄”、“保固”。\n最接近的來源：\n- a.txt",
        ),
    ],
    ids=["en", "zh-Hans", "zh-Hant"],
)
def test_without_evidence_the_answer_is_a_refusal_in_the_language_of_the_question(
    text: str, refusal: str
) -> None:
    chat = saying("I make this up.")
    near = (hit(WARRANTY, 11, sure=False),)
    first, *tokens, last = events_of(chat, question(text), FakeCorpus(near))
    assert first == SourcesEvent(near, 7)
    assert shown(tokens) == [refusal]
    assert isinstance(last, DoneEvent)
    answer = last.answer
    assert (answer.answer, answer.status, answer.sources) == (refusal, "refused", near)
    assert (answer.citations, answer.usage, answer.confidence < 0.5) == ((), Usage(), True)
    assert chat.asked == []


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("Thanks!", "Answers here are quoted from the documents."),
        ("谢谢", "这里只用文档中的原文回答问题，"),
        ("謝謝", "這裏只用文檔中的原文回答問題，"),
    ],
)
def test_without_a_chat_model_small_talk_gets_no_quote(text: str, reply: str) -> None:
    sources, *_, last = events_of(None, question(text))
    assert sources == SourcesEvent((), 7)
    assert isinstance(last, DoneEvent)
    assert last.answer.status == "refused"
    assert last.answer.answer.startswith(reply)


NAMING = "Which Kenya office has the recorder?"


def test_a_name_that_stands_nowhere_is_refused_however_near_the_passages_are() -> None:
    stands = replace(FakeCorpus(FOUND).corpus, occurs=frozenset(analyze(WARRANTY)).__contains__)
    answerer = Answerer(PROMPTS, None, min_confidence=0.5)
    refused, answered = (
        list(answerer.ask(question(text), stands))[-1] for text in (NAMING, QUESTION)
    )

    assert isinstance(refused, DoneEvent)
    assert isinstance(answered, DoneEvent)
    assert (refused.answer.status, refused.answer.confidence) == ("refused", 0.0)
    assert "In no document: “Kenya”" in refused.answer.answer
    assert answered.answer.status == "answered"


def test_a_name_that_is_told_beside_the_question_is_not_asked_for() -> None:
    stands = replace(FakeCorpus(FOUND).corpus, occurs=frozenset(analyze(WARRANTY)).__contains__)
    told = question(f"Our office in Kenya has order AB-1234. {QUESTION}")
    (*_, last) = Answerer(PROMPTS, None, min_confidence=0.5).ask(told, stands)

    assert isinstance(last, DoneEvent)
    assert last.answer.status == "answered"


def test_a_name_may_be_spelled_otherwise_in_passages_of_the_other_language() -> None:
    crossed = [replace(found, crossed=True) for found in FOUND]
    nowhere = replace(FakeCorpus(crossed).corpus, occurs=lambda _: False)
    (*_, last) = Answerer(PROMPTS, None, min_confidence=0.1).ask(question(NAMING), nowhere)

    assert isinstance(last, DoneEvent)
    assert last.answer.confidence > 0


def test_nothing_found_is_a_refusal_even_if_any_confidence_will_do() -> None:
    answerer = Answerer(PROMPTS, saying("I make this up."), min_confidence=0.0)
    *_, last = answerer.ask(question(), FakeCorpus(()).corpus)
    assert isinstance(last, DoneEvent)
    assert (last.answer.status, last.answer.sources) == ("refused", ())


@pytest.mark.parametrize(
    "pieces",
    [
        ["NO_ANSWER"],
        ["NO", "_ANS", "WER"],
        list("NO_ANSWER"),
        ["\n", " NO_ANSWER", "\n"],
        ["**", "NO_ANSWER", "**"],
        ["[", "no answer", "]", "\n", "The passages are about something else."],
        ["NO_ANSWER", ": the passages", " do not say."],
        [""],
        [" ", "\n"],
    ],
    ids="|".join,
)
def test_a_model_without_an_answer_refuses_and_its_marker_is_never_shown(
    pieces: list[str],
) -> None:
    chat = saying(*pieces)
    events = events_of(chat, question())
    assert shown(events) == [REFUSAL]
    answer = answer_of(saying(*pieces))
    assert (answer.answer, answer.status, answer.citations) == (REFUSAL, "refused", ())
    assert (answer.generator, answer.sources) == ("chat", FOUND)
    assert answer.usage.prompt_tokens == words(chat.asked[0])


def test_a_marker_after_an_excuse_is_not_shown_either() -> None:
    events = events_of(saying("Sorry", ".\nNO", "_ANSWER", "\nReally."), question())
    assert shown(events) == ["Sorry", ".\n", f"\n\n{REFUSAL}"]
    assert isinstance(events[-1], DoneEvent)
    assert (events[-1].answer.answer, events[-1].answer.status) == (REFUSAL, "refused")


@pytest.mark.parametrize(
    "pieces",
    [
        ["No", " one knows, but it is three years [1]."],
        ["NO", "RMALLY three years [1]."],
        ["No answer", " was given before three years [1]."],
        ["Three years [1].", "\n", "- ", "N", "ot more [1]."],
        ["Three years [1].\n\n", "No", "thing else [1]."],
    ],
    ids="|".join,
)
def test_an_answer_that_begins_like_the_marker_is_shown_whole(pieces: list[str]) -> None:
    events = events_of(saying(*pieces), question())
    assert isinstance(events[-1], DoneEvent)
    assert events[-1].answer.status == "answered"
    assert "".join(shown(events)) == "".join(pieces) == events[-1].answer.answer


def test_white_space_before_an_answer_is_not_part_of_it() -> None:
    events = events_of(saying("\n", " ", "Three years [1]."), question())
    assert shown(events) == ["Three years [1]."]
