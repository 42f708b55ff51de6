"""Numbers as list labels show them."""

from __future__ import annotations

import pytest

from ingest.loaders.office.numerals import numeral


@pytest.mark.parametrize(
    ("number_format", "expected"),
    [
        ("decimal", {1: "1", 12: "12"}),
        ("decimalZero", {3: "03", 12: "12"}),
        ("lowerLetter", {1: "a", 26: "z", 27: "aa", 53: "aaa", 0: "0"}),
        ("upperLetter", {2: "B"}),
        ("lowerRoman", {4: "iv", 1994: "mcmxciv", 4000: "4000"}),
        ("upperRoman", {9: "IX"}),
        (
            "chineseCounting",
            {1: "一", 10: "十", 11: "十一", 20: "二十", 101: "一百零一", 110: "一百一十"},
        ),
        ("chineseCountingThousand", {1003: "一千零三", 1010: "一千零一十", 10_000: "10000"}),
        ("japaneseCounting", {0: "零", 2005: "二千零五"}),
        ("chineseLegalSimplified", {12: "壹拾贰", 300: "叁佰"}),
        ("ideographDigital", {10: "一〇"}),
        ("ideographTraditional", {1: "甲", 11: "甲"}),
        ("ideographZodiac", {1: "子"}),
        ("decimalEnclosedCircle", {1: "①", 20: "⑳", 21: "21"}),
        ("ideographEnclosedCircle", {2: "(二)"}),
        ("none", {5: ""}),
        ("someday", {5: "5"}),
    ],
)
def test_a_number_is_shown_in_the_lists_format(
    number_format: str, expected: dict[int, str]
) -> None:
    assert {number: numeral(number, number_format) for number in expected} == expected
