"""How well a sentence takes up a question, word by word."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from rag_service.generation.close_reading import CloseReading, ReadText, close_reading_of

WORDS = ("shuts", "close", "canteen", "lunch", "serves", "roof", "the", "?")


class Reader:
    """Every word is a token; "shuts" and "close" have one vector, all others one of their own."""

    def tokens(self, text: str) -> list[int]:
        return [WORDS.index(word) for word in text.split() if word in WORDS]

    def read(self, texts: Sequence[str]) -> list[ReadText]:
        table = 2 * np.eye(len(WORDS), dtype=np.float32)
        table[WORDS.index("close")] = table[WORDS.index("shuts")]
        return [(tokens, table[tokens]) for tokens in map(self.tokens, texts)]


def test_each_word_counts_by_its_nearest_word_in_the_sentence() -> None:
    both, neither = CloseReading(Reader())(
        "the canteen close ?", ["canteen shuts lunch", "roof lunch"]
    )
    assert both == pytest.approx(1.0)
    assert neither == 0.0


def test_a_word_that_every_sentence_has_says_little() -> None:
    rare, common = CloseReading(Reader())("canteen lunch", ["canteen lunch", "canteen roof"])
    assert rare == pytest.approx(1.0)
    assert common < 0.3


def test_function_words_and_marks_say_nothing() -> None:
    assert CloseReading(Reader())("the ?", ["the roof", "?"]) == [0.0, 0.0]


def test_a_sentence_without_a_known_word_is_not_close() -> None:
    assert CloseReading(Reader())("canteen", ["", "canteen"]) == [0.0, pytest.approx(1.0)]


def test_a_model_that_keeps_its_tokens_to_itself_reads_nothing() -> None:
    assert close_reading_of(object()) is None
    assert isinstance(close_reading_of(Reader()), CloseReading)
