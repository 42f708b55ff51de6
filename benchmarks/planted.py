"""Planted sentences: what a chat model may write, of which it is known whether it is right.

Made from real documents with questions: faithful ones from the sentences themselves and from
the questions with their answers, wrong ones by changing a number, a name or the sense, or by
taking away the passage that says so. The same seed plants the same sentences.
"""

from __future__ import annotations

import json
import random
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import nlargest
from math import log
from pathlib import Path
from typing import Any

from benchmarks import planted_changes as changes
from benchmarks.planted_questions import kind_of, statement
from rag_service.text.analysis import content_terms
from rag_service.text.language import cjk_share
from rag_service.text.sentences import sentence_spans
from rag_service.text.tokens import estimated_tokens
from rag_service.types import Chunk, Hit

SOURCES = 5
MAX_DOCUMENTS = 600  # of a set
MAX_QUESTIONS = 1000
CHUNK_TOKENS = 160
_WORDS_OF_A_SENTENCE = (8, 45)

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


@dataclass(frozen=True, slots=True)
class Sentence:
    chunk: Chunk
    text: str
    start: int  # in the chunk
    following: str


class QuestionSet:
    """A folder with ``corpus.jsonl`` and ``queries.jsonl``, cut into passages."""

    def __init__(self, folder: Path) -> None:
        self.documents = list(_rows(folder / "corpus.jsonl"))[:MAX_DOCUMENTS]
        self.questions = list(_rows(folder / "queries.jsonl"))
        self.chunks = [chunk for n, row in enumerate(self.documents) for chunk in _chunks(n, row)]
        self.chunks = [
            Chunk(
                n,
                c.doc_id,
                c.ordinal,
                c.source,
                c.title,
                "",
                None,
                c.char_start,
                c.char_end,
                c.text,
            )
            for n, c in enumerate(self.chunks)
        ]

    @cached_property
    def _postings(self) -> dict[str, list[int]]:
        postings: dict[str, list[int]] = defaultdict(list)
        for chunk in self.chunks:
            for term in content_terms(chunk.text):
                postings[term].append(chunk.chunk_id)
        return postings

    @cached_property
    def of_document(self) -> dict[str, list[Chunk]]:
        found: dict[str, list[Chunk]] = defaultdict(list)
        for chunk in self.chunks:
            found[chunk.source].append(chunk)
        return found

    def nearest(self, text: str, count: int, without: Callable[[Chunk], bool]) -> list[Chunk]:
        """The chunks that share the rarest terms with ``text``."""
        scores: dict[int, float] = defaultdict(float)
        for term in content_terms(text):
            holding = self._postings.get(term, [])
            if len(holding) < len(self.chunks) / 4:  # others tell little and cost much
                weight = log(len(self.chunks) / len(holding)) if holding else 0.0
                for chunk_id in holding:
                    scores[chunk_id] += weight
        ranked = nlargest(count + 50, scores, key=lambda chunk_id: (scores[chunk_id], -chunk_id))
        found = (self.chunks[chunk_id] for chunk_id in ranked)
        return [chunk for chunk in found if not without(chunk)][:count]

    def sentences(self) -> Iterator[Sentence]:
        """Those that say enough and stand in one chunk only."""
        for chunk in self.chunks:
            spans = sentence_spans(chunk.text)
            for (start, end), after in zip(spans, [*spans[1:], (0, 0)], strict=True):
                text = chunk.text[start:end]
                if _is_plain(text):
                    yield Sentence(chunk, text, start, chunk.text[after[0] : after[1]])


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
            yield _plant(known, kind, text, sentence.chunk, sentence.text, rng, right=right)


def _merged(
    known: QuestionSet, sentences: Sequence[Sentence], rng: random.Random
) -> Iterator[Planted]:
    for sentence in sentences:
        if _is_plain(sentence.following):
            text = changes.merged(sentence.text, sentence.following)
            yield _plant(known, "merged", text, sentence.chunk, sentence.text, rng, right=True)


def _missing(known: QuestionSet, sentences: Sequence[Sentence]) -> Iterator[Planted]:
    """On the topic of the sources, of the same document where there are any, not in them."""
    for sentence in reversed(sentences):
        near = known.nearest(sentence.text, SOURCES, _holding(sentence.text))
        if len(near) == SOURCES and not any(_says(c, sentence.text) for c in near):
            yield _unsupported("not in sources", sentence.text, near, sentence.chunk)


def _foreign(known: QuestionSet, sentences: Sequence[Sentence]) -> Iterator[Planted]:
    for sentence, other in zip(sentences[::2], sentences[1::2], strict=False):
        if sentence.chunk.source != other.chunk.source:
            near = known.nearest(other.text, SOURCES, _holding(sentence.text))
            yield _unsupported("other document", sentence.text, near, sentence.chunk)


