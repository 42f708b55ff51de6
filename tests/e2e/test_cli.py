"""The real `rag` in processes of its own, from a folder of files to an answer."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "knowledge"
PATIENCE_S = 120.0


class Rag:
    """Runs `rag` against one data folder, away from the developer's settings."""

    def __init__(self, home: Path) -> None:
        self.home = home
        clean = {name: value for name, value in os.environ.items() if name[:4] != "RAG_"}
        self.environment = {**clean, "RAG_DATA_DIR": str(home / "data"), "COLUMNS": "200"}

    def start(self, *arguments: str, module: str = "rag_service.cli") -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=self.home,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=PATIENCE_S)
        return process.returncode, out, err

    def json(self, *arguments: str) -> Any:
        return reply_of(self.start(*arguments, "--json"))


def reply_of(process: subprocess.Popen[str]) -> Any:
    """The JSON document that a successful command printed."""
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, err
    return json.loads(out)


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory) -> Rag:
    return Rag(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def ingested(rag: Rag) -> dict[str, Any]:
    """The report of ingesting the sample knowledge base."""
    report: dict[str, Any] = rag.json("ingest", str(EXAMPLES))
    return report


@pytest.fixture(scope="module")
def replies(rag: Rag, ingested: dict[str, Any]) -> dict[str, Any]:
    """What three commands print, run side by side because each loads the model."""
    running = {
        "ask": rag.start("ask", "新员工入职第一天需要带什么材料？", "--json"),
        "search": rag.start("search", "how long is the warranty", "--json"),
        "ingest": rag.start(str(EXAMPLES), "-c", "other", "--json", module="ingest"),
    }
    return {name: reply_of(process) for name, process in running.items()}


def without_times(report: dict[str, Any]) -> dict[str, Any]:
    summary = {name: n for name, n in report["summary"].items() if name != "seconds"}
    files = [file | {"seconds": 0} for file in report["files"]]
    return report | {"summary": summary, "files": files}


def wait_until(condition: Any) -> Any:
    """The first true value of ``condition``."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"nothing happened within {PATIENCE_S} s")


def test_the_sample_knowledge_base_is_ingested_whole(ingested: dict[str, Any]) -> None:
    files = sum(path.is_file() for path in EXAMPLES.rglob("*"))
    assert ingested["summary"]["added"] == ingested["summary"]["documents"] == files
    assert ingested["exit_code"] == 0
    assert [file["warnings"] for file in ingested["files"] if file["warnings"]] == []


def test_a_question_is_answered_in_its_language_with_checked_citations(
    replies: dict[str, Any], ingested: dict[str, Any]
) -> None:
    answer = replies["ask"]
    assert (answer["status"], answer["generator"]) == ("answered", "extractive")
    assert answer["revision"] == ingested["summary"]["revision"]
    assert {c["source"] for c in answer["citations"]} == {"policies/新员工入职指南.md"}
    assert all(citation["verified"] for citation in answer["citations"])


def test_search_finds_the_right_document_first(
    replies: dict[str, Any], ingested: dict[str, Any]
) -> None:
    assert replies["search"]["revision"] == ingested["summary"]["revision"]
    assert replies["search"]["results"][0]["source"] == "policies/warranty-and-returns.md"


def test_python_m_ingest_is_the_same_command(
    replies: dict[str, Any], ingested: dict[str, Any]
) -> None:
    expected = without_times(ingested) | {"collection": "other"}
    assert without_times(replies["ingest"]) == expected


def test_status_and_verify_tell_of_the_same_collections(
    rag: Rag, replies: dict[str, Any], ingested: dict[str, Any]
) -> None:
    documents = ingested["summary"]["documents"]
    infos = rag.json("status")["collections"]
    assert [(info["name"], info["documents"], info["pending"]) for info in infos] == [
        ("default", documents, 0),
        ("other", documents, 0),
    ]
    verified = rag.json("verify")
    assert verified["clean"] is True
    chunks = [report["chunks"] for report in verified["collections"]]
    assert chunks == [info["chunks"] for info in infos]


@contextmanager
def serving(rag: Rag) -> Iterator[str]:
    """A running `rag serve`; its address."""
    process = rag.start("serve", "--port", "0")
    assert process.stderr is not None
    first = process.stderr.readline()
    address = re.search(r"http://[\d.:]+", first)
    assert address, first
    try:
        wait_until(lambda: _get(f"{address[0]}/readyz"))
        yield address[0]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0


def _get(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def search_over_http(address: str, query: str) -> list[dict[str, Any]]:
    request = urllib.request.Request(
        f"{address}/search",
        json.dumps({"query": query, "collection": "live"}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        results: list[dict[str, Any]] = json.load(reply)["results"]
    return results


def test_a_running_service_finds_what_another_process_ingests(rag: Rag, tmp_path: Path) -> None:
    """And no longer finds what it deletes."""
    old, new = tmp_path / "old.txt", tmp_path / "new.txt"
    old.write_text("柯玛记录仪的保修期为三年。", encoding="utf-8")
    first = rag.start("ingest", str(tmp_path), "-c", "live")
    with serving(rag) as address:
        first.communicate(timeout=PATIENCE_S)
        assert [hit["source"] for hit in search_over_http(address, "保修")] == ["old.txt"]
        old.unlink()
        new.write_text("The quetzal nests in tree hollows.", encoding="utf-8")
        assert rag("ingest", str(tmp_path), "-c", "live")[0] == 0
        assert [hit["source"] for hit in search_over_http(address, "quetzal")] == ["new.txt"]
        found = [hit["source"] for hit in search_over_http(address, "保修")]
        assert "old.txt" not in found


def test_one_ingest_keeps_others_out_and_ends_cleanly_when_told_to(
    rag: Rag, tmp_path: Path
) -> None:
    for number in range(60):
        lines = [f"Line {line} of document {number} speaks of pump {line}." for line in range(60)]
        (tmp_path / f"{number:02}.txt").write_text("\n".join(lines), encoding="utf-8")
    first = rag.start("ingest", str(tmp_path), "-c", "busy", "--jobs", "1")
    home = rag.home / "data" / "collections" / "busy"
    wait_until((home / "current").exists)
    first.send_signal(signal.SIGSTOP)  # so that it cannot be finished before the other is here
    code, _, err = rag("ingest", str(tmp_path), "-c", "busy")
    assert (code, err) == (
        1,
        "error: Another process is writing to collection 'busy'. Wait until it has finished, "
        "then try again.\n",
    )
    first.send_signal(signal.SIGTERM)
    first.send_signal(signal.SIGCONT)
    _, err = first.communicate(timeout=PATIENCE_S)
    # A parser process that was just starting may have complained before.
    assert (first.returncode, err.splitlines()[-1]) == (
        130,
        "Stopped. What was finished is kept; run again to go on.",
    )
    code, out, _ = rag("verify", "-c", "busy", "--json")
    (report,) = json.loads(out)["collections"]
    assert all("not searchable yet" in problem for problem in report["problems"])
