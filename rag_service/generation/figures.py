"""The numbers a text states, each in one spelling, so that they can be compared by value.

``1,000`` is 1000, ``1.2亿`` and ``120 million`` are 120000000, ``二十五`` and ``twenty-five``
are 25, ``31 March`` and ``3月31日`` are 31 and 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Final

from rag_service.text.folding import fold_script
from rag_service.text.numerals import COUNTED, ROMAN, chinese_value

_REMEMBERED: Final = 4_096
# A greater value is no number but noise.
_GREATEST: Final = 10**30

_DIGITS: Final = r"\d+(?:[.,]\d+)*"
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_SCALES: Final = {
    "百": 100,
    "千": 1_000,
    "万": 10_000,
    "百万": 1_000_000,
    "千万": 10_000_000,
    "亿": 10**8,
    "十亿": 10**9,
    "百亿": 10**10,
    "千亿": 10**11,
    "万亿": 10**12,
    "hundred": 100,
    "thousand": 1_000,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
}
_SCALE: Final = "|".join(sorted(_SCALES, key=len, reverse=True))
# 千米, 千克, 千瓦 are units, 百分 is the beginning of 百分点.
_WRITTEN: Final = re.compile(rf"({_DIGITS})(?:\s?({_SCALE})(?![米克瓦帕卡伏赫分年a-z]))?")

_ZH_NUMBER: Final = r"[零〇一二两三四五六七八九十百千万亿]+"
_ZH_WRITTEN: Final = re.compile(rf"百分之({_ZH_NUMBER})|({_ZH_NUMBER})")
_MEASURED: Final = f"{COUNTED}支届世公英平艘升克斤亩秒度"
# 三千五百万 is one whatever follows.
_ZH_SPELLED_OUT: Final = r"(?:[一二两三四五六七八九][十百千万亿]+){2,}[一二三四五六七八九]?"
_ZH_STATED: Final = re.compile(
    rf"百分之({_ZH_NUMBER})|(?<![几数])({_ZH_NUMBER}(?=[{_MEASURED}])|{_ZH_SPELLED_OUT})"
)
# 20世纪70年代: the 1970s.
_DECADE: Final = re.compile(
    r"(?P<century>\d\d?|[一二三四五六七八九十]{1,3})\s?世纪\s?(?P<decade>\d0|[一二三四五六七八九]十)\s?年代"
)

_ONES_AND_TEENS: Final = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
    fifteen sixteen seventeen eighteen nineteen
"""
_ONES: Final = _ONES_AND_TEENS.split()
_ROUND: Final = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS: Final = _ROUND.split()
_EN_VALUES: Final = {word: n for n, word in enumerate(_ONES)} | {
    word: 10 * n for n, word in enumerate(_TENS, 2)
}
_EN_WORD: Final = "|".join(sorted(_EN_VALUES, key=len, reverse=True))
_EN_SCALE: Final = "hundred|thousand|million|billion|trillion"
_EN_WRITTEN: Final = re.compile(
    rf"\b(?:(?:{_EN_WORD})(?:[- ](?:{_EN_WORD}))?(?: (?:{_EN_SCALE}))*)\b"
)
_COUNTED_OFF: Final = """
    first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
    fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth
"""
_ORDINALS: Final = _COUNTED_OFF.split()
_EN_ORDINAL: Final = re.compile(rf"\b(?:{'|'.join(_ORDINALS)})\b")

# World War II is 第二次世界大战.
_ROMAN: Final = re.compile(rf"\b(?:{'|'.join(ROMAN)})\b")
_COUNT_WORDS: Final = {"both": "2", "twice": "2", "decade": "10", "dozen": "12", "century": "100"}
_COUNT_WORD: Final = re.compile(rf"\b(?:{'|'.join(_COUNT_WORDS)})\b")

