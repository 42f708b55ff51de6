"""Foreign names told by their sound."""

from __future__ import annotations

import pytest

from rag_service.text.gloss.sound import heard, skeleton


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("Patrick", "帕特里克"),
        ("Denver", "丹佛"),
        ("Fresno", "弗雷斯诺"),
        ("Menéndez", "梅内德斯"),
        ("Pachauri", "帕乔里"),
        ("Huguenot", "胡格诺"),
        ("Keller", "凯勒"),
        ("Fang", "芳"),
    ],
)
def test_a_name_is_heard_in_the_letters_that_spell_it(word: str, name: str) -> None:
    assert heard(word, name) == (0, len(name))
    assert heard(word, f"一{name}人") == (1, len(name) + 1)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("Denver", "帕特里克"),
        ("Patrick", "丹佛"),
        ("Bergen", "奥斯陆"),
        ("Denver", ""),
        ("ß", "丹佛"),
    ],
)
def test_another_name_is_not_heard(word: str, name: str) -> None:
    assert heard(word, name) is None


def test_spellings_of_one_name_share_their_consonants() -> None:
    assert skeleton("Kyiv") == skeleton("Kiev") != skeleton("Riga")
    assert skeleton("Muhammad") == skeleton("Mohamed")
