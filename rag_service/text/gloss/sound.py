"""Foreign names by their sound: 帕特里克 is Patrick, 丹佛 is Denver, 王芳 is Wang Fang.

Chinese spells a foreign name by syllables of about the same consonants. Both sides are read
as a row of sound classes and aligned; vowels count for little, for they are kept least.
Costs were chosen on the names of CC-CEDICT (docs/decisions/0016-citations.md).
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import Final

from rag_service.text.gloss.definitions import pinyin

_REMEMBERED: Final = 20_000

# Sound classes: P T K (b d g too), F V M N L (r too) S J (ch, j, zh) H W, and vowels a e i o u.
_INITIALS: Final = {
    "zh": "J", "ch": "J", "sh": "S", "b": "P", "p": "P", "m": "M", "f": "F", "d": "T", "t": "T",
    "n": "N", "l": "L", "g": "K", "k": "K", "h": "H", "j": "J", "q": "J", "x": "X", "r": "R",
    "z": "S", "c": "S", "s": "S", "y": "i", "w": "W",
}  # fmt: skip
_SYLLABLE: Final = re.compile(r"(zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw]?)([aeiou]*)(ng|n|r)?")
_LATIN: Final = (
    ("tsch", "J"), ("sch", "S"), ("tch", "J"), ("ch", "J"), ("sh", "S"), ("th", "T"), ("ph", "F"),
    ("gh", "K"), ("ck", "K"), ("qu", "KW"), ("kh", "K"), ("zh", "J"), ("ts", "S"), ("tz", "S"),
    ("cz", "J"), ("dj", "J"), ("dg", "J"), ("x", "KS"), ("wr", "L"), ("kn", "N"), ("ng", "N"),
    ("b", "P"), ("p", "P"), ("m", "M"), ("f", "F"), ("v", "V"), ("w", "W"), ("d", "T"),
    ("t", "T"), ("n", "N"), ("l", "L"), ("r", "L"), ("k", "K"), ("q", "K"), ("h", "H"),
    ("j", "J"), ("s", "S"), ("z", "S"), ("y", "i"), ("a", "a"), ("e", "e"), ("i", "i"),
    ("o", "o"), ("u", "u"),
)  # fmt: skip
_SOFT_C, _SOFT_G = re.compile("c(?=[eiy])"), re.compile("g(?=[eiy])")
_LATIN_CLASS: Final = dict(_LATIN) | {"c": "K", "g": "K", "\0": "S", "\1": "G"}
_LATIN_PIECE: Final = re.compile("|".join(sorted(map(re.escape, _LATIN_CLASS), key=len)[::-1]))

_VOWELS: Final = frozenset("aeiou")
_VOWEL_SWAP, _VOWEL_DROP = 0.12, 0.12
_DROP: Final = {"H": 0.25, "W": 0.2, "L": 0.4, "N": 0.5, "R": 0.4, "S": 0.6, "T": 0.6}
_CONSONANT_DROP: Final = 0.9
_NEVER: Final = 1e9
_LONGEST_NAME: Final = 40
# How unlike two names may sound, by the weight of the sounds: short ones must be the same.
_MOST_UNLIKE: Final = ((3.0, 0.24), (2.0, 0.2), (0.0, 0.12))
_NEAR: Final = {
    frozenset(pair): cost
    for pair, cost in (
        ("JS", 0.3), ("JT", 0.4), ("JK", 0.4), ("HK", 0.4), ("FV", 0.0), ("FW", 0.3), ("VW", 0.05),
        ("VP", 0.25), ("FH", 0.4), ("ST", 0.5), ("MN", 0.25), ("LN", 0.6), ("XS", 0.05),
        ("XH", 0.2), ("XJ", 0.25), ("XK", 0.6), ("GK", 0.0), ("GJ", 0.0), ("GH", 0.4), ("RL", 0.0),
        ("RJ", 0.2), ("RN", 0.5), ("FP", 0.5),
    )
}  # fmt: skip
_GLIDES: Final = {frozenset("Ju"): 0.4, frozenset("Ji"): 0.35, frozenset("Wu"): 0.05,
                  frozenset("Wo"): 0.1, frozenset("Hu"): 0.5, frozenset("Vu"): 0.3}  # fmt: skip


@lru_cache(maxsize=_REMEMBERED)
def latin_sounds(word: str) -> str:
    """The sound classes of a word in Latin letters."""
    folded = unicodedata.normalize("NFKD", word).lower()
    letters = "".join(c for c in folded if c.isascii() and c.isalpha())
    letters = _SOFT_G.sub("\1", _SOFT_C.sub("\0", re.sub(r"(.)\1", r"\1", letters)))
    return "".join(_LATIN_CLASS[piece] for piece in _LATIN_PIECE.findall(letters))


@lru_cache(maxsize=_REMEMBERED)
def skeleton(word: str) -> str:
    """The consonants of a Latin word, the same for Kiev and Kyiv."""
    return "".join(sound for sound in latin_sounds(word) if sound not in _VOWELS)


@lru_cache(maxsize=_REMEMBERED)
def chinese_sounds(letter: str) -> str:
    """The sound classes of one Chinese letter; empty for one that nobody can read."""
    match = _SYLLABLE.match(pinyin(letter))
    if letter in "尔耳":
        return "L"
    initial, vowels, coda = match.groups() if match else ("", "", "")
    return _INITIALS.get(initial, "") + _vowel(vowels or "") + ("N" if coda else "")


def _vowel(vowels: str) -> str:
    """One for the syllable: the open one of ia, ua, iao; o of uo, ou."""
    return next((vowel for vowel in "aoeiu" if vowel in vowels), "")


@lru_cache(maxsize=_REMEMBERED)
def heard(word: str, run: str) -> tuple[int, int] | None:
    """Which letters of a Chinese ``run`` sound like a Latin ``word``; None where none do.

    What is too long to be a name is not: the time grows with the product of the lengths.
    """
    if max(len(word), len(run)) > _LONGEST_NAME:
        return None
    wanted = latin_sounds(word)
    weight = sum(map(_weight, wanted))
    cost, start, end = _nearest(wanted, run)
    unlike = next(most for least, most in _MOST_UNLIKE if weight >= least)
    return (start, end) if weight and cost <= unlike * weight else None


def _weight(sound: str) -> float:
    return _VOWEL_DROP if sound in _VOWELS else 1.0


def _nearest(wanted: str, run: str) -> tuple[float, int, int]:
    """The cheapest alignment of all that is wanted with whole letters in a row.

    Edit distance with a free start and end in ``run`` (Sellers 1980).
    """
    spoken = [chinese_sounds(letter) for letter in run]
    letters = [n for n, sounds in enumerate(spoken) for _ in sounds]
    sounds = "".join(spoken)
    ends = [n for n in range(len(sounds)) if n + 1 == len(sounds) or letters[n] != letters[n + 1]]
    starts = {0, *(n + 1 for n in ends)}
    row = [(0.0 if n in starts else _NEVER, n) for n in range(len(sounds) + 1)]
    for sound in wanted:
        row = _next_row(row, sound, sounds)
    reached = [(*row[n + 1], n) for n in ends if row[n + 1][1] <= n]
    cost, begin, last = min(reached, default=(_NEVER, -1, -1))
    return (cost, letters[begin], letters[last] + 1) if last >= 0 else (_NEVER, 0, 0)


def _next_row(row: list[tuple[float, int]], sound: str, spoken: str) -> list[tuple[float, int]]:
    """Costs, each with where its alignment starts, after one more sound of the word."""
    drop = _drop(sound)
    cost, start = row[0]
    found = [(cost + drop, start)]
    for n, other in enumerate(spoken):
        swapped = row[n][0] + _swap(sound, other)
        dropped = row[n + 1][0] + drop
        added = found[n][0] + _drop(other)
        if swapped <= dropped and swapped <= added:
            found.append((swapped, row[n][1]))
        elif dropped <= added:
            found.append((dropped, row[n + 1][1]))
        else:
            found.append((added, found[n][1]))
    return found


@cache
def _drop(sound: str) -> float:
    return _VOWEL_DROP if sound in _VOWELS else _DROP.get(sound, _CONSONANT_DROP)


@cache
def _swap(one: str, other: str) -> float:
    if one == other:
        return 0.0
    pair = frozenset((one, other))
    if one in _VOWELS and other in _VOWELS:
        return _VOWEL_SWAP
    return _NEAR.get(pair, _GLIDES.get(pair, 1.2))
