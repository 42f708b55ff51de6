"""What is told apart from a question: greetings, thanks, goodbyes."""

from __future__ import annotations

import time

import pytest

from rag_service.generation.small_talk import is_small_talk


@pytest.mark.parametrize(
    "text",
    [
        "谢谢",
        "謝謝你！",
        "你好",
        "您好，在吗？",
        "再见",
        "辛苦了！",
        "hello",
        "Hi there!",
        "Thank you very much.",
        "你是谁？",
        "Hi, who are you?",
    ],
)
def test_a_greeting_or_thanks_alone_is_small_talk(text: str) -> None:
    assert is_small_talk(text)


@pytest.mark.parametrize(
    "text",
    [
        "你好，年假有几天？",
        "谢谢，那病假呢？",
        "Hello, what is the fee?",
        "Who?",
        "你是谁的上级？",
        "hi-fi",
        "",
        "?",
    ],
)
def test_what_asks_something_as_well_is_a_question(text: str) -> None:
    assert not is_small_talk(text)


def test_polite_words_without_end_are_looked_at_once() -> None:
    started = time.perf_counter()
    assert not is_small_talk("辛苦了" * 19 + "abc")
    assert time.perf_counter() - started < 0.2
