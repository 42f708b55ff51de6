"""What a user is told when the documents do not hold the answer.

Everything that is put into the text comes from outside: it is cut to one line of bounded
length, without control characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rag_service.text.key_terms import key_terms
from rag_service.types import Hit

# Enough to recognise a question, a word and a file by.
SHOWN_QUESTION_CHARS = 80
_SHOWN_TERM_CHARS, _SHOWN_SOURCE_CHARS = 40, 120
_MOST_TERMS, _MOST_PLACES = 8, 3
_READ_CHARS = 500  # enough for as many terms; a question may be a pasted page
_CONTROL = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

Place = tuple[str, int | None]  # a source and a page of it


@dataclass(frozen=True, slots=True)
class LookedFor:
    """``terms`` of the question that were searched for; ``absent``: those in no document."""

    terms: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def looked_for(question: str, occurs: Callable[[str], bool]) -> LookedFor:
    """``occurs``: whether any document is indexed under a token."""
    terms = key_terms(question[:_READ_CHARS])[:_MOST_TERMS]
    return LookedFor(
        tuple(shown(term.surface, _SHOWN_TERM_CHARS) for term in terms),
        tuple(shown(t.surface, _SHOWN_TERM_CHARS) for t in terms if not t.stands_in(occurs)),
    )


def nearest_places(hits: Sequence[Hit]) -> tuple[Place, ...]:
    """Where the best passages stand, each place once."""
    places = dict.fromkeys((hit.chunk.source, hit.chunk.page) for hit in hits)
    return tuple(places)[:_MOST_PLACES]


def refusal_text(
    parts: Mapping[str, str], question: str, terms: LookedFor, places: Sequence[Place]
) -> str:
    """``parts`` of the template; those that are missing or have nothing to say are left out."""
    return "\n".join(_lines(parts, question, terms, places))


def _lines(
    parts: Mapping[str, str], question: str, terms: LookedFor, places: Sequence[Place]
) -> Iterator[str]:
    yield parts["message"].replace("{question}", shown(question, SHOWN_QUESTION_CHARS))
    for name, listed in (("searched", terms.terms), ("absent", terms.absent)):
        if listed and name in parts:
            yield parts[name].replace("{terms}", _joined(parts.get("between", ","), listed))
    if places and "nearest" in parts:
        yield parts["nearest"]
        yield from (f"- {_place(parts, *place)}" for place in places)


def _joined(between: str, terms: Sequence[str]) -> str:
    separator = between if unicodedata.east_asian_width(between[-1]) == "W" else f"{between} "
    return separator.join(f"“{term}”" for term in terms)


def _place(parts: Mapping[str, str], source: str, page: int | None) -> str:
    name = shown(source, _SHOWN_SOURCE_CHARS)
    if page is None or "page" not in parts:
        return name
    return parts["page"].replace("{page}", str(page)).replace("{source}", name)


def shown(text: str, limit: int) -> str:
    """One line of at most ``limit`` characters and "…", nothing in it that steers a terminal."""
    spaced = "".join(" " if unicodedata.category(c) in _CONTROL else c for c in text)
    line = " ".join(spaced.split())
    return line if len(line) <= limit else line[:limit].rstrip() + "…"
