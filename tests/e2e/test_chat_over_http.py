"""POST /ask on a real server with a real llama.cpp model, whose answers are scripted."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from rag_service.retrieval.embedding import LocalEmbeddings
from tests.chat_service import (
    PATIENCE_S,
    QUESTION,
    SCRIPT,
    WARRANTY,
    ask,
    assert_free,
    chat_service,
    endless,
    events_of,
    make_home,
    run_rag,
)


@pytest.fixture(scope="module")
def home(embeddings: LocalEmbeddings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("home"), embeddings)


@pytest.fixture(scope="module")
def url(home: Path, embeddings: LocalEmbeddings) -> Iterator[str]:
    """A service whose model says ``SCRIPT``."""
    chat = {"model": str(home / "scripted.gguf"), "context_tokens": 4096, "max_tokens": 200}
    with chat_service(home, embeddings, chat) as url:
        yield url


@pytest.fixture(scope="module")
def endless_url(home: Path, embeddings: LocalEmbeddings) -> Iterator[str]:
    with chat_service(home, embeddings, endless(home)) as url:
        yield url


def lasting(reply: dict[str, Any]) -> dict[str, Any]:
    """A reply without what differs from call to call."""
    usage = {name: count for name, count in reply["usage"].items() if name != "cached_tokens"}
    kept = {name: reply[name] for name in reply if name not in ("timings", "request_id")}
    return {**kept, "usage": usage}


def test_an_answer_is_the_models_with_its_citation_verified(url: str) -> None:
    reply = ask(url, debug=True).json()
    assert (reply["answer"], reply["status"]) == (SCRIPT, "answered")
    assert (reply["generator"], reply["model"], reply["notes"]) == ("chat", "scripted", [])
    (citation,) = reply["citations"]
    assert (citation["n"], citation["source"], citation["verified"]) == (1, "warranty.txt", True)
    assert citation["quote"] == WARRANTY[citation["char_start"] : citation["char_end"]]
    assert (reply["sources"][0]["n"], reply["sources"][0]["text"]) == (1, WARRANTY)
    assert reply["usage"]["prompt_tokens"] > 0
    assert 0 < reply["usage"]["completion_tokens"] <= len(SCRIPT)


def test_a_stream_gives_the_same_answer_in_pieces(url: str) -> None:
    first, *tokens, last = events_of(url)
    assert {event.event for event in tokens} == {"token"}
    assert (first.event, last.event) == ("sources", "done")
    pieces = [event.json()["text"] for event in tokens]
    assert len(pieces) > 3
    assert "".join(pieces) == last.json()["answer"] == SCRIPT
    assert first.json()["sources"] == last.json()["sources"]
    assert lasting(last.json()) == lasting(ask(url).json())


def test_callers_at_the_same_time_all_get_the_whole_answer(url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: ask(url).json(), range(4)))
    assert [reply["answer"] for reply in replies] == [SCRIPT] * 4


@pytest.mark.parametrize("stream", [False, True])
def test_a_question_longer_than_the_window_is_refused_with_its_type(url: str, stream: bool) -> None:
    response = ask(url, f"{QUESTION} " * 80, stream=stream)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (413, "question_too_long")
    assert "4096 tokens, of which 200 are kept for the answer" in error["message"]


def test_a_full_queue_is_a_503_that_says_when_to_try_again(endless_url: str) -> None:
    body = {"question": QUESTION, "stream": True}
    with httpx.stream("POST", f"{endless_url}/ask", json=body, timeout=PATIENCE_S) as running:
        lines = running.iter_lines()  # letting go of it would close the connection
        next(line for line in lines if line == "event: token")
        for stream in (False, True):
            refused = ask(endless_url, stream=stream, max_tokens=3)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "overloaded")
            assert int(refused.headers["retry-after"]) >= 1
    assert_free(endless_url)


@pytest.mark.parametrize("stream", [True, False], ids=["mid-stream", "before the answer"])
def test_a_client_that_leaves_frees_the_model(endless_url: str, stream: bool) -> None:
    body = {"question": QUESTION, "stream": stream}
    if stream:
        with httpx.stream("POST", f"{endless_url}/ask", json=body, timeout=PATIENCE_S) as left:
            next(line for line in left.iter_lines() if line == "event: token")
    else:
        with httpx.Client() as client, pytest.raises(httpx.ReadTimeout):
            client.post(f"{endless_url}/ask", json=body, timeout=httpx.Timeout(5, read=0.5))
    assert_free(endless_url)


@pytest.mark.parametrize(
    "command", [("serve", "--port", "0"), ("ask", QUESTION)], ids=lambda c: c[0]
)
def test_a_model_that_cannot_be_used_is_one_line_and_exit_code_1(
    home: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    not_a_model = tmp_path / "model.gguf"
    not_a_model.write_text("This is no model.", encoding="utf-8")
    missing = tmp_path / "missing.gguf"
    running = [
        run_rag(home, *command, RAG_CHAT__MODEL=str(model)) for model in (missing, not_a_model)
    ]
    results = [
        (*process.communicate(timeout=PATIENCE_S), process.returncode) for process in running
    ]
    assert results == [
        (
            "",
            f"error: There is no chat model at {missing}. Set RAG_CHAT__MODEL to a GGUF file, or "
            "leave it unset for extractive answers.\n",
            1,
        ),
        (
            "",
            f"error: {not_a_model} is not a GGUF file. Use a model in GGUF format (its name "
            "usually ends in .gguf), or convert this one with llama.cpp's "
            "convert_hf_to_gguf.py.\n",
            1,
        ),
    ]
