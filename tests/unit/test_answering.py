"""The story of one question, with a chat model and a corpus in memory."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from rag_service.answering import Answerer
from rag_service.errors import Cancelled, Overloaded, QuestionTooLong, RagError
from rag_service.filters import Filters
from rag_service.types import DoneEvent, Hit, SourcesEvent, TokenEvent, Usage
from tests.answering_parts import (
    CHINESE,
    FOUND,
    PROMPTS,
    QUESTION,
    RETURNS,
    WARRANTY,
    FakeCorpus,
    RestartingBackend,
    answer_of,
    events_of,
    hit,
    question,
    saying,
    shown,
    words,
)


def test_sources_come_first_then_the_text_then_the_whole_answer() -> None:
    chat = saying("The warranty lasts ", "three years", " [1].")
    first, *tokens, last = events_of(chat, question())
    assert first == SourcesEvent(FOUND, 7)
    assert shown(tokens) == ["The warranty lasts ", "three years", " [1]."]
    assert len(tokens) == 3
    assert isinstance(last, DoneEvent)
    assert last.answer.answer == "The warranty lasts three years [1]."


def test_an_answer_says_what_it_was_made_from_and_by_whom() -> None:
    answer = answer_of(saying("The warranty lasts three years [1]."))
    assert (answer.status, answer.generator, answer.model) == ("answered", "chat", "scripted")
    assert (answer.collection, answer.revision, answer.dropped) == ("manuals", 7, ())
    assert (answer.sources, answer.notes) == (FOUND, ())
    assert answer.timings.keys() == {"embed_ms", "total_ms"}
    assert answer.confidence > 0.8


def test_the_question_is_searched_for_with_its_limits_and_filters() -> None:
    found = FakeCorpus(FOUND)
    filters = Filters(sources=("*.txt",))
    answer_of(saying("Three years [1]."), question(top_k=3, filters=filters), found)
    assert found.searched == [(QUESTION, 3, filters)]


def test_the_model_gets_the_numbered_passages_and_the_question() -> None:
    chat = saying("Three years [1].")
    answer_of(chat, question(max_tokens=64))
    ((system, user),) = chat.asked
    assert chat.limits == [64]
    assert str(user.content).endswith(f"\n\nQuestion: {QUESTION}")
    assert f'[1] source: "a.txt"\n> {WARRANTY}\n' in str(user.content)
    assert f'[2] source: "b.txt"\n> {RETURNS}\n' in str(user.content)
    assert WARRANTY not in str(system.content)


def test_usage_is_what_the_model_counted() -> None:
    chat = saying("Three years ", "[1].")
    usage = answer_of(chat).usage
    assert usage == Usage(prompt_tokens=words(chat.asked[0]), completion_tokens=3)


def test_what_a_search_noted_stands_in_the_answer() -> None:
    found = FakeCorpus(FOUND, notes=("Only the lexical index voted.",))
    assert answer_of(saying("Three years [1]."), found=found).notes == found.notes


def test_an_answer_that_ran_out_of_tokens_says_so() -> None:
    answer = answer_of(saying("The warranty lasts three [1]", finish_reason="length"))
    assert answer.notes == (
        "The answer was cut off: the model had reached the most tokens allowed.",
    )


def test_what_turns_out_to_be_reasoning_is_no_part_of_the_answer() -> None:
    chat = RestartingBackend([["Four? No, ", "three [7].\nNO_"], ["Three years [1]."]])
    answer = answer_of(chat)
    assert (answer.answer, answer.status) == ("Three years [1].", "answered")
    assert answer.reasoning == "Four? No, three [7].\nNO_"
    assert [citation.n for citation in answer.citations] == [1]


# What fits the model


def many_hits() -> list[Hit]:
    return [hit(f"Passage {n} speaks of the warranty. " * 10, n) for n in range(1, 9)]


@pytest.mark.parametrize("room", [100, 160, 300])
def test_what_does_not_fit_is_dropped_whole_and_told(room: int) -> None:
    bare = words(PROMPTS.answer_messages(QUESTION, "", "en", []))
    chat = saying("Passage 1 speaks of the warranty [1].", context_tokens=bare + room + 50)
    hits = many_hits()
    answer = answer_of(chat, question(max_tokens=50), FakeCorpus(hits))
    included = [h.chunk.chunk_id for h in answer.sources]
    assert included
    assert answer.dropped
    assert [*included, *answer.dropped] == list(range(1, 9))
    (messages,) = chat.asked
    assert chat.count(messages) <= chat.context_tokens - 50
    # One more passage would not have fitted.
    assert chat.count(messages) + 60 > chat.context_tokens - 50
    prompt = str(messages[-1].content)
    assert [f"> {h.chunk.text}" in prompt for h in hits] == [n in included for n in range(1, 9)]


def test_a_passage_too_long_is_skipped_and_the_next_takes_its_number() -> None:
    bare = words(PROMPTS.answer_messages(QUESTION, "", "en", []))
    chat = saying("The warranty lasts three years [1].", context_tokens=bare + 150)
    hits = [hit("word " * 400, 1), hit(WARRANTY, 11)]
    answer = answer_of(chat, question(max_tokens=50), FakeCorpus(hits))
    assert (answer.dropped, answer.sources) == ((1,), (hits[1],))
    assert [(c.chunk_id, c.verified) for c in answer.citations] == [(11, True)]


@pytest.mark.parametrize(
    ("asked", "page", "note"),
    [
        (
            QUESTION,
            3,
            "The passage found first (a.txt, page 3) does not fit the model's window, so the "
            "answer was made without it. The setting chat.context_tokens makes the window larger.",
        ),
        (
            "记录仪的保修期是多久？",
            None,
            "排在最前的段落（a.txt）放不进模型的上下文窗口，回答时没有用到它。"
            "把设置 chat.context_tokens 调大，窗口就会变大。",
        ),
        (
            "記錄儀的保修期是多久？",
            3,
            "排在最前的段落（a.txt，第 3 頁）放不進模型的上下文視窗，回答時沒有用到它。"
            "把設定 chat.context_tokens 調大，視窗就會變大。",
        ),
    ],
    ids=["en", "zh-Hans", "zh-Hant"],
)
def test_an_answer_made_without_the_passage_found_first_says_so(
    asked: str, page: int | None, note: str
) -> None:
    best = hit(f"{asked} " * 400, 1)
    best = replace(best, chunk=replace(best.chunk, page=page))
    chat = saying("The warranty lasts three years [1].", context_tokens=400)
    answer = answer_of(chat, question(asked, max_tokens=50), FakeCorpus([best, hit(WARRANTY, 11)]))
    assert answer.dropped == (1,)
    assert answer.notes[0] == note


def test_a_lower_passage_that_is_dropped_needs_no_note() -> None:
    chat = saying("The warranty lasts three years [1].", context_tokens=400)
    found = FakeCorpus([hit(WARRANTY, 11), hit("warranty " * 300, 12)])
    answer = answer_of(chat, question(max_tokens=50), found)
    assert (answer.dropped, answer.notes) == ((12,), ())


@pytest.mark.parametrize(
    ("room", "message"), [(99, "leaves no room"), (105, "not one passage fits")]
)
def test_a_question_that_leaves_no_room_is_refused_before_the_stream(
    room: int, message: str
) -> None:
    bare = words(PROMPTS.answer_messages(QUESTION, "", "en", []))
    chat = saying("I make this up.", context_tokens=bare + room)
    events = Answerer(PROMPTS, chat, 0.5).ask(question(), FakeCorpus(many_hits()).corpus)
    with pytest.raises(QuestionTooLong, match=message):
        next(events)
    assert chat.asked == []


# A model that cannot


def test_a_full_queue_refuses_before_the_first_event() -> None:
    chat = saying("Three years [1].", full=True)
    events = Answerer(PROMPTS, chat, 0.5).ask(question(), FakeCorpus(FOUND).corpus)
    with pytest.raises(Overloaded) as refused:
        next(events)
    assert refused.value.retry_after == 3
    assert chat.asked == []


def test_a_refusal_needs_no_room_in_the_queue() -> None:
    near = FakeCorpus((hit(WARRANTY, 11, sure=False),))
    assert answer_of(saying(full=True), found=near).status == "refused"


def test_being_cancelled_passes_through() -> None:
    cancelled = threading.Event()
    chat = saying("Three ", "years ", "[1].")
    asked = question(cancelled=cancelled)
    events = Answerer(PROMPTS, chat, 0.5).ask(asked, FakeCorpus(FOUND).corpus)
    assert next(events) == SourcesEvent(FOUND, 7)
    assert next(events) == TokenEvent("Three ")
    cancelled.set()
    with pytest.raises(Cancelled):
        next(events)


def test_a_failure_of_the_model_passes_through() -> None:
    events = Answerer(PROMPTS, saying("Three ", error=RagError("Broken.")), 0.5).ask(
        question(), FakeCorpus(FOUND).corpus
    )
    assert [type(next(events)) for _ in range(2)] == [SourcesEvent, TokenEvent]
    with pytest.raises(RagError, match="Broken"):
        next(events)


# Without a chat model


@pytest.mark.parametrize(
    ("asked", "text", "answer"),
    [
        (QUESTION, WARRANTY, "The warranty of the recorder lasts three years. [1]"),
        ("记录仪的保修期是多久？", CHINESE, "记录仪的保修期为三年。[1]"),
        ("記錄儀的保修期是多久？", CHINESE, "记录仪的保修期为三年。[1]"),
    ],
    ids=["en", "zh-Hans", "zh-Hant"],
)
def test_without_a_chat_model_the_documents_are_quoted(asked: str, text: str, answer: str) -> None:
    hits = (hit(text, 11),)
    first, token, last = events_of(None, question(asked), FakeCorpus(hits))
    assert first == SourcesEvent(hits, 7)
    assert isinstance(last, DoneEvent)
    quoted = last.answer
    assert quoted.answer.startswith(answer)
    assert token == TokenEvent(quoted.answer)
    assert (quoted.status, quoted.generator, quoted.model) == (
        "answered",
        "extractive",
        "extractive",
    )
    assert (quoted.usage, quoted.dropped) == (Usage(), ())
    assert all(citation.verified for citation in quoted.citations)
    assert quoted.citations[0].quote == answer.removesuffix("[1]").rstrip()


def test_where_no_sentence_can_be_quoted_the_answer_is_a_refusal() -> None:
    found = FakeCorpus([hit("Nothing of the kind.", 1)])
    answer = answer_of(None, question("Aldra recorder warranty?"), found)
    assert (answer.status, answer.citations) == ("refused", ())
    assert "Aldra recorder warranty?" in answer.answer
