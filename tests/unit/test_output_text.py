"""Token bytes to visible text: stop strings, reasoning and cut characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_service.generation.output_text import OutputText


def shown(
    tokens: list[bytes], stop: tuple[str, ...] = (), *, thinking: bool = False
) -> tuple[str, str]:
    """(answer, reasoning) of a whole output."""
    text = OutputText(stop, thinking=thinking)
    pieces = [piece for token in tokens for piece in text.feed(token)] + text.flush()
    return (
        "".join(piece.text for piece in pieces if not piece.reasoning),
        "".join(piece.text for piece in pieces if piece.reasoning),
    )


@given(
    text=st.text(alphabet="ab<>/think \n天😀").map(lambda body: "a" + body),
    size=st.integers(1, 7),
)
def test_the_way_tokens_cut_the_text_changes_nothing(text: str, size: int) -> None:
    data = text.encode()
    tokens = [data[start : start + size] for start in range(0, len(data), size)]
    assert shown(tokens, ("a天", "b<")) == shown([data], ("a天", "b<"))


@given(st.text(alphabet="ab<>/thik 天😀").map(lambda body: "a" + body))
def test_text_without_marks_comes_out_whole(text: str) -> None:
    assert shown([text.encode()]) == (text, "")


@pytest.mark.parametrize(
    ("output", "answer", "reasoning"),
    [
        ("<think>hm</think>\n\nBlue.", "Blue.", "hm"),
        ("<think>hm", "", "hm"),
        ("Blue. <think>hm</think>Sky.", "Blue. Sky.", "hm"),
        ("a < b <thin", "a < b <thin", ""),
        ("</think>Blue.", "</think>Blue.", ""),
        ("  Blue. ", "Blue. ", ""),
    ],
)
def test_reasoning_and_answer_part(output: str, answer: str, reasoning: str) -> None:
    assert shown([output.encode()]) == (answer, reasoning)


def test_reasoning_may_be_open_from_the_start() -> None:
    assert shown([b"hm</think>Blue."], thinking=True) == ("Blue.", "hm")


def test_the_stop_string_that_comes_first_ends_the_answer() -> None:
    assert shown([b"one two", b" three"], ("three", "two")) == ("one ", "")


def test_stop_strings_do_not_end_the_reasoning() -> None:
    assert shown([b"<think>one. two.</think>Blue. Sky."], (".",)) == ("Blue", "one. two.")


def test_nothing_is_held_back_longer_than_it_must_be() -> None:
    text = OutputText(("stop",))
    assert [piece.text for piece in text.feed(b"one st")] == ["one "]
    assert [piece.text for piece in text.feed(b"ep")] == ["step"]


def test_a_broken_byte_becomes_a_replacement_character() -> None:
    assert shown([b"a\xffb", "天".encode()[:2]]) == ("a\ufffdb", "")
