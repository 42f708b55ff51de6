"""Numbers of a question in their other spelling."""

from __future__ import annotations

import pytest

from rag_service.text.analysis import analyze
from rag_service.text.numerals import other_spelling
from rag_service.text.question_weights import question_weights
from rag_service.text.term_shares import term_share


@pytest.mark.parametrize(
    ("digits", "numerals"),
    [
        ("第3条规定了什么", "第三条规定了什么"),
        ("第12章", "第十二章"),
        ("租期2个月", "租期两个月"),
        ("30天内", "三十天内"),
        ("一共105人", "一共一百零五人"),
        ("1010元", "一千零一十元"),
    ],
)
def test_a_number_in_chinese_is_spelled_in_digits_and_in_numerals(
    digits: str, numerals: str
) -> None:
    assert other_spelling(digits) == numerals
    assert other_spelling(numerals) == digits


def test_a_year_in_numerals_is_spelled_in_digits_but_not_the_other_way() -> None:
    assert other_spelling("一九九八年发生了什么") == "1998年发生了什么"
    assert other_spelling("二〇一九年") == "2019年"
    assert other_spelling("2019年") == "2019年"


@pytest.mark.parametrize(
    ("arabic", "roman"),
    [("World War 2", "World War II"), ("Henry 8 of England", "Henry VIII of England")],
)
def test_a_number_after_a_latin_word_is_spelled_in_digits_and_in_roman_numerals(
    arabic: str, roman: str
) -> None:
    assert other_spelling(arabic) == roman
    assert other_spelling(roman) == arabic


@pytest.mark.parametrize(
    "text",
    [
        "一般来说",
        "三星手机",
        "一个人",
        "十分重要",
        "三三五五",
        "三三五五人",
        "GB 50016-2014规定",
        "2019-03-04开会",
        "1,200米",
        "ISO9001",
        "上午8:30",
        "12345号",
        "１２３４５６号",
        "IV administration",
        "version 2.3",
        "Mix 20% of it",
        "Who is I?",
        "",
    ],
)
def test_what_is_no_number_or_part_of_one_stays(text: str) -> None:
    assert other_spelling(text) == text


def test_numerals_in_traditional_letters_are_read_as_in_simplified_ones() -> None:
    assert other_spelling("兩個月") == "2个月"
    assert other_spelling("規則") == "規則"


def test_the_other_spelling_is_searched_for_with_less_weight() -> None:
    weights = question_weights("第3条")

    assert weights == {"第": 1.0, "3": 2.0, "条": 1.0, "第三": 0.7, "三条": 0.7}


def test_a_number_is_covered_in_either_spelling() -> None:
    share = term_share("第3条", analyze, lambda _: 1.0)

    assert share.of({"第", "3", "条"}) == share.of({"第", "三", "条", "第三", "三条"}) == 1.0
    assert share.of({"第", "四", "条"}) == 2 / 3
