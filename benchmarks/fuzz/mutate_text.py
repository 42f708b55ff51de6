"""Mutations of text that know something of its format."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Final

from benchmarks.fuzz.vocabulary import HOSTILE, NESTS, NUMBERS, WORDS

MAX_CHARS: Final = 1_000_000
_DEPTHS: Final = (3, 30, 300, 300, 3_000, 30_000)
_COUNTS: Final = (2, 10, 100, 1_000, 10_000)
_TAG: Final = re.compile(r"<[^<>]{1,300}>")
_VALUE: Final = re.compile(r"(?<==[\"'])[^\"'<>]{0,300}(?=[\"'])")
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")
Mutation = Callable[[Random, str, str, str], str]
"""Random numbers, the text, its flavour (a key of the dictionaries above), another text."""


def mutate_text(rng: Random, text: str, flavour: str, other: str) -> str:
    """``text`` with one thing changed."""
    return rng.choice(_MUTATIONS)(rng, text, flavour, other)[:MAX_CHARS]


def _place(rng: Random, text: str) -> int:
    """Anywhere, or where something of the format begins."""
    if rng.random() < 0.5:
        return rng.randint(0, len(text))
    start = rng.randint(0, len(text))
    found = re.search(r"[<{\[(\"'\\/|>\n,]", text[start : start + 2_000])
    return start + found.start() if found else start


def _insert(rng: Random, text: str, inserted: str) -> str:
    place = _place(rng, text)
    return text[:place] + inserted + text[place:]


def _insert_hostile(rng: Random, text: str, _flavour: str, _other: str) -> str:
    return _insert(rng, text, rng.choice(HOSTILE))


def _insert_word(rng: Random, text: str, flavour: str, _other: str) -> str:
    return _insert(rng, text, rng.choice(WORDS[flavour]))


def _insert_words(rng: Random, text: str, flavour: str, _other: str) -> str:
    words = [*WORDS[flavour], *HOSTILE]
    return _insert(rng, text, "".join(rng.choices(words, k=rng.randint(2, 12))))


def _nest(rng: Random, text: str, flavour: str, _other: str) -> str:
    opening, closing = rng.choice(NESTS[flavour])
    depth = rng.choice(_DEPTHS)
    start, end = sorted((_place(rng, text), _place(rng, text)))
    return f"{text[:start]}{opening * depth}{text[start:end]}{closing * depth}{text[end:]}"


def _repeat(rng: Random, text: str, _flavour: str, _other: str) -> str:
    start = _place(rng, text)
    block = text[start : start + rng.choice((1, 10, 100, 1_000))]
    times = min(rng.choice(_COUNTS), 200_000 // max(1, len(block)))
    return text[:start] + block * times + text[start:]


def _change_number(rng: Random, text: str, _flavour: str, _other: str) -> str:
    return _replace_one(rng, text, _NUMBER, rng.choice(NUMBERS))


def _change_value(rng: Random, text: str, _flavour: str, _other: str) -> str:
    values = _VALUE.findall(text[:20_000]) or [""]
    kinds = (rng.choice(values), rng.choice(NUMBERS), rng.choice(HOSTILE), "x" * 100_000)
    return _replace_one(rng, text, _VALUE, rng.choices(kinds, weights=(4, 4, 2, 1))[0])


def _replace_one(rng: Random, text: str, pattern: re.Pattern[str], new: str) -> str:
    found = list(pattern.finditer(text[:200_000]))
    if not found:
        return text
    match = rng.choice(found)
    return text[: match.start()] + new + text[match.end() :]


def _move_tag(rng: Random, text: str, _flavour: str, _other: str) -> str:
    """Delete, double or displace a tag, and with it perhaps what it opens."""
    found = list(_TAG.finditer(text[:200_000]))
    if not found:
        return text
    first = rng.randrange(len(found))
    last = min(first + rng.choice((0, 0, 1, 3, 9)), len(found) - 1)
    start, end = found[first].start(), found[last].end()
    block, rest = text[start:end], text[:start] + text[end:]
    kind = rng.randrange(3)
    if kind == 0:
        return rest
    target = rng.choice(found).start()
    return (rest if kind == 1 else text)[:target] + block + (rest if kind == 1 else text)[target:]


def _shuffle_lines(rng: Random, text: str, _flavour: str, _other: str) -> str:
    lines = text.splitlines(keepends=True)
    if not lines:
        return text
    start = rng.randrange(len(lines))
    end = start + rng.randint(1, 8)
    block = lines[start:end]
    changed = rng.choice(([], block * 2, block[::-1], [line.rstrip("\r\n") for line in block]))
    return "".join([*lines[:start], *changed, *lines[end:]])


def _splice(rng: Random, text: str, _flavour: str, other: str) -> str:
    start = _place(rng, other)
    return _insert(rng, text, other[start : start + rng.choice((10, 100, 1_000, 10_000))])


def _delete(rng: Random, text: str, _flavour: str, _other: str) -> str:
    start = _place(rng, text)
    return text[:start] + text[start + rng.choice((1, 1, 2, 10, 100, 1_000)) :]


def _cut(rng: Random, text: str, _flavour: str, _other: str) -> str:
    return text[: _place(rng, text)]


_MUTATIONS: Final[tuple[Mutation, ...]] = (
    _insert_hostile, _insert_word, _insert_word, _insert_words, _nest, _repeat, _change_number,
    _change_number, _change_value, _change_value, _move_tag, _move_tag, _shuffle_lines, _splice,
    _delete, _delete, _cut,
)  # fmt: skip
