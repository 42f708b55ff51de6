"""What a word that stands nowhere may be a slip of."""

from __future__ import annotations

import pytest

from rag_service.text.spelling import other_spellings


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("parliment", "parliament"),  # a letter left out
        ("governmment", "government"),  # one twice
        ("calander", "calender"),  # one changed
        ("recieve", "receive"),  # two exchanged
        ("valeu", "value"),
        ("ghandi", "gandhi"),  # one moved
        ("hostipal", "hospital"),  # two that are not neighbours exchanged
    ],
)
def test_one_slip_away(typed: str, meant: str) -> None:
    assert meant in other_spellings(typed)


@pytest.mark.parametrize("typed", ["cooler", "parliment"])
def test_the_first_letter_and_the_word_itself_are_not_doubted(typed: str) -> None:
    spellings = other_spellings(typed)
    assert typed not in spellings
    assert {word[0] for word in spellings} == {typed[0]}


def test_two_changed_letters_are_another_word() -> None:
    assert "cover" not in other_spellings("cooler")


@pytest.mark.parametrize("term", ["pump", "泵站", "2024", "gb-7714", "rtx4090", "x" * 40, ""])
def test_short_words_figures_and_codes_are_never_taken_for_others(term: str) -> None:
    assert other_spellings(term) == frozenset()
