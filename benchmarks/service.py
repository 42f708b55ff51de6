"""Runs the `rag` command the way a user does: as processes with a data folder of their own."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks.corpus import write_corpus
from benchmarks.results import note

RAG = (sys.executable, "-m", "rag_service.cli")
_STARTED = re.compile(r"(?i)serving on http://127\.0\.0\.1:(\d+)")


class BenchmarkFailed(RuntimeError):
    """A program under test did not do its work, so there is nothing to measure."""


def environment(data_dir: Path) -> dict[str, str]:
    """The environment without the user's own settings, and without a network."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RAG_")}
    return inherited | {"RAG_DATA_DIR": str(data_dir), "HF_HUB_OFFLINE": "1"}


def ingest(folder: Path, data_dir: Path) -> Mapping[str, Any]:
    """`rag ingest`; returns its JSON report.

    Raises:
        BenchmarkFailed: it did not exit with 0.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [*RAG, "ingest", str(folder), "--json"],
        env=environment(data_dir),
        cwd=data_dir,  # not where a rag.toml might lie
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise BenchmarkFailed(f"rag ingest exited with {done.returncode}: {done.stderr}")
    report: Mapping[str, Any] = json.loads(done.stdout)
    return report


def chunks_of(report: Mapping[str, Any]) -> int:
    return sum(file["chunks"] for file in report["files"])


def prepare_collection(work: Path, *, chunks: int) -> Path:
    """A data folder with about ``chunks`` chunks, half of them Chinese; takes minutes."""
    documents, data_dir = work / "documents", work / "data"
    # 128 tokens are about 540 characters of English and 120 of Chinese, less at the ends.
    write_corpus(documents, "en", chunks // 2 * _CHARACTERS_PER_CHUNK["en"])
    write_corpus(documents, "zh", chunks // 2 * _CHARACTERS_PER_CHUNK["zh"], per_document=1000)
    note(f"Ingesting about {chunks} generated chunks ...")
    note(f"{chunks_of(ingest(documents, data_dir))} chunks ingested.")
    return data_dir


_CHARACTERS_PER_CHUNK = {"en": 460, "zh": 100}


class Client:
    """One keep-alive connection to the service."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def get(self, path: str) -> tuple[int, bytes]:
        self._connection.request("GET", path)
        reply = self._connection.getresponse()
        return reply.status, reply.read()

    def post(self, path: str, body: Mapping[str, Any]) -> bytes:
        """The response body.

        Raises:
            BenchmarkFailed: the service did not answer with 200.
        """
        content = json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", path, body=content, headers=headers)
        reply = self._connection.getresponse()
        answer = reply.read()
        if reply.status != 200:
            raise BenchmarkFailed(f"POST {path} answered {reply.status}: {answer[:500]!r}")
        return answer

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class RunningService:
    pid: int
    port: int
    seconds_to_ready: float


@contextmanager
def running_service(
    data_dir: Path, *, limit_s: float = 300.0, settings: Mapping[str, str] | None = None
) -> Iterator[RunningService]:
    """`rag serve` on a free port of the loopback interface, from start to readiness and stop.

    ``settings`` by the names of their environment variables.

    Raises:
        BenchmarkFailed: it ended, or was not ready within ``limit_s`` seconds.
    """
    log = data_dir / "serve.log"
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*RAG, "serve", "--host", "127.0.0.1", "--port", "0"],
            env=environment(data_dir) | dict(settings or {}),
            cwd=data_dir,
            stdout=output,
            stderr=output,
        )
    try:
        port = _wait_until_ready(process, log, started + limit_s)
        yield RunningService(process.pid, port, time.perf_counter() - started)
    finally:
        _stop(process)


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path, deadline: float) -> int:
    while time.perf_counter() < deadline:
        if process.poll() is not None:
            break
        said = _STARTED.search(log.read_text(encoding="utf-8", errors="replace"))
        if said and _is_ready(int(said[1])):
            return int(said[1])
        time.sleep(0.05)
    raise BenchmarkFailed(f"rag serve did not become ready: {log.read_text(errors='replace')}")


def _is_ready(port: int) -> bool:
    with Client(port) as client:
        try:
            return client.get("/readyz")[0] == 200
        except OSError:
            return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
