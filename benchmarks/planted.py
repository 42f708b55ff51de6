"""Planted sentences: what a chat model may write, of which it is known whether it is right.

Made from real documents with questions: faithful ones from the sentences themselves and from
the questions with their answers, wrong ones by changing a number, a name or the sense, or by
taking away the passage that says so. The same seed plants the same sentences.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import planted_changes as changes
from benchmarks.planted_questions import alike_pairs, kind_of, statement
from benchmarks.planted_sets import QuestionSet, Sentence, is_plain
from benchmarks.planted_sources import (
    SOURCES,
    Planted,
    all_of,
    as_hits,
    half_of,
    holding,
    with_home,
    without_home,
)
from rag_service.text.analysis import content_terms
from rag_service.text.sentences import sentence_spans
from rag_service.types import Chunk

MAX_QUESTIONS = 1000
MIN_TITLE = 4  # characters of what is a name for sure

# What becomes of a sentence without changing what it says.
_FAITHFUL: dict[str, Callable[[str, random.Random], str | None]] = {
    "verbatim": lambda sentence, _: sentence,
    "spacing": changes.respaced,
    "width": changes.rewidened,
    "script": changes.other_script,
    "shortened": changes.shortened,
    "reordered": changes.reordered,
    "synonyms": changes.reworded,
}
_WRONG: dict[str, Callable[[str, random.Random], str | None]] = {
    "altered number": changes.renumbered,
    "negated": changes.negated,
}


def planted(folder: Path, per_kind: int, seed: int) -> list[Planted]:
    """Up to ``per_kind`` sentences of each kind from one set."""
    known = QuestionSet(folder)
    found: list[Planted] = []
    for kind, made in _kinds(known, random.Random(f"{seed} {folder.name}")):
        found += _first(made, per_kind, kind)
    return found


def _kinds(known: QuestionSet, rng: random.Random) -> Iterator[tuple[str, Iterator[Planted]]]:
    sentences = list(known.sentences())
    rng.shuffle(sentences)
    for kind, change in _FAITHFUL.items():
        yield kind, _changed(known, sentences, kind, change, rng, right=True)
    yield "merged", _merged(known, sentences, rng)
    for kind, change in _WRONG.items():
        yield kind, _changed(known, sentences, kind, change, rng, right=False)
    yield "not in sources", _missing(known, sentences)
    yield "other document", _foreign(known, sentences)
    questions = [q for q in known.questions if q.get("answers") and q.get("gold_passage")]
    questions = rng.sample(questions, min(len(questions), MAX_QUESTIONS))
    yield "question and answer", _answered(known, questions, rng)
    yield "altered name", _renamed(known, questions, rng)
    yield "wrong answer", _misanswered(known, questions, rng)
    yield "rewritten", _rewritten(known, rng)
    yield "counterfactual", _counterfactual(known)
    yield "other subject", _retitled(known, sentences, rng)


def _changed(
    known: QuestionSet,
    sentences: Sequence[Sentence],
    kind: str,
    change: Callable[[str, random.Random], str | None],
    rng: random.Random,
    *,
    right: bool,
) -> Iterator[Planted]:
    for sentence in rng.sample(sentences, len(sentences)):
        if text := change(sentence.text, rng):
            yield with_home(known, kind, text, sentence.chunk, sentence.text, rng, right=right)


def _merged(
    known: QuestionSet, sentences: Sequence[Sentence], rng: random.Random
) -> Iterator[Planted]:
    for sentence in sentences:
        if is_plain(sentence.following):
            text = changes.merged(sentence.text, sentence.following)
            yield with_home(known, "merged", text, sentence.chunk, sentence.text, rng, right=True)


def _missing(known: QuestionSet, sentences: Sequence[Sentence]) -> Iterator[Planted]:
    """On the topic of the sources, of the same document where there are any, not in them."""
    for sentence in reversed(sentences):
        near = known.nearest(sentence.text, SOURCES, holding(sentence.text))
        if len(near) == SOURCES and not any(_says(c, sentence.text) for c in near):
            yield without_home("not in sources", sentence.text, near, sentence.chunk)


def _foreign(known: QuestionSet, sentences: Sequence[Sentence]) -> Iterator[Planted]:
    for sentence, other in zip(sentences[::2], sentences[1::2], strict=False):
        if sentence.chunk.source != other.chunk.source:
            near = known.nearest(other.text, SOURCES, holding(sentence.text))
            yield without_home("other document", sentence.text, near, sentence.chunk)


def _retitled(
    known: QuestionSet, sentences: Sequence[Sentence], rng: random.Random
) -> Iterator[Planted]:
    """Where the title of the document stands, that of another: the other company's report."""
    titles = sorted({chunk.title for chunk in known.chunks if len(chunk.title) >= MIN_TITLE})
    for sentence in sentences if len(titles) > 1 else ():
        home, other = sentence.chunk, rng.choice(titles)
        text = home.title in titles and changes.renamed(sentence.text, home.title, other)
        if text:
            told = partial(_tells_of, home, other)
            sources = [home, *known.nearest(text, SOURCES - 1, told)]
            yield without_home("other subject", text, sources, home)


