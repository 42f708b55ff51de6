"""From a dictionary's entries to short English senses that can be searched and embedded.

A definition is written for a reader: "Warsaw, capital of Poland", "to pass away; to die",
"CL:位[wei4]". Kept are the short phrases a text would use.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from rag_service.text.gloss.dictionary import Dictionary, Entry, dictionary
from rag_service.text.language import to_simplified

_MAX_WORDS: Final = 5  # longer ones explain instead of translating
_REMEMBERED: Final = 50_000

# Senses that say something about the Chinese word instead of translating it, and rude ones.
_UNWANTED: Final = re.compile(
    r"\(vulgar\b|^(?:CL:|classifier |see |also (?:written|pr\.|called|known)|(?:Taiwan )?pr\. "
    r"|(?:old |archaic |ancient |erroneous |unofficial |Japanese )?variant of|used in|same as"
    r"|equivalent to|(?:Kangxi )?radical|abbr\. |(?:two-character )?surname )"
)
_PARENTHESES: Final = re.compile(r"\([^()]*\)")
_CHINESE: Final = re.compile(r"[^\s\x00-\u02ff]+(?:\|[^\s\x00-\u02ff]+)?(?:\[[^\]]*\])?|\[[^\]]*\]")
_OPENING: Final = re.compile(r"^(?:to be|to|the|an?|~) ", re.IGNORECASE)
_SHORTHAND: Final = re.compile(r"\b(?:(?:sb|sth|one)'s|sb|sth|etc|esp|lit|fig|abbr)\b\.?")
# "old variant of 攔截|拦截[lan2 jie2]": the Simplified form stands second.
_REFERENCE: Final = re.compile(r"([^\s\x00-\u02ff|]+)\|?([^\s\x00-\u02ff\[|]*)\[")
_SURNAME: Final = re.compile(r"surname (\w+)")
_MAX_REFERENCES: Final = 2  # a variant of a variant


@lru_cache(maxsize=_REMEMBERED)
def english_senses(word: str) -> tuple[str, ...]:
    """What ``word`` (Simplified) may mean, likely senses first; empty if nobody knows."""
    return _senses(word, dictionary(), _MAX_REFERENCES)


@lru_cache(maxsize=_REMEMBERED)
def pinyin(character: str) -> str:
    """The usual reading of one character, without tone; empty if it has none."""
    readings = _likely_first(character, dictionary().entries(character))
    return readings[0].pinyin.rstrip("12345").replace("u:", "u").lower() if readings else ""


def _senses(word: str, known: Dictionary, references: int) -> tuple[str, ...]:
    entries = _likely_first(word, known.entries(word))
    found = [phrase for entry in entries for phrase in _phrases(entry.senses)]
    if not found and references:
        for other in _referred_to(entries):
            if other != word and other in known:
                found += _senses(other, known, references - 1)
    if not found:
        found = [name for entry in entries for name in _SURNAME.findall(entry.senses)]
    return tuple(dict.fromkeys(found))


def _likely_first(word: str, entries: Iterable[Entry]) -> list[Entry]:
    """Readings with many senses are the common ones; a single character is seldom a name."""

    def unlikely(entry: Entry) -> tuple[bool, int]:
        return entry.is_name and len(word) == 1, -entry.senses.count("/")

    return sorted(entries, key=unlikely)


def _phrases(senses: str) -> list[str]:
    wanted = (sense for sense in senses.split("/") if not _UNWANTED.search(sense))
    parts = (part for sense in wanted for part in re.split("[;,]", _plain(sense)))
    return [phrase for phrase in map(_trimmed, parts) if _is_translation(phrase)]


def _plain(sense: str) -> str:
    """Without remarks in parentheses (they nest once) and Chinese references."""
    return _CHINESE.sub("", _PARENTHESES.sub("", _PARENTHESES.sub("", sense)))


def _trimmed(phrase: str) -> str:
    phrase = _OPENING.sub("", phrase.strip(" .?!\"'"))
    return " ".join(_SHORTHAND.sub("", phrase).split())


def _is_translation(phrase: str) -> bool:
    return any(c.isascii() and c.isalnum() for c in phrase) and phrase.count(" ") < _MAX_WORDS


def _referred_to(entries: Iterable[Entry]) -> list[str]:
    pairs = [pair for entry in entries for pair in _REFERENCE.findall(entry.senses)]
    return [simplified or to_simplified(written) for written, simplified in pairs]
