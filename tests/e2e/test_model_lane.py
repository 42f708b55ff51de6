"""The queue in front of a real model, seen over HTTP: waiting, deadlines, leaving, shutdown."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from httpx_sse import EventSource, ServerSentEvent

from rag_service.retrieval.embedding import LocalEmbeddings
from tests.chat_service import (
    ENDLESS_TOKENS,
    PATIENCE_S,
    QUESTION,
    ask,
    assert_free,
    chat_service,
    endless,
    events_of,
    make_home,
    serving_process,
    stream_of,
)
from tests.gguf_models import CHATML, write_random_gguf, write_scripted_gguf


@pytest.fixture(scope="module")
def home(embeddings: LocalEmbeddings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("lane"), embeddings)


def next_of(events: Iterator[ServerSentEvent], *kinds: str) -> ServerSentEvent:
    return next(event for event in events if event.event in kinds)


def test_those_who_wait_are_told_their_position_until_their_turn_comes(
    home: Path, embeddings: LocalEmbeddings
) -> None:
    with chat_service(home, embeddings, endless(home, queue_size=2)) as url:
        first, second, third = (cast("Any", stream_of(url)) for _ in range(3))
        next_of(first, "token")
        waits = {"position": 1, "wait_s": None}
        assert next_of(second, "queued", "token").json() == waits
        assert next_of(third, "queued", "token").json() == {**waits, "position": 2}
        assert ask(url).status_code == 503
        first.close()
        moved = next_of(third, "queued", "token").json()
        assert moved["position"] == 1
        assert moved["wait_s"] > 0
        assert next_of(second, "token")
        second.close()
        assert next_of(third, "queued", "token").event == "token"
        third.close()


def test_an_answer_that_takes_too_long_is_stopped_and_frees_the_model(
    home: Path, embeddings: LocalEmbeddings
) -> None:
    with chat_service(home, embeddings, endless(home, deadline_s=3)) as url:
        late = ask(url)
        assert (late.status_code, late.json()["error"]["code"]) == (504, "deadline_exceeded")
        assert ask(url, max_tokens=3).status_code == 200
        *_, last = events_of(url)
        assert (last.event, last.json()["error"]["code"]) == ("error", "deadline_exceeded")
        assert ask(url, max_tokens=3).status_code == 200


def test_time_in_the_queue_counts_towards_the_deadline(
    home: Path, embeddings: LocalEmbeddings
) -> None:
    with chat_service(home, embeddings, endless(home, deadline_s=3, queue_size=1)) as url:
        running = cast("Any", stream_of(url))
        next_of(running, "token")
        *_, last = events_of(url)
        assert last.json()["error"]["code"] == "deadline_exceeded"
        running.close()


def test_a_client_that_leaves_while_its_prompt_is_read_frees_the_model(
    home: Path, embeddings: LocalEmbeddings
) -> None:
    # The prompt alone, a token per letter, keeps the model busy for longer than
    # `assert_free` is patient.
    words = "word " * ((ENDLESS_TOKENS - 4000) // 5)
    api = {"max_question_chars": ENDLESS_TOKENS}
    chat = endless(home, max_tokens=2000)
    with chat_service(home, embeddings, chat, api=api) as url:
        events = cast("Any", stream_of(url, question=f"{QUESTION} {words}", max_tokens=1))
        assert next(events).event == "sources"
        busy = httpx.post(f"{url}/ask", json={"question": QUESTION}, timeout=PATIENCE_S)
        assert busy.status_code == 503
        events.close()
        assert_free(url)


def test_a_service_told_to_stop_ends_its_streams_and_exits(home: Path) -> None:
    chat = endless(home, queue_size=1)
    with (
        serving_process(home, chat, RAG_API__SHUTDOWN_S="0.2") as (process, url),
        httpx.Client(timeout=PATIENCE_S) as client,
    ):
        running = stream_of(url)
        next_of(running, "token")
        messages = [{"role": "user", "content": QUESTION}]
        body = {"model": "default", "messages": messages, "stream": True}
        with client.stream("POST", f"{url}/v1/chat/completions", json=body) as waiting:
            events = EventSource(waiting).iter_sse()
            assert next(events).json()["choices"][0]["delta"]["role"] == "assistant"
            process.send_signal(signal.SIGTERM)
            for last in ([*running][-1], [*events][-1]):
                assert last.json()["error"]["code"] == "shutting_down"
        assert process.wait(PATIENCE_S) == 0


def test_what_a_model_thinks_is_no_part_of_its_answer(
    home: Path, embeddings: LocalEmbeddings
) -> None:
    answer = "The warranty lasts three years [1]."
    model = write_scripted_gguf(
        home / "thinking.gguf", f"<think>\nIs it 99 [7]?\n</think>\n{answer}"
    )
    with chat_service(home, embeddings, {"model": str(model)}) as url:
        plain = ask(url).json()
        assert (plain["answer"], plain["reasoning"], plain["notes"]) == (answer, "", [])
        assert [citation["n"] for citation in plain["citations"]] == [1]
        assert plain["usage"]["reasoning_tokens"] > 0
        events = events_of(url, reasoning=True)
    thought = "".join(event.json()["text"] for event in events if event.event == "reasoning")
    told = "".join(event.json()["text"] for event in events if event.event == "token")
    assert (thought, told) == ("\nIs it 99 [7]?\n", answer)
    assert events[-1].json()["reasoning"] == thought


@pytest.mark.parametrize(
    ("script", "template"),
    [("<think>Hm, three", CHATML), ("Hm, three", CHATML + "<think>{{ '\n' }}")],
    ids=["by the model", "by the template"],
)
def test_a_model_that_never_stops_thinking_has_not_answered(
    home: Path, embeddings: LocalEmbeddings, script: str, template: str
) -> None:
    model = write_scripted_gguf(home / "brooding.gguf", script, template=template)
    with chat_service(home, embeddings, {"model": str(model), "max_tokens": 4}) as url:
        reply = ask(url, reasoning=True).json()
    assert reply["status"] == "refused"
    assert "Hm, three".startswith(reply["reasoning"])
    assert reply["notes"] == ["The model spent all of its tokens on thinking: raise max_tokens."]


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 1.5, "seed": 3}], ids=["likeliest", "seeded"]
)
def test_the_same_question_gets_the_same_answer_whatever_was_asked_in_between(
    home: Path, embeddings: LocalEmbeddings, options: dict[str, Any]
) -> None:
    model = write_random_gguf(home / "random.gguf", "qwen2")
    chat = {"model": str(model), "context_tokens": 2048, "max_tokens": 40}
    others = ["Store the sensor where?", f"{QUESTION} Please.", QUESTION]
    with chat_service(home, embeddings, chat) as url:
        first = ask(url, **options).json()
        for other in others:
            ask(url, other, temperature=2.0)
            assert ask(url, **options).json()["answer"] == first["answer"]
        if options:
            seeds = {ask(url, **{**options, "seed": seed}).json()["answer"] for seed in (3, 4, 5)}
            assert len(seeds) > 1
