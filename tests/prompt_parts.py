"""What a prompt is made of, by the tokens that llama.cpp evaluates, and who is asked it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field
from typing_extensions import override

from rag_service.generation.backend import CallOptions, LlamaBackend
from rag_service.generation.chat_model import LlamaCppChat
from tests.gguf_families import Family

SCRIPT = "The warranty lasts three years [1]."


class Listener:
    """The chat backend, but for the answer: it keeps what it is asked."""

    name, setup, context_tokens = "listener", "", 1_000_000

    def __init__(self, chat: LlamaCppChat) -> None:
        self._chat = LlamaBackend(chat)
        self.asked: list[BaseMessage] = []

    def count(self, messages: Sequence[BaseMessage]) -> int:
        return self._chat.count(messages)

    def require_room(self) -> None: ...

    def stream(
        self, messages: Sequence[BaseMessage], options: CallOptions
    ) -> Iterator[AIMessageChunk]:
        self.asked = list(messages)
        yield AIMessageChunk(content=SCRIPT)

    def close(self) -> None: ...


class Remote(BaseChatModel):
    """Any chat model of LangChain's: it keeps what it is sent."""

    sent: list[list[BaseMessage]] = Field(default_factory=list)

    @property
    @override
    def _llm_type(self) -> str:
        return "remote"

    @override
    def _generate(
        self, messages: list[BaseMessage], *args: object, **options: object
    ) -> ChatResult:
        self.sent.append(messages)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(SCRIPT))])


@dataclass(frozen=True)
class Prompt:
    """A prompt by its tokens: the special ones with their places, and all that they spell.

    Places before the passages are counted from the start, those after them from the end.
    """

    specials: list[tuple[int, str]]
    text: str


@dataclass(frozen=True)
class Model:
    """A tiny model of a family; ``text`` and ``piece`` of a token as the vocabulary has them."""

    family: Family
    chat: LlamaCppChat
    text: Callable[[int], str]
    piece: Callable[[int], bytes]

    def prompt(self, messages: Sequence[BaseMessage]) -> Prompt:
        tokens = self.chat.prompt_tokens(messages)
        pieces = [self.piece(token) for token in tokens]
        spelt = b"".join(pieces)
        ends = list(accumulate(map(len, pieces)))
        begin = bisect_right(ends, spelt.index(b"<passages>"))
        texts = enumerate(map(self.text, tokens))
        special = [(place, text) for place, text in texts if text in self.family.special]
        return Prompt(
            [(place if place < begin else place - len(tokens), text) for place, text in special],
            spelt.decode(),
        )

    def spelling(self, message: BaseMessage) -> str:
        """The content as tokens spell it: to SentencePiece U+2581 is a space."""
        text = str(message.content)
        return text if self.family.pre else text.replace("\u2581", " ")


def cut_out(text: str) -> tuple[str, list[str], str]:
    """What is before the passages, their lines, and what is after; each tag stands once."""
    assert text.count("<passages>") == text.count("</passages>") == 1
    before, _, rest = text.partition("<passages>\n")
    inside, _, after = rest.partition("\n</passages>")
    return before, inside.split("\n"), after
