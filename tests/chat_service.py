"""A service with documents and tiny chat models, and the calls that tests make to it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from httpx_sse import ServerSentEvent, connect_sse

from rag_service.api.app import create_app
from rag_service.retrieval.embedding import LocalEmbeddings
from tests.api.conftest import served
from tests.gguf_models import write_scripted_gguf
from tests.real_parts import ingest_folder, open_service, settings_for, write_folder

QUESTION = "How long is the warranty of the Aldra recorder?"
WARRANTY = "The warranty of the Aldra recorder lasts three years from the date of delivery."
SCRIPT = "The warranty of the Aldra recorder lasts three years [1]."
# A minute's work and more, unless the model is told to stop.
ENDLESS_TOKENS = 30_000
PATIENCE_S = 120.0


def make_home(home: Path, embeddings: LocalEmbeddings) -> Path:
    """A data folder with two documents, and two models beside it."""
    write_folder(
        home / "documents",
        {"warranty.txt": WARRANTY, "storage.txt": "Store the sensor in a dry room."},
    )
    ingest_folder(home / "documents", settings_for(home / "data"), embeddings)
    write_scripted_gguf(home / "scripted.gguf", SCRIPT)
    write_scripted_gguf(home / "endless.gguf", "It lasts and lasts [1]. ", repeat=True)
    return home


def endless(home: Path, **chat: Any) -> dict[str, Any]:
    """Chat settings of a model that goes on and on, and lets nobody wait for it."""
    return {
        "model": str(home / "endless.gguf"),
        "context_tokens": ENDLESS_TOKENS + 2000,
        "max_tokens": ENDLESS_TOKENS,
        "queue_size": 0,
        **chat,
    }


@contextmanager
def chat_service(
    home: Path, embeddings: LocalEmbeddings, chat: dict[str, Any], **groups: Any
) -> Iterator[str]:
    """The URL of a service with these chat settings."""
    service = open_service(settings_for(home / "data", chat=chat, **groups), embeddings)
    with served(create_app(lambda: service)) as url:
        yield url


def ask(url: str, question: str = QUESTION, **body: Any) -> httpx.Response:
    return httpx.post(f"{url}/ask", json={"question": question, **body}, timeout=PATIENCE_S)


def events_of(url: str, **body: Any) -> list[ServerSentEvent]:
    return list(stream_of(url, **body))


def stream_of(url: str, **body: Any) -> Iterator[ServerSentEvent]:
    """The events as they come; letting go of the iterator closes the connection."""
    body = {"question": QUESTION, "stream": True, **body}
    with (
        httpx.Client(timeout=PATIENCE_S) as client,
        connect_sse(client, "POST", f"{url}/ask", json=body) as source,
    ):
        yield from source.iter_sse()


def assert_free(url: str) -> None:
    """Within moments the model takes a question; left alone it would be busy for a minute."""
    deadline = time.monotonic() + 3
    while (response := ask(url, max_tokens=3)).status_code == 503:
        assert time.monotonic() < deadline, "the model is still busy"
        time.sleep(0.02)
    assert response.json()["usage"]["completion_tokens"] == 3


@contextmanager
def serving_process(
    home: Path, chat: dict[str, Any], **settings: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`rag serve` as a process of its own, and its URL."""
    variables = {f"RAG_CHAT__{name.upper()}": str(value) for name, value in chat.items()}
    process = run_rag(home, "serve", "--port", "0", **variables, **settings)
    try:
        yield process, announced_url(process)
    finally:
        process.kill()
        process.communicate()


def run_rag(home: Path, *arguments: str, **settings: str) -> subprocess.Popen[str]:
    """`rag` with the data folder of ``home``; ``settings`` by the names of their variables."""
    environment = os.environ | {"RAG_DATA_DIR": str(home / "data"), **settings}
    return subprocess.Popen(
        [sys.executable, "-m", "rag_service.cli", *arguments],
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def announced_url(process: subprocess.Popen[str]) -> str:
    """Where a `rag serve` process serves, once it answers there."""
    assert process.stderr
    said = next(line for line in process.stderr if line.startswith("Serving on "))
    url = said.split()[2]
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/healthz").status_code == 200:
                return url
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the service did not come up")
