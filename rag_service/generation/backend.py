"""A chat model as the answerer sees it: a budget in tokens and a stream of text."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage

from rag_service.errors import Cancelled, GenerationError
from rag_service.generation.chat_model import LlamaCppChat
from rag_service.text.language import is_cjk


class ChatBackend(Protocol):
    """What answering needs of a chat model."""

    @property
    def name(self) -> str: ...

    @property
    def context_tokens(self) -> int:
        """Tokens that prompt and answer share."""

    def count(self, messages: Sequence[BaseMessage]) -> int:
        """Prompt tokens these messages become."""

    def require_room(self) -> None:
        """Raise Overloaded if the next answer would have to be refused."""

    def stream(
        self, messages: Sequence[BaseMessage], *, max_tokens: int, cancelled: threading.Event
    ) -> Iterator[AIMessageChunk]:
        """The answer in pieces.

        Raises:
            Cancelled, Overloaded, GenerationError
        """

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class LlamaBackend:
    """A local GGUF model: counts are exact, and cancelling stops it within moments."""

    model: LlamaCppChat

    @property
    def name(self) -> str:
        return self.model.model_name

    @property
    def context_tokens(self) -> int:
        return self.model.context_tokens

    def count(self, messages: Sequence[BaseMessage]) -> int:
        return self.model.count_message_tokens(messages)

    def require_room(self) -> None:
        self.model.require_room()

    def stream(
        self, messages: Sequence[BaseMessage], *, max_tokens: int, cancelled: threading.Event
    ) -> Iterator[AIMessageChunk]:
        return _chunks(
            self.model.stream(list(messages), max_tokens=max_tokens, cancelled=cancelled)
        )

    def close(self) -> None:
        self.model.close()


@dataclass(frozen=True, slots=True)
class LangChainBackend:
    """Any other LangChain chat model, e.g. one behind an OpenAI-compatible URL.

    Its tokenizer is not known here, so counts are estimates on the safe side.
    """

    model: BaseChatModel
    name: str
    context_tokens: int

    def count(self, messages: Sequence[BaseMessage]) -> int:
        # Chinese takes up to 1.5 tokens a character in common vocabularies, English one
        # for about four characters; 8 a message for the template around it.
        texts = [str(message.content) for message in messages]
        cjk = sum(is_cjk(char) for text in texts for char in text)
        others = sum(map(len, texts)) - cjk
        return int(1.5 * cjk + others / 3) + 8 * len(texts)

    def require_room(self) -> None:
        """The server behind the model has a queue of its own."""

    def stream(
        self, messages: Sequence[BaseMessage], *, max_tokens: int, cancelled: threading.Event
    ) -> Iterator[AIMessageChunk]:
        try:
            for chunk in _chunks(self.model.stream(list(messages), max_tokens=max_tokens)):
                if cancelled.is_set():
                    raise Cancelled("The answer was cancelled.")
                yield chunk
        except Cancelled:
            raise
        except Exception as error:  # every provider has its own exceptions
            raise GenerationError(
                f"The chat model {self.name} failed: {error}. Is its server running?"
            ) from error

    def close(self) -> None:
        """Nothing is held open."""


def _chunks(pieces: Iterator[Any]) -> Iterator[AIMessageChunk]:
    for piece in pieces:
        assert isinstance(piece, AIMessageChunk), "chat models stream AIMessageChunk; this is a bug"
        yield piece