def _answered(
    known: QuestionSet, questions: Sequence[dict[str, Any]], rng: random.Random
) -> Iterator[Planted]:
    for question in questions:
        home = _home(known, question)
        text = statement(question["question"], question["answers"][0])
        if home and text:
            yield _plant(known, "question and answer", text, home, "", rng, right=True)


def _misanswered(
    known: QuestionSet, questions: Sequence[dict[str, Any]], rng: random.Random
) -> Iterator[Planted]:
    """The question with the answer of another question of its kind."""
    for question, other in _pairs(questions):
        home = _home(known, question)
        text = statement(question["question"], other["answers"][0])
        if home and text and other["answers"][0] not in question["gold_passage"]:
            yield _plant(known, "wrong answer", text, home, "", rng, right=False)


def _renamed(
    known: QuestionSet, questions: Sequence[dict[str, Any]], rng: random.Random
) -> Iterator[Planted]:
    for question, other in _pairs(questions):
        home = _home(known, question)
        sentence = home and _sentence_with(home, question["answers"][0])
        if not home or not sentence or kind_of(question["question"]) == "other":
            continue
        text = changes.renamed(sentence, question["answers"][0], other["answers"][0])
        if text and _is_plain(sentence):
            yield _plant(known, "altered name", text, home, sentence, rng, right=False)


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
        if not 1 <= len(homes) <= SOURCES or not sentences or not _is_plain(sentences[0]):
            continue
        near = known.nearest(sentences[0], SOURCES, frozenset(homes).__contains__)
        sources = [*homes, *near][:SOURCES]
        yield Planted(
            "rewritten", "zh", _half(homes[0]), sentences[0], _hits(sources), 0, _all_of(homes[0])
        )


def _counterfactual(known: QuestionSet) -> Iterator[Planted]:
    """Real passages with the answer falsified, against the true ones."""
    for question in known.questions:
        for false in question.get("counterfactual_passages", [])[:1]:
            homes = [c for n in question["doc_ids"] for c in known.of_document[str(n)]]
            spans = sentence_spans(false)
            texts = [false[a:b] for a, b in spans if question["fake_answer"] in false[a:b]]
            if homes and texts and _is_plain(texts[0]):
                sources = [*homes, *known.nearest(false, SOURCES, frozenset(homes).__contains__)]
                yield _unsupported("counterfactual", texts[0], sources[:SOURCES], homes[0])


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
            if home is None or not _is_plain(text):
                continue
            language = "zh→en" if cjk_share(text) > 0.5 else "en→zh"
            for kind, right, made in (
                ("translated", True, text),
                ("translated, altered number", False, changes.renumbered(text, rng)),
                ("translated, negated", False, changes.negated(text, rng)),
            ):
                if made:
                    plant = _plant(known, kind, made, home, place, rng, right=right)
                    found[kind].append(_in_language(plant, language))
            near = known.nearest(place, SOURCES, _holding(place))
            missing = _unsupported("translated, not in sources", text, near, home)
            found[missing.kind].append(_in_language(missing, language))
    found["translated, altered name"] = list(_renamed_across(known, other, passages, rng))
    return [plant for plants in found.values() for plant in plants[:per_kind]]


def _renamed_across(
    known: QuestionSet, other: QuestionSet, passages: dict[str, str], rng: random.Random
) -> Iterator[Planted]:
    for question, instead in _pairs(rng.sample(other.questions, len(other.questions))):
        name, foreign = question["answers"][0], passages[question["pair"]]
        if kind_of(question["question"]) == "other" or name not in question["gold_passage"]:
            continue
        for text, place in _parallel(question["gold_passage"], foreign):
            home = next((c for c in known.chunks if place in c.text), None)
            made = changes.renamed(text, name, instead["answers"][0])
            if home and made and _is_plain(text):
                kind = "translated, altered name"
                plant = _plant(known, kind, made, home, place, rng, right=False)
                yield _in_language(plant, "zh→en" if cjk_share(text) > 0.5 else "en→zh")


def _in_language(plant: Planted, language: str) -> Planted:
    return Planted(
        plant.kind, language, plant.half, plant.text, plant.sources, plant.home, plant.place
    )


def _parallel(own: str, foreign: str) -> Iterator[tuple[str, str]]:
    """Sentences that stand at the same place of two passages with as many sentences."""
    ours, theirs = sentence_spans(own), sentence_spans(foreign)
    if len(ours) == len(theirs):
        for (a, b), (c, d) in zip(ours, theirs, strict=True):
            yield own[a:b], foreign[c:d]


