"""The story of one question, told in order.

Understand the question, retrieve, judge the evidence, then refuse, quote or let the
chat model answer, and check what it cites.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata

from rag_service.errors import QuestionTooLong
from rag_service.generation.backend import CallOptions, ChatBackend
from rag_service.generation.citations import cite
from rag_service.generation.context import Packed, pack
from rag_service.generation.extractive import extract
from rag_service.generation.prompts import PromptLibrary, is_no_answer, may_become_no_answer
from rag_service.retrieval.evidence import gather_evidence
from rag_service.text.language import detect_language
from rag_service.types import (
    Answer,
    AnswerEvent,
    DoneEvent,
    Filters,
    Hit,
    QueuedEvent,
    ReasoningEvent,
    SearchResult,
    SourcesEvent,
    TokenEvent,
    Turn,
    Usage,
)

EXTRACTIVE_MODEL = "extractive"
# A rewritten follow-up question is one sentence.
_CONDENSED_TOKENS = 96
# Where a chat model's message has what it thought.
_THOUGHT = "reasoning_content"
# As much of the question before a follow-up is searched for with it.
_EARLIER_CHARS = 1_000


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


@dataclass(frozen=True, slots=True)
class Answerer:
    """Answers questions over a corpus; without a chat model it quotes."""

    prompts: PromptLibrary
    chat: ChatBackend | None
    min_confidence: float

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
        evidence = gather_evidence(found.hits)
        draft = _draft(question, found, evidence.confidence)
        if not found.hits or evidence.confidence < self.min_confidence:
            steps = self._refuse(draft, question, language)
        elif self.chat is None:
            steps = _quote(draft, query, corpus)
        else:
            steps = self._generate(self.chat, draft, question, language)
        for event in steps:
            if isinstance(event, DoneEvent):
                timings = {**found.timings, "total_ms": _ms_since(started)}
                event = DoneEvent(replace(event.answer, timings=timings))
            yield event

    def _standalone(self, question: Question, language: str) -> Generator[QueuedEvent, None, str]:
        """The question as it reads without the conversation before it."""
        if not question.history:
            return question.text
        if self.chat is None:
            # Without a model to rewrite it, a follow-up is searched for together with the
            # question it follows.
            earlier = [turn.content for turn in question.history if turn.role == "user"]
            return "\n".join([*(text[:_EARLIER_CHARS] for text in earlier[-1:]), question.text])
        messages = self.prompts.condense_messages(question.text, question.history, language)
        if self.chat.count(messages) + _CONDENSED_TOKENS > self.chat.context_tokens:
            return question.text
        written = ""
        for piece in self.chat.stream(messages, question.options(_CONDENSED_TOKENS)):
            if isinstance(piece, QueuedEvent):
                yield piece
            else:
                written += str(piece.content)
        return written.strip() or question.text

    def _refuse(self, draft: Answer, question: Question, language: str) -> Iterator[AnswerEvent]:
        """The nearest passages are shown, so that the user can judge for themselves."""
        text = self.prompts.refusal(question.text, language)
        yield SourcesEvent(draft.sources, draft.revision)
        yield TokenEvent(text)
        yield DoneEvent(replace(draft, answer=text, status="refused"))

    def _generate(
        self, chat: ChatBackend, draft: Answer, question: Question, language: str
    ) -> Iterator[AnswerEvent]:
        messages, packed = self._prompt(chat, draft.sources, question, language)
        chat.require_room()  # before the stream begins, while it can still be refused as a whole
        yield SourcesEvent(packed.included, draft.revision)
        reply = _Reply()
        for piece in chat.stream(messages, question.options(question.max_tokens)):
            yield from [piece] if isinstance(piece, QueuedEvent) else reply.push(piece)
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
            refusal = self.prompts.refusal(question.text, language)
            yield TokenEvent(f"\n\n{refusal}" if reply.begun else refusal)
            yield DoneEvent(replace(draft, answer=refusal, status="refused"))
            return
        if rest := reply.rest():
            yield TokenEvent(rest)
        yield DoneEvent(_with_citations(draft, reply.text))

    def _prompt(
        self, chat: ChatBackend, hits: Sequence[Hit], question: Question, language: str
    ) -> tuple[list[BaseMessage], Packed]:
        """The messages that fit the model's window, and the passages in them."""
        budget = chat.context_tokens - question.max_tokens

        def messages(context: str, history: Sequence[Turn]) -> list[BaseMessage]:
            return self.prompts.answer_messages(question.text, context, language, history)

        if chat.count(messages("", ())) > budget:
            raise QuestionTooLong(
                f"The question leaves no room in the model's window of {chat.context_tokens} "
                f"tokens, of which {question.max_tokens} are kept for the answer. Shorten it."
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


def _quote(draft: Answer, query: str, corpus: Corpus) -> Iterator[AnswerEvent]:
    """Answer with the best-supported sentences themselves."""
    yield SourcesEvent(draft.sources, draft.revision)
    quoted = extract(query, draft.sources, idf=corpus.idf, idf_in_english=corpus.idf_in_english)
    yield TokenEvent(quoted.text)
    yield DoneEvent(replace(draft, answer=quoted.text, citations=quoted.citations))


def _draft(question: Question, found: SearchResult, confidence: float) -> Answer:
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
    )


