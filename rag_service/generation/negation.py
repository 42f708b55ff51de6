"""Whether one text denies what another says: by the words after a negation.

A negation reaches over the few words that follow it, to the end of its clause. Where the
other text has those words and nothing that denies them, one of the two says the opposite.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rag_service.text.analysis import analyze
from rag_service.text.language import CJK_CLASS, simplified_by_character
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
_CHINESE: Final = re.compile(
    f"(?P<kept>{'|'.join(sorted(_KEPT_ZH.split(), key=len, reverse=True))})"
    f"|{'|'.join(sorted(_DENIED_ZH.split(), key=len, reverse=True))}|(?<![{CJK_CLASS}])[无勿]"
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


def denies(text: str) -> bool:
    """Whether ``text`` denies anything."""
    return bool(_read(text).near)


def _denies(one: _Reading, two: _Reading) -> bool:
    return any(
        len(scope & two.terms) >= _MIN_SHARED * len(scope) and not scope & two.far
        for scope in one.near
    )


@lru_cache(maxsize=_REMEMBERED)
def _read(text: str) -> _Reading:
    text = "".join(
        unicodedata.normalize("NFKC", text).translate(simplified_by_character()).splitlines()
    )
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
