"""How `rag search --explain` shows the way of each candidate."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from rag_service.console import one_line, say, show_table
from rag_service.search_types import CandidateTrace, SearchTrace, StagePlace
from rag_service.text.highlight import matched_spans
from rag_service.types import LegScore

_SHOWN_TERMS = 6
_SHOWN_DROPPED = 20
_MARK = "bold yellow"


def show_trace(trace: SearchTrace) -> None:
    """The results with their ranks and scores, their passages, and who was left out."""
    say(f"Searched for: {one_line(' '.join(trace.terms))}")
    if trace.gloss_terms:
        say(f"In the other language, for: {one_line(' '.join(trace.gloss_terms))}")
    if trace.results:
        _show_places(trace.results)
        for rank, candidate in enumerate(trace.results, start=1):
            _show_passage(rank, candidate)
    if trace.dropped:
        _show_dropped(trace.dropped)


def _show_places(results: Sequence[CandidateTrace]) -> None:
    legs = list(dict.fromkeys(name for candidate in results for name in candidate.legs))
    stages = list(dict.fromkeys(place.stage for each in results for place in each.stages))
    say("\nEach place: rank (score)")
    show_table(
        ["rank", "source", "page", *legs, *stages, "terms (how much each says)"],
        [
            (
                rank,
                _source(candidate),
                candidate.chunk.page if candidate.chunk else None,
                *(_leg(candidate.legs.get(name)) for name in legs),
                *(_stage(candidate.stages, name) for name in stages),
                _terms(candidate),
            )
            for rank, candidate in enumerate(results, start=1)
        ],
    )


def _source(candidate: CandidateTrace) -> str | None:
    return candidate.chunk.source if candidate.chunk else None


def _leg(leg: LegScore | None) -> str | None:
    return f"{leg.rank} ({leg.score:.3g})" if leg else None


def _stage(places: Sequence[StagePlace], name: str) -> str | None:
    place = next((place for place in places if place.stage == name), None)
    return f"{place.rank} ({place.score:.2f})" if place else None


def _terms(candidate: CandidateTrace) -> str:
    # A Chinese word is indexed as its letters and its pairs; the pairs are enough to see.
    paired = {letter for each in candidate.terms if len(each.term) == 2 for letter in each.term}
    told = [each for each in candidate.terms if each.term not in paired]
    shown = [f"{each.term} {each.idf:.1f}" for each in told[:_SHOWN_TERMS]]
    more = len(told) - len(shown)
    return ", ".join([*shown, *([f"and {more} more"] if more else [])])


def _show_passage(rank: int, candidate: CandidateTrace) -> None:
    """The passage with what it was found by in colour, or between asterisks in a pipe."""
    if candidate.chunk is None:
        return
    terminal = sys.stdout.isatty()
    shown = Text(f"\n{rank}. ")
    text, position = candidate.chunk.text, 0
    for start, end in matched_spans(text, {matched.term for matched in candidate.terms}):
        shown.append(_visible(text[position:start]))
        word = _visible(text[start:end])
        shown.append(word, _MARK) if terminal else shown.append(f"*{word}*")
        position = end
    shown.append(_visible(text[position:]))
    Console(file=sys.stdout, highlight=False, soft_wrap=True).print(shown)


def _visible(text: str) -> str:
    """``text`` on one line and without control characters, keeping blanks at its ends."""
    start, end = text[:1].isspace(), text[-1:].isspace()
    inner = one_line(text)
    return f"{' ' * start}{inner}{' ' * end}" if inner else " " * start


def _show_dropped(dropped: Sequence[CandidateTrace]) -> None:
    say("\nNot among the results:")
    show_table(
        ["passage", "source", "page", "found by", "came to", "why not"],
        [
            (
                candidate.chunk_id,
                _source(candidate),
                candidate.chunk.page if candidate.chunk else None,
                ", ".join(f"{name} {_leg(leg)}" for name, leg in candidate.legs.items()),
                _last(candidate),
                candidate.reason,
            )
            for candidate in dropped[:_SHOWN_DROPPED]
        ],
    )
    if len(dropped) > _SHOWN_DROPPED:
        say(f"and {len(dropped) - _SHOWN_DROPPED} more; --json lists all of them")


def _last(candidate: CandidateTrace) -> str:
    place = candidate.stages[-1]
    return f"{place.stage} {place.rank} ({place.score:.2f})"
