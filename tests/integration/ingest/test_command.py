"""`rag ingest`: what it prints, and how it exits."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from ingest import cli
from tests.integration.ingest.parts import STORAGE, Knowledge


@pytest.fixture
def command(knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch) -> Iterator[Knowledge]:
    """What `cli.run` reads from its surroundings, put back afterwards."""
    handler = signal.getsignal(signal.SIGTERM)
    for name in [name for name in os.environ if name.startswith("RAG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RAG_DATA_DIR", str(knowledge.data))
    yield knowledge
    signal.signal(signal.SIGTERM, handler)


def without_times(report: dict[str, Any]) -> dict[str, Any]:
    del report["summary"]["seconds"]
    for file in report["files"]:
        del file["seconds"]
    return report


def test_the_command_prints_one_json_document_and_exits_with_its_code(
    command: Knowledge, capsys: pytest.CaptureFixture[str]
) -> None:
    command.write("手册.md", f"# Storage\n\n{STORAGE}")
    command.write("bad.txt", "\x00\x01\x02" * 500)
    code = cli.run([str(command.folder), "-c", "manuals", "--json", "--jobs", "1"])
    captured = capsys.readouterr()
    report = without_times(json.loads(captured.out))
    assert (code, captured.err) == (3, "")
    assert report["summary"] == {
        "files_seen": 2,
        "added": 1,
        "failed": 1,
        "documents": 1,
        "embedded": 1,
        "reused": 0,
        "revision": 1,
    }
    assert [(file["source"], file["status"]) for file in report["files"]] == [
        ("bad.txt", "failed"),
        ("手册.md", "added"),
    ]
    assert "手册.md" in captured.out


def test_the_command_prints_a_line_of_totals_for_people(
    command: Knowledge, capsys: pytest.CaptureFixture[str]
) -> None:
    command.write("a.md", f"# Storage\n\n{STORAGE}")
    assert cli.run([str(command.folder), "--jobs", "1"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert out.startswith("Collection default: 1 file: 1 added. 1 document, 1 text embedded, ")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["no-such-folder"], 2, "error: no-such-folder does not exist. Nothing was changed."),
        (["documents", "-c", "a/b"], 2, "error: 'a/b' cannot name a collection"),
        (["documents", "--bogus"], 2, "No such option"),
        ([], 2, "Missing argument"),
        (["documents", "--jobs", "0"], 2, "Invalid value for '--jobs'"),
    ],
)
def test_a_wrong_command_exits_with_2_and_says_what_is_wrong(
    command: Knowledge,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    assert cli.run(arguments) == code
    assert message in capsys.readouterr().err


def test_an_error_of_the_settings_exits_with_1(
    command: Knowledge, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_CHUNKING__MAX_TOKENS", "1000")
    assert cli.run([str(command.folder)]) == 1
    assert "chunking.max_tokens is 1000" in capsys.readouterr().err
