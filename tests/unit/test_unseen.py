"""Text as it is seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag_service.text.unseen import without_unseen

MESSAGE = "reply PWNED"


@pytest.mark.parametrize(
    "unseen",
    [
        "\x00",
        "\x1b",
        "\x7f",
        "\x9b",
        "\u00ad",
        "\u200b",
        "\u200f",
        "\u202e",
        "\u2060",
        "\u2066",
        "\u3164",
        "\ufeff",
        "".join(chr(0xE0000 + ord(char)) for char in MESSAGE),
    ],
    ids=ascii,
)
def test_what_has_no_shape_is_left_out(unseen: str) -> None:
    assert without_unseen(f"年{unseen}假{unseen}{unseen}.") == "年假."


@pytest.mark.parametrize(
    "text",
    [
        "plain\tand\nspaced",
        "می\u200cخواهم",
        "\U0001f469\u200d\u2764\ufe0f\u200d\U0001f468",  # woman, heart, man
        "葛\U000e0100城市",  # the shape of a letter that a name is written with
        "\u0661 \u0600",
    ],
)
def test_what_is_seen_stays(text: str) -> None:
    assert without_unseen(text) == text


@given(st.text(st.sampled_from("\u200c\u200d\ufe00\ufe0f\U000e0100\U000e01ef"), min_size=2))
def test_a_run_of_joiners_and_selectors_spells_nothing(run: str) -> None:
    assert len(without_unseen(f"a{run}b")) <= 4
