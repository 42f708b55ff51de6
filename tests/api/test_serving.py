"""What `rag serve` says of itself, and the commands around uploads."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rag_service.api.serving import description, url_of
from rag_service.cli import app
from rag_service.commands.parts import REAL_PARTS, Parts
from rag_service.errors import UnsupportedFormat
from rag_service.settings import IngestSettings, Settings
from tests.api.fakes import FakeLibrary, FakeService


def described(service: FakeService) -> list[str]:
    """What is said when it listens on the address "URL"."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return description(service, bound).replace(url_of(bound), "URL").splitlines()


def test_a_service_says_what_it_serves_with_which_models() -> None:
    service = FakeService()
    service.create_collection("资料")
    assert described(service) == [
        "Serving on URL (described at URL/docs)",
        "Answers are written by fake. Embedding model: words.",
        "Collections: default (2 documents), 资料 (0 documents). Uploads are taken in by a worker "
        "of this service.",
    ]


def test_a_service_says_what_runs_its_chat_model() -> None:
    service = FakeService()
    service.chat_setup = "llama.cpp (CPU), 1 threads"
    assert described(service)[2] == "Chat model: llama.cpp (CPU), 1 threads."


def test_a_service_says_which_prompts_are_the_users_own() -> None:
    service = FakeService(Settings(prompts_dir=Path("my prompts")))
    service.own_prompts = ("answer.en.md", "refusal.zh.md")
    assert described(service)[2] == "Prompts from my prompts: answer.en.md, refusal.zh.md."


def test_a_service_says_what_it_lacks() -> None:
    service = FakeService(Settings(ingest=IngestSettings(worker="external")))
    service.chat_model = None
    service.names.clear()
    assert described(service)[1:] == [
        "Answers are extractive: quotations. Embedding model: words.",
        "No collections yet; `rag ingest DIR` makes one. Uploads are taken in by `rag worker`, "
        "run by you.",
    ]


def test_many_collections_are_not_all_named() -> None:
    service = FakeService()
    for number in range(12):
        service.create_collection(f"c{number:02}")
    assert described(service)[2].split(". ")[0].endswith("c09 (0 documents) and 3 more")


def test_the_worker_gets_every_argument_as_it_was_given() -> None:
    given: list[list[str]] = []

    def work(arguments: list[str]) -> int:
        given.append(arguments)
        return 1

    service = FakeService()
    parts = Parts(lambda _: service, lambda _: FakeLibrary(service), lambda _: 0, work)
    result = CliRunner().invoke(app, ["worker", "--help", "--until-idle", "5"], obj=parts)
    assert (result.exit_code, result.output) == (1, "")
    assert given == [["--help", "--until-idle", "5"]]


def test_the_workers_help_describes_its_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        REAL_PARTS.work(["--help"])
    assert ended.value.code == 0
    assert "--until-idle SECONDS" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["a.pdf", "资料.DOCX", "notes.md", "README"])
def test_uploads_of_known_formats_are_taken(name: str) -> None:
    REAL_PARTS.check_upload(name)


@pytest.mark.parametrize("name", ["a.exe", "archive.zip", "无后缀", "a.pdf.bak"])
def test_uploads_of_other_formats_are_refused_with_those_that_are_known(name: str) -> None:
    with pytest.raises(UnsupportedFormat, match=r"is of a kind that is not read\. .*\.docx"):
        REAL_PARTS.check_upload(name)