_SHORT_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec"
_MONTHS: Final = _SHORT_MONTHS.split()
MONTH_NAME: Final = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b"
)
_MONTH: Final = re.compile(rf"\b{MONTH_NAME}")
_DATED_MONTH: Final = re.compile(
    rf"(?:(?<=\d )|(?<=\d(?:st|nd|rd|th) )|(?<=\bin )|(?<=\bof ))\b{MONTH_NAME}"
    rf"|\b{MONTH_NAME}(?=\.?,? \d)"
)


@lru_cache(maxsize=_REMEMBERED)
def stated_figures(text: str) -> frozenset[str]:
    """The numbers that whoever wrote ``text`` commits to; ``one`` and 一 count for none."""
    return _figures(_with_decades(fold_script(text)), _ZH_STATED, _DATED_MONTH)


@lru_cache(maxsize=_REMEMBERED)
def held_figures(text: str) -> frozenset[str]:
    """Every number that may be read out of ``text``; 一 and ``one`` are seldom numbers."""
    text = fold_script(text)
    found = _figures(text, _ZH_WRITTEN, _MONTH)
    if (dated := _with_decades(text)) != text:
        found |= _figures(dated, _ZH_WRITTEN, _MONTH)
    ordinals = {str(_ORDINALS.index(word) + 1) for word in _EN_ORDINAL.findall(text.lower())}
    roman = {str(ROMAN.index(numeral) + 1) for numeral in _ROMAN.findall(text)}
    counts = {_COUNT_WORDS[word] for word in _COUNT_WORD.findall(text.lower())}
    return found | ordinals | roman | counts


def without_figures(text: str) -> str:
    """``text`` with a blank for each number it states in digits or Chinese numerals."""
    return _ZH_STATED.sub(" ", _WRITTEN.sub(" ", _with_decades(fold_script(text))))


def _figures(text: str, chinese: re.Pattern[str], month: re.Pattern[str]) -> frozenset[str]:
    """``text`` is folded."""
    found = {str(_MONTHS.index(name[:3].lower()) + 1) for name in month.findall(text)}
    # Lower case, not IGNORECASE, which takes ı for i and ſ for s.
    text = text.lower()
    found.update(_in_digits(text))
    words = _WRITTEN.sub(" ", text)  # the 亿 of 1.2亿 is no number of its own
    spelled = [chinese_value(share or plain) or 0 for share, plain in chinese.findall(words)]
    spelled += map(_english_value, _EN_WRITTEN.findall(words))
    found.update(str(value) for value in spelled if 1 < value < _GREATEST)
    return frozenset(found)


def _with_decades(text: str) -> str:
    """With the year that a decade began in the place of century and decade."""
    return _DECADE.sub(lambda m: f" {_decade(m['century'], m['decade'])}年代", text)


def _decade(century: str, decade: str) -> int:
    counted, tens = (int(n) if n.isdigit() else chinese_value(n) or 0 for n in (century, decade))
    return 100 * (counted - 1) + tens


def _in_digits(text: str) -> Iterator[str]:
    for written, scale in _WRITTEN.findall(text):
        whole = [written.replace(",", "")] if _THOUSANDS.fullmatch(written) else written.split(",")
        yield from map(_canonical, whole[:-1])
        yield _scaled(_canonical(whole[-1]), scale)


def _canonical(number: str) -> str:
    """07 as 7, 2.50 as 2.5, .5 as 0.5; a date or version with several points as it is."""
    number = number.lstrip("0") or "0"
    if number.count(".") == 1:
        number = number.rstrip("0").rstrip(".")
    return f"0{number}" if number.startswith(".") else number or "0"


def _scaled(number: str, scale: str) -> str:
    if not scale or number.count(".") > 1:
        return number
    value = Decimal(number) * _SCALES[scale]
    return _canonical(f"{value:f}")


def _english_value(words: str) -> int:
    value = 0
    for word in re.split("[- ]", words):
        value = value * _SCALES[word] if word in _SCALES else value + _EN_VALUES[word]
    return value
