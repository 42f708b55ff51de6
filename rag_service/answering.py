"""The story of one question, told in order.

Understand the question, retrieve, judge the evidence, then refuse, quote or let the
chat model answer, and check what it cites.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from langchain_core.messages import BaseMessage

from rag_service.errors import QuestionTooLong
from rag_service.filters import Filters
from rag_service.generation.backend import CallOptions, ChatBackend
from rag_service.generation.citations import (
    CitedAnswer,
    cite,
    quoted_statements,
    without_unsupported,
)
from rag_service.generation.condense import CONDENSED_TOKENS, standalone_question
from rag_service.generation.context import Packed, pack
from rag_service.generation.extractive import extract
from rag_service.generation.nearness import Nearness
from rag_service.generation.prompts import PromptLibrary, is_no_answer
from rag_service.generation.refusal import looked_for, nearest_places
from rag_service.generation.reply import Reply
from rag_service.generation.support import Embed
from rag_service.retrieval.answer_kind import answer_kind
from rag_service.retrieval.confidence import SHIPPED, Calibration
from rag_service.retrieval.evidence import gather_evidence
from rag_service.search_types import SearchResult
from rag_service.settings import Unsupported
from rag_service.text.language import detect_language
from rag_service.types import (
    Answer,
    AnswerEvent,
    DoneEvent,
    Hit,
    QueuedEvent,
    SourcesEvent,
    TokenEvent,
    Turn,
    Usage,
)

EXTRACTIVE_MODEL = "extractive"


@dataclass(frozen=True, slots=True)
class Question:
    """What the caller asked. ``top_k`` and ``max_tokens`` are already resolved.

    ``temperature`` and ``seed``: None leaves them as the settings have them. ``deadline`` is
    when the chat model must be done (``time.monotonic``).
    """

    text: str
    collection: str
    top_k: int
    max_tokens: int
    filters: Filters | None = None
    history: tuple[Turn, ...] = ()
    temperature: float | None = None
    seed: int | None = None
    deadline: float = math.inf
    cancelled: threading.Event = field(default_factory=threading.Event)

    def options(self, max_tokens: int) -> CallOptions:
        """How the chat model is to reply."""
        return CallOptions(max_tokens, self.temperature, self.seed, self.deadline, self.cancelled)


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
        notes = (*found.notes, *corpus.notes)
        draft = _draft(question, query, replace(found, notes=notes), confidence)
        if not found.hits or confidence < self.min_confidence:
            steps = _refuse(draft, self._refusal(question, query, found, corpus))
        elif self.chat is None:
            # In a follow-up its own words say what is asked, those it was completed with
            # where to look; they come second.
            read = found.read_as or query
            asked = dict.fromkeys((read if query == question.text else question.text, read))
            steps = _quote(draft, asked, corpus, self._refusal(question, query, found, corpus))
        else:
            refusal = self._refusal(question, query, found, corpus)
            steps = self._generate(self.chat, draft, question, language, refusal, corpus.embed)
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

    def _generate(
        self,
        chat: ChatBackend,
        draft: Answer,
        question: Question,
        language: str,
        refusal: Callable[[], str],
        embed: Embed | None,
    ) -> Iterator[AnswerEvent]:
        messages, packed = self._prompt(chat, draft.sources, question, language)
        chat.require_room()  # before the stream begins, while it can still be refused as a whole
        yield SourcesEvent(packed.included, draft.revision)
        reply = Reply()
        for piece in chat.stream(messages, question.options(question.max_tokens)):
            events = [piece] if isinstance(piece, QueuedEvent) else reply.push(piece)
            yield from (event for event in events if self._may_be_shown(event))
        draft = replace(
            draft,
            generator="chat",
            model=chat.name,
            sources=packed.included,
            dropped=tuple(hit.chunk.chunk_id for hit in packed.dropped),
            usage=reply.usage,
            notes=(*draft.notes, *reply.notes()),
            cut=reply.cut,
            reasoning=reply.reasoning,
        )
        if is_no_answer(reply.text) or not reply.text.strip():
            text = refusal()
            shown = reply.begun and self.unsupported == "mark"
            yield TokenEvent(f"\n\n{text}" if shown else text)
            yield DoneEvent(replace(draft, answer=text, status="refused"))
            return
        rest = reply.rest()
        answer = self._checked(draft, cite(reply.text.strip(), draft.sources, embed=embed), refusal)
        if self.unsupported != "mark":
            rest = answer.answer
        if rest:
            yield TokenEvent(rest)
        yield DoneEvent(answer)

    def _may_be_shown(self, event: AnswerEvent) -> bool:
        """Whether an event of the chat model may go out before its sentences are judged."""
        return self.unsupported == "mark" or not isinstance(event, TokenEvent)

    def _checked(self, draft: Answer, cited: CitedAnswer, refusal: Callable[[], str]) -> Answer:
        """The answer, or what the setting leaves of it."""
        if self.unsupported == "mark":
            return _with_citations(draft, cited)
        count = sum(statement.status == "unsupported" for statement in cited.statements)
        supported = any(statement.status == "supported" for statement in cited.statements)
        if not supported or (count and self.unsupported == "refuse"):
            note = f"Refused: sentences that no source supports: {count}."
            notes = (*draft.notes, note) if count else draft.notes
            return replace(draft, answer=refusal(), status="refused", notes=notes)
        if count:
            note = f"Sentences removed because no source supports them: {count}."
            draft = replace(draft, notes=(*draft.notes, note))
        return _with_citations(draft, without_unsupported(cited))

    def _prompt(
        self, chat: ChatBackend, hits: Sequence[Hit], question: Question, language: str
    ) -> tuple[list[BaseMessage], Packed]:
        """The messages that fit the model's window, and the passages in them."""
        budget = chat.context_tokens - question.max_tokens

        def messages(context: str, history: Sequence[Turn]) -> list[BaseMessage]:
            return self.prompts.answer_messages(question.text, context, language, history)

        if chat.count(messages("", ())) > budget:
            raise QuestionTooLong(
                "The question with its instructions leaves no room in the model's window of "
                f"{chat.context_tokens} tokens, of which {question.max_tokens} are kept for the "
                "answer. Shorten the question, ask for a shorter answer (max_tokens), or raise "
                "the setting chat.context_tokens."
            )
        # The documents come first: a long conversation may take half of the room.
        history = question.history
        while history and chat.count(messages("", history)) > budget // 2:
            history = history[1:]
        packed = pack(hits, fits=lambda context: chat.count(messages(context, history)) <= budget)
        if not packed.included:  # what the model would say without any passage is invented
            raise QuestionTooLong(
                "Beside the question not one passage fits the model's window of "
                f"{chat.context_tokens} tokens, of which {question.max_tokens} are kept for the "
                "answer. Shorten the question, or raise the setting chat.context_tokens."
            )
        return messages(packed.text, history), packed


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


def _with_citations(draft: Answer, cited: CitedAnswer) -> Answer:
    notes = list(draft.notes)
    if cited.invented:
        notes.append(f"Citation numbers removed because they name no source: {cited.invented}.")
    if not any(citation.verified for citation in cited.citations):
        notes.append("No statement of this answer could be verified against the sources.")
    return replace(
        draft,
        answer=cited.text,
        citations=cited.citations,
        statements=cited.statements,
        notes=tuple(notes),
    )


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1e3, 3)
