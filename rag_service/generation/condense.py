"""A follow-up question as it reads without the conversation before it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

from langchain_core.messages import BaseMessage

from rag_service.generation.backend import CallOptions, ChatBackend, continued
from rag_service.text.follow_ups import completed, stands_alone
from rag_service.types import QueuedEvent, Turn

CONDENSED_TOKENS = 96  # a rewritten question is one sentence

Rewriting = Callable[[Sequence[Turn]], list[BaseMessage]]


def standalone_question(
    question: str,
    history: Sequence[Turn],
    chat: ChatBackend | None,
    prompt: Rewriting,
    options: CallOptions,
) -> Generator[QueuedEvent, None, str]:
    """``question`` itself where it needs no conversation, else completed from ``history``.

    By the chat model where there is one; by rule without one, and where the conversation does
    not fit its window or nothing comes of it. ``prompt`` asks for a rewriting after some turns.

    Raises:
        Overloaded, DeadlineExceeded, Cancelled, GenerationError: from the chat model.
    """
    if not history or stands_alone(question):
        return question
    if chat is not None and (messages := _fitting(chat, prompt, history)):
        written = yield from _written(chat, messages, options)
        if written:
            return written
    return completed(question, [turn.content for turn in history if turn.role == "user"])


def _fitting(
    chat: ChatBackend, prompt: Rewriting, history: Sequence[Turn]
) -> list[BaseMessage] | None:
    """The prompt with as many of the last turns as fit; None where not even the last does."""
    for start in range(len(history)):
        messages = prompt(history[start:])
        if chat.count(messages) + CONDENSED_TOKENS <= chat.context_tokens:
            return messages
    return None


def _written(
    chat: ChatBackend, messages: Sequence[BaseMessage], options: CallOptions
) -> Generator[QueuedEvent, None, str]:
    text = ""
    for piece in chat.stream(messages, options):
        if isinstance(piece, QueuedEvent):
            yield piece
        else:
            text = continued(text, piece)
    return text.strip()
