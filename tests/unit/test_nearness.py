"""How near sentences come to a question, by the vectors of a model's tokens."""

from __future__ import annotations

import numpy as np
import pytest

from rag_service.generation.nearness import Nearness, Vectors, nearness_of

WORDS = ("shuts", "close", "canteen", "lunch", "serves", "roof", "leaks", "blue", "door", "key")


class Tokens:
    """Every word is a token; "shuts" and "close" have one vector, all others one of their own."""

    @property
    def token_table(self) -> Vectors:
        table = np.eye(len(WORDS), dtype=np.float32)
        table[WORDS.index("close")] = table[WORDS.index("shuts")]
        return table

    def tokens(self, text: str) -> list[int]:
        return [WORDS.index(word) for word in text.split() if word in WORDS]


def test_words_of_like_meaning_are_near() -> None:
    near = Nearness(Tokens())("close?", [["It serves lunch.", "It shuts."], ["The roof leaks."]])
    (lunch, shuts), (roof,) = near
    assert shuts > 0.9
    assert max(lunch, roof) < 0.5


def test_a_sentence_takes_some_of_the_one_before_it_within_its_passage() -> None:
    within = Nearness(Tokens())("close?", [["It shuts.", "Blue door."], ["The roof leaks."]])
    across = Nearness(Tokens())("close?", [["It shuts."], ["Blue door."], ["The roof leaks."]])
    assert within[0][1] > across[1][0]


def test_a_rare_word_says_more_than_one_that_every_sentence_has() -> None:
    (rare, common), *_ = Nearness(Tokens())(
        "canteen key", [["canteen key", "canteen roof"], ["canteen door"], ["canteen blue"]]
    )
    assert rare > 0.9
    assert common < 0.5


@pytest.mark.parametrize("question", ["", "what?", "unheard-of"])
def test_nothing_is_near_a_question_without_a_known_word(question: str) -> None:
    assert Nearness(Tokens())(question, [["It shuts.", "Blue door."], []]) == [[0.0, 0.0], []]


def test_a_model_that_keeps_its_tokens_to_itself_has_no_nearness() -> None:
    assert nearness_of(object()) is None
    assert isinstance(nearness_of(Tokens()), Nearness)
