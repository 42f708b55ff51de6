"""A local GGUF model as a LangChain chat model."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import (
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
)
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import Field
from typing_extensions import override

from rag_service.errors import Cancelled, ChatModelError, GenerationError, InvalidRequest
from rag_service.generation.chat_template import ChatRole, ChatTemplate, ChatTurn
from rag_service.generation.gguf_file import load_gguf
from rag_service.generation.llama_decoding import LlamaDecoder
from rag_service.generation.llama_lane import Finished, GenerationRequest, Job, JobEvent, Lane
from rag_service.generation.llama_vocab import Vocabulary
from rag_service.generation.output_text import Piece
from rag_service.settings import ChatSettings

ROLES: dict[str, ChatRole] = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
}  # LangChain's message types and OpenAI's names
WATCH_INTERVAL_S = 0.02  # how often a waiting caller looks whether it has been cancelled


@dataclass(frozen=True, slots=True)
class LlamaRuntime:
    """The parts of one loaded model. ``window`` is in tokens."""

    lane: Lane
    vocabulary: Vocabulary
    template: ChatTemplate
    window: int


class LlamaCppChat(BaseChatModel):
    """Chat model over llama.cpp; made by ``open_llama_chat``.

    Calls may come from any number of threads and event loops; one thread runs them in
    order. Besides LangChain's ``stop``, a call takes ``max_tokens`` (at least 1),
    ``temperature`` (0 gives the likeliest token), ``seed`` and ``cancelled`` (a
    ``threading.Event``: once set the model stops, also while it reads the prompt). A closed
    or forgotten stream stops the model too.

    The last message of a stream carries ``usage_metadata`` and, in ``response_metadata``,
    ``finish_reason`` ("stop" or "length") and ``model_name``. What the model thinks between
    ``<think>`` and ``</think>`` is in ``additional_kwargs["reasoning_content"]``.

    Every call raises:
        Overloaded: the queue in front of the model is full.
        Cancelled: ``cancelled`` was set.
        GenerationError: the prompt does not fit, the model failed or is closed.
        InvalidRequest: messages or options the model cannot take.
    """

    model_name: str
    max_tokens: int
    temperature: float
    runtime: LlamaRuntime = Field(exclude=True, repr=False)

    @property
    def context_tokens(self) -> int:
        """Tokens that prompt and answer share."""
        return self.runtime.window

    def count_message_tokens(self, messages: Sequence[BaseMessage]) -> int:
        """Exact length of the prompt these messages become, in tokens."""
        return len(self.prompt_tokens(messages))

    def prompt_tokens(self, messages: Sequence[BaseMessage]) -> list[int]:
        """The token ids these messages become, up to where the answer begins."""
        return self._prompt(messages)[0]

    def require_room(self) -> None:
        """Raise Overloaded if a call would have to be refused now."""
        self.runtime.lane.require_room()

    def count_tokens(self, text: str) -> int:
        """Tokens of plain text, outside any message."""
        return self.runtime.vocabulary.count(text)

    @override
    def get_num_tokens(self, text: str) -> int:
        return self.count_tokens(text)

    @override
    def get_num_tokens_from_messages(
        self, messages: list[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        if tools:
            raise InvalidRequest("The local chat model takes no tools.")
        return self.count_message_tokens(messages)

    def close(self) -> None:
        """Abort what is running, stop the thread and free the model. Idempotent."""
        self.runtime.lane.close()

    @property
    @override
    def _llm_type(self) -> str:
        return "llama-cpp"

    @property
    @override
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "model_name": self.model_name,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "context_tokens": self.context_tokens,
        }

    @override
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, **kwargs))

    @override
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        chunks = [chunk async for chunk in self._astream(messages, stop, **kwargs)]
        return generate_from_stream(iter(chunks))

    @override
    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        events: queue.SimpleQueue[JobEvent] = queue.SimpleQueue()
        job = self._job(messages, stop, kwargs, events.put)
        self.runtime.lane.submit(job)
        try:
            while True:
                event = _wait(events, job)
                yield self._chunk(event)
                if isinstance(event, Finished):
                    return
        finally:  # also when the consumer closes the stream or lets go of it
            job.cancel()

    @override
    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[JobEvent] = asyncio.Queue()

        def deliver(event: JobEvent) -> None:
            loop.call_soon_threadsafe(events.put_nowait, event)

        job = await asyncio.to_thread(self._job, messages, stop, kwargs, deliver)
        self.runtime.lane.submit(job)
        try:
            while True:
                event = await _await(events, job)
                yield self._chunk(event)
                if isinstance(event, Finished):
                    return
        finally:
            job.cancel()

    def _job(
        self,
        messages: Sequence[BaseMessage],
        stop: Sequence[str] | None,
        options: dict[str, Any],
        deliver: Callable[[JobEvent], None],
    ) -> Job:
        options = {name: value for name, value in options.items() if value is not None}
        prompt, thinking = self._prompt(messages)
        if len(prompt) >= self.context_tokens:
            raise GenerationError(
                f"The prompt of {len(prompt)} tokens does not fit the model's window of "
                f"{self.context_tokens} tokens."
            )
        left: threading.Event | None = options.pop("cancelled", None)
        options.pop("stream", None)  # LangChain passes its own switch through
        request = GenerationRequest(
            prompt=tuple(prompt),
            thinking=thinking,
            max_tokens=_positive(options.pop("max_tokens", self.max_tokens)),
            temperature=float(options.pop("temperature", self.temperature)),
            seed=options.pop("seed", None),
            stop=tuple(stop or ()),
        )
        if options:
            raise InvalidRequest(f"The local chat model does not know {', '.join(options)}.")
        return Job(request, deliver, left)

    def _prompt(self, messages: Sequence[BaseMessage]) -> tuple[list[int], bool]:
        if not messages:
            raise InvalidRequest("There are no messages to answer.")
        rendered = self.runtime.template.render([_turn(message) for message in messages])
        return self.runtime.vocabulary.prompt_tokens(rendered.segments), rendered.thinking

    def _chunk(self, event: JobEvent) -> ChatGenerationChunk:
        if isinstance(event, Finished):
            return ChatGenerationChunk(message=self._last_message(event))
        if not isinstance(event, Piece):
            raise event
        if event.reasoning:
            reasoning = {"reasoning_content": event.text}
            message = AIMessageChunk(content="", additional_kwargs=reasoning)
            return ChatGenerationChunk(message=message)
        return ChatGenerationChunk(message=AIMessageChunk(content=event.text))

    def _last_message(self, end: Finished) -> AIMessageChunk:
        return AIMessageChunk(
            content="",
            chunk_position="last",
            response_metadata={"finish_reason": end.reason, "model_name": self.model_name},
            usage_metadata=UsageMetadata(
                input_tokens=end.prompt,
                output_tokens=end.output,
                total_tokens=end.prompt + end.output,
                input_token_details=InputTokenDetails(cache_read=end.cached),
                output_token_details=OutputTokenDetails(reasoning=end.reasoning),
            ),
        )


def open_llama_chat(settings: ChatSettings) -> LlamaCppChat:
    """Load the GGUF file that ``settings.model`` names.

    Raises:
        ChatModelError: it cannot be loaded or is no chat model; the message says what to do.
    """
    if not settings.model:
        raise ChatModelError("No chat model is set. Set RAG_CHAT__MODEL to a GGUF file.")
    path = Path(settings.model).expanduser()
    loaded = load_gguf(
        path,
        context_tokens=settings.context_tokens,
        threads=settings.threads,
        gpu_layers=settings.gpu_layers,
    )
    vocabulary = Vocabulary(loaded.llama)
    decoder = LlamaDecoder(loaded.llama, vocabulary, loaded.window)
    lane = Lane(decoder.run, decoder.release, settings.queue_size)
    chat = LlamaCppChat(
        model_name=path.stem,
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        runtime=LlamaRuntime(lane, vocabulary, loaded.template, loaded.window),
    )
    weakref.finalize(chat, lane.close)  # also at exit, before llama.cpp is torn down
    return chat


def _turn(message: BaseMessage) -> ChatTurn:
    if isinstance(message.content, list) and any(
        isinstance(block, dict) and block.get("type") != "text" for block in message.content
    ):
        raise InvalidRequest("The local chat model takes text only.")
    return ChatTurn(_role(message), str(message.text))


def _role(message: BaseMessage) -> ChatRole:
    kind = message.role if isinstance(message, ChatMessage) else message.type
    role = ROLES.get(kind)
    if role is None:
        raise InvalidRequest(f"The local chat model takes no messages of type {kind!r}.")
    return role


def _positive(max_tokens: int) -> int:
    if max_tokens < 1:
        raise InvalidRequest("max_tokens must be at least 1.")
    return max_tokens


def _wait(events: queue.SimpleQueue[JobEvent], job: Job) -> JobEvent:
    """The next event; raises Cancelled as soon as the caller has left."""
    while True:
        if job.left is None:
            return events.get()
        _raise_if_left(job)
        with contextlib.suppress(queue.Empty):
            return events.get(timeout=WATCH_INTERVAL_S)


async def _await(events: asyncio.Queue[JobEvent], job: Job) -> JobEvent:
    """``_wait`` for an event loop."""
    while True:
        if job.left is None:
            return await events.get()
        _raise_if_left(job)
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(events.get(), WATCH_INTERVAL_S)


def _raise_if_left(job: Job) -> None:
    if job.left is not None and job.left.is_set():
        raise Cancelled("The request was cancelled.")
