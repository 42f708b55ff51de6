"""A chat model behind an OpenAI-compatible URL: the /v1 of this service in another process."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from rag_service.retrieval.embedding import LocalEmbeddings
from tests.chat_service import (
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

REFRAIN = "It lasts and lasts [1]. "


@pytest.fixture(scope="module")
def home(embeddings: LocalEmbeddings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("remote"), embeddings)


@pytest.fixture(scope="module")
def remote_url(home: Path) -> Iterator[str]:
    """Another process, whose model goes on for as long as it may."""
    with serving_process(home, endless(home)) as (_, url):
        yield url


@pytest.fixture(scope="module")
def url(home: Path, remote_url: str, embeddings: LocalEmbeddings) -> Iterator[str]:
    """A service whose chat model is the collection "default" of the other one."""
    with chat_service(home, embeddings, remote(remote_url)) as url:
        yield url


def remote(url: str, **chat: Any) -> dict[str, Any]:
    return {"model": "default", "base_url": f"{url}/v1", "max_tokens": 2000, **chat}


def test_the_answer_is_written_by_the_other_server(url: str) -> None:
    reply = ask(url, max_tokens=20).json()
    assert (reply["generator"], reply["model"], reply["status"]) == ("chat", "default", "answered")
    assert reply["answer"].startswith(REFRAIN)
    assert reply["usage"]["completion_tokens"] == 20
    assert reply["usage"]["prompt_tokens"] > 0
    assert reply["notes"][0].startswith("The answer was cut off")


def test_a_stream_is_passed_on_piece_by_piece(url: str) -> None:
    first, *tokens, last = events_of(url, max_tokens=20)
    assert (first.event, last.event) == ("sources", "done")
    assert len([event for event in tokens if event.event == "token"]) > 5
    assert last.json()["answer"] == ask(url, max_tokens=20).json()["answer"]


@pytest.mark.parametrize("stream", [True, False], ids=["mid-stream", "before the answer"])
def test_a_client_that_leaves_frees_the_model_of_the_other_server(
    url: str, remote_url: str, stream: bool
) -> None:
    if stream:
        events = cast("Any", stream_of(url))
        next(event for event in events if event.event == "token")
        events.close()
    else:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{url}/ask", json={"question": QUESTION}, timeout=0.5)
    assert_free(remote_url)


def test_a_deadline_ends_what_the_other_server_does(
    home: Path, remote_url: str, embeddings: LocalEmbeddings
) -> None:
    with chat_service(home, embeddings, remote(remote_url, deadline_s=0.5)) as url:
        late = ask(url)
    assert (late.status_code, late.json()["error"]["code"]) == (504, "deadline_exceeded")
    assert_free(remote_url)


def test_a_server_that_is_not_there_is_a_502_that_says_so(
    home: Path, embeddings: LocalEmbeddings
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with chat_service(home, embeddings, remote(nobody)) as url:
        failed = ask(url)
    error = failed.json()["error"]
    assert (failed.status_code, error["code"]) == (502, "generation_error")
    assert "Is its server running?" in error["message"]
