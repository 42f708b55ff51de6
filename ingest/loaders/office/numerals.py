"""Numbers as files state them, and as list labels show them: letters, Roman, Chinese numerals."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_STATED: Final = re.compile(r"\s*([+-]?[0-9]{1,18})\s*")
_ROMAN: Final = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"),
    (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_DIGITS: Final = "零一二三四五六七八九"
_LEGAL_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
_UNITS: Final = ("", "十", "百", "千")
_LEGAL_UNITS: Final = ("", "拾", "佰", "仟")
_STEMS: Final = "甲乙丙丁戊己庚辛壬癸"
_BRANCHES: Final = "子丑寅卯辰巳午未申酉戌亥"


def stated(text: str | None, default: int, *, least: int = 0, most: int = 0x7FFF) -> int:
    """The number that a file states, brought within bounds; ``default`` where it states none."""
    found = _STATED.fullmatch(text or "")
    return min(max(least, int(found[1])), most) if found else default


def roman(number: int) -> str:
    """Lower case; Arabic from 4000 on."""
    if not 0 < number < 4000:
        return str(number)
    letters = ""
    for value, sign in _ROMAN:
        count, number = divmod(number, value)
        letters += sign * count
    return letters


def letter(number: int) -> str:
    """a … z, aa, bb …, as word processors count on."""
    rounds, index = divmod(number - 1, 26)
    return chr(ord("a") + index) * (rounds + 1) if 0 < number <= 780 else str(number)


def chinese(number: int, digits: str = _DIGITS, units: tuple[str, ...] = _UNITS) -> str:
    """十二, 一百零三; Arabic from ten thousand on."""
    if not 0 < number < 10_000:
        return digits[0] if number == 0 else str(number)
    shown = ""
    for power in range(3, -1, -1):
        digit = number // 10**power % 10
        if digit:
            shown += digits[digit] + units[power]
        elif shown and number % 10**power:
            shown = shown.rstrip(digits[0]) + digits[0]
    return shown.removeprefix(digits[1]) if 10 <= number < 20 else shown


def _legal(number: int) -> str:
    shown = chinese(number, _LEGAL_DIGITS, _LEGAL_UNITS)
    return f"壹{shown}" if 10 <= number < 20 else shown


def _digit_by_digit(number: int) -> str:
    return "".join(_DIGITS[int(digit)] for digit in str(number)).replace("零", "〇")


def _circled(number: int) -> str:
    return chr(0x2460 + number - 1) if 0 < number <= 20 else str(number)


def _cycle(signs: str) -> Callable[[int], str]:
    return lambda number: signs[(number - 1) % len(signs)]


# ST_NumberFormat, ECMA-376 part 1, 17.18.59; formats not named here show as Arabic numbers.
_FORMATS: Final[dict[str, Callable[[int], str]]] = {
    "decimalZero": lambda number: f"{number:02d}",
    "lowerLetter": letter,
    "upperLetter": lambda number: letter(number).upper(),
    "lowerRoman": roman,
    "upperRoman": lambda number: roman(number).upper(),
    "chineseCounting": chinese,
    "chineseCountingThousand": chinese,
    "taiwaneseCounting": chinese,
    "taiwaneseCountingThousand": chinese,
    "japaneseCounting": chinese,
    "ideographDigital": _digit_by_digit,
    "taiwaneseDigital": _digit_by_digit,
    "chineseLegalSimplified": _legal,
    "ideographLegalTraditional": _legal,
    "ideographTraditional": _cycle(_STEMS),
    "ideographZodiac": _cycle(_BRANCHES),
    "decimalEnclosedCircle": _circled,
    "decimalEnclosedCircleChinese": _circled,
    "ideographEnclosedCircle": lambda number: f"({chinese(number)})",
    "decimalEnclosedParen": lambda number: f"({number})",
    "decimalEnclosedFullstop": lambda number: f"{number}.",
    "decimalFullWidth": str,
    "none": lambda _: "",
}


def numeral(number: int, number_format: str) -> str:
    """``number`` in a number format of Office Open XML."""
    return _FORMATS.get(number_format, str)(number)
