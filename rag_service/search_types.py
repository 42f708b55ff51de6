"""What a search finds, and how that came about. No heavy imports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rag_service.types import Chunk, Hit, LegScore


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits of one query at one revision of the collection.

    ``legs`` names the legs that voted; ``notes`` says in plain words why one did not.
    ``leg_scores`` are the best scores of each leg, best first, on its own scale. ``glossed``:
    the embedding model read Chinese through the dictionary. ``trace`` is there when it was asked
    for.
    """

    hits: tuple[Hit, ...]
    revision: int
    legs: tuple[str, ...]
    notes: tuple[str, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)  # milliseconds
    trace: SearchTrace | None = None
    leg_scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    glossed: bool = False
    read_as: str = ""  # the question with what misspelled words are taken for; "" as it was asked


@dataclass(frozen=True, slots=True)
class MatchedTerm:
    """A term of the question, as analysed, that stands in a passage or in its context."""

    term: str
    idf: float
    in_text: int  # how often in the text and table header
    in_context: int  # how often in title and headings
    in_gloss: int = 0  # how often in the English gloss of a Chinese passage


@dataclass(frozen=True, slots=True)
class StagePlace:
    """Where one stage after the legs left a candidate. ``rank`` starts at 1."""

    stage: str
    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class CandidateTrace:
    """The way of one candidate through a search.

    ``chunk`` is None when it is gone from the catalog. ``stages`` are in order, as far as it
    came. ``reason`` says why it is not among the results; "" for a result.
    """

    chunk_id: int
    chunk: Chunk | None
    legs: Mapping[str, LegScore]  # by the leg's name; of those it was a candidate of
    stages: tuple[StagePlace, ...]
    terms: tuple[MatchedTerm, ...]  # those that say most first
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SearchTrace:
    """How a result came about: ``results`` in the order of its hits, then who was ``dropped``."""

    terms: tuple[str, ...]  # what the lexical leg searched for
    results: tuple[CandidateTrace, ...]
    dropped: tuple[CandidateTrace, ...]
    gloss_terms: tuple[str, ...] = ()  # what it searched for across languages, in English
