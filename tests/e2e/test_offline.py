"""Nothing leaves: whole commands in processes that end at the first step off this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import loopback_only
from tests.gguf_models import write_scripted_gguf
from tests.loopback_only import EXIT_CODE, NetworkRefused
from tests.real_parts import EXAMPLES

PATIENCE_S = 180.0
SCRIPT = "甲类城市的住宿费上限为每晚 480 元[1]。"
# They would keep the libraries from trying; here they shall be free to try.
OFFLINE_SWITCHES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Python that begins every process, parsers included, by refusing the network for good."""
    home = tmp_path_factory.mktemp("home")
    source = Path(loopback_only.__file__).read_text(encoding="utf-8")
    (home / "sitecustomize.py").write_text(f"{source}\n\nrefuse_network(end_process)\n", "utf-8")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("RAG_") and name not in OFFLINE_SWITCHES
    }
    return kept | {
        "PYTHONPATH": str(home),
        "RAG_DATA_DIR": str(home / "data"),
        "HF_HOME": str(home / "huggingface"),  # an empty cache: nothing to fall back on
    }


def python(
    environment: dict[str, str], *arguments: str, timeout: float = PATIENCE_S
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=environment["PYTHONPATH"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )


@pytest.mark.parametrize(
    ("attempt", "what"),
    [
        ("socket.create_connection(('192.0.2.1', 80))", "socket.getaddrinfo '192.0.2.1'"),
        ("socket.socket().connect(('192.0.2.1', 80))", "socket.connect '192.0.2.1'"),
        ("socket.socket(type=2).sendto(b'x', ('192.0.2.1', 53))", "socket.sendto '192.0.2.1'"),
        ("socket.getaddrinfo('example.org', 80)", "socket.getaddrinfo 'example.org'"),
        ("socket.gethostbyname('example.org')", "socket.gethostbyname 'example.org'"),
        ("urllib.request.urlopen('http://example.org')", "socket.getaddrinfo 'example.org'"),
    ],
)
def test_whatever_would_leave_ends_the_process(
    environment: dict[str, str], attempt: str, what: str
) -> None:
    code = f"import socket, urllib.request\ntry:\n    {attempt}\nexcept BaseException:\n    pass"
    done = python(environment, "-c", code)
    assert (done.returncode, done.stderr) == (EXIT_CODE, f"network refused: {what}\n")


def test_this_machine_may_be_reached(environment: dict[str, str]) -> None:
    code = (
        "import socket\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(('localhost', server.getsockname()[1])).close()\n"
        "socket.socketpair()"
    )
    assert python(environment, "-c", code).returncode == 0


def test_an_ingest_and_a_question_to_a_chat_model_need_no_network(
    environment: dict[str, str], tmp_path: Path
) -> None:
    rag = ("-m", "rag_service.cli")
    ingested = python(environment, *rag, "ingest", str(EXAMPLES / "knowledge"), "--json")
    assert ingested.returncode == 0, ingested.stderr
    assert json.loads(ingested.stdout)["summary"]["documents"] == 13
    model = write_scripted_gguf(tmp_path / "scripted.gguf", SCRIPT)
    chatting = environment | {"RAG_CHAT__MODEL": str(model)}
    asked = python(chatting, *rag, "ask", "甲类城市的住宿费上限是多少？", "--json")
    assert (asked.returncode, asked.stderr) == (0, "")
    reply = json.loads(asked.stdout)
    assert (reply["answer"], reply["model"], reply["status"]) == (SCRIPT, "scripted", "answered")
    assert [(citation["source"], citation["verified"]) for citation in reply["citations"]] == [
        ("policies/差旅报销制度.txt", True)
    ]


def test_a_model_that_is_not_here_is_an_error_and_not_a_download(
    environment: dict[str, str],
) -> None:
    named = environment | {"RAG_EMBEDDING__MODEL": "intfloat/multilingual-e5-small"}
    done = python(named, "-m", "rag_service.cli", "search", "warranty")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "error: Embedding model 'intfloat/multilingual-e5-small' is neither a folder nor in the "
    )


def test_tests_themselves_cannot_leave() -> None:
    import socket

    with pytest.raises(NetworkRefused, match="tests must not reach the network"):
        socket.create_connection(("example.org", 80))
