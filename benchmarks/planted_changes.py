"""Changes that keep what a sentence says, and changes that do not, made by rule.

Every function takes a sentence and gives the changed one, or None where its rule does not
apply. Nothing here shares code or word lists with the checks that are to find the changes.
"""

from __future__ import annotations

import random
import re

from rag_service.text.language import cjk_share, to_simplified, to_traditional

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_PARENTHESES = re.compile(r"\s?[(（][^()（）]{3,60}[)）]")
_FULL_WIDTH = {code: code + 0xFEE0 for code in [*range(0x30, 0x3A), *range(0x41, 0x5B)]}

_SYNONYMS_EN = {
    "because": "since",
    "large": "big",
    "began": "started",
    "received": "got",
    "several": "a number of",
    "near": "close to",
    "approximately": "about",
    "used": "employed",
    "located": "situated",
    "also": "in addition",
    "however": "nevertheless",
    "such as": "for example",
    "many": "numerous",
    "built": "constructed",
    "important": "significant",
    "shows": "demonstrates",
    "during": "in the course of",
    "most": "the majority of",
}
_SYNONYMS_ZH = {
    "因为": "由于",
    "但是": "不过",
    "开始": "着手",
    "提高": "提升",
    "增加": "增长",
    "帮助": "协助",
    "重要": "关键",
    "进行": "开展",
    "通常": "一般",
    "大约": "约",
    "以及": "和",
    "使用": "采用",
    "认为": "相信",
    "建立": "设立",
    "位于": "坐落于",
    "显示": "表明",
    "许多": "很多",
    "获得": "取得",
    "之后": "以后",
    "导致": "引起",
}

_NOT_EN = re.compile(r"\b(is|was|are|were|has|had|have|can|could|will|would|should|must|may)\b")
_HAS_NOT_EN = re.compile(r"\b(?:not|never|no|without|nor|neither|cannot)\b|n't\b", re.IGNORECASE)
_HAS_NOT_ZH = re.compile("[不没無无未非否莫勿沒]")
_NEGATED_ZH = {
    "位于": "并不位于",
    "成为": "没有成为",
    "成為": "沒有成為",
    "获得": "未获得",
    "獲得": "未獲得",
    "完成了": "没有完成",
    "包括": "不包括",
    "进行了": "没有进行",
    "達到": "沒有達到",
    "达到": "没有达到",
    "提高了": "没有提高",
    "可以": "不可以",
    "能够": "不能够",
    "能夠": "不能夠",
    "认为": "不认为",
    "認為": "不認為",
    "属于": "不属于",
    "屬於": "不屬於",
    "导致": "并未导致",
    "使用": "不使用",
    "存在": "不存在",
    "出现": "未出现",
    "支持": "不支持",
    "加入": "没有加入",
}


def respaced(sentence: str, rng: random.Random) -> str | None:
    """Line breaks and spaces where a page would put them."""
    if cjk_share(sentence) > 0.5:
        at = rng.randrange(1, len(sentence) - 1)
        return f"{sentence[:at]}\u3000{sentence[at:]}"
    return sentence.replace(" ", "  ", 3) if sentence.count(" ") > 3 else None


def rewidened(sentence: str, _: random.Random) -> str | None:
    """Digits and capitals in full width."""
    wide = sentence.translate(_FULL_WIDTH)
    return wide if wide != sentence else None


def other_script(sentence: str, _: random.Random) -> str | None:
    """Simplified Chinese for Traditional, and the other way."""
    other = to_traditional(sentence)
    if other == sentence:
        other = to_simplified(sentence)
    return other if other != sentence else None


def shortened(sentence: str, _: random.Random) -> str | None:
    """Without a remark in parentheses, or without the last of several clauses."""
    if _PARENTHESES.search(sentence):
        return _PARENTHESES.sub("", sentence)
    clauses = _clauses(sentence)
    if len(clauses) < 3:
        return None
    return _joined(clauses[:-1], sentence)


def reordered(sentence: str, _: random.Random) -> str | None:
    """The first clause last."""
    clauses = _clauses(sentence)
    if not 2 <= len(clauses) <= 4 or min(map(len, clauses)) < 6:
        return None
    return _joined([*clauses[1:], clauses[0]], sentence)


def reworded(sentence: str, _: random.Random) -> str | None:
    """Words for others of the same meaning."""
    words = sentence
    if cjk_share(sentence) > 0.5:
        for old, new in _SYNONYMS_ZH.items():
            words = words.replace(old, new)
    else:
        for old, new in _SYNONYMS_EN.items():
            words = re.sub(rf"\b{old}\b", new, words)
    return words if words != sentence else None


def merged(sentence: str, following: str) -> str:
    """Two neighbouring sentences in one."""
    if cjk_share(sentence) > 0.5:
        return f"{sentence.rstrip('。！？!?.')}，同时{following}"
    return f"{sentence.rstrip('.!?')}, and {following}"


def renumbered(sentence: str, rng: random.Random) -> str | None:
    """With one number changed."""
    numbers = list(_NUMBER.finditer(sentence))
    if not numbers:
        return None
    chosen = rng.choice(numbers)
    digits = [at for at in range(chosen.start(), chosen.end()) if sentence[at].isdigit()]
    at = rng.choice(digits)
    others = [digit for digit in "123456789" if digit != sentence[at]]
    return f"{sentence[:at]}{rng.choice(others)}{sentence[at + 1 :]}"


def renamed(sentence: str, name: str, other: str) -> str | None:
    """With one name in the place of another."""
    if sentence.count(name) != 1 or other in sentence or name in other or other in name:
        return None
    return sentence.replace(name, other)


def may_be_name(answer: str) -> bool:
    """Whether ``answer`` is written as a name, so far as its script can show."""
    return not (answer[:1].isascii() and answer[:1].islower())


def negated(sentence: str, _: random.Random) -> str | None:
    """The opposite, by one small word; sentences that deny something already are left out."""
    if cjk_share(sentence) <= 0.5:
        if _HAS_NOT_EN.search(sentence) or not _NOT_EN.search(sentence):
            return None
        return _NOT_EN.sub(r"\1 not", sentence, count=1)
    if _HAS_NOT_ZH.search(sentence):
        return None
    for old, new in _NEGATED_ZH.items():
        if old in sentence:
            return sentence.replace(old, new, 1)
    return None


def _clauses(sentence: str) -> list[str]:
    return [
        part.strip() for part in re.split("[，,；;]", sentence.rstrip("。.！!？?")) if part.strip()
    ]


def _joined(clauses: list[str], sentence: str) -> str:
    if cjk_share(sentence) > 0.5:
        return "，".join(clauses) + "。"
    return f"{', '.join(clauses)}."
