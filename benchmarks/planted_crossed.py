"""Planted sentences in another language than their sources, made from two parallel sets.

A sentence of one set is a human translation of the one at the same place of the other, so it
says what that one says; what is changed in it, or has lost its counterpart, does not.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from benchmarks import planted_changes as changes
from benchmarks.planted_questions import alike_pairs, kind_of, statement
from benchmarks.planted_sets import QuestionSet, is_plain
from benchmarks.planted_sources import SOURCES, Planted, holding, with_home, without_home
from rag_service.text.language import cjk_share
from rag_service.text.sentences import sentence_spans
from rag_service.types import Chunk

# What becomes of a translated sentence, and whether it still says the same.
_CHANGES: dict[str, tuple[bool, Callable[[str, random.Random], str | None]]] = {
    "translated": (True, lambda text, _: text),
    "translated, shortened": (True, changes.shortened),
    "translated, altered number": (False, changes.renumbered),
    "translated, negated": (False, changes.negated),
}


@dataclass(frozen=True, slots=True)
class _Pair:
    """``text`` in one language, and where the other one says it."""

    text: str
    home: Chunk
    place: str


def crossed(asked: Path, read: Path, per_kind: int, seed: int) -> list[Planted]:
    """Sentences of one parallel set with the passages of the other: right and altered ones."""
    known, other = QuestionSet(read), QuestionSet(asked)
    # An article is in the same half whichever of its languages is read.
    known.chunks = [replace(c, source=f"article {c.doc_id}") for c in known.chunks]
    rng = random.Random(f"{seed} {asked.name} {read.name}")
    passages = {q["pair"]: q["gold_passage"] for q in known.questions}
    paired = {q["gold_passage"]: passages[q["pair"]] for q in other.questions}
    pairs = [
        pair
        for own, foreign in rng.sample(sorted(paired.items()), len(paired))
        for pair in _parallel(known, own, foreign)
        if is_plain(pair.text)
    ]
    made = (
        *(_changed(known, pairs, kind, rng) for kind in _CHANGES),
        _missing(known, pairs),
        _cut_out(known, pairs),
        _renamed(known, other, passages, rng),
        _answered(known, other, passages, rng),
        _misanswered(known, other, passages, rng),
    )
    return [_across(plant) for plants in made for plant in islice(plants, per_kind)]


def _changed(
    known: QuestionSet, pairs: Sequence[_Pair], kind: str, rng: random.Random
) -> Iterator[Planted]:
    right, change = _CHANGES[kind]
    for pair in pairs:
        if text := change(pair.text, rng):
            yield with_home(known, kind, text, pair.home, pair.place, rng, right=right)


def _missing(known: QuestionSet, pairs: Sequence[_Pair]) -> Iterator[Planted]:
    """On the topic of the sources, not in them."""
    for pair in pairs:
        near = known.nearest(pair.place, SOURCES, holding(pair.place))
        yield without_home("translated, not in sources", pair.text, near, pair.home)


def _cut_out(known: QuestionSet, pairs: Sequence[_Pair]) -> Iterator[Planted]:
    """The very paragraph is there, but for the sentence that says so."""
    for pair in reversed(pairs):
        before, _, after = pair.home.text.partition(pair.place)
        if len(before) + len(after) > len(pair.place):
            near = known.nearest(pair.place, SOURCES - 1, holding(pair.place))
            sources = [replace(pair.home, text=before + after), *near]
            yield without_home("translated, cut out", pair.text, sources, pair.home)


def _renamed(
    known: QuestionSet, other: QuestionSet, passages: dict[str, str], rng: random.Random
) -> Iterator[Planted]:
    """With one name in the place of another, told by the capitals of their English forms."""
    english = {
        q["pair"]: q["answers"][0]
        for of in (known, other)
        for q in of.questions
        if q["lang"] == "en"
    }
    named = [q for q in other.questions if changes.may_be_name(english[q["pair"]])]
    for question, instead in alike_pairs(rng.sample(named, len(named))):
        name, foreign = question["answers"][0], passages[question["pair"]]
        if kind_of(question["question"]) == "other" or name not in question["gold_passage"]:
            continue
        for pair in _parallel(known, question["gold_passage"], foreign):
            text = changes.renamed(pair.text, name, instead["answers"][0])
            if text and is_plain(pair.text):
                kind = "translated, altered name"
                yield with_home(known, kind, text, pair.home, pair.place, rng, right=False)


def _answered(
    known: QuestionSet, other: QuestionSet, passages: dict[str, str], rng: random.Random
) -> Iterator[Planted]:
    for question in rng.sample(other.questions, len(other.questions)):
        home = _gold(known, passages[question["pair"]], question["pair"])
        text = statement(question["question"], question["answers"][0])
        if home and text:
            kind = "translated, question and answer"
            yield with_home(known, kind, text, home, "", rng, right=True)


def _misanswered(
    known: QuestionSet, other: QuestionSet, passages: dict[str, str], rng: random.Random
) -> Iterator[Planted]:
    """The question with the answer of another question of its kind."""
    for question, instead in alike_pairs(rng.sample(other.questions, len(other.questions))):
        home = _gold(known, passages[question["pair"]], question["pair"])
        text = statement(question["question"], instead["answers"][0])
        if home and text and instead["answers"][0] not in question["gold_passage"]:
            kind = "translated, wrong answer"
            yield with_home(known, kind, text, home, "", rng, right=False)


def _gold(known: QuestionSet, passage: str, pair: str) -> Chunk | None:
    """The chunk of ``passage`` that has the answer of the question, if it is only one."""
    answers = [q["answers"][0] for q in known.questions if q["pair"] == pair]
    chunks = [c for c in known.chunks if c.text[:60] in passage and answers[0] in c.text]
    return chunks[0] if len(chunks) == 1 else None


def _across(plant: Planted) -> Planted:
    language = "zh→en" if cjk_share(plant.text) > 0.5 else "en→zh"
    return replace(plant, language=language)


def _parallel(known: QuestionSet, own: str, foreign: str) -> Iterator[_Pair]:
    """Sentences that stand at the same place of two passages with as many sentences."""
    ours, theirs = sentence_spans(own), sentence_spans(foreign)
    if len(ours) != len(theirs):
        return
    for (a, b), (c, d) in zip(ours, theirs, strict=True):
        home = next((chunk for chunk in known.chunks if foreign[c:d] in chunk.text), None)
        if home:
            yield _Pair(own[a:b], home, foreign[c:d])
