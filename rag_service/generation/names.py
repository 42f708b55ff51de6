"""Names in a claim, and words put in the place of others.

A capital marks an English name. Chinese has no such mark: a word that the dictionary knows as
a name only is one, and so are letters in a row that make no word of it (张伟, 佩德罗).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final

from rag_service.generation.figures import MONTH_NAME, held_figures, stated_figures
from rag_service.text.analysis import analyze, content_terms
from rag_service.text.folding import fold_script
from rag_service.text.gloss.definitions import english_senses
from rag_service.text.gloss.dictionary import dictionary
from rag_service.text.gloss.function_words import FUNCTION_WORDS
from rag_service.text.gloss.segmentation import segment
from rag_service.text.language import HAN_CLASS
from rag_service.text.stopwords import ENGLISH_STOP_WORDS

_REMEMBERED: Final = 4_096
_PIECES: Final = re.compile(
    rf"(?P<han>[{HAN_CLASS}]+)|[^\W\d_{HAN_CLASS}]+(?:['’][^\W\d_{HAN_CLASS}]+)*|\d[\d.,]*"
)
_SIGNS: Final = re.compile("[™℠©®]")  # NFKC would spell them: TM
_MONTH: Final = re.compile(MONTH_NAME)
# One word with nothing but its first letter capital, and no second such word after it.
_PLAIN_OPENING: Final = re.compile(r"\W*[A-ZÀ-Þ][a-zß-ÿ]*(?![A-Za-zÀ-ɏ])(?!\s+[A-ZÀ-Þ])")
# Verbs that say little: one is as good as another.
_LIGHT_WORDS: Final = """
    进行 开展 实施 采取 作出 做出 予以 加以 具有 拥有 属于 成为 称为 担任 位于 处于 包括 包含 分别
    表示 指出 认为 称 说 叫 名叫 叫做 姓 方面 情况 问题 第 目前 此外 同时 因此 其中 随后 然后 首先
    最后 大约 约 左右 一共 共 总共 共有 均 亦 皆 曾经 当时 期间 人 者 们 里 当 时 地方 东西 多 多项
    多个 多种 一系列 项 各 每 全 首 该 本 某
"""
_LIGHT: Final = frozenset(_LIGHT_WORDS.split())
COUNTING_LETTERS: Final = frozenset("零一二三四五六七八九十百千万亿两第节次年月日号")
# 创新科技有限公司, 银杏市橄榄区人民法院: so many words before it are the name of a company, a
# hospital or a court, whatever they mean.
_CALLED_BY: Final = {
    "有限公司": 2,
    "股份有限公司": 2,
    "有限": 2,
    "人民医院": 2,
    "人民法院": 4,
}
# A longer passage in the place of a few words is another way to put it, not one word for another.
_MOST_REPLACED: Final = 4
# What a name may rightly stand for: "The company" and 公司 above are told by name elsewhere.
_REFERRING: Final = """
    the this that these those his her its their our 该 此 这 本 公司 集团 企业 医院 法院 学校 大学
    政府 球队 机构 组织 部门 被告人 原告 被告 患者 病人 员工 双方 作者 本院