# --- pieces ------------------------------------------------------------------------


def _plant(
    known: QuestionSet,
    kind: str,
    text: str,
    home: Chunk,
    sentence: str,
    rng: random.Random,
    *,
    right: bool,
) -> Planted:
    near = known.nearest(text, SOURCES - 1, lambda c: c == home or (sentence or text) in c.text)
    at = rng.randrange(len(near) + 1)
    sources = [*near[:at], home, *near[at:]]
    start = home.text.find(sentence) if sentence else -1
    place = (home.char_start + start, home.char_start + start + len(sentence))
    return Planted(
        kind,
        _language(text),
        _half(home),
        text,
        _hits(sources),
        at if right else None,
        place if start >= 0 else _all_of(home),
    )


def _unsupported(kind: str, text: str, sources: Sequence[Chunk], home: Chunk) -> Planted:
    return Planted(kind, _language(text), _half(home), text, _hits(sources), None)


def _pairs(
    questions: Sequence[dict[str, Any]],
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each question with another of its kind, of the same document where there is one."""
    by_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for question in questions:
        by_kind[kind_of(question["question"])].append(question)
    for question in questions:
        alike = [q for q in by_kind[kind_of(question["question"])] if _may_replace(question, q)]
        near = [q for q in alike if q["doc_ids"] == question["doc_ids"]] or alike
        if near:
            yield question, near[zlib.crc32(question["id"].encode()) % len(near)]


def _may_replace(question: dict[str, Any], other: dict[str, Any]) -> bool:
    one, two = question["answers"][0], other["answers"][0]
    plain = not re.search(r"\d", one + two)
    return one != two and one not in two and two not in one and plain and len(two) < 40


def _home(known: QuestionSet, question: dict[str, Any]) -> Chunk | None:
    """The chunk of the gold passage that has the answer, if it is only one."""
    answer = question["answers"][0]
    chunks = [
        chunk
        for chunk in known.of_document[str(question["doc_ids"][0])]
        if answer in chunk.text and chunk.text[:60] in question["gold_passage"]
    ]
    return chunks[0] if len(chunks) == 1 else None


def _holding(text: str) -> Callable[[Chunk], bool]:
    return lambda chunk: text in chunk.text


def _says(chunk: Chunk, text: str) -> bool:
    """Whether a sentence of ``chunk`` is nearly ``text``: news are told again and again."""
    wanted = content_terms(text)
    spans = sentence_spans(chunk.text)
    return any(len(wanted & content_terms(chunk.text[a:b])) >= 0.8 * len(wanted) for a, b in spans)


def _sentence_with(chunk: Chunk, answer: str) -> str | None:
    texts = [chunk.text[start:end] for start, end in sentence_spans(chunk.text)]
    return next((text for text in texts if answer in text), None)


def _chunks(n: int, row: dict[str, Any]) -> Iterator[Chunk]:
    """Whole sentences up to `CHUNK_TOKENS`, as an ingested document would have them."""
    text = row["text"]
    spans = sentence_spans(text)
    packed: list[tuple[int, int]] = []
    for start, end in spans:
        if packed and estimated_tokens(text[packed[-1][0] : end]) <= CHUNK_TOKENS:
            packed[-1] = (packed[-1][0], end)
        else:
            packed.append((start, end))
    for ordinal, (start, end) in enumerate(packed):
        title = row.get("title", "")
        yield Chunk(0, n, ordinal, str(row["id"]), title, "", None, start, end, text[start:end])


def _is_plain(text: str) -> bool:
    """Whether ``text`` is a sentence of ordinary length, not a heading or a list."""
    least, most = _WORDS_OF_A_SENTENCE
    words = len(text.split()) if cjk_share(text) <= 0.5 else len(text) / 2
    ends = text.rstrip("\"'”’」』）)")[-1:] in tuple(".。")
    cut = text.endswith(("..", "…")) or re.search(r"[\n|\[\]]|^\W*\d+[.、]", text)
    return least <= words <= most and ends and not cut


def _first(made: Iterable[Planted], count: int, kind: str) -> list[Planted]:
    found: list[Planted] = []
    for plant in made:
        if len(found) == count:
            break
        assert plant.kind == kind
        found.append(plant)
    return found


def _hits(chunks: Sequence[Chunk]) -> tuple[Hit, ...]:
    return tuple(Hit(chunk, 1.0) for chunk in chunks)


def _all_of(chunk: Chunk) -> tuple[int, int]:
    return chunk.char_start, chunk.char_end


def _half(chunk: Chunk) -> int:
    return zlib.crc32(chunk.source.encode()) % 2


def _language(text: str) -> str:
    return "zh" if cjk_share(text) > 0.5 else "en"


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
