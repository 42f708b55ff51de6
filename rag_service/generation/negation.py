"""Whether one text denies what another says: by the words after a negation.

A negation reaches over the few words that follow it, to the end of its clause. Where the
other text has those words and nothing that denies them, one of the two says the opposite.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rag_service.generation.agreement import Agreement
from rag_service.text.analysis import analyze
from rag_service.text.folding import fold_script
from rag_service.text.gloss.dictionary import dictionary
from rag_service.text.gloss.segmentation import segment
from rag_service.text.language import CJK_CLASS, HAN_CLASS
from rag_service.text.stopwords import ENGLISH_STOP_WORDS

_REMEMBERED: Final = 4_096
# How far a negation reaches: what must be there again for a contradiction, and where the
# other text may have its own negation of the same.
_NEAR: Final = 3
_FAR: Final = 7
_FAR_CHARS: Final = 200  # enough for so many terms; a clause may go on for ever
_MIN_SHARED: Final = 0.6

_ENGLISH: Final = re.compile(
    r"\b(?:not(?! only| just| merely)|never|without|neither|nor|none|cannot|denie[sd]|deny"
    r"|no(?!\.? ?\d)|unable to|fail(?:s|ed)? to)\b|n['’]t\b",
    re.IGNORECASE,
)
# Longer words first, so that 不得不, 不断 or 未来 is read as a whole.
_KEPT_ZH: Final = """
    不仅 不但 不只 不单 不光 不断 不同 不少 不久 不过 不管 不论 不锈 不良 不足 不得不 不能不 不可不
    无不 不乏 不禁 不惜 不愧 不等 不一 不动产 不时 不知不觉 不已 不止 没收 没落 没食 沉没 淹没 埋没
    出没 吞没 未来 未婚 未必 未免 未知 是否 能否 可否 与否 否则 要不 好不 差不多 对不起 了不起
    来不及
"""
_DENIED_ZH: Final = """
    没有 没能 没 从未 尚未 并未 未能 未曾 未经 未 并不 绝不 从不 不再 不会 不能 不是 不得 不可 不
    并非 绝非 而非 无法 无需 无须 并无 毫无 无权 无关 否认 拒绝
"""
_DENIED_WORDS: Final = frozenset(_DENIED_ZH.split())
_CHINESE: Final = re.compile(
    f"(?P<kept>{'|'.join(sorted(_KEPT_ZH.split(), key=len, reverse=True))})"
    f"|{'|'.join(sorted(_DENIED_ZH.split(), key=len, reverse=True))}|(?<![{CJK_CLASS}])[无勿]"
)
# What a negation may become in a translation.
_HINT: Final = re.compile(
    r"\b(?:non|un(?!it|iv|ion|til|der|iqu))|less\b|\b(?:instead|rather than|except|exclu|lack|fail"
    r"|refus|few|little|hardly|only|prevent|avoid|ban|prohibit|forb|unlike|until|deni|reject|ceas"
    r"|stop|independent|outside|free (?:of|from))"
    "|[不没無无未非否莫勿沒免禁缺]|以外|除了|除非|拒绝|避免|防止",
    re.IGNORECASE,
)
_CLAUSE_END: Final = re.compile(r"[,，.](?!\d)|[。;；:：!！?？\n]")
# Small words between a negation and what it denies.
_FILLERS_ZH: Final = re.compile("^(?:有|是|能|会|可以|再|曾|要|必|被|对|在|将|把|了|得到?)+")


@dataclass(frozen=True, slots=True)
class _Reading:
    """All terms of a text, and what its negations reach: near, and further."""

    terms: frozenset[str]
    near: tuple[frozenset[str], ...]
    far: frozenset[str]


def contradicts(claim: str, quote: str) -> bool:
    """Whether one of the two denies words that the other states plainly."""
    one, two = _read(claim), _read(quote)
    return _denies(one, two) or _denies(two, one)


def same_sense(claim: str, text: str) -> Agreement:
    """Whether two texts in different languages both deny something, or neither does.

    Open where a translation may have made a negation of another word: 缺乏 for "without".
    """
    one, other = _denies_any(claim), _denies_any(text)
    if one == other:
        return Agreement.YES
    return Agreement.OPEN if _HINT.search(text if one else claim) else Agreement.NO


@lru_cache(maxsize=_REMEMBERED)
def _denies_any(text: str) -> bool:
    """Whether a negation stands in ``text`` as a word of its own, not as part of 不平等."""
    runs = re.findall(f"[{HAN_CLASS}]+", fold_script(text))
    words = (word for run in runs for word in segment(run, dictionary()))
    return bool(_ENGLISH.search(text)) or any(map(_is_denial, words))


def _is_denial(word: str) -> bool:
    """Whether a dictionary's word denies: 不, 没有, 不可以; but 不同 and 不平等 do not."""
    return word in _DENIED_WORDS or word[:2] in _DENIED_WORDS


def _denies(one: _Reading, two: _Reading) -> bool:
    return any(
        len(scope & two.terms) >= _MIN_SHARED * len(scope) and not scope & two.far
        for scope in one.near
    )


@lru_cache(maxsize=_REMEMBERED)
def _read(text: str) -> _Reading:
    text = "".join(fold_script(text).splitlines())
    scopes = list(_scopes(text))
    near = [frozenset(scope[:_NEAR]) for scope in scopes]
    return _Reading(
        frozenset(_terms(text)),
        tuple(scope for scope in near if scope),
        frozenset(term for scope in scopes for term in scope),
    )


def _scopes(text: str) -> Iterator[Sequence[str]]:
    """The terms after each negation, nearest first."""
    for match in _ENGLISH.finditer(text):
        yield _terms(_clause_after(text, match))[:_FAR]
    for match in _CHINESE.finditer(text):
        if not match["kept"]:
            after = _clause_after(text, match).replace(" ", "")
            yield _terms(_FILLERS_ZH.sub("", after))[:_FAR]


def _clause_after(text: str, negation: re.Match[str]) -> str:
    start = negation.end()
    return _CLAUSE_END.split(text[start : start + _FAR_CHARS], maxsplit=1)[0]


def _terms(text: str) -> list[str]:
    """Content terms in reading order; of Chinese the pairs of letters alone."""
    found: list[str] = []
    for piece in re.findall(rf"[{CJK_CLASS}]+|[^\s{CJK_CLASS}]+", text):
        if re.match(f"[{CJK_CLASS}]", piece):
            found += [piece[n : n + 2] for n in range(len(piece) - 1)] or [piece]
        elif piece.lower().strip("\"'“”’()") not in ENGLISH_STOP_WORDS:
            found += analyze(piece)[:1]
    return found
