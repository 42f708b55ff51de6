"""Names with a capital, and names of the dictionary that no document mentions."""

from __future__ import annotations

import pytest

from rag_service.text.analysis import analyze
from rag_service.text.proper_names import asks_for_an_unknown_name, names_and_numbers

DOCUMENTS = (
    "The London office. Offices in 巴黎 and Hong Kong. 台北辦公室開放；华东区；Heron runs there."
)
INDEXED = frozenset(analyze(DOCUMENTS))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("What does Heron 2 cost in Paris?", ["Heron", "2", "Paris"]),
        ("Paris? The bus. It or us?", []),
        ("价格 of Ｐaris", ["Paris"]),
        ("", []),
    ],
)
def test_names_have_a_capital_that_no_sentence_begins_with(text: str, names: list[str]) -> None:
    assert list(names_and_numbers(text)) == names


@pytest.mark.parametrize(
    "question",
    [
        "新加坡办公室有几个停车位？",
        "高雄辦公室什麼時候停電？",
        "Where is the Singapore office?",
        "Does Heron run in New York?",
        "Who leads the Beijing and Berlin teams?",
    ],
)
def test_a_name_that_stands_nowhere_is_unknown(question: str) -> None:
    assert asks_for_an_unknown_name(question, INDEXED.__contains__)


@pytest.mark.parametrize(
    "question",
    [
        "伦敦办公室几点开门？",  # London stands there in English
        "Where is the Paris office?",  # and 巴黎 in Chinese
        "臺北辦公室在哪裡？",
        "Is the Berlin office bigger than the Hong Kong one?",
        "伦敦和新加坡哪个大？",
        "Berlin?",  # opens a sentence
        "Does Heron support Quorble?",  # a name that the dictionary does not have
        "银行几点开门？",
        "星期三几点开门？",  # 周一至周五 9:00
        "八月的发票？",  # 2024-08-15
        "有英文版吗？",  # 中英双语
        "台北市辦公室在哪裡？",
        "巴黎大学在哪里？",
        "Is the office open on Monday?",
        "When was the March invoice paid?",
        "Who leads the UK office?",  # it may say United Kingdom
        "",
    ],
)
def test_what_stands_somewhere_or_is_no_known_name_is_not(question: str) -> None:
    assert not asks_for_an_unknown_name(question, INDEXED.__contains__)


def test_another_english_name_of_the_same_stands_for_it() -> None:
    question = "Is it sold in Holland?"
    assert not asks_for_an_unknown_name(question, set(analyze("The Netherlands")).__contains__)
    assert asks_for_an_unknown_name(question, set(analyze("Belgium")).__contains__)
