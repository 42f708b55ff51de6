"""Lexical analysis: the tokens a text is indexed under and a question is searched with.

Latin words are folded (width, case, accents) and stemmed, irregular forms by a table; Chinese
becomes single letters and overlapping pairs, which needs no dictionary and finds every word;
codes and numbers such as ``GB/T 7714-2015``, ``C++`` or ``1,234.5`` are kept whole and also by
their parts.

Indexed and asked text go through the same steps; only a question loses its function words
(:mod:`rag_service.text.stopwords`). Whoever changes what comes out must change
:data:`ANALYZER_VERSION`: stored indexes are refused when it differs.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain
from operator import add
from typing import Final

import Stemmer

from rag_service.text.irregular import BASE_FORMS
from rag_service.text.language import CJK_CLASS, cjk_share, simplified_by_character
from rag_service.text.stopwords import ENGLISH_STOP_WORDS, drop_question_words

ANALYZER_VERSION: Final = "3"
MAX_TOKEN_CHARS: Final = 200
_CACHED_WORDS: Final = 100_000  # per thread, about 20 MB; a collection's frequent words all fit
_REMEMBERED_QUESTIONS: Final = 32  # one may be long


def _words(letter: str) -> str:
    """A pattern of words and numbers held together by the signs that codes use."""
    return (
        rf"{letter}+(?:(?:[-./_'’@&]|(?<=\d)(?::(?=\d)|,(?=\d{{3}}(?!\d)))){letter}+)*"
        r"(?:(?<=[a-z])(?:\+\+\d*|#(?!\w))|(?<=\d)%)?"
    )


# Either a run of CJK letters, or words and numbers.
_WORDS: Final = _words(rf"[^\W_{CJK_CLASS}]")
_PIECES: Final = re.compile(rf"([{CJK_CLASS}]+)|({_WORDS})")
# Most texts in English, once folded, have no letter beyond ASCII: then this finds the same words,
# in half the time.
_ASCII_WORDS: Final = re.compile(_words("[a-z0-9]"))
_ASCII_AND_PUNCTUATION: Final = re.compile(r"[\x00-\x7f\u2010-\u2027]*")
_NUMBER: Final = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?%?")
_VERSION: Final = re.compile(r"v?(\d{1,3}\.\d+)(?:\.\d+)+")
_APOSTROPHE: Final = re.compile("['’]")
_JOINERS: Final = re.compile(r"[-/_'’@&:+#%,]|(?<!\d)\.|\.(?!\d)")
_ATOMS: Final = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*")
_SIGNED_NAME: Final = re.compile(r"(.*[a-z](?:\+\+|#))(\d*)")
_CAPITALS: Final = re.compile(r"(?<![A-Za-z])[A-Z]{2,}(?![A-Za-z])")
_MAX_ATOMS: Final = 4  # RTX4090Ti has three; more is a hash or a serial number

# "6½" and "10²" would become "61⁄2" and "102" under NFKC, "Chronicles™" "Chroniclestm".
_RAISED_AFTER_WORD: Final = re.compile(r"(?<=\d)(?=[¼-¾²³¹⁰⁴-⁹⅐-⅞])|[™℠]")
# Extraction breaks lines inside Chinese words and inside hyphenated Latin ones.
_WRAP_IN_CJK: Final = re.compile(rf"(?<=[{CJK_CLASS}])[ \t]*\r?\n[ \t]*(?=[{CJK_CLASS}])")
_WRAP_AT_HYPHEN: Final = re.compile(r"(?<=[a-z])-[ \t]*\r?\n[ \t]*(?=[a-z])")

# Variants left apart by character-wise conversion: on real Traditional text these are the
# places where OpenCC decides by context, so that either side may meet the other.
_VARIANTS: Final = dict(
    zip("著藉覆甦瞭彷沈划馀锺妳牠麽", "着借复苏了仿沉画余钟你它么", strict=True)
)
_LATIN_LETTERS: Final = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d"} | {
    "ł": "l",
    "þ": "th",
    "ı": "i",
    "ħ": "h",
}
_IGNORED: Final = "\u00ad\u200b\u200c\u200d\u2060\ufeff"  # soft hyphen, zero width
_COMBINING_MARKS: Final = range(0x300, 0x370)


def analyze(text: str) -> list[str]:
    """The tokens ``text`` is indexed under, in reading order, repeats kept.

    Within one run of Chinese all single letters come before the pairs. No token is empty,
    holds white space or is longer than ``MAX_TOKEN_CHARS``.
    """
    normal = _normalize(text)
    if _ASCII_AND_PUNCTUATION.fullmatch(normal):
        return _word_tokens(_ASCII_WORDS.findall(normal))
    return _tokens(_PIECES.findall(normal))


def analyze_query(text: str) -> list[str]:
    """The tokens to search for: those of :func:`analyze` without function and question words.

    Where nothing but function words was asked, all tokens are kept.
    """
    return list(_query_tokens(text))


# One question is analysed at every stage of its search.
@lru_cache(maxsize=_REMEMBERED_QUESTIONS)
def _query_tokens(text: str) -> tuple[str, ...]:
    pieces = _PIECES.findall(drop_question_words(_normalize(text)))
    names = _capitalised_names(text)
    kept = [
        (cjk, word)
        for cjk, word in pieces
        if word not in ENGLISH_STOP_WORDS or (word and word in names)
    ]
    return tuple(_tokens(kept) or analyze(text))


def content_terms(text: str) -> frozenset[str]:
    """The distinct tokens of :func:`analyze_query`, for measuring how much two texts share."""
    return frozenset(_query_tokens(text))


def _capitalised_names(text: str) -> frozenset[str]:
    """Words in capitals (WHO, IT, US) of a text that is not all capitals, lower-cased."""
    if text.isupper() and cjk_share(text) == 0:
        return frozenset()
    return frozenset(name.lower() for name in _CAPITALS.findall(text))


def _normalize(text: str) -> str:
    """Width, case, accents and script folded, words broken over lines joined."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _RAISED_AFTER_WORD.sub(" ", text))
    text = text.lower()
    if "\n" in text:
        text = _WRAP_AT_HYPHEN.sub("-", _WRAP_IN_CJK.sub("", text))
    return text if text.isascii() else text.translate(_character_folding())


