"""What is asked of the local chat model, and how its replies are read."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, cast

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
)

from rag_service.generation.chat_model import LlamaCppChat

ANSWER = "The sky is blue [1]. 天空是藍色的😀[2]。"
QUESTION = "What colour is the sky?"
Opener = Callable[..., LlamaCppChat]


def open_endless(opened: Opener, path: Path, queue_size: int) -> LlamaCppChat:
    """Never stops by itself for as long as a test takes."""
    return opened(path, context_tokens=32768, max_tokens=32768, queue_size=queue_size)


def prompt_tokens(chat: LlamaCppChat, *messages: tuple[str, str]) -> list[str]:
    """The texts of the tokens the messages become."""
    return [chat.runtime.vocabulary.text(token) for token in prompt_ids(chat, *messages)]


def prompt_ids(chat: LlamaCppChat, *messages: tuple[str, str]) -> list[int]:
    return chat.prompt_tokens([_message(role, content) for role, content in messages])


def _message(role: str, content: str) -> BaseMessage:
    kinds: dict[str, type[BaseMessage]] = {
        "system": SystemMessage,
        "user": HumanMessage,
        "assistant": AIMessage,
    }
    return kinds[role](content=content)


def start(chat: LlamaCppChat, **options: Any) -> Generator[AIMessageChunk, None, None]:
    """A stream that is under way: its first piece has been read."""
    stream = cast("Generator[AIMessageChunk, None, None]", chat.stream(QUESTION, **options))
    assert next(stream).content == "la"
    return stream


def collect(chunks: Iterator[AIMessageChunk]) -> AIMessageChunk:
    first = next(chunks)
    return sum(chunks, first)
