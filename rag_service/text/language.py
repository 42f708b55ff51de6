"""Which language a text is in, and moving between the two Chinese scripts.

Only three answers matter to the rest of the service, because prompts, refusals
and sentence joins exist in these three forms: ``zh-Hans``, ``zh-Hant``, ``en``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal

import opencc

Language = Literal["zh-Hans", "zh-Hant", "en"]

# Letters written without spaces between words: Han with its extensions and compatibility
# forms, kana, bopomofo, hangul and half-width kana. For use inside a regex character class.
CJK_CLASS: Final = (
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u303b\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff"
    "\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97c"
    "\uac00-\ud7a3\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U0003fffd"
)
# Chinese letters alone, with the sign for a repeated one and the round zero.
HAN_CLASS: Final = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd〇々"
_CJK = re.compile(f"[{CJK_CLASS}]")
_OTHER_WORD = re.compile(rf"[^\W_{CJK_CLASS}]+(?:['’][^\W_{CJK_CLASS}]+)*")
_CODE: Final = re.compile(r"[A-Z]{1,4}|[^\W\d_]*\d[^\W_]*")  # one way to read it: linear
_REMEMBERED_TEXTS: Final = 4_096  # passages and questions, asked for at several stages
_HAN_RANGES: Final = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0x20000, 0x323B0))


def is_cjk(char: str) -> bool:
    """Whether the single character ``char`` is a CJK letter (punctuation is not)."""
    return _CJK.match(char) is not None


@lru_cache(maxsize=_REMEMBERED_TEXTS)
def cjk_share(text: str) -> float:
    """CJK letters among all words, 0..1; each run of other letters or digits counts as one.

    A Chinese letter carries about as much as a short Latin word, so counting Latin letters one
    by one would call a Chinese sentence with three product names English. 0.0 without letters.
    """
    cjk = len(_CJK.findall(text))
    others = sum(1 for _ in _OTHER_WORD.finditer(text))
    return cjk / (cjk + others) if cjk else 0.0


def detect_language(text: str) -> Language:
    """The language of ``text``: CJK must be the majority, else ``en``.

    Numbers and codes such as ``YF-310`` belong to no language, and are not counted. Traditional
    and Simplified are told apart by the characters only one script has; where none or equally
    many appear the answer is ``zh-Hans``.
    """
    letters = _CJK.findall(text)
    latin = sum(1 for word in _OTHER_WORD.findall(text) if not _CODE.fullmatch(word))
    if len(letters) <= latin:
        return "en"
    traditional, simplified = _script_evidence()
    in_traditional = sum(letter in traditional for letter in letters)
    in_simplified = sum(letter in simplified for letter in letters)
    return "zh-Hant" if in_traditional > in_simplified else "zh-Hans"


def to_simplified(text: str) -> str:
    """``text`` in Simplified Chinese, for people to read; may differ in length."""
    return _converter("t2s").convert(text)


def to_traditional(text: str) -> str:
    """``text`` in Traditional Chinese, for people to read; may differ in length."""
    return _converter("s2t").convert(text)


@lru_cache(maxsize=1)
def simplified_by_character() -> dict[int, str]:
    """The context-free part of Traditional to Simplified, as a ``str.translate`` table.

    Fit for matching, not for reading: each character always becomes the same one, so two texts
    that agree before still agree after, whatever surrounds the place where they agree.
    """
    characters = _han_characters()
    pairs = zip(characters, _convert_each("t2s", characters), strict=True)
    return {ord(old): new for old, new in pairs if old != new}


@lru_cache(maxsize=1)
def _script_evidence() -> tuple[frozenset[str], frozenset[str]]:
    """Characters that prove Traditional, and those that prove Simplified.

    OpenCC alone would count 后, 里 or 干 as Simplified although Traditional has them too;
    the national character sets of the other side (Big5, GB 2312) leave those out.
    """
    characters = _han_characters()
    simple, full = _convert_each("t2s", characters), _convert_each("s2t", characters)
    traditional = {
        char
        for char, other in zip(characters, simple, strict=True)
        if char != other and not _encodable(char, "gb2312")
    }
    simplified = {
        char
        for char, other in zip(characters, full, strict=True)
        if char != other and not _encodable(char, "big5")
    }
    return frozenset(traditional), frozenset(simplified)


def _encodable(char: str, encoding: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _han_characters() -> list[str]:
    return [chr(code) for start, end in _HAN_RANGES for code in range(start, end)]


def _convert_each(config: str, characters: list[str]) -> list[str]:
    # One call with separators: 100,000 calls would cost more than the conversion.
    return _converter(config).convert("\n".join(characters)).split("\n")


class _Converter:
    """OpenCC with a typed ``convert``; its tables are read-only after loading."""

    def __init__(self, config: str) -> None:
        self._opencc = opencc.OpenCC(config)

    def convert(self, text: str) -> str:
        return str(self._opencc.convert(text))


@lru_cache(maxsize=2)
def _converter(config: str) -> _Converter:
    return _Converter(config)
