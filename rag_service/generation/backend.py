"""A chat model as the answerer sees it: a budget in tokens and a stream of text."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from langchain_core.messages import AIMessageChunk, BaseMessage

from rag_service.generation.llama_messages import RESTARTS
from rag_service.types import QueuedEvent

if TYPE_CHECKING:
    from rag_service.generation.chat_model import LlamaCppChat


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How one reply is to be made.

    ``temperature`` and ``seed``: None leaves them as the settings have them. ``deadline`` is a
    value of ``time.monotonic``. Setting ``cancelled`` ends the reply. ``admitted``:
    `ChatBackend.require_room` has just let it in, and it is not turned away any more.
    """

    max_tokens: int
    temperature: float | None = None
    seed: int | None = None
    deadline: float = math.inf
    cancelled: threading.Event = field(default_factory=threading.Event)
    admitted: bool = False


class ChatBackend(Protocol):
    """What answering needs of a chat model."""

    @property
    def name(self) -> str: ...

    @property
    def setup(self) -> str:
        """What runs the model, and how; for people."""

    @property
    def context_tokens(self) -> int:
        """Tokens that prompt and answer share."""

    def count(self, messages: Sequence[BaseMessage]) -> int:
        """Prompt tokens these messages become."""

    def require_room(self) -> None:
        """Raise Overloaded if the next answer would have to be refused."""

    def stream(
        self, messages: Sequence[BaseMessage], options: CallOptions
    ) -> Iterator[QueuedEvent | AIMessageChunk]:
        """The reply in pieces. Reasoning is in ``additional_kwargs["reasoning_content"]``; with
        "answer_restarts" beside it, all pieces before were reasoning and are repeated there.

        Raises:
            Cancelled, DeadlineExceeded, Overloaded, GenerationError
        """

    def close(self) -> None: ...


def whole_reply(chat: ChatBackend, messages: Sequence[BaseMessage], options: CallOptions) -> str:
    """The text of a reply, without any reasoning; raises what ``ChatBackend.stream`` does."""
    text = ""
    for piece in chat.stream(messages, options):
        if isinstance(piece, AIMessageChunk):
            text = continued(text, piece)
    return text


def continued(text: str, piece: AIMessageChunk) -> str:
    """The answer so far with the next piece of it."""
    return "" if RESTARTS in piece.additional_kwargs else text + str(piece.content)


@dataclass(frozen=True, slots=True)
class LlamaBackend:
    """A local GGUF model: counts are exact, and cancelling stops it within moments."""

    model: LlamaCppChat

    @property
    def name(self) -> str:
        return self.model.model_name

    @property
    def setup(self) -> str:
        return self.model.runtime.setup

    @property
    def context_tokens(self) -> int:
        return self.model.context_tokens

    def count(self, messages: Sequence[BaseMessage]) -> int:
        return self.model.count_message_tokens(messages)

    def require_room(self) -> None:
        self.model.require_room()

    def stream(
        self, messages: Sequence[BaseMessage], options: CallOptions
    ) -> Iterator[QueuedEvent | AIMessageChunk]:
        return self.model.events(
            messages,
            max_tokens=options.max_tokens,
            temperature=options.temperature,
            seed=options.seed,
            deadline=options.deadline,
            cancelled=options.cancelled,
            admitted=options.admitted,
        )

    def close(self) -> None:
        self.model.close()