def _tells_of(home: Chunk, title: str, chunk: Chunk) -> bool:
    return chunk == home or chunk.title == title or title in chunk.text


def _answered(
    known: QuestionSet, questions: Sequence[dict[str, Any]], rng: random.Random
) -> Iterator[Planted]:
    for question in questions:
        home = _home(known, question)
        text = statement(question["question"], question["answers"][0])
        if home and text:
            yield with_home(known, "question and answer", text, home, "", rng, right=True)


def _misanswered(
    known: QuestionSet, questions: Sequence[dict[str, Any]], rng: random.Random
) -> Iterator[Planted]:
    """The question with the answer of another question of its kind."""
    for question, other in alike_pairs(questions):
        home = _home(known, question)
        text = statement(question["question"], other["answers"][0])
        if home and text and other["answers"][0] not in question["gold_passage"]:
            yield with_home(known, "wrong answer", text, home, "", rng, right=False)


def _renamed(
    known: QuestionSet, questions: Sequence[dict[str, Any]], rng: random.Random
) -> Iterator[Planted]:
    for question, other in alike_pairs(questions):
        home = _home(known, question)
        sentence = home and _sentence_with(home, question["answers"][0])
        if not home or not sentence or kind_of(question["question"]) == "other":
            continue
        if not all(changes.may_be_name(q["answers"][0]) for q in (question, other)):
            continue
        text = changes.renamed(sentence, question["answers"][0], other["answers"][0])
        if text and is_plain(sentence):
            yield with_home(known, "altered name", text, home, sentence, rng, right=False)


def _rewritten(known: QuestionSet, rng: random.Random) -> Iterator[Planted]:
    """Real paraphrases: sentences of reference answers, with the passages they rest on."""
    rows = [q for q in known.questions if q.get("type") in ("factual", "summary", "multi-hop")]
    for question in rng.sample(rows, len(rows)):
        homes = [
            chunk
            for chunk in known.of_document.get(str(question["doc_ids"][0]), [])
            if any(reference in chunk.text for reference in question["references"])
        ]
        answer = question["answers"][0]
        sentences = [answer[start:end] for start, end in sentence_spans(answer)]
        if not 1 <= len(homes) <= SOURCES or not sentences or not is_plain(sentences[0]):
            continue
        near = known.nearest(sentences[0], SOURCES, frozenset(homes).__contains__)
        sources = [*homes, *near][:SOURCES]
        yield Planted(
            "rewritten",
            "zh",
            half_of(homes[0]),
            sentences[0],
            as_hits(sources),
            0,
            all_of(homes[0]),
        )


def _counterfactual(known: QuestionSet) -> Iterator[Planted]:
    """Real passages with the answer falsified, against the true ones."""
    for question in known.questions:
        for false in question.get("counterfactual_passages", [])[:1]:
            homes = [c for n in question["doc_ids"] for c in known.of_document[str(n)]]
            spans = sentence_spans(false)
            texts = [false[a:b] for a, b in spans if question["fake_answer"] in false[a:b]]
            if homes and texts and is_plain(texts[0]):
                sources = [*homes, *known.nearest(false, SOURCES, frozenset(homes).__contains__)]
                yield without_home("counterfactual", texts[0], sources[:SOURCES], homes[0])


def _home(known: QuestionSet, question: dict[str, Any]) -> Chunk | None:
    """The chunk of the gold passage that has the answer, if it is only one."""
    answer = question["answers"][0]
    chunks = [
        chunk
        for chunk in known.of_document[str(question["doc_ids"][0])]
        if answer in chunk.text and chunk.text[:60] in question["gold_passage"]
    ]
    return chunks[0] if len(chunks) == 1 else None


def _says(chunk: Chunk, text: str) -> bool:
    """Whether a sentence of ``chunk`` is nearly ``text``: news are told again and again."""
    wanted = content_terms(text)
    spans = sentence_spans(chunk.text)
    return any(len(wanted & content_terms(chunk.text[a:b])) >= 0.8 * len(wanted) for a, b in spans)


def _sentence_with(chunk: Chunk, answer: str) -> str | None:
    texts = [chunk.text[start:end] for start, end in sentence_spans(chunk.text)]
    return next((text for text in texts if answer in text), None)


def _first(made: Iterable[Planted], count: int, kind: str) -> list[Planted]:
    found: list[Planted] = []
    for plant in made:
        if len(found) == count:
            break
        assert plant.kind == kind
        found.append(plant)
    return found
