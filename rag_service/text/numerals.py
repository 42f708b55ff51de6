"""Numbers of a question in their other spelling: what is asked for as 第3条 reads 第三条.

The lexical index knows spellings, not values, so a question is looked for in both.
"""

from __future__ import annotations

import re
from typing import Final

from rag_service.text.language import CJK_CLASS, simplified_by_character

_ZH_DIGITS: Final = "零一二三四五六七八九"
_UNITS: Final = {"千": 1000, "百": 100, "十": 10}
_WORTH: Final = {**_UNITS, "万": 10_000, "亿": 10**8}
_LONGEST_RUN: Final = 30  # of numerals: a longer one is noise
_VALUES: Final = {digit: value for value, digit in enumerate(_ZH_DIGITS)} | {"〇": 0, "两": 2}
# What is counted or measured: before anything else a numeral is seldom a number (一般, 三星).
COUNTED: Final = "个名位人家次周岁项种倍元米吨件只台部座所层级间场款辆枚天年月日号条章节届小"
_BOTH_OF: Final = "个名位人家次周岁项种倍米吨件只台部座所层间场款辆枚天年小"  # 两, not 二

# Not part of a decimal, a code, a date or a time of day in digits.
_IN_DIGITS: Final = re.compile(r"(?<![A-Za-z\d_.,:/-])\d{1,4}(?![\dA-Za-z_]|[.,:/-]\d)")
_IN_CHINESE: Final = re.compile(rf"[{''.join(_VALUES)}{''.join(_UNITS)}]{{1,9}}")
_FIRST_TWENTY: Final = "I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI XVII XVIII XIX XX"
ROMAN: Final = _FIRST_TWENTY.split()
# World War II, Part 2: beside a Latin word, and never I, V and X alone, which are words and names.
_AFTER_A_WORD: Final = re.compile(r"(?<=[a-z] )(?:[IVX]{2,5}|\d{1,2})\b(?![.,:/-]\d|[%°])")
_CJK: Final = re.compile(f"[{CJK_CLASS}]")


def other_spelling(text: str) -> str:
    """``text`` with its numbers up to 9999 spelled the other way; as it is without any.

    Between digits and Chinese numerals in Chinese text, which comes back in Simplified
    letters, and Roman numerals after Latin words.
    """
    if not _CJK.search(text):
        return _AFTER_A_WORD.sub(_other_roman, text)
    simplified = text.translate(simplified_by_character())
    digits = _IN_DIGITS.search(simplified)
    other = _IN_DIGITS.sub(_to_chinese, simplified) if digits else _to_digits(simplified)
    return text if other == simplified else other


def _other_roman(found: re.Match[str]) -> str:
    written = found[0]
    if written in ROMAN:
        return str(ROMAN.index(written) + 1)
    value = int(written) if written.isdigit() else 0
    return ROMAN[value - 1] if 2 <= value <= len(ROMAN) else written


def _to_chinese(found: re.Match[str]) -> str:
    before, after = found.string[: found.start()][-1:], found.string[found.end() :].lstrip()[:1]
    if not _CJK.match(before) and not _CJK.match(after):
        return found[0]
    if len(found[0]) == 4 and after == "年":  # years are hardly ever written out
        return found[0]
    if found[0] == "2" and after and after in _BOTH_OF and before != "第":
        return "两"
    return _spelled(int(found[0]))


def _spelled(number: int) -> str:
    """12 is 十二, 120 is 一百二十, 105 is 一百零五."""
    spelled, skipped = "", False
    for unit, worth in _UNITS.items():
        digit, number = divmod(number, worth)
        if digit:
            spelled += "零" * (skipped and bool(spelled)) + _ZH_DIGITS[digit] + unit
        skipped = not digit
    if number:
        spelled += "零" * (skipped and bool(spelled)) + _ZH_DIGITS[number]
    return (spelled or "零").removeprefix("一") if spelled.startswith("一十") else spelled or "零"


def _to_digits(text: str) -> str:
    return _IN_CHINESE.sub(_in_digits, text)


def _in_digits(found: re.Match[str]) -> str:
    before, after = found.string[: found.start()][-1:], found.string[found.end() :][:1]
    counted = before == "第" or (after and after in COUNTED)
    value = chinese_value(found[0])
    by_digit = len(found[0]) > 1 and not _UNITS.keys() & set(found[0])
    is_year = len(found[0]) == 4 and after == "年"
    # 一个 is "a", and 三三五五人 are people by threes and fives; 一九九八年 is a year.
    stated = counted and (found[0] != "一" or before == "第") and (not by_digit or is_year)
    return str(value) if stated and value is not None else found[0]


def chinese_value(numerals: str) -> int | None:
    """二十五 is 25, 二〇一二 is 2012, 三千五百万 is 35000000; 二三十 is no number, None."""
    if len(numerals) > _LONGEST_RUN:
        return None
    if not any(letter in _WORTH for letter in numerals):
        return int("".join(str(_VALUES[letter]) for letter in numerals))
    total = section = 0
    digit: int | None = None
    for letter in numerals:
        worth = _WORTH.get(letter)
        if worth is None:
            if digit:
                return None
            digit = _VALUES[letter]
        elif worth >= _WORTH["万"]:
            section, digit = (section + (digit or 0) or 1) * worth, None
            if letter == "亿":
                total, section = total + section, 0
        else:
            section, digit = section + (1 if digit is None else digit) * worth, None
    return total + section + (digit or 0)