def _with_citations(draft: Answer, text: str) -> Answer:
    cited = cite(text.strip(), draft.sources)
    notes = list(draft.notes)
    if cited.invented:
        notes.append(f"Citation numbers removed because they name no source: {cited.invented}.")
    if not any(citation.verified for citation in cited.citations):
        notes.append("No statement of this answer could be verified against the sources.")
    return replace(draft, answer=cited.text, citations=cited.citations, notes=tuple(notes))


class _Reply:
    """What the chat model writes, and how much of it may be shown.

    A line that is, or may still become, NO_ANSWER is held back. What was shown before such
    a line cannot be taken back; ``begun`` says that there is something.
    """

    def __init__(self) -> None:
        self.text = ""
        self.reasoning = ""
        self.usage = Usage()
        self.cut = False
        self.begun = False
        self._held = ""
        self._line_open = False  # the line being written has proved to be no marker

    def push(self, piece: AIMessageChunk) -> Iterator[ReasoningEvent | TokenEvent]:
        """What may be shown now."""
        content, thought = str(piece.content), str(piece.additional_kwargs.get(_THOUGHT, ""))
        self.text += content
        self.reasoning += thought
        if piece.usage_metadata:
            self.usage = _usage(piece.usage_metadata)
        self.cut |= piece.response_metadata.get("finish_reason") == "length"
        if thought:
            yield ReasoningEvent(thought)
        if ready := "".join(map(self._push, content.splitlines(keepends=True))):
            yield TokenEvent(ready)

    def rest(self) -> str:
        """What was held back; the white space before an answer is not part of it."""
        held, self._held = self._held, ""
        shown = held if self.begun else held.lstrip()
        self.begun |= bool(shown)
        return shown

    def notes(self) -> tuple[str, ...]:
        if not self.cut:
            return ()
        if self.reasoning and not self.text.strip():
            return ("The model spent all of its tokens on thinking: raise max_tokens.",)
        return ("The answer was cut off: the model had reached the most tokens allowed.",)

    def _push(self, part: str) -> str:
        """``part`` holds no line break but at its end."""
        self._held += part
        if not self._line_open and may_become_no_answer(self._held):
            return ""
        self._line_open = not part.endswith("\n")
        return self.rest()


def _usage(counted: UsageMetadata) -> Usage:
    return Usage(
        counted["input_tokens"],
        counted["output_tokens"],
        counted.get("input_token_details", {}).get("cache_read", 0),
        counted.get("output_token_details", {}).get("reasoning", 0),
    )


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1e3, 3)
