"""Uploads to a real `rag serve`, whose worker and which itself are killed before they are done."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

T = TypeVar("T")
PATIENCE_S = 180.0
FILES = {
    "报销制度.txt": "差旅报销须在返回后三十天内提交，并附上原始发票。".encode("gb18030"),
    "warranty.md": b"# Warranty\n\nThe Aldra recorder is under warranty for three years.\n",
    "broken.docx": b"PK\x03\x04 and then nothing of the kind",
}


def wait_for(condition: Callable[[], T | None]) -> T:
    """The first true value of ``condition``."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"nothing happened within {PATIENCE_S} s")


class Serving:
    """A `rag serve` in a process of its own, and its worker in another."""

    def __init__(self, home: Path) -> None:
        self._log = home / "log.txt"
        clean = {name: value for name, value in os.environ.items() if name[:4] != "RAG_"}
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "rag_service.cli", "serve", "--port", "0"],
                cwd=home,
                env=clean | {"RAG_DATA_DIR": str(home / "data")},
                stderr=log,
            )
        self.client = httpx.Client(base_url=wait_for(self._address), timeout=30)
        wait_for(self._answers)

    def _address(self) -> str:
        assert self.process.poll() is None, self._log.read_text()
        found = re.search(r"http://[\d.:]+", self._log.read_text())
        return found[0] if found else ""

    def _answers(self) -> bool:
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def worker(self) -> int | None:
        """Process number of its worker."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        children = [child for task in tasks for child in task.read_text().split()]
        return next((int(child) for child in children if _is_worker(child)), None)

    def get(self, path: str) -> Any:
        return self.client.get(path).raise_for_status().json()


def _is_worker(process: str) -> bool:
    try:
        return b"ingest.worker" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


@contextmanager
def serving(home: Path) -> Iterator[Serving]:
    service = Serving(home)
    try:
        yield service
    finally:
        service.client.close()
        service.process.kill()
        service.process.wait()


def sources(service: Serving, query: str) -> list[str]:
    reply = service.client.post("/search", json={"query": query, "collection": "资料"})
    return [result["source"] for result in reply.raise_for_status().json()["results"]]


@pytest.mark.skipif(sys.platform != "linux", reason="finds the worker through /proc")
def test_an_upload_survives_the_death_of_its_worker_and_of_the_service(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        service.client.post("/collections", json={"name": "资料"}).raise_for_status()
        refused = service.client.post(
            "/collections/资料/documents", files={"files": ("a.exe", b"MZ")}
        )
        assert (refused.status_code, refused.json()["error"]["code"]) == (415, "unsupported_format")
        accepted = service.client.post(
            "/collections/资料/documents", files=[("files", file) for file in FILES.items()]
        )
        assert accepted.status_code == 202
        address = accepted.headers["location"]
        wait_for(lambda: service.get(address)["status"] == "running")
        first = wait_for(service.worker)
        os.kill(first, signal.SIGKILL)
        second = wait_for(lambda: service.worker() if service.worker() != first else None)
        wait_for(lambda: service.get(address)["status"] == "running")
        service.process.kill()  # its worker goes on
    try:
        with serving(tmp_path) as service:
            job = wait_for(lambda: _finished(service.get(address)))
            assert service.worker() is None
            assert_told_the_truth(job)
            assert sources(service, "返回后三十天内报销")[0] == "报销制度.txt"
            assert sources(service, "how long is the warranty")[0] == "warranty.md"
            service.process.terminate()
            assert service.process.wait(PATIENCE_S) == 0
    finally:
        os.kill(second, signal.SIGKILL)


def _finished(job: dict[str, Any]) -> dict[str, Any] | None:
    return job if job["status"] in ("done", "failed") else None


def assert_told_the_truth(job: dict[str, Any]) -> None:
    assert (job["status"], job["error"], job["files_done"]) == ("done", None, 3)
    told = {file["name"]: (file["status"], file["chunks"]) for file in job["files"]}
    assert told == {
        "报销制度.txt": ("indexed", 1),
        "warranty.md": ("indexed", 1),
        "broken.docx": ("failed", 0),
    }
    (broken,) = (file for file in job["files"] if file["status"] == "failed")
    assert (broken["code"], broken["doc_id"]) == ("broken_file", None)
    assert broken["message"]
