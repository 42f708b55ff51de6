"""The service's keeper: jobs find a worker, whatever happens to the last one."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rag_service.api.worker_keeper import WORKER_COMMAND, WorkerKeeper
from rag_service.settings import load_settings
from rag_service.store.jobs import JobStore
from rag_service.store.jobs_schema import JobFile

PATIENCE_S = 60.0
# A real worker, but for what it does with a job; it says its process number.
PROGRAM = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from ingest.worker import main
from tests.scripted_uploads import HeldUploads

def open_uploads(settings):
    with (settings.data_dir / "started").open("a") as log:
        log.write(f"{{os.getpid()}}\\n")
    return HeldUploads(settings.data_dir)

sys.exit(main(sys.argv[1:], open_uploads))
"""
WORKER = [sys.executable, "-c", PROGRAM]


@pytest.fixture
def data() -> Path:
    """The data folder of the settings, with a job that will be held."""
    folder = load_settings().data_dir
    folder.mkdir()
    (folder / "hold").touch()
    return folder


@pytest.fixture
def jobs(data: Path) -> Iterator[JobStore]:
    with closing(JobStore(data)) as store:
        yield store


def add(jobs: JobStore) -> str:
    return jobs.add("default", "upload", [JobFile("a.txt")]).job_id


def started(data: Path) -> list[int]:
    """Process numbers of the workers that were started."""
    log = data / "started"
    return [int(line) for line in log.read_text().split()] if log.exists() else []


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"nothing happened within {PATIENCE_S} s"
        time.sleep(0.01)


def lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_comes_with_the_first_job_and_goes_with_the_last(
    jobs: JobStore, data: Path
) -> None:
    (data / "hold").unlink()
    with WorkerKeeper(data, [*WORKER, "--until-idle", "0"]):
        time.sleep(1)
        assert started(data) == []
        job_id = add(jobs)
        wait_until(lambda: jobs.get(job_id).status == "done")
        (worker,) = started(data)
        wait_until(lambda: not jobs.worker_alive())
        job_id = add(jobs)
        wait_until(lambda: jobs.get(job_id).status == "done")
    assert not lives(worker)
    assert len(started(data)) == 2


def test_a_worker_that_is_killed_is_replaced_and_its_job_done(
    jobs: JobStore, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = add(jobs)
    with caplog.at_level(logging.WARNING), WorkerKeeper(data, WORKER):
        wait_until(lambda: jobs.get(job_id).status == "running")
        os.kill(started(data)[0], signal.SIGKILL)
        wait_until(lambda: jobs.get(job_id).status == "queued")
        (data / "hold").unlink()
        wait_until(lambda: jobs.get(job_id).status == "done")
    assert jobs.get(job_id).attempts == 2
    assert "ended with exit code -9" in caplog.text


def test_a_service_that_stops_takes_its_worker_along_and_the_next_goes_on(
    jobs: JobStore, data: Path
) -> None:
    job_id = add(jobs)
    with WorkerKeeper(data, WORKER):
        wait_until(lambda: jobs.get(job_id).status == "running")
    assert [lives(process) for process in started(data)] == [False]
    assert jobs.get(job_id).status == "queued"
    (data / "hold").unlink()
    with WorkerKeeper(data, WORKER):
        wait_until(lambda: jobs.get(job_id).status == "done")


def test_no_worker_is_started_beside_another(jobs: JobStore, data: Path) -> None:
    add(jobs)
    with jobs.working(), WorkerKeeper(data, WORKER):
        time.sleep(1.2)
    assert started(data) == []


def test_a_worker_that_cannot_work_is_said_once_and_not_started_at_every_look(
    jobs: JobStore, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = add(jobs)
    fails = f"open({str(data / 'started')!r}, 'a').write('1\\n'); raise SystemExit(7)"
    with (
        caplog.at_level(logging.WARNING),
        WorkerKeeper(data, [sys.executable, "-c", fails]),
    ):
        wait_until(lambda: len(started(data)) == 2)
        time.sleep(1.2)
        assert len(started(data)) == 2
    assert [record.message for record in caplog.records] == [
        "The worker ended with exit code 7; jobs stay queued meanwhile."
    ]
    assert jobs.get(job_id).status == "queued"


def test_a_command_that_is_not_there_is_said_and_the_service_goes_on(
    jobs: JobStore, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add(jobs)
    with caplog.at_level(logging.WARNING), WorkerKeeper(data, [str(data / "no-such-program")]):
        wait_until(lambda: bool(caplog.records))
    assert "cannot be started" in caplog.text


def test_the_command_is_the_worker_of_this_very_installation() -> None:
    python, *_, module, option, seconds = WORKER_COMMAND
    assert (python, module, option) == (sys.executable, "ingest.worker", "--until-idle")
    assert float(seconds) > 0
