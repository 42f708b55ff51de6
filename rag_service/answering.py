"""The story of one question, told in order.

Understand the question, retrieve, judge the evidence, then refuse, quote or let the
chat model answer, and check what it cites.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from langchain_core.messages import BaseMessage

from rag_service.filters import Filters
from rag_service.generation.backend import ChatBackend
from rag_service.generation.chat_answer import ChatAnswerer
from rag_service.generation.citations import quoted_statements
from rag_service.generation.close_reading import CloseReading
from rag_service.generation.condense import CONDENSED_TOKENS, standalone_question
from rag_service.generation.extractive import extract
from rag_service.generation.nearness import Nearness
from rag_service.generation.prompts import PromptLibrary
from rag_service.generation.question import Question
from rag_service.generation.refusal import looked_for, nearest_places
from rag_service.generation.small_talk import is_small_talk
from rag_service.generation.support import Embed
from rag_service.retrieval.answer_kind import answer_kind
from rag_service.retrieval.confidence import SHIPPED, Calibration
from rag_service.retrieval.evidence import gather_evidence
from rag_service.search_types import SearchResult
from rag_service.settings import Unsupported
from rag_service.text.identifiers import asks_for_unknown_codes
from rag_service.text.language import detect_language
from rag_service.text.proper_names import asks_for_an_unknown_name
from rag_service.text.sentences import asking_sentences
from rag_service.types import (
    Answer,
    AnswerEvent,
    DoneEvent,
    QueuedEvent,
    SourcesEvent,
    TokenEvent,
    Turn,
    Usage,
)

EXTRACTIVE_MODEL = "extractive"


@dataclass(frozen=True, slots=True)
class Corpus:
    """One collection at one revision."""

    search: Callable[[str, int, Filters | None], SearchResult]
    idf: Callable[[str], float]
    idf_in_english: Callable[[str], float] | None = None  # with Chinese read as its gloss
    occurs: Callable[[str], bool] = lambda _: True  # whether a document is indexed under a token
    calibration: Calibration = SHIPPED
    notes: tuple[str, ...] = ()  # what whoever gets an answer should know of the collection
    embed: Embed | None = None  # the collection's model, to compare statements with sources
    nearness: Nearness | None = None  # of sentences to a question, by that model
    closeness: CloseReading | None = None  # of the best of them, which that model reads


@dataclass(frozen=True, slots=True)
class Answerer:
    """Answers questions over a corpus; without a chat model it quotes."""

    prompts: PromptLibrary
    chat: ChatBackend | None
    min_confidence: float
    unsupported: Unsupported = "mark"

    def ask(self, question: Question, corpus: Corpus) -> Iterator[AnswerEvent]:
        """Yields one SourcesEvent, then ReasoningEvents, TokenEvents, one DoneEvent.

        QueuedEvents come in between wherever the chat model is waited for.

        Raises:
            QuestionTooLong: the question alone fills the model's window.
            Overloaded, DeadlineExceeded, Cancelled, GenerationError: from the chat model.
        """
        started = time.perf_counter()
        language = detect_language(question.text)
        query = yield from self._standalone(question, language)
        found = corpus.search(query, question.top_k, question.filters)
        confidence = corpus.calibration.confidence(gather_evidence(query, found))
        if confidence >= self.min_confidence and _asks_for_the_unknown(query, found, corpus):
            confidence = 0.0
        notes = (*found.notes, *corpus.notes)
        draft = _draft(question, query, replace(found, notes=notes), confidence)
        refusal = self._refusal(question, query, found, corpus)
        if self.chat is None and is_small_talk(question.text):
            polite = self.prompts.small_talk(language)
            draft = replace(draft, sources=(), confidence=0.0, notes=corpus.notes)
            steps = _refuse(draft, lambda: polite or refusal())
        elif not found.hits or confidence < self.min_confidence:
            steps = _refuse(draft, refusal)
        elif self.chat is None:
            # In a follow-up its own words say what is asked, those it was completed with
            # where to look; they come second.
            read = found.read_as or query
            asked = dict.fromkeys((read if query == question.text else question.text, read))
            steps = _quote(draft, asked, corpus, refusal)
        else:
            writer = ChatAnswerer(self.prompts, self.chat, self.unsupported)
            steps = writer.answer(draft, question, language, refusal, corpus.embed)
        for event in steps:
            if isinstance(event, DoneEvent):
                timings = {**found.timings, "total_ms": _ms_since(started)}
                event = DoneEvent(replace(event.answer, timings=timings))
            yield event

    def _standalone(self, question: Question, language: str) -> Generator[QueuedEvent, None, str]:
        """The question as it reads without the conversation before it."""

        def rewriting(turns: Sequence[Turn]) -> list[BaseMessage]:
            return self.prompts.condense_messages(question.text, turns, language)

        options = question.options(CONDENSED_TOKENS)
        return standalone_question(question.text, question.history, self.chat, rewriting, options)

    def _refusal(
        self, question: Question, query: str, found: SearchResult, corpus: Corpus
    ) -> Callable[[], str]:
        """Words the refusal, if there is one: to look the terms up takes its time."""
        language = detect_language(question.text)
        return lambda: self.prompts.refusal(
            question.text, language, looked_for(query, corpus.occurs), nearest_places(found.hits)
        )


def _asks_for_the_unknown(query: str, found: SearchResult, corpus: Corpus) -> bool:
    """Whether it names what no document does, however near the passages are."""
    asked = asking_sentences(query)
    crossed = bool(found.hits) and found.hits[0].crossed
    return asks_for_unknown_codes(asked, corpus.occurs) or (
        not crossed and asks_for_an_unknown_name(asked, corpus.occurs)
    )


def _refuse(draft: Answer, refusal: Callable[[], str]) -> Iterator[AnswerEvent]:
    """The nearest passages are shown, so that the user can judge for themselves."""
    text = refusal()
    yield SourcesEvent(draft.sources, draft.revision)
    yield TokenEvent(text)
    yield DoneEvent(replace(draft, answer=text, status="refused"))


def _quote(
    draft: Answer, asked: Iterable[str], corpus: Corpus, refusal: Callable[[], str]
) -> Iterator[AnswerEvent]:
    """Answer with the best-supported sentences themselves; refuse where there are none.

    ``asked``: wordings of the question; the first that any sentence supports counts.
    """
    quotes = (
        extract(
            wording,
            draft.sources,
            idf=corpus.idf,
            idf_in_english=corpus.idf_in_english,
            kind=answer_kind(wording),
            nearness=corpus.nearness,
            closeness=corpus.closeness,
        )
        for wording in asked
    )
    quoted = next((quote for quote in quotes if quote.citations), None)
    if quoted is None:
        yield from _refuse(draft, refusal)
        return
    yield SourcesEvent(draft.sources, draft.revision)
    yield TokenEvent(quoted.text)
    statements = quoted_statements(quoted.pieces)
    yield DoneEvent(
        replace(draft, answer=quoted.text, citations=quoted.citations, statements=statements)
    )


def _draft(question: Question, query: str, found: SearchResult, confidence: float) -> Answer:
    return Answer(
        answer="",
        status="answered",
        generator="extractive",
        confidence=round(confidence, 4),
        citations=(),
        sources=found.hits,
        dropped=(),
        model=EXTRACTIVE_MODEL,
        collection=question.collection,
        revision=found.revision,
        usage=Usage(),
        timings={},
        notes=found.notes,
        standalone_question="" if query == question.text else query,
    )


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1e3, 3)