@lru_cache(maxsize=1)
def _character_folding() -> dict[int, str | None]:
    folding: dict[int, str | None] = dict(_unaccented())
    folding |= simplified_by_character()
    for old, new in _VARIANTS.items():
        folding[ord(old)] = new
    # A character that becomes a variant must go all the way, or the table is not idempotent.
    folding = {old: _VARIANTS.get(new or "", new) for old, new in folding.items()}
    folding |= dict.fromkeys([*map(ord, _IGNORED), *_COMBINING_MARKS])
    return folding


def _unaccented() -> dict[int, str]:
    """Latin letters with a mark to the bare letter, and the few that have no decomposition."""
    table = {ord(old): new for old, new in _LATIN_LETTERS.items()}
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        bare = unicodedata.normalize("NFD", chr(code))[0]
        if bare.isascii() and bare.isalpha():
            table[code] = bare
    return table


def _tokens(pieces: Iterable[tuple[str, str]]) -> list[str]:
    """Tokens of ``(CJK run, "")`` and ``("", word or code)`` pieces."""
    tokens: list[str] = []
    words = _local.words
    for cjk, word in pieces:
        if cjk:
            tokens.extend(cjk)
            tokens.extend(map(add, cjk, cjk[1:]))
        else:
            tokens.extend(words[word])
    return tokens


def _word_tokens(words: Iterable[str]) -> list[str]:
    """`_tokens` where there is no CJK."""
    return list(chain.from_iterable(map(_local.words.__getitem__, words)))


class _Words(dict[str, tuple[str, ...]]):
    """Remembers the tokens of each word, because a text repeats its words."""

    def __init__(self) -> None:
        super().__init__()
        self._stemmer = Stemmer.Stemmer("english", 0)

    def __missing__(self, word: str) -> tuple[str, ...]:
        if len(self) >= _CACHED_WORDS:
            self.clear()
        found = tuple(dict.fromkeys(_cut_long(self._expand(word))))
        if len(word) <= MAX_TOKEN_CHARS:
            self[word] = found
        return found

    def _expand(self, word: str) -> list[str]:
        if word.isalpha():
            return [self._stem(word)]
        if _NUMBER.fullmatch(word):
            return [word, word.replace(",", ""), word.replace(",", "").rstrip("%")]
        if _APOSTROPHE.search(word):
            word = _without_apostrophe(word)
            if word.isalpha():
                return [self._stem(word)]
        return self._expand_code(word)

    def _expand_code(self, code: str) -> list[str]:
        if version := _VERSION.fullmatch(code):
            return [code, code.removeprefix("v"), version[1]]
        if signed := _SIGNED_NAME.fullmatch(code):
            return [code, signed[1]]  # C++17 is C++, but C++ and C# are not C
        parts = [part for part in _JOINERS.split(code) if part]
        tokens = [code]
        if _is_spelled_apart(code, parts):
            tokens.append(self._stem("".join(parts)))
        for part in parts:
            tokens.extend(self._expand_part(part))
        return tokens

    def _expand_part(self, part: str) -> list[str]:
        if part.isalpha():
            return [self._stem(part)]
        if part.isdigit():
            # 2024-01-05 and 2024年1月5日 are one date.
            return [part, part[1:]] if len(part) == 2 and part[0] == "0" else [part]
        atoms = _ATOMS.findall(part)
        if len(atoms) > _MAX_ATOMS:
            return [part]
        return [part, *(self._stem(atom) for atom in atoms)]

    def _stem(self, word: str) -> str:
        return str(self._stemmer.stemWord(BASE_FORMS.get(word, word))) or word


def _without_apostrophe(word: str) -> str:
    """``company's`` -> ``company``; ``don't`` -> ``dont``; ``l'hôpital`` -> ``l-hôpital``."""
    head, *rest = _APOSTROPHE.split(word)
    if rest == ["s"]:
        return head
    separator = "-" if len(head) <= 2 and len(rest[0]) > 2 else ""
    return separator.join((head, *rest))


def _is_spelled_apart(code: str, parts: list[str]) -> bool:
    """``e-mail`` for email, ``U.S`` for US: letters only, also written as one word."""
    if not all(part.isalpha() for part in parts):
        return False
    if all(len(part) == 1 for part in parts):
        return len(parts) > 1 and "_" not in code
    return len(parts) == 2 and "-" in code


def _cut_long(tokens: Iterable[str]) -> Iterable[str]:
    for token in tokens:
        for start in range(0, len(token), MAX_TOKEN_CHARS):
            yield token[start : start + MAX_TOKEN_CHARS]


class _Local(threading.local):
    """One stemmer and one memory per thread: a PyStemmer object must not be shared."""

    def __init__(self) -> None:
        self.words = _Words()


_local = _Local()
