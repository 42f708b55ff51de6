"""Any other LangChain chat model, e.g. one behind an OpenAI-compatible URL."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

from rag_service.errors import Cancelled, DeadlineExceeded, GenerationError
from rag_service.generation.backend import CallOptions
from rag_service.generation.job_events import WATCH_INTERVAL_S
from rag_service.generation.llama_lane import DEADLINE_PASSED
from rag_service.generation.llama_messages import piece_message
from rag_service.generation.output_text import UnknownPromptText
from rag_service.text.language import is_cjk

_Event = AIMessageChunk | Exception | None  # None: the reply is over


class LangChainBackend:
    """A chat model that another program runs.

    Its tokenizer is not known here, so counts are estimates on the safe side. Its replies are
    read on an event loop of this backend's own: a reply that is no longer wanted is dropped
    there, which closes the connection, even while the server has yet to say its first word.
    """

    def __init__(self, model: BaseChatModel, name: str, context_tokens: int, setup: str) -> None:
        """``context_tokens``: the window to assume."""
        self.name = name
        self.context_tokens = context_tokens
        self.setup = setup
        self._model = model
        self._thinks = False  # its prompt opens the reasoning, as the last reply has shown
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run_loop, name="remote-chat", daemon=True)
        self._thread.start()

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
        self, messages: Sequence[BaseMessage], options: CallOptions
    ) -> Iterator[AIMessageChunk]:
        """The reply in pieces; ``<think>`` that the server has left in the text is told apart.

        Raises:
            Cancelled, DeadlineExceeded, GenerationError
        """
        events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        reply = self._model.astream(list(messages), **_call_options(options))
        reading = asyncio.run_coroutine_threadsafe(_read(reply, events), self._loop)
        text, cut = UnknownPromptText(opened=self._thinks), False
        try:
            while (chunk := _wait(events, options)) is not None:
                if isinstance(chunk, Exception):
                    raise self._failure(chunk) from chunk
                cut |= chunk.response_metadata.get("finish_reason") == "length"
                yield from _told_apart(chunk, text)
            yield from (piece_message(piece) for piece in text.flush(cut=cut))
            self._thinks = text.opened
        finally:
            reading.cancel()

    def close(self) -> None:
        """Drop the replies in progress. Idempotent."""
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _failure(self, error: Exception) -> GenerationError:
        return GenerationError(
            f"The chat model {self.name} failed: {str(error).rstrip('.')}. Is its server running?"
        )

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            tasks = asyncio.all_tasks(self._loop)
            for task in tasks:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()


def _call_options(options: CallOptions) -> dict[str, Any]:
    """What the caller left to the settings is in the model already."""
    chosen = {"temperature": options.temperature, "seed": options.seed}
    given = {name: value for name, value in chosen.items() if value is not None}
    return {"max_tokens": options.max_tokens, **given}


async def _read(reply: AsyncIterator[Any], events: queue.SimpleQueue[_Event]) -> None:
    task = asyncio.current_task()
    try:
        async for chunk in reply:
            # Before Python 3.12 asyncio.wait_for, which langchain-openai uses, forgets a
            # cancellation that comes together with a result.
            if task and task.cancelling():
                raise asyncio.CancelledError
            events.put(_as_chunk(chunk))
    except Exception as error:  # noqa: BLE001  every provider has its own exceptions
        events.put(error)
    else:
        events.put(None)
    finally:
        if isinstance(reply, AsyncGenerator):
            await reply.aclose()  # an abandoned one keeps its connection until it is collected


def _as_chunk(message: AIMessage) -> AIMessageChunk:
    """A model that cannot stream gives its whole message in the place of a stream."""
    if isinstance(message, AIMessageChunk):
        return message
    return AIMessageChunk(**message.model_dump(exclude={"type"}))


def _wait(events: queue.SimpleQueue[_Event], options: CallOptions) -> _Event:
    while True:
        if options.cancelled.is_set():
            raise Cancelled("The request was cancelled.")
        if time.monotonic() > options.deadline:
            raise DeadlineExceeded(DEADLINE_PASSED)
        with contextlib.suppress(queue.Empty):
            return events.get(timeout=WATCH_INTERVAL_S)


def _told_apart(chunk: AIMessageChunk, text: UnknownPromptText) -> Iterator[AIMessageChunk]:
    """``chunk`` with the text that can be told to be answer or reasoning by now."""
    for piece in text.feed(str(chunk.text)):
        yield piece_message(piece)
    yield chunk.model_copy(update={"content": ""})
