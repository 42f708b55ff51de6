"""Several callers of one model: they wait, are refused, leave."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage

from rag_service.errors import Cancelled, Overloaded
from rag_service.generation.chat_model import LlamaCppChat
from rag_service.types import QueuedEvent
from tests.integration.chat_model.parts import ANSWER, QUESTION, Opener, open_endless, start

LONG_PROMPT = "word " * 5600  # 28,000 tokens: seconds of work before the first answer token


def test_concurrent_callers_all_get_whole_answers(chat: LlamaCppChat) -> None:
    questions = [f"{number}: {QUESTION}" for number in range(6)]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda question: chat.invoke(question).content, questions))
    assert answers == [ANSWER] * 6


def test_tokens_are_counted_while_the_model_answers(endless_path: Path, opened: Opener) -> None:
    chat = open_endless(opened, endless_path, queue_size=0)
    stream = start(chat)
    assert [chat.count_tokens("x" * length) for length in range(500)] == list(range(500))
    stream.close()


def test_a_full_queue_refuses_at_once(endless_path: Path, opened: Opener) -> None:
    chat = open_endless(opened, endless_path, queue_size=0)
    stream = start(chat)
    with pytest.raises(Overloaded) as refused:
        chat.invoke(QUESTION)
    assert refused.value.retry_after >= 1
    stream.close()
    assert chat.invoke(QUESTION, max_tokens=2).content == "la-l"


def test_a_question_that_was_let_in_waits_though_the_queue_is_full_by_now(
    endless_path: Path, opened: Opener
) -> None:
    chat = open_endless(opened, endless_path, queue_size=0)
    chat.require_room()
    stream = start(chat)  # comes in between
    let_in = chat.events([HumanMessage(QUESTION)], admitted=True, max_tokens=2)
    assert isinstance(next(let_in), QueuedEvent)
    stream.close()
    told = [event.content for event in let_in if isinstance(event, AIMessageChunk)]
    assert "".join(map(str, told)) == "la-l"


def test_a_question_that_fits_the_queue_waits_for_its_turn(
    endless_path: Path, opened: Opener
) -> None:
    chat = open_endless(opened, endless_path, queue_size=1)
    stream = start(chat)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(chat.invoke, QUESTION, max_tokens=2)
        stream.close()
        assert waiting.result().content == "la-l"


def test_a_closed_stream_frees_the_model(endless_path: Path, opened: Opener) -> None:
    chat = open_endless(opened, endless_path, queue_size=0)
    stream = start(chat)
    assert next(stream).content == "-l"
    stream.close()
    assert chat.invoke(QUESTION, max_tokens=3).content == "la-li-"


def test_a_forgotten_stream_frees_the_model(endless_path: Path, opened: Opener) -> None:
    chat = open_endless(opened, endless_path, queue_size=0)
    start(chat)
    assert chat.invoke(QUESTION, max_tokens=3).content == "la-li-"


def test_a_cancelled_stream_says_so_and_frees_the_model(endless_path: Path, opened: Opener) -> None:
    chat = open_endless(opened, endless_path, queue_size=0)
    cancelled = threading.Event()
    stream = start(chat, cancelled=cancelled)
    cancelled.set()
    with pytest.raises(Cancelled):
        list(stream)
    assert chat.invoke(QUESTION, max_tokens=3).content == "la-li-"


def test_cancelling_while_the_prompt_is_read_frees_the_model(
    endless_path: Path, opened: Opener
) -> None:
    chat = open_endless(opened, endless_path, queue_size=0)
    cancelled = threading.Event()
    timer = threading.Timer(0.2, cancelled.set)
    timer.start()
    pieces: list[AIMessageChunk] = []
    with pytest.raises(Cancelled):
        pieces += chat.stream(LONG_PROMPT, cancelled=cancelled)
    timer.join()
    assert pieces == []
    assert chat.invoke(QUESTION, max_tokens=3).content == "la-li-"


def test_a_cancelled_task_frees_the_model(endless_path: Path, opened: Opener) -> None:
    chat = open_endless(opened, endless_path, queue_size=0)

    async def ask_and_leave() -> str:
        task = asyncio.create_task(chat.ainvoke(LONG_PROMPT))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(task, 0.2)
        return str((await chat.ainvoke(QUESTION, max_tokens=3)).content)

    assert asyncio.run(ask_and_leave()) == "la-li-"


def test_an_async_stream_can_be_cancelled_by_its_event(endless_path: Path, opened: Opener) -> None:
    chat = open_endless(opened, endless_path, queue_size=0)
    cancelled = threading.Event()

    async def listen() -> list[str]:
        pieces = []
        async for chunk in chat.astream(QUESTION, cancelled=cancelled):
            pieces.append(str(chunk.content))
            cancelled.set()
        return pieces

    with pytest.raises(Cancelled):
        asyncio.run(listen())
    assert chat.invoke(QUESTION, max_tokens=3).content == "la-li-"
