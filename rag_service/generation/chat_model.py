"""A local GGUF model as a LangChain chat model."""

from __future__ import annotations

import asyncio
import math
import queue
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import Field
from typing_extensions import override

from rag_service.errors import (
    ChatModelError,
    GenerationError,
    InvalidRequest,
)
from rag_service.generation.chat_template import ChatTemplate, RenderedPrompt
from rag_service.generation.gguf_file import load_gguf
from rag_service.generation.job_events import next_event, next_event_async, told
from rag_service.generation.llama_decoding import LlamaDecoder
from rag_service.generation.llama_lane import Finished, GenerationRequest, Job, JobEvent, Lane
from rag_service.generation.llama_messages import last_message, turn_of
from rag_service.generation.llama_vocab import Vocabulary
from rag_service.models.references import model_name
from rag_service.settings import ChatSettings
from rag_service.types import QueuedEvent


@dataclass(frozen=True, slots=True)
class LlamaRuntime:
    """The parts of one loaded model. ``window`` is in tokens, ``setup`` a line for people."""

    lane: Lane
    vocabulary: Vocabulary
    template: ChatTemplate
    window: int
    setup: str


class LlamaCppChat(BaseChatModel):
    """Chat model over llama.cpp; made by ``open_llama_chat``.

    Calls may come from any number of threads and event loops; one thread runs them in
    order. Besides LangChain's ``stop``, a call takes ``max_tokens`` (at least 1),
    ``temperature`` (0 gives the likeliest token), ``seed``, ``deadline`` (a value of
    ``time.monotonic``) and ``cancelled`` (a ``threading.Event``: once set the model stops, also
    while it reads the prompt). A closed or forgotten stream stops the model too.

    The last message of a stream carries ``usage_metadata`` and, in ``response_metadata``,
    ``finish_reason`` ("stop" or "length") and ``model_name``. What the model thinks between
    ``<think>`` and ``</think>`` is in ``additional_kwargs["reasoning_content"]``.

    Every call raises:
        Overloaded: the queue in front of the model is full.
        Cancelled: ``cancelled`` was set.
        DeadlineExceeded: ``deadline`` has passed.
        GenerationError: the prompt does not fit, the model failed or is closed.
        InvalidRequest: messages or options the model cannot take.
    """

    model_name: str
    max_tokens: int
    temperature: float
    seed: int | None = None
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
        return self.runtime.vocabulary.prompt_tokens(self._rendered(messages).segments)

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
            "seed": self.seed,
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
        with closing(self.events(messages, stop, **kwargs)) as events:
            for event in events:
                if not isinstance(event, QueuedEvent):
                    yield ChatGenerationChunk(message=event)

    def events(
        self,
        messages: Sequence[BaseMessage],
        stop: Sequence[str] | None = None,
        *,
        admitted: bool = False,
        **options: Any,
    ) -> Generator[QueuedEvent | AIMessageChunk, None, None]:
        """What ``stream`` gives, and where the call stands in the queue while it waits.

        ``admitted``: `require_room` has just said that there is room for it.
        """
        events: queue.SimpleQueue[JobEvent] = queue.SimpleQueue()
        job = self._job(messages, stop, options, events.put)
        self.runtime.lane.submit(job, admitted=admitted)
        try:
            while not isinstance(event := next_event(events, job), Finished):
                yield told(event)
            yield last_message(event, self.model_name)
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
            while not isinstance(event := await next_event_async(events, job), Finished):
                if not isinstance(message := told(event), QueuedEvent):
                    yield ChatGenerationChunk(message=message)
            yield ChatGenerationChunk(message=last_message(event, self.model_name))
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
        rendered = self._rendered(messages)
        prompt = self.runtime.vocabulary.prompt_tokens(rendered.segments)
        if len(prompt) >= self.context_tokens:
            raise GenerationError(
                f"The prompt of {len(prompt)} tokens does not fit the model's window of "
                f"{self.context_tokens} tokens."
            )
        left: threading.Event | None = options.pop("cancelled", None)
        deadline: float = options.pop("deadline", math.inf)
        options.pop("stream", None)  # LangChain passes its own switch through
        request = GenerationRequest(
            prompt=tuple(prompt),
            stable=self._stable_tokens(rendered),
            thinking=rendered.thinking,
            max_tokens=_positive(options.pop("max_tokens", self.max_tokens)),
            temperature=float(options.pop("temperature", self.temperature)),
            seed=options.pop("seed", self.seed),
            stop=tuple(stop or ()),
        )
        if options:
            raise InvalidRequest(f"The local chat model does not know {', '.join(options)}.")
        return Job(request, deliver, left, deadline)

    def _rendered(self, messages: Sequence[BaseMessage]) -> RenderedPrompt:
        if not messages:
            raise InvalidRequest("There are no messages to answer.")
        return self.runtime.template.render([turn_of(message) for message in messages])

    def _stable_tokens(self, rendered: RenderedPrompt) -> int:
        stable = rendered.segments[: rendered.stable]
        return len(self.runtime.vocabulary.prompt_tokens(stable)) if stable else 0


def open_llama_chat(settings: ChatSettings) -> LlamaCppChat:
    """Load the GGUF file that ``settings.model`` names.

    Raises:
        ChatModelError: it cannot be loaded or is no chat model; the message says what to do.
    """
    if not settings.model:
        raise ChatModelError("No chat model is set. Set RAG_CHAT__MODEL to a GGUF file.")
    path = Path(settings.model).expanduser()
    loaded = load_gguf(path, settings)
    vocabulary = Vocabulary(loaded.llama)
    prefix_bytes = settings.prefix_cache_mb * 1_000_000
    decoder = LlamaDecoder(loaded.llama, vocabulary, loaded.window, prefix_bytes)
    lane = Lane(decoder.run, decoder.release, settings.queue_size)
    chat = LlamaCppChat(
        model_name=model_name(path.name),
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        seed=settings.seed,
        runtime=LlamaRuntime(lane, vocabulary, loaded.template, loaded.window, loaded.setup),
    )
    weakref.finalize(chat, lane.close)  # also at exit, before llama.cpp is torn down
    return chat


def _positive(max_tokens: int) -> int:
    if max_tokens < 1:
        raise InvalidRequest("max_tokens must be at least 1.")
    return max_tokens
