"""One planted sentence, and how it is put among sources."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.planted_sets import QuestionSet
from rag_service.text.language import cjk_share
from rag_service.types import Chunk, Hit

SOURCES = 5


@dataclass(frozen=True, slots=True)
class Planted:
    """``text`` as a model may have written it from ``sources``.

    ``home``: index of the source that says so, None where none does. ``place``: where it is
    said, as a span of that source's document.
    """

    kind: str
    language: str
    half: int  # by document: 0 to fit on, 1 to report
    text: str
    sources: tuple[Hit, ...]
    home: int | None
    place: tuple[int, int] = (0, 0)

    @property
    def faithful(self) -> bool:
        return self.home is not None


def with_home(
    known: QuestionSet,
    kind: str,
    text: str,
    home: Chunk,
    sentence: str,
    rng: random.Random,
    *,
    right: bool,
) -> Planted:
    """``text`` among its home and the nearest passages that do not hold ``sentence``.

    ``sentence``: the one of ``home`` that ``text`` was made from, "" where none was.
    ``right``: whether ``home`` says so.
    """
    near = known.nearest(text, SOURCES - 1, lambda c: c == home or (sentence or text) in c.text)
    at = rng.randrange(len(near) + 1)
    sources = [*near[:at], home, *near[at:]]
    start = home.text.find(sentence) if sentence else -1
    place = (home.char_start + start, home.char_start + start + len(sentence))
    return Planted(
        kind,
        _language(text),
        half_of(home),
        text,
        as_hits(sources),
        at if right else None,
        place if start >= 0 else all_of(home),
    )


def without_home(kind: str, text: str, sources: Sequence[Chunk], home: Chunk) -> Planted:
    """``text`` among sources that do not say it; ``home`` is where it was taken from."""
    return Planted(kind, _language(text), half_of(home), text, as_hits(sources), None)


def holding(text: str) -> Callable[[Chunk], bool]:
    return lambda chunk: text in chunk.text


def as_hits(chunks: Sequence[Chunk]) -> tuple[Hit, ...]:
    return tuple(Hit(chunk, 1.0) for chunk in chunks)


def all_of(chunk: Chunk) -> tuple[int, int]:
    return chunk.char_start, chunk.char_end


def half_of(chunk: Chunk) -> int:
    return zlib.crc32(chunk.source.encode()) % 2


def _language(text: str) -> str:
    return "zh" if cjk_share(text) > 0.5 else "en"