"""
_STANDS_FOR_NAME: Final = frozenset(_REFERRING.split())


@dataclass(frozen=True, slots=True)
class Word:
    """``text`` is folded: stemmed, or simplified. A number is as good as a name."""

    text: str
    name: bool
    content: bool


def latin_names(text: str, *, opens: bool) -> str:
    """The Latin words that are written as proper names, in order.

    A capital says nothing on the one word that opens an English sentence (``opens``), and
    months are numbers.
    """
    text = unicodedata.normalize("NFKC", _SIGNS.sub(" ", text))
    found = [m[0] for m in _PIECES.finditer(text) if not m["han"]]
    names = [word for word in found if word != word.lower()]
    if opens and names and _PLAIN_OPENING.match(text) and not re.search(f"[{HAN_CLASS}]", text):
        names = names[1:]
    return " ".join(name for name in names if not _MONTH.fullmatch(name))


def chinese_names(text: str) -> list[str]:
    """Chinese names, Simplified, in order."""
    return [
        word.text for word in words(text) if word.name and re.match(f"[{HAN_CLASS}]", word.text)
    ]


@lru_cache(maxsize=_REMEMBERED)
def words(text: str) -> tuple[Word, ...]:
    """The words of a text of either language, folded."""
    return tuple(_words(text))


def spelled_out(text: str) -> str:
    """A text as its folded words in a row, to look names up in."""
    return "".join(word.text for word in _words(text))


def _words(text: str) -> list[Word]:
    text = fold_script(_SIGNS.sub(" ", text))
    text = re.sub(rf"(?<=[{HAN_CLASS}])\s+(?=[{HAN_CLASS}])", "", text)
    found: list[Word] = []
    for match in _PIECES.finditer(text):
        found += _chinese(match[0]) if match["han"] else [_latin(match[0])]
    if found and _PLAIN_OPENING.match(text):
        found[0] = replace(found[0], name=False)
    return found


def _latin(word: str) -> Word:
    if word[0].isdigit():
        return Word(word.strip(".,"), True, True)
    lower = word.lower()
    content = lower not in ENGLISH_STOP_WORDS
    name = word != lower and not _MONTH.fullmatch(word) and content
    return Word((analyze(word) or [lower])[0], name, content)


def _chinese(run: str) -> list[Word]:
    """Words of a run of Chinese letters; common ones that a company is called by are its name."""
    found = list(_read(run))
    for n, word in enumerate(found):
        start = max(0, n - _CALLED_BY.get(word.text, 0))
        found[start:n] = [replace(w, name=w.content) for w in found[start:n]]
    return found


def _read(run: str) -> Iterator[Word]:
    letters = ""
    for word in [*segment(run, dictionary()), ""]:
        if len(word) == 1 and _may_spell(word):
            letters += word
            continue
        if letters:
            yield from _spelled(letters)
            letters = ""
        if word:
            content = word not in FUNCTION_WORDS and word not in _LIGHT
            yield Word(word, content and _is_name(word), content)


def _spelled(letters: str) -> Iterator[Word]:
    """Letters that stand alone: a name if there are several."""
    if len(letters) > 1:
        yield Word(letters, True, True)
    else:
        yield Word(letters, False, letters not in _LIGHT)


def _may_spell(letter: str) -> bool:
    return letter not in FUNCTION_WORDS and letter not in _LIGHT and letter not in COUNTING_LETTERS


def _is_name(word: str) -> bool:
    entries = dictionary().entries(word)
    return len(word) > 1 and bool(entries) and all(entry.is_name for entry in entries)


@dataclass(frozen=True, slots=True)
class Replaced:
    """Words of a claim that stand where the quote has others.

    ``altered``: one name or number for another, or a name for what refers to none.
    ``dropped``: something else for a name.
    """

    claimed: tuple[str, ...]
    quoted: tuple[str, ...]
    altered: bool
    dropped: bool


def replaced(claim: str, quote: str) -> list[Replaced]:
    """What the claim has in the place of something else, where all around is the same.

    Synonyms by the dictionary, and words that the other text has elsewhere, are left out.
    """
    ours, theirs = words(claim), words(quote)
    matcher = SequenceMatcher(None, [w.text for w in ours], [w.text for w in theirs], False)
    stated = stated_figures(claim)
    surplus = Counter(w.text for w in ours)
    surplus.subtract(w.text for w in theirs)
    found: list[Replaced] = []
    for change, a, b, c, d in matcher.get_opcodes():
        new = [w for w in ours[a:b] if w.content and surplus[w.text] > 0 and not _scaled(w, stated)]
        old = [w for w in theirs[c:d] if w.content and surplus[w.text] < 0]
        new = [w for w in new if not any(_same(w, other) for other in old)]
        described = sum(not w.name for w in old)
        if change == "replace" and new and old and described <= _MOST_REPLACED:
            before = theirs[max(0, c - 1) : d]
            found.append(_judged(new, old, refers=_refers(before)))
    return found


def _scaled(word: Word, stated: frozenset[str]) -> bool:
    """Whether a number is only part of one, as 12000 of 12000万."""
    return word.text[0].isdigit() and held_figures(word.text).isdisjoint(stated)


def _judged(new: Sequence[Word], old: Sequence[Word], *, refers: bool) -> Replaced:
    came, went = _named(new), _named(old)
    numbers = _numbered(new) and _numbered(old)
    altered = numbers or (came and (went or not refers))
    return Replaced(_texts(new), _texts(old), altered, went and not came)


def _named(found: Sequence[Word]) -> bool:
    return any(word.name and not word.text[0].isdigit() for word in found)


def _numbered(found: Sequence[Word]) -> bool:
    return any(word.text[0].isdigit() for word in found)


def _refers(found: Sequence[Word]) -> bool:
    return any(word.text in _STANDS_FOR_NAME for word in found)


def _texts(found: Sequence[Word]) -> tuple[str, ...]:
    return tuple(word.text for word in found)


def _same(one: Word, other: Word) -> bool:
    """Whether two words may mean the same: a number, or words with a letter or sense in common."""
    if one.text[0].isdigit() or other.text[0].isdigit():
        return not held_figures(one.text).isdisjoint(held_figures(other.text))
    if one.name or other.name or not re.match(f"[{HAN_CLASS}]", one.text):
        return False
    alike = not set(one.text).isdisjoint(other.text)
    return alike or not _senses(one.text).isdisjoint(_senses(other.text))


@lru_cache(maxsize=_REMEMBERED)
def _senses(word: str) -> frozenset[str]:
    return frozenset[str]().union(*(content_terms(sense) for sense in english_senses(word)))
