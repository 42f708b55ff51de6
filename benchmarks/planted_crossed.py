"""Planted sentences in another language than their sources, made from two parallel sets."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks import planted_changes as changes
from benchmarks.planted_questions import alike_pairs, kind_of
from benchmarks.planted_sets import QuestionSet, is_plain
from benchmarks.planted_sources import SOURCES, Planted, holding, with_home, without_home
from rag_service.text.language import cjk_share
from rag_service.text.sentences import sentence_spans


def crossed(asked: Path, read: Path, per_kind: int, seed: int) -> list[Planted]:
    """Sentences of one parallel set with the passages of the other: right and altered ones."""
    known, other = QuestionSet(read), QuestionSet(asked)
    rng = random.Random(f"{seed} {asked.name} {read.name}")
    passages = {q["pair"]: q["gold_passage"] for q in known.questions}
    pairs = {q["gold_passage"]: passages[q["pair"]] for q in other.questions}
    found: dict[str, list[Planted]] = defaultdict(list)
    for own, foreign in rng.sample(sorted(pairs.items()), len(pairs)):
        for text, place in _parallel(own, foreign):
            home = next((c for c in known.chunks if place in c.text), None)
            if home is None or not is_plain(text):
                continue
            language = _direction(text)
            for kind, right, made in (
                ("translated", True, text),
                ("translated, altered number", False, changes.renumbered(text, rng)),
                ("translated, negated", False, changes.negated(text, rng)),
            ):
                if made:
                    plant = with_home(known, kind, made, home, place, rng, right=right)
                    found[kind].append(replace(plant, language=language))
            near = known.nearest(place, SOURCES, holding(place))
            missing = without_home("translated, not in sources", text, near, home)
            found[missing.kind].append(replace(missing, language=language))
    found["translated, altered name"] = list(_renamed_across(known, other, passages, rng))
    return [plant for plants in found.values() for plant in plants[:per_kind]]


def _renamed_across(
    known: QuestionSet, other: QuestionSet, passages: dict[str, str], rng: random.Random
) -> Iterator[Planted]:
    for question, instead in alike_pairs(rng.sample(other.questions, len(other.questions))):
        name, foreign = question["answers"][0], passages[question["pair"]]
        if kind_of(question["question"]) == "other" or name not in question["gold_passage"]:
            continue
        for text, place in _parallel(question["gold_passage"], foreign):
            home = next((c for c in known.chunks if place in c.text), None)
            made = changes.renamed(text, name, instead["answers"][0])
            if home and made and is_plain(text):
                kind = "translated, altered name"
                plant = with_home(known, kind, made, home, place, rng, right=False)
                yield replace(plant, language=_direction(text))


def _direction(text: str) -> str:
    return "zh→en" if cjk_share(text) > 0.5 else "en→zh"


def _parallel(own: str, foreign: str) -> Iterator[tuple[str, str]]:
    """Sentences that stand at the same place of two passages with as many sentences."""
    ours, theirs = sentence_spans(own), sentence_spans(foreign)
    if len(ours) == len(theirs):
        for (a, b), (c, d) in zip(ours, theirs, strict=True):
            yield own[a:b], foreign[c:d]
