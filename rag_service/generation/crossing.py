"""Names across languages: whether those of a claim are those of a source in the other one.

A name is found by the dictionary (伦敦, London), by its initials (美国, US), by its sound
(帕特里克, Patrick), or as it stands (IPCC).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Final

from rag_service.generation.agreement import Agreement
from rag_service.generation.claims import content
from rag_service.generation.figures import without_figures
from rag_service.generation.names import COUNTING_LETTERS, latin_names
from rag_service.text.gloss.definitions import english_senses
from rag_service.text.gloss.dictionary import dictionary, english_vocabulary
from rag_service.text.gloss.function_words import FUNCTION_WORDS
from rag_service.text.gloss.glossing import gloss_terms, is_chinese
from rag_service.text.gloss.segmentation import segment
from rag_service.text.gloss.sound import heard, skeleton
from rag_service.text.language import HAN_CLASS, to_simplified

_REMEMBERED: Final = 4_096
_HAN_RUN: Final = re.compile(f"[{HAN_CLASS}]+")
_NAME_DOT: Final = re.compile("[·•・‧]")  # 帕特里克·史密斯
_LATIN_WORD: Final = re.compile(r"[^\W\d_]+")
# What may stand between two words of one name: Gulf of Aden, Pedro de Avilés, J. Smith.
_WITHIN_NAME: Final = re.compile(r"[\s.’'–-]{1,3}(?:(?:of|the|d[aeiu]|v[ao]n|el|al)[\s-])*")
_INITIALS: Final = re.compile(r"\b(?:[A-Z]\.){2,}|\b[A-Z]{2,5}\b")
# What the dictionary leaves out, and shares too few letters with what it has.
_NATIONS: Final = {
    "美国": "America American",
    "英国": "Britain British England English",
    "西班牙": "Spanish",
    "荷兰": "Dutch",
    "瑞士": "Swiss",
    "希腊": "Greek",
    "丹麦": "Danish",
    "波兰": "Polish",
    "芬兰": "Finnish",
    "爱尔兰": "Irish",
    "威尔士": "Welsh",
    "法国": "French",
    "缅甸": "Burmese",
    "菲律宾": "Filipino",
}
# A name is there if so many of its letters are.
_MOST_OF_IT: Final = 0.6
_SURNAME: Final = "surname "  # so the dictionary explains one
_LONGEST_PERSON: Final = 3  # letters of such a name
_STEM: Final = 4  # letters in common of Mongol and Mongolian


def names_held(claim: str, text: str, *, opens: bool) -> Agreement:
    """The least certain of the names of a claim, in a ``text`` of the other language."""
    if is_chinese(claim):
        named = _chinese_names(without_figures(claim))
        found = [_chinese_held(words, text) for words in named]
        latin = content(latin_names(claim, opens=opens))
        return min([*found, Agreement.YES if latin <= content(text) else Agreement.NO])
    return min(_latin_held(claim, text, opens=opens), default=Agreement.YES)


def _chinese_held(words: Sequence[str], text: str) -> Agreement:
    """By the letters of the name that the text has, in translation or by their sound."""
    held, known = set[int](), set[int]()
    start = 0
    for word in words:
        letters = range(start, start + len(word))
        if len(word) > 1 and (senses := _senses(word)):
            known.update(letters)
            held.update(letters if _translated(senses, text) else ())
        start += len(word)
    whole = "".join(words)
    if len(words) > 1 or not known:  # what has no translation may be heard
        for latin in _capitals(text):
            held.update(range(*(heard(latin, whole) or (0, 0))))
    if len(held) >= _MOST_OF_IT * len(whole):
        return Agreement.YES
    sure = len(known) == len(whole) or _foreign(whole) == 1
    return Agreement.NO if sure and not held else Agreement.OPEN


@lru_cache(maxsize=_REMEMBERED)
def _chinese_names(text: str) -> tuple[tuple[str, ...], ...]:
    """What may be a name in a Chinese text: words in a row that spell it."""
    return tuple(words for words in _runs(text, _may_spell) if _may_be_name("".join(words), words))


def _may_be_name(name: str, words: Sequence[str]) -> bool:
    if len(name) < 2 or len(words) == 1:
        return len(name) > 1
    return _foreign(name) >= _MOST_OF_IT or _may_be_person(name, words)


def _may_be_person(name: str, words: Sequence[str]) -> bool:
    """Whether it may be a Chinese person: a surname and a letter or two that make no word."""
    spelled = len(words) == len(name) <= _LONGEST_PERSON
    return spelled and any(_SURNAME in entry.senses for entry in dictionary().entries(name[0]))


@lru_cache(maxsize=_REMEMBERED)
def _spelled(text: str) -> tuple[tuple[str, bool], ...]:
    """Where a Chinese text may spell anything by its sound, and whether a dot ends the name."""
    ended = _NAME_DOT.split(to_simplified(text))[:-1]
    runs = ("".join(words) for words in _runs(text, _may_spell))
    return tuple((run, any(before.endswith(run) for before in ended)) for run in runs)


def _runs(text: str, wanted: Callable[[str], bool]) -> Iterator[tuple[str, ...]]:
    """Words in a row that are all wanted."""
    for run in _HAN_RUN.findall(to_simplified(text)):
        for chosen, group in groupby(segment(run, dictionary()), wanted):
            if chosen:
                yield tuple(group)


def _may_spell(word: str) -> bool:
    if len(word) > 1:
        return _is_name(word)
    return word not in FUNCTION_WORDS and word not in COUNTING_LETTERS


@lru_cache(maxsize=_REMEMBERED)
def _is_name(word: str) -> bool:
    entries = dictionary().entries(word)
    return word[-1] != "月" and bool(entries) and all(entry.is_name for entry in entries)


def _foreign(name: str) -> float:
    """Share of its letters that foreign names are spelled with."""
    return sum(letter in dictionary().name_letters for letter in name) / len(name)


@dataclass(frozen=True, slots=True)
class _Sense:
    """A name that a Chinese word stands for: its words but for North, City and the like."""

    words: tuple[str, ...]
    initials: str


@lru_cache(maxsize=_REMEMBERED)
def _senses(word: str) -> tuple[_Sense, ...]:
    found: list[_Sense] = []
    for sense in (*english_senses(word), *_NATIONS.get(word, "").split()):
        capitals = _capitals(sense)
        proper = tuple(filter(_is_proper, capitals))
        if capitals:
            found.append(_Sense(proper or capitals, "".join(w[0] for w in capitals)))
    return tuple(found)


def _translated(senses: Sequence[_Sense], text: str) -> bool:
    terms, initials, sounds = content(text), _initials(text), _sounds(text)
    return any(
        sense.initials in initials
        or 2 * sum(_among(content(w), terms) or _sound(w) in sounds for w in sense.words)
        >= len(sense.words)
        for sense in senses
    )


@lru_cache(maxsize=_REMEMBERED)
def _sounds(text: str) -> frozenset[str]:
    return frozenset(filter(None, map(_sound, _capitals(text))))


def _sound(word: str) -> str | None:
    """The same for Kyiv and Kiev; None for a word of which it would say too little."""
    consonants = skeleton(word)
    return word[0].lower() + consonants if len(consonants) > 1 else None


def _among(wanted: frozenset[str], terms: Iterable[str]) -> bool:
    return bool(wanted) and all(term in terms or _akin(term, terms) for term in wanted)


def _akin(term: str, terms: Iterable[str]) -> bool:
    return len(term) >= _STEM and any(t[:_STEM] == term[:_STEM] for t in terms)


@lru_cache(maxsize=_REMEMBERED)
def _initials(text: str) -> frozenset[str]:
    return frozenset(short.replace(".", "") for short in _INITIALS.findall(text))


@lru_cache(maxsize=_REMEMBERED)
def _capitals(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(w for w in _LATIN_WORD.findall(text) if w != w.lower()))


def _latin_held(claim: str, text: str, *, opens: bool) -> Iterator[Agreement]:
    """Of each name of an English claim, whether a Chinese text has it."""
    for words in _latin_names(claim, opens=opens):
        missing = {word for word in words if not _latin_word_held(word, text)}
        proper = {word for word in words if _is_proper(word)}
        if not missing:
            yield Agreement.YES
        else:
            yield Agreement.NO if proper and proper <= missing else Agreement.OPEN


@lru_cache(maxsize=_REMEMBERED)
def _latin_names(text: str, *, opens: bool) -> tuple[tuple[str, ...], ...]:
    """Capitalised words in a row, each row a name."""
    text = unicodedata.normalize("NFKC", text)
    capitals = set(_LATIN_WORD.findall(latin_names(text, opens=opens)))
    names: list[list[str]] = []
    end = -1
    for match in _LATIN_WORD.finditer(text):
        if match[0] not in capitals or len(match[0]) < 2:
            continue
        joined = end >= 0 and _WITHIN_NAME.fullmatch(text, end, match.start())
        names = names if joined else [*names, []]
        names[-1].append(match[0])
        end = match.end()
    return tuple(map(tuple, names))


def _latin_word_held(word: str, text: str) -> bool:
    return (
        _among(content(word), _both_languages(text))
        or not content(word)
        or word in _shortened_senses(text)
        or any(_spells_part(word, run, whole=whole) for run, whole in _spelled(text))
    )


def _spells_part(word: str, run: str, *, whole: bool) -> bool:
    """Whether a run of Chinese letters is, begins or ends with a name.

    ``whole``: it is one name, of which to begin is not enough: Peter is not 帕特里克.
    """
    start, end = heard(word, run) or (0, 0)
    if whole or end == len(run):
        return start < end == len(run)
    return start < end and (start == 0 or end - start >= _MOST_OF_IT * len(run))


def _is_proper(word: str) -> bool:
    """Whether a capitalised word is a name for sure: no initials, and no common word."""
    return not word.isupper() and word.lower() not in english_vocabulary()


@lru_cache(maxsize=_REMEMBERED)
def _both_languages(text: str) -> frozenset[str]:
    nations = " ".join(names for word, names in _NATIONS.items() if word in text)
    return content(text) | frozenset(gloss_terms(text)) | content(nations)


@lru_cache(maxsize=_REMEMBERED)
def _shortened_senses(text: str) -> frozenset[str]:
    words = {w for run in _HAN_RUN.findall(to_simplified(text)) for w in segment(run, dictionary())}
    return frozenset(sense.initials for word in words for sense in _senses(word))
