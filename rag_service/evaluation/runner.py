"""Asks the questions, one after the other, and judges what comes back."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from rag_service.errors import InvalidRequest
from rag_service.evaluation.metrics import (
    answer_in_context,
    hit_at,
    ndcg_at,
    recall_at,
    reciprocal_rank_at,
)
from rag_service.evaluation.questions import EvalQuestion
from rag_service.evaluation.runs import Outcome, Run
from rag_service.evaluation.target import DocumentName, Passage, Target

TOP_K = 20  # passages searched for: ten distinct documents are usually among them
DEPTH = 10  # documents that rank metrics look at
BUDGETS = (256, 512, 1024)  # tokens of context
_SHOWN_NAMES = 3

# What is found and wanted: a document by its source, or one page of it.
Unit = tuple[str, int | None]


def evaluate(
    questions: Sequence[EvalQuestion],
    target: Target,
    *,
    label: str = "run",
    ask: bool | None = None,
    on_question: Callable[[], None] = lambda: None,
) -> Run:
    """Search for every question, ask it where ``ask`` says so, and judge the results.

    Args:
        ask: also make answers, for refusals; None: if some question has no answer.
        on_question: called after each question.

    Raises:
        InvalidRequest: no document that the questions name is in the collection.
        RagError: whatever the target raises.
    """
    if ask is None:
        ask = not all(question.answerable for question in questions)
    wanted, notes = resolve_documents(questions, target.documents())
    if questions:  # opens indexes and connections, which no question should be charged for
        target.search(questions[0].question, TOP_K)
    outcomes: list[Outcome] = []
    for question, units in zip(questions, wanted, strict=True):
        outcomes.append(_outcome(question, units, target, ask=ask))
        on_question()
    return Run(
        label=label,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        target=target.describe(),
        notes=notes,
        outcomes=tuple(outcomes),
    )


def _outcome(
    question: EvalQuestion, wanted: frozenset[Unit], target: Target, *, ask: bool
) -> Outcome:
    started = time.perf_counter()
    passages = target.search(question.question, TOP_K)
    searched = time.perf_counter()
    reply = target.ask(question.question) if ask else None
    asked = time.perf_counter()
    ranked = _ranked(passages, by_page=bool(question.pages))
    return Outcome(
        id=question.id,
        question=question.question,
        lang=question.lang,
        tags=question.tags,
        answerable=question.answerable,
        metrics=dict(_metrics(question, wanted, ranked, passages)),
        refused=reply and reply.refused,
        confidence=reply and reply.confidence,
        found=tuple(_shown(unit) for unit in ranked),
        search_ms=_ms(searched - started),
        ask_ms=_ms(asked - searched) if reply else None,
    )


def _metrics(
    question: EvalQuestion,
    wanted: frozenset[Unit],
    ranked: Sequence[Unit],
    passages: Sequence[Passage],
) -> Iterator[tuple[str, float]]:
    if wanted:
        relevant = [unit in wanted for unit in ranked]
        for k in (1, 5, 10):
            yield f"hit@{k}", hit_at(relevant, k)
        for k in (5, 10):
            yield f"recall@{k}", recall_at(relevant, k, len(wanted))
        yield "ndcg@10", ndcg_at(relevant, 10, len(wanted))
        yield "mrr@10", reciprocal_rank_at(relevant, 10)
    if question.answers:
        texts = [passage.text for passage in passages]
        for budget in BUDGETS:
            yield f"answer_in_context@{budget}", answer_in_context(texts, question.answers, budget)


def _ranked(passages: Sequence[Passage], *, by_page: bool) -> list[Unit]:
    """The first distinct documents, or pages of documents."""
    units = ((folded_name(p.source), p.page if by_page else None) for p in passages)
    return list(dict.fromkeys(units))[:DEPTH]


def _shown(unit: Unit) -> str:
    source, page = unit
    return source if page is None else f"{source} p. {page}"


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 3)


def resolve_documents(
    questions: Sequence[EvalQuestion], documents: Sequence[DocumentName]
) -> tuple[list[frozenset[Unit]], tuple[str, ...]]:
    """What each question wants found, and a note on names that fit no document.

    Such a name stays wanted: that the document is missing is a failure of the collection.
    """
    names = _Names(documents)
    wanted = [frozenset(names.wanted(question)) for question in questions]
    if not names.unknown:
        return wanted, ()
    shown = ", ".join(repr(name) for name in list(names.unknown)[:_SHOWN_NAMES])
    if not names.known:
        raise InvalidRequest(
            f"None of the documents that the questions name is in the collection, e.g. {shown}. "
            "Name them as `rag search` shows them, or choose another --collection."
        )
    return wanted, (
        f"{len(names.unknown)} documents named by questions are not in the collection and count "
        f"as not found: {shown}{', …' if len(names.unknown) > _SHOWN_NAMES else ''}.",
    )


class _Names:
    """Finds documents by the names that questions give them, and remembers what it found."""

    def __init__(self, documents: Sequence[DocumentName]) -> None:
        self._sources = dict.fromkeys(folded_name(document.source) for document in documents)
        self._by_title: dict[str, list[str]] = {}
        for document in documents:
            titled = self._by_title.setdefault(folded_name(document.title).casefold(), [])
            titled.append(folded_name(document.source))
        self._found: dict[str, list[str]] = {}
        self.known: dict[str, None] = {}
        self.unknown: dict[str, None] = {}

    def wanted(self, question: EvalQuestion) -> Iterator[Unit]:
        for name, found in [
            *((name, self._by_source(folded_name(name))) for name in question.sources),
            *(
                (name, self._by_title.get(folded_name(name).casefold(), []))
                for name in question.titles
            ),
        ]:
            (self.known if found else self.unknown)[name] = None
            for source in found or [folded_name(name)]:
                for page in question.pages or (None,):
                    yield source, page

    def _by_source(self, name: str) -> list[str]:
        if name in self._sources:  # first: "a[1].txt" is a path as well as a pattern
            return [name]
        if name not in self._found:
            self._found[name] = [s for s in self._sources if fnmatchcase(s, name)]
        return self._found[name]


def folded_name(name: str) -> str:
    """Some systems spell a file name's letters with accents apart; it is the same name."""
    return unicodedata.normalize("NFC", name).strip()
