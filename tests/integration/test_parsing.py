from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

import rag_service.errors
from ingest.loaders import load
from ingest.parsing import ParserPool
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, DocumentError, NoText, ParserFailed, UnsupportedFormat
from tests import documents

ROOT = Path(__file__).parents[2]
GENEROUS_S = 120.0


# What a hostile file can do to its parser; workers import these by name.
def crash(path: Path) -> LoadedText:
    os.kill(os.getpid(), signal.SIGSEGV)
    return LoadedText("unreachable")


def loop_in_python(path: Path) -> LoadedText:
    while True:
        time.sleep(0.01)


def hang_in_c(path: Path) -> LoadedText:
    """Backtracks for ever without letting go of the interpreter lock."""
    path.write_text(str(os.getpid()), encoding="ascii")
    re.match(r"(a+)+$", "a" * 64 + "b")
    return LoadedText("unreachable")


def eat_memory(path: Path) -> LoadedText:
    hoard = [bytearray(16 * 1024 * 1024) for _ in range(1000)]
    return LoadedText(str(len(hoard)))


def raise_something_foreign(path: Path) -> LoadedText:
    raise RecursionError("too deep")


def tell_own_pid(path: Path) -> LoadedText:
    return LoadedText(str(os.getpid()))


@pytest.fixture
def pool() -> Iterator[ParserPool]:
    with ParserPool(jobs=1, timeout_s=GENEROUS_S, memory_mb=2048) as parser_pool:
        yield parser_pool


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_text("still here", encoding="utf-8")
    return path


def _failure(future: Future[LoadedText]) -> str:
    with pytest.raises(ParserFailed) as caught:
        future.result()
    return str(caught.value)


def test_files_of_every_format_are_loaded(
    pool: ParserPool, text_file: Path, tmp_path: Path
) -> None:
    pdf = documents.write_pdf(
        tmp_path / "a.pdf", [["年假十天"], ["second"]], font=documents.CHINESE_FONT
    )
    futures = [pool.submit(load, text_file), pool.submit(load, pdf)]
    assert [future.result().text for future in futures] == ["still here", "年假十天\n\nsecond"]


def test_leaving_the_pool_waits_for_more_files_than_fit_in_flight(text_file: Path) -> None:
    with ParserPool(jobs=2, timeout_s=GENEROUS_S, memory_mb=1024) as pool:
        futures = [pool.submit(load, text_file) for _ in range(50)]
    assert [future.result(timeout=0).text for future in futures] == ["still here"] * 50


def test_document_errors_keep_type_and_message(pool: ParserPool, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFormat, match=r"^\.raw files are not read"):
        pool.submit(load, tmp_path / "a.raw").result()
    with pytest.raises(BrokenFile, match=r"^The PDF is damaged"):
        pool.submit(load, documents.write_broken_pdf(tmp_path / "a.pdf")).result()
    with pytest.raises(NoText, match=r"^no text: scanned pages"):
        pool.submit(load, documents.write_image_pdf(tmp_path / "b.pdf")).result()


def test_every_document_error_survives_pickling() -> None:
    kinds = [
        kind
        for kind in vars(rag_service.errors).values()
        if isinstance(kind, type) and issubclass(kind, DocumentError)
    ]
    assert len(kinds) > 5
    for kind in kinds:
        copy = pickle.loads(pickle.dumps(kind("原因")))
        assert (type(copy), str(copy)) == (kind, "原因")


def test_a_crash_costs_that_file_alone(pool: ParserPool, text_file: Path) -> None:
    futures = [
        pool.submit(crash, text_file),
        pool.submit(load, text_file),
        pool.submit(crash, text_file),
        pool.submit(load, text_file),
    ]
    assert _failure(futures[0]) == "The parser crashed (signal SIGSEGV)."
    assert _failure(futures[2]) == "The parser crashed (signal SIGSEGV)."
    assert [futures[1].result().text, futures[3].result().text] == ["still here"] * 2


@pytest.mark.parametrize("hang", [loop_in_python, hang_in_c])
def test_a_hang_ends_at_the_time_limit(
    text_file: Path, tmp_path: Path, hang: Callable[[Path], LoadedText]
) -> None:
    with ParserPool(jobs=1, timeout_s=2, memory_mb=1024) as pool:
        stuck = pool.submit(hang, tmp_path / "pid")
        after = pool.submit(load, text_file)
        assert _failure(stuck) == (
            "The parser took longer than the limit of 2 s (RAG_INGEST__PARSE_TIMEOUT_S)."
        )
        assert after.result().text == "still here"


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux")
def test_memory_hunger_ends_at_the_memory_limit(text_file: Path) -> None:
    with ParserPool(jobs=1, timeout_s=GENEROUS_S, memory_mb=256) as pool:
        hungry = pool.submit(eat_memory, text_file)
        after = pool.submit(load, text_file)
        assert _failure(hungry) == (
            "The parser needed more memory than the limit of 256 MiB (RAG_INGEST__PARSE_MEMORY_MB)."
        )
        assert after.result().text == "still here"


def test_a_foreign_exception_is_translated(pool: ParserPool, text_file: Path) -> None:
    future = pool.submit(raise_something_foreign, text_file)
    assert _failure(future) == "The parser failed: RecursionError: too deep"


def test_an_idle_worker_killed_from_outside_costs_nothing(
    pool: ParserPool, text_file: Path
) -> None:
    worker = int(pool.submit(tell_own_pid, text_file).result().text)
    os.kill(worker, signal.SIGKILL)
    assert [pool.submit(load, text_file).result().text for _ in range(10)] == ["still here"] * 10


def test_an_exception_kills_the_workers_and_cancels_what_waits(
    text_file: Path, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    pool = ParserPool(jobs=1, timeout_s=GENEROUS_S, memory_mb=1024)
    stuck = pool.submit(hang_in_c, pid_file)
    waiting = [pool.submit(load, text_file) for _ in range(5)]
    _wait_for_content(pid_file)
    with pytest.raises(ZeroDivisionError), pool:
        raise ZeroDivisionError
    assert stuck.cancelled()
    assert all(future.cancelled() for future in waiting)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text(encoding="ascii")), 0)


def test_a_closed_pool_takes_no_more_files(text_file: Path) -> None:
    with ParserPool(jobs=1, timeout_s=GENEROUS_S, memory_mb=1024) as pool:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(load, text_file)


@pytest.mark.skipif(sys.platform != "linux", reason="arranged with the kernel on Linux")
def test_workers_die_with_a_parent_killed_outright(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    program = textwrap.dedent(
        f"""
        from pathlib import Path
        from ingest.parsing import ParserPool
        from tests.integration.test_parsing import hang_in_c

        if __name__ == "__main__":
            with ParserPool(jobs=1, timeout_s=600, memory_mb=1024) as pool:
                pool.submit(hang_in_c, Path({str(pid_file)!r})).result()
        """
    )
    script = tmp_path / "main.py"
    script.write_text(program, encoding="utf-8")
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    _wait_for_content(pid_file)
    parent.kill()
    # The worker inherits stdout: end of file means that it is gone too.
    try:
        output, _ = parent.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.kill(int(pid_file.read_text(encoding="ascii")), signal.SIGKILL)
        raise
    assert output == b""


def test_a_worker_imports_nothing_heavy() -> None:
    program = (
        "import sys, ingest.parsing\n"
        "heavy = {'torch', 'faiss', 'numpy', 'tantivy', 'langchain_core', 'pydantic', 'pypdf'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"


def _wait_for_content(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_text(encoding="ascii")):
        assert time.monotonic() < deadline, f"{path} was never written"
        time.sleep(0.02)
