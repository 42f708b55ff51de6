"""Questions that a collection answers, and questions that it does not, with what is found for them.

A set is a folder with `corpus.jsonl` (id, title, text) and `queries.jsonl` (question, answers,
doc_ids, and where it has them fast, gold_passage, answerable, self_contained). Each is asked

- own: as it is;
- hard: of its own collection with what answers it taken away (its gold passage, else its
  documents); a question whose answer still stands in what is then found is left out. Questions
  that the set itself calls unanswerable belong here too;
- easy: of a collection that it has nothing to do with, in the same language.

Sets of topics (graded relevance, labels, no answers to look for) have no hard questions: other
documents on the topic remain when those judged are taken away.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ingest.run import Ingestor
from rag_service.evaluation.calibration import Example
from rag_service.evaluation.metrics import normalize
from rag_service.retrieval.evidence import gather_evidence
from rag_service.retrieval.retriever import HybridSearch
from rag_service.search_types import SearchResult
from rag_service.settings import Settings
from rag_service.store.collection import CollectionView
from rag_service.store.filtering import Allowed
from rag_service.store.library import Library
from rag_service.text.gloss.glossing import Sense, is_chinese

Kind = Literal["own", "hard", "easy"]
Row = dict[str, Any]
_SEED = 20_240_229
_IN_NO_NAME = re.compile(r"[^\w-]")
_EDGE = 40  # characters at either end of a chunk by which it is known to be of a passage


@dataclass(frozen=True, slots=True)
class Case:
    """``held_out``: for reporting, never for fitting."""

    set: str
    kind: Kind
    held_out: bool
    example: Example


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """``doc_ids``: of the collection's catalog, by the set's own."""

    name: str
    rows: list[Row]
    view: CollectionView
    doc_ids: dict[str, int]

    @property
    def is_of_topics(self) -> bool:
        return not any(row["answers"] and "labels" not in row for row in self.rows)

    @property
    def is_chinese(self) -> bool:
        return is_chinese("".join(row["question"] for row in self.rows[:50]))


class _Without:
    """A collection as if some chunks were not in it."""

    def __init__(self, view: CollectionView, gone: set[int]) -> None:
        self._view, self._gone = view, gone

    def __getattr__(self, name: str) -> Any:
        return getattr(self._view, name)

    def search_dense(self, vector: Any, k: int, allowed: Allowed | None = None) -> Any:
        return self._left(self._view.search_dense(vector, k + len(self._gone), allowed), k)

    def search_lexical(self, weights: Any, k: int, allowed: Allowed | None = None) -> Any:
        return self._left(self._view.search_lexical(weights, k + len(self._gone), allowed), k)

    def search_across(
        self,
        words: Sequence[Sequence[Sense]],
        k: int,
        allowed: Allowed | None = None,
        *,
        chinese: bool,
    ) -> Any:
        more = k + len(self._gone)
        return self._left(self._view.search_across(words, more, allowed, chinese=chinese), k)

    def _left(self, found: list[tuple[int, float]], k: int) -> list[tuple[int, float]]:
        return [item for item in found if item[0] not in self._gone][:k]


def open_set(folder: Path, settings: Settings, library: Library) -> QuestionSet:
    """A set over its collection, which is ingested if it is not there."""
    name = folder.name
    names = _file_names(_rows(folder / "corpus.jsonl"))
    if name.replace("_", "-") not in library.names():
        _ingest(folder, names, settings)
    view = library.open(name.replace("_", "-")).view()
    sources = {d.source: d.doc_id for d in view.catalog.documents(limit=2**31)}
    doc_ids = {id_: sources[file] for id_, file in names.items() if file in sources}
    rows = [row for row in _rows(folder / "queries.jsonl") if row.get("self_contained", True)]
    return QuestionSet(name, rows, view, doc_ids)


def cases_of(
    asked: QuestionSet, others: Sequence[QuestionSet], search: HybridSearch, limit: int
) -> Iterator[Case]:
    """At most ``limit`` questions of each kind to report on, and as many to fit on."""
    asker = _Asker(asked, search)
    shuffled = random.Random(_SEED).sample(asked.rows, len(asked.rows))
    for held_out, rows in _halves(shuffled, limit):
        for row in rows:
            yield from asker.own_and_hard(row, held_out=held_out)
    for n, row in enumerate(_foreign(asked, others, 2 * limit)):
        example = asker.unanswered(row["question"], asked.view)
        yield Case(asked.name, "easy", n % 2 == 0, example)


@dataclass(frozen=True, slots=True)
class _Asker:
    set: QuestionSet
    search: HybridSearch

    def own_and_hard(self, row: Row, *, held_out: bool) -> Iterator[Case]:
        question, view = row["question"], self.set.view
        if row.get("answerable") is False:
            yield Case(self.set.name, "hard", held_out, self.unanswered(question, view))
            return
        wanted = {self.set.doc_ids[i] for i in row["doc_ids"] if i in self.set.doc_ids}
        found = self._found(question, view)
        right = _is_answered(found, row, wanted)
        yield Case(self.set.name, "own", held_out, Example(gather_evidence(question, found), right))
        if self.set.is_of_topics:
            return
        found = self._found(question, _Without(view, set(_answering(view, wanted, row))))
        if not _holds_answer(found, row):
            example = Example(gather_evidence(question, found), False)
            yield Case(self.set.name, "hard", held_out, example)

    def unanswered(self, question: str, view: CollectionView) -> Example:
        return Example(gather_evidence(question, self._found(question, view)), False)

    def _found(self, question: str, view: CollectionView | _Without) -> SearchResult:
        top_k = self.search.settings.top_k
        return self.search.search(view, question, top_k=top_k)  # type: ignore[arg-type]


def _is_answered(found: SearchResult, row: Row, wanted: set[int]) -> bool:
    if not any(hit.chunk.doc_id in wanted for hit in found.hits):
        return False
    return _holds_answer(found, row) or not _verbatim(row)


def _holds_answer(found: SearchResult, row: Row) -> bool:
    context = normalize("\n".join(hit.chunk.text for hit in found.hits))
    return any(answer in context for answer in _verbatim(row))


def _verbatim(row: Row) -> list[str]:
    """The answers that stand in the text as they are; free text and labels do not."""
    if "references" in row or "labels" in row:
        return []
    return [words for answer in row["answers"] if (words := normalize(str(answer)))]


def _answering(view: CollectionView, wanted: set[int], row: Row) -> Iterator[int]:
    """The chunks of the gold passage, where the set tells it, else of the whole documents."""
    passage = normalize(row.get("gold_passage", ""))
    for doc_id in wanted:
        for chunk in view.catalog.chunks_of(doc_id):
            text = normalize(chunk.text)
            if not passage or text[:_EDGE] in passage or text[-_EDGE:] in passage:
                yield chunk.chunk_id


def _halves(rows: list[Row], limit: int) -> Iterator[tuple[bool, list[Row]]]:
    """Fast questions to report on, the others to fit on; if all are fast, half and half."""
    fast = [row for row in rows if row.get("fast", True)]
    rest = [row for row in rows if not row.get("fast", True)]
    if not rest:
        fast, rest = fast[::2], fast[1::2]
    yield True, _limited(fast, limit)
    yield False, _limited(rest, limit)


def _limited(rows: list[Row], limit: int) -> list[Row]:
    kinds = (
        [r for r in rows if r.get("answerable", True) is answered] for answered in (True, False)
    )
    return [row for kind in kinds for row in kind[:limit]]


def _foreign(asked: QuestionSet, others: Sequence[QuestionSet], count: int) -> list[Row]:
    """Questions of sets of the same language, the same number of each.

    Sets whose names begin alike have the same documents in another form.
    """
    family = asked.name.split("_")[0]
    apart = [
        o for o in others if o.is_chinese == asked.is_chinese and o.name.split("_")[0] != family
    ]
    drawn = random.Random(_SEED)
    each = count // max(1, len(apart))
    rows = [row for other in apart for row in drawn.sample(other.rows, min(each, len(other.rows)))]
    return drawn.sample(rows, len(rows))


def weighted(cases: Sequence[Case], mix: dict[Kind, float]) -> list[Case]:
    """Cases with weights that give every set the same mass and ``mix`` within it.

    What a set has no hard questions of goes to its easy ones.
    """
    found: list[Case] = []
    for name in dict.fromkeys(case.set for case in cases):
        members = [case for case in cases if case.set == name]
        kinds = [case.kind for case in members]
        shares = dict(mix)
        if "hard" not in kinds:
            shares["easy"] += shares.pop("hard")
        for case in members:
            weight = 100 * shares[case.kind] / sum(mix.values()) / kinds.count(case.kind)
            found.append(replace(case, example=replace(case.example, weight=weight)))
    return found


def _rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _file_names(documents: list[Row]) -> dict[str, str]:
    """A name that sorts as the set does, by the document's id."""
    return {
        document["id"]: f"{n:05d}-{_IN_NO_NAME.sub('_', str(document['id']))[:60]}.txt"
        for n, document in enumerate(documents)
    }


def _ingest(folder: Path, names: dict[str, str], settings: Settings) -> None:
    written = settings.data_dir / "sources" / folder.name
    written.mkdir(parents=True, exist_ok=True)
    for document in _rows(folder / "corpus.jsonl"):
        title = (document.get("title") or "").strip()
        text = f"{title}\n\n{document['text']}" if title else document["text"]
        (written / names[document["id"]]).write_text(text, encoding="utf-8")
    Ingestor(settings).mirror([written], folder.name.replace("_", "-"))
