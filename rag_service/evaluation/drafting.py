"""Questions drafted by a chat model from the passages of a collection, for people to go through.

A draft is kept only if its answer stands in the passage word for word, so each one knows where
in which document it is answered. Small models write two labelled lines more reliably than JSON.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from rag_service.errors import InvalidRequest, StorageError
from rag_service.evaluation.metrics import count_tokens, normalize
from rag_service.evaluation.questions import EvalQuestion
from rag_service.generation.backend import CallOptions, ChatBackend, whole_reply
from rag_service.generation.prompts import PromptLibrary
from rag_service.store.catalog import Catalog
from rag_service.text.analysis import content_terms
from rag_service.text.language import detect_language
from rag_service.types import Chunk

DRAFT_TAG = "draft"
TRIES_PER_DRAFT = 5  # passages asked about before a count of drafts is given up
_REPLY_TOKENS = 200
_MIN_PASSAGE_TOKENS = 30  # headings and captions hold nothing to ask for
_MAX_QUESTION_TOKENS, _MAX_ANSWER_TOKENS = 80, 60
_SAME_QUESTION = 0.75  # Jaccard index of the terms of two questions

# "Q: …", also as "**Question 1:** …" or "問題：…".
_LINE = r"^[\W\d_]*(?:{label})[\s\d*_]*[:：][\s*_]*(?P<{name}>.*\S)[ \t]*$"
_REPLY = re.compile(
    _LINE.format(label="Q|Question|问题?|問題?", name="question")
    + r"\s*"
    + _LINE.format(label="A|Answer|答案?", name="answer"),
    re.IGNORECASE | re.MULTILINE,
)
_QUOTES_AROUND = " \t*`\"'“”‘’「」『』"
_FULL_STOPS = ".。．｡"
_OF_THE_PASSAGE = re.compile(
    r"\b(?:passage|excerpt|(?:this|the) (?:text|document|section|paragraph))\b"
    r"|本文|上文|文中|[这這](?:段|篇|份|个段|個段)|[该該]文|原文|段落",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Drafter:
    """Asks the chat model about one passage after another.

    ``dropped`` counts what came to nothing, by the reason why.
    """

    chat: ChatBackend
    prompts: PromptLibrary
    dropped: Counter[str] = field(default_factory=Counter)

    def drafts(self, catalog: Catalog, count: int, *, seed: int = 0) -> Iterator[EvalQuestion]:
        """Up to ``count`` different questions, spread over the documents.

        The same collection, model and seed give the same questions, as far as the model's
        replies are the same; at temperature 0 they are.

        Raises:
            GenerationError, Overloaded: from the chat model.
        """
        kept: list[frozenset[str]] = []
        for tried, chunk in enumerate(spread(catalog, seed)):
            if len(kept) == count or tried == count * TRIES_PER_DRAFT:
                return
            try:
                question = self._draft(chunk, kept)
            except _Dropped as reason:
                self.dropped[str(reason)] += 1
                continue
            kept.append(content_terms(question.question))
            yield question

    def _draft(self, chunk: Chunk, kept: list[frozenset[str]]) -> EvalQuestion:
        language = detect_language(chunk.text)
        title = chunk.context or chunk.source
        messages = self.prompts.draft_messages(title, chunk.text, language)
        if self.chat.count(messages) + _REPLY_TOKENS > self.chat.context_tokens:
            raise _Dropped("the passage does not fit the model's window")
        reply = whole_reply(self.chat, messages, CallOptions(_REPLY_TOKENS))
        question, answer = read_reply(reply)
        _require_fit_question(question, answer, language)
        if any(_alike(content_terms(question), other) for other in kept):
            raise _Dropped("another draft asks the same")
        start, end = _place(answer, chunk)
        return EvalQuestion(
            question=question,
            answers=(chunk.text[start - chunk.char_start : end - chunk.char_start],),
            sources=(chunk.source,),
            span=(start, end),
            lang=language,
            tags=(DRAFT_TAG,),
        )


class _Dropped(Exception):
    """A draft that is not kept, and why; never leaves this module."""


def write_drafts(
    drafts: Iterable[EvalQuestion], path: Path, *, on_draft: Callable[[], None] = lambda: None
) -> int:
    """Add each draft to the file as it comes, so that nothing is lost; returns how many came.

    Raises:
        InvalidRequest: the file exists.
        StorageError: it cannot be written.
    """
    if path.exists():
        raise InvalidRequest(f"{path} exists already: give a new file's name.")
    written = 0
    for question in drafts:
        fields = question.model_dump(mode="json", exclude_defaults=True)
        try:
            with path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(fields, ensure_ascii=False) + "\n")
        except OSError as error:
            raise StorageError(f"{path} cannot be written: {error.strerror}.") from error
        written += 1
        on_draft()
    return written


def spread(catalog: Catalog, seed: int) -> Iterator[Chunk]:
    """Every passage long enough to ask about: one of each document, then another of each …"""
    documents = catalog.document_ids()
    Random(seed).shuffle(documents)
    decks = {doc_id: _shuffled(catalog, doc_id, seed) for doc_id in documents}
    while decks:
        for doc_id, deck in list(decks.items()):
            if chunk := next(deck, None):
                yield chunk
            else:
                del decks[doc_id]


def _shuffled(catalog: Catalog, doc_id: int, seed: int) -> Iterator[Chunk]:
    """A generator, so that a document is read when its first passage is wanted."""
    ids = [
        chunk.chunk_id
        for chunk in catalog.chunks_of(doc_id)
        if count_tokens(chunk.text) >= _MIN_PASSAGE_TOKENS
    ]
    Random(f"{seed}/{doc_id}").shuffle(ids)
    for chunk_id in ids:
        yield from catalog.chunks([chunk_id]).values()


def read_reply(reply: str) -> tuple[str, str]:
    """Question and answer of a chat model's reply, without labels, quotes and emphasis."""
    found = _REPLY.search(reply)
    if not found:
        raise _Dropped("the model wrote no question with an answer")
    return found["question"].strip(_QUOTES_AROUND), found["answer"].strip(_QUOTES_AROUND)


def _require_fit_question(question: str, answer: str, language: str) -> None:
    tokens = count_tokens(question)
    if not normalize(question) or tokens > _MAX_QUESTION_TOKENS:
        raise _Dropped("the question is blank or too long")
    if not normalize(answer) or count_tokens(answer) > _MAX_ANSWER_TOKENS:
        raise _Dropped("the answer is blank or too long")
    if normalize(answer) in normalize(question):
        raise _Dropped("the question gives its own answer")
    if _OF_THE_PASSAGE.search(question):
        raise _Dropped("the question speaks of the passage, which nobody who searches knows")
    if (detect_language(question) == "en") != (language == "en"):
        raise _Dropped("the question is in another language than the passage")


def _alike(terms: frozenset[str], others: frozenset[str]) -> bool:
    return len(terms & others) >= _SAME_QUESTION * len(terms | others)


def _place(answer: str, chunk: Chunk) -> tuple[int, int]:
    """Where the document has the answer, but for white space and case."""
    for words in (answer, answer.strip(_FULL_STOPS + _QUOTES_AROUND)):
        letters = map(re.escape, "".join(words.split()))
        if found := re.search(r"\s*".join(letters), chunk.text, re.IGNORECASE):
            return chunk.char_start + found.start(), chunk.char_start + found.end()
    raise _Dropped("the answer does not stand in the passage")
