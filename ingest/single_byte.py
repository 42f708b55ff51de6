"""Which encoding of one byte a letter are these bytes in?

Any bytes decode in most of them, so each is judged by what it reads. In another script than
Latin the most frequent letters of its languages make up about half of running text, and far
less in a wrong reading. In Latin script the letters beyond ASCII must all belong to the alphabet
of one language.

Measured on the first article of the Universal Declaration of Human Rights in 53 pairs of language
and encoding, whole (30 words), 12 words and 6 words of it: 156 of 159 read right, 2 misread
(Croatian, and Latvian of 6 words), 1 refused. What is read so carries a warning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# Controls that no text has, bytes that no letter has.
_MEANINGLESS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x9f\ufffd]")
_SIGNS = frozenset("‘’“”„‹›«»–—…•€£§©®°·¿¡ªº½™\xa0")
_MIN_LETTERS = 20
_MIN_RATIO = 1.25  # to the next best reading
_MAX_SIGN_SHARE = 0.35
_FOREIGN = 0.02  # letters of another alphabet, in a name
# Of the letters; Vietnamese apart, Czech has most: 0.2 in running text.
_MAX_ACCENTED_SHARE = 0.3
_MAX_MIXED_SHARE = 0.15  # where no one language explains them


class _Script(NamedTuple):
    """``frequent``: small letters; their share must reach ``share``.

    ``typical``: letters of which running text has some, where other scripts read alike.
    """

    name: str  # as the names of its letters begin in Unicode
    codecs: tuple[str, ...]
    frequent: str
    share: float
    typical: str = ""


_SCRIPTS = (
    # Only small letters are frequent: Cyrillic in another of its encodings shows capitals.
    _Script("CYRILLIC", ("cp1251", "koi8_r", "koi8_u", "iso8859_5", "cp866"), "оеаинті", 0.38),
    _Script("GREEK", ("cp1253", "iso8859_7"), "αοιετσν", 0.42, typical="άέήίόύώ"),
    _Script("HEBREW", ("cp1255",), "יוהלאמרת", 0.42),
    _Script("ARABIC", ("cp1256", "iso8859_6"), "الينومر", 0.42),
    _Script("THAI", ("cp874",), "านรอกเงมยสทลวด่้ัีิ", 0.55),
)
_MIN_TYPICAL = 0.05

# Small letters beyond ASCII, language by language. Of those behind the bar a text must have
# one: without them it is more likely another language, misread.
_WEST = (
    "àâæçéèêëîïôœùûüÿ",  # French
    "äöüßé",  # German
    "áéíñóúü",  # Spanish
    "áâàéêíóôõúü|ãç",  # Portuguese
    "àèéìîòóù",  # Italian
    "àáäçèéëïñóöü",  # Dutch, Catalan
    "åäöéü",  # Swedish, Finnish
    "æøåéèòôü",  # Danish, Norwegian
    "æéíðóöúý|áþ",  # Icelandic
    "äõöšüž",  # Estonian
)
_CENTRE = (
    "ąćęłńóśźż",  # Polish
    "áčďéěíňóřšťúůýž",  # Czech
    "áäčďéíĺľňóôŕšťúýž",  # Slovak
    "áéíóöőúüű",  # Hungarian
    "ćčđšž",  # Croatian, Slovene
    "ăâîşţ",  # Romanian
)
_BALTIC = ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöšüž")  # Lithuanian, Latvian, Estonian
_LATIN = (
    ("cp1252", _WEST),
    ("cp1250", _CENTRE),
    ("iso8859_2", _CENTRE),
    ("cp1254", ("âçğıîöşüû",)),  # Turkish
    ("cp1257", _BALTIC),
)
_WESTERN = frozenset("".join(_WEST)) - set("|ðýþšž")


def choose_single_byte(sample: bytes) -> str | None:
    """The codec that reads ``sample``, which has bytes above ASCII, or None."""
    return _latin(sample) or _other_script(sample)


def _latin(sample: bytes) -> str | None:
    for codec, languages in _LATIN:
        text = _decoded(sample, codec).lower()
        if text and any(_is_in(text, *language.partition("|")[::2]) for language in languages):
            return codec
    return "cp1252" if _is_western_mixture(_decoded(sample, "cp1252").lower()) else None


def _is_in(text: str, letters: str, typical: str) -> bool:
    """Whether ``text``, in small letters, is in the language of ``letters`` and ``typical``."""
    if typical and not any(letter in text for letter in typical):
        return False
    return _is_spelled(text, frozenset(letters + typical), _MAX_ACCENTED_SHARE, _FOREIGN)


def _is_western_mixture(text: str) -> bool:
    return bool(text) and _is_spelled(text, _WESTERN, _MAX_MIXED_SHARE, 0.0)


def _decoded(sample: bytes, codec: str) -> str:
    """What ``codec`` reads, "" where bytes mean nothing in it."""
    text = sample.decode(codec, errors="replace")
    return "" if _MEANINGLESS.search(text) else text


def _is_spelled(
    text: str, alphabet: frozenset[str], max_accented: float, max_foreign: float
) -> bool:
    letters = sum(char.isalpha() for char in text)
    above = [char for char in text if char > "\x7f"]
    accented = [char for char in above if char.isalpha() and char not in _SIGNS]
    signs = len(above) - len(accented)
    foreign = sum(char not in alphabet for char in accented)
    return (
        set(above) - set(accented) <= _SIGNS
        and foreign <= max_foreign * len(accented)
        and len(accented) <= max_accented * letters
        and signs <= _MAX_SIGN_SHARE * letters
    )


def _other_script(sample: bytes) -> str | None:
    scored = sorted(_readings(sample), key=lambda reading: reading[0], reverse=True)
    if not scored or scored[0][0] < 1:
        return None
    best, codec, text = scored[0]
    rivals = [score for score, _, other in scored if other != text]
    return codec if not rivals or best >= _MIN_RATIO * rivals[0] else None


def _readings(sample: bytes) -> Iterator[tuple[float, str, str]]:
    """How well each encoding reads (1 is good enough), its codec, and what it reads."""
    for script in _SCRIPTS:
        for codec in script.codecs:
            text = _decoded(sample, codec)
            above = [char for char in text if char > "\x7f" and char not in _SIGNS]
            yield _score(above, script), codec, text


def _score(above: Sequence[str], script: _Script) -> float:
    letters = [char for char in above if unicodedata.name(char, "").startswith(script.name)]
    if len(letters) < _MIN_LETTERS or not _has_typical(letters, script):
        return 0.0
    frequent = sum(char in script.frequent for char in letters) / len(letters)
    purity = len(letters) / len(above)
    return float(frequent / script.share * purity**4)


def _has_typical(letters: Sequence[str], script: _Script) -> bool:
    typical = sum(char in script.typical for char in letters)
    return not script.typical or typical >= _MIN_TYPICAL * len(letters)
