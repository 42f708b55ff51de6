"""The list of jobs: what is durable, what is told, and who may work."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rag_service.errors import IndexCorrupt, JobNotFound, StorageError, WorkerRunning
from rag_service.store.jobs import INTERRUPTED, KEPT_FINISHED, MAX_ATTEMPTS, JobStore
from rag_service.store.jobs_schema import Backlog, Job, JobFile

MANUAL = JobFile("手册.pdf", size_bytes=3, content_hash="0a")
READ = JobFile("手册.pdf", 3, "0a", "indexed", doc_id=7, pages=2, chunks=4, warnings=("Scanned.",))
BROKEN = JobFile("b.pdf", 3, "0b", "failed", "broken_file", "It is damaged.")


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[JobStore]:
    with closing(JobStore(tmp_path)) as store:
        yield store


def add(jobs: JobStore, collection: str = "default") -> str:
    return jobs.add(collection, "upload", [MANUAL]).job_id


def claim(jobs: JobStore, mark: str = "0", collection: str = "default") -> list[str]:
    return [job.job_id for job in jobs.claim(collection, mark)]


def claim_one(jobs: JobStore, collection: str = "default") -> Job:
    (job,) = jobs.claim(collection, "0")
    return job


# --- what the service sees -----------------------------------------------------------------


def test_an_accepted_job_is_queued_with_its_files(jobs: JobStore) -> None:
    added = jobs.add("资料", "upload", [MANUAL])
    assert (added.status, added.collection, added.files) == ("queued", "资料", (MANUAL,))
    assert (added.started_at, added.finished_at, added.revision) == (None, None, None)
    assert jobs.get(added.job_id) == added


def test_a_job_outlives_the_process_that_accepted_it(jobs: JobStore, tmp_path: Path) -> None:
    added = jobs.add("default", "delete", [JobFile("a.txt", doc_id=3)])
    with closing(JobStore(tmp_path)) as other:
        assert other.get(added.job_id) == added


def test_where_there_are_no_jobs_nothing_is_written(jobs: JobStore, tmp_path: Path) -> None:
    assert jobs.recent() == []
    assert jobs.backlog() == Backlog(0, 0, 0, 0, worker_alive=False)
    assert jobs.next_collection() is None
    assert jobs.requeue_interrupted(lambda _: "") == []
    jobs.abandon("default")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["nowhere", "", "a\x00b", "资" * 1000])
def test_a_job_that_is_none_is_not_found(jobs: JobStore, name: str) -> None:
    add(jobs)
    with pytest.raises(JobNotFound, match="There is no job"):
        jobs.get(name)


def test_recent_jobs_come_newest_first_and_by_collection(jobs: JobStore) -> None:
    first, second, third = add(jobs), add(jobs, "other"), add(jobs)
    assert [job.job_id for job in jobs.recent()] == [third, second, first]
    assert [job.job_id for job in jobs.recent(limit=2)] == [third, second]
    assert [job.job_id for job in jobs.recent(collection="default")] == [third, first]
    assert jobs.recent(collection="nowhere") == []


def test_a_list_of_jobs_that_was_thrown_away_is_begun_anew(jobs: JobStore, tmp_path: Path) -> None:
    lost = add(jobs)
    for path in tmp_path.glob("jobs.sqlite*"):
        path.unlink()
    with pytest.raises(JobNotFound):
        jobs.get(lost)
    assert jobs.get(add(jobs)).status == "queued"


def test_a_damaged_list_of_jobs_is_told_apart_from_an_empty_one(
    jobs: JobStore, tmp_path: Path
) -> None:
    (tmp_path / "jobs.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(IndexCorrupt, match="move it away"):
        jobs.recent()


def test_a_data_folder_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be", encoding="utf-8")
    with closing(JobStore(tmp_path / "data")) as jobs, pytest.raises(StorageError):
        add(jobs)


# --- what the worker does ------------------------------------------------------------------


def test_jobs_are_taken_in_order_those_of_a_collection_together(jobs: JobStore) -> None:
    first, other, second = add(jobs, "a"), add(jobs, "b"), add(jobs, "a")
    assert jobs.next_collection() == "a"
    assert claim(jobs, collection="a") == [first, second]
    assert jobs.next_collection() == "b"
    assert claim(jobs, collection="b") == [other]
    assert jobs.next_collection() is None


def test_a_collection_that_is_left_alone_does_not_hold_up_others(jobs: JobStore) -> None:
    add(jobs, "a")
    add(jobs, "b")
    assert jobs.next_collection(but_for=["a"]) == "b"
    assert jobs.next_collection(but_for=["a", "b"]) is None


def test_a_job_is_done_when_any_of_its_files_is(jobs: JobStore) -> None:
    job_id = add(jobs)
    with jobs.working():
        (job,) = jobs.claim("default", "0")
        assert jobs.get(job_id).status == "running"
        jobs.finish(job, [READ, BROKEN], revision=9)
    done = jobs.get(job_id)
    assert (done.status, done.revision, done.files) == ("done", 9, (READ, BROKEN))
    assert (done.code, done.message) == ("", "")
    assert done.created_at <= (done.started_at or "") <= (done.finished_at or "")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([BROKEN], "b.pdf: It is damaged."),
        ([BROKEN, BROKEN], "None of the 2 files could be used; each says why."),
    ],
)
def test_a_job_none_of_whose_files_is_usable_has_failed(
    jobs: JobStore, files: list[JobFile], message: str
) -> None:
    job_id = add(jobs)
    jobs.finish(claim_one(jobs), files, revision=9)
    failed = jobs.get(job_id)
    assert (failed.status, failed.code, failed.message) == ("failed", "no_file_usable", message)


@pytest.mark.parametrize("status", ["removed", "replaced"])
def test_a_file_that_is_gone_as_asked_or_overtaken_is_no_failure(
    jobs: JobStore, status: str
) -> None:
    job_id = add(jobs)
    file = JobFile("a.txt", status=status)  # type: ignore[arg-type]
    jobs.finish(claim_one(jobs), [file], revision=9)
    assert jobs.get(job_id).status == "done"


def test_a_job_put_back_waits_with_a_note_and_has_lost_no_attempt(jobs: JobStore) -> None:
    job_id = add(jobs)
    for _ in range(2 * MAX_ATTEMPTS):
        jobs.release(jobs.claim("default", "0"), "Another process is writing.")
    waiting = jobs.get(job_id)
    assert (waiting.status, waiting.attempts) == ("queued", 0)
    assert waiting.note == "Another process is writing."
    with jobs.working():
        claim(jobs)
        assert jobs.get(job_id).note == ""


def test_a_finished_job_is_not_put_back(jobs: JobStore) -> None:
    job_id = add(jobs)
    (job,) = jobs.claim("default", "0")
    jobs.finish(job, [READ], revision=9)
    jobs.release([job], "late")
    assert jobs.get(job_id).status == "done"


def test_jobs_of_a_deleted_collection_fail_but_not_those_of_others(jobs: JobStore) -> None:
    doomed, other = add(jobs), add(jobs, "other")
    jobs.abandon("default")
    failed = jobs.get(doomed)
    assert (failed.status, failed.code) == ("failed", "collection_not_found")
    assert "deleted" in failed.message
    assert jobs.get(other).status == "queued"


def test_the_backlog_counts_what_stands_where(jobs: JobStore) -> None:
    for collection in ("a", "b", "c", "d"):
        add(jobs, collection)
    with jobs.working():
        jobs.finish(claim_one(jobs, "a"), [READ], revision=1)
        jobs.fail(jobs.claim("b", "0"), "index_mismatch", "Other settings.")
        claim(jobs, collection="c")
        assert jobs.backlog() == Backlog(1, 1, 1, 1, worker_alive=True)
    assert jobs.backlog() == Backlog(2, 0, 1, 1, worker_alive=False)


def test_only_the_last_finished_jobs_are_kept_but_all_are_counted(jobs: JobStore) -> None:
    waiting = add(jobs, "waiting")
    ids = [add(jobs) for _ in range(KEPT_FINISHED + 2)]
    while claimed := jobs.claim("default", "0"):
        jobs.fail(claimed, "x", "y")
    for gone in ids[:2]:
        with pytest.raises(JobNotFound):
            jobs.get(gone)
    assert jobs.get(ids[2]).status == "failed"
    assert jobs.get(waiting).status == "queued"
    assert jobs.backlog().failed == KEPT_FINISHED + 2


# --- death ---------------------------------------------------------------------------------


def test_a_job_whose_worker_died_is_never_called_running(jobs: JobStore) -> None:
    job_id = add(jobs)
    with jobs.working():
        claim(jobs)
        assert jobs.get(job_id).status == "running"
    left = jobs.get(job_id)
    assert (left.status, left.note) == ("queued", INTERRUPTED)
    assert jobs.recent() == [left]


def test_the_next_worker_takes_up_what_the_last_left(jobs: JobStore) -> None:
    job_id = add(jobs)
    with jobs.working():
        claim(jobs)
    with jobs.working():
        assert jobs.requeue_interrupted(lambda _: "0") == []
        assert claim(jobs) == [job_id]
        assert jobs.get(job_id).attempts == 2


def test_a_job_that_kills_its_worker_again_and_again_is_given_up(jobs: JobStore) -> None:
    job_id = add(jobs)
    for _ in range(MAX_ATTEMPTS):
        assert jobs.requeue_interrupted(lambda _: "0") == []
        assert claim(jobs) == [job_id]
    (given_up,) = jobs.requeue_interrupted(lambda _: "0")
    assert given_up.job_id == job_id
    failed = jobs.get(job_id)
    assert (failed.status, failed.code) == ("failed", "worker_died")
    assert f"died {MAX_ATTEMPTS} times" in failed.message


def test_a_job_that_gets_further_each_time_is_never_given_up(jobs: JobStore) -> None:
    job_id = add(jobs)
    for revision in range(3 * MAX_ATTEMPTS):
        assert jobs.requeue_interrupted(lambda _, r=revision: str(r)) == []  # type: ignore[misc]
        assert claim(jobs, mark=str(revision)) == [job_id]


def test_a_data_folder_has_one_worker(jobs: JobStore, tmp_path: Path) -> None:
    with (
        jobs.working(),
        closing(JobStore(tmp_path)) as other,
        pytest.raises(WorkerRunning, match="Another worker serves"),
        other.working(),
    ):
        pass
    with jobs.working():
        assert jobs.worker_alive()
    assert not jobs.worker_alive()


def test_asking_for_a_worker_does_not_keep_one_from_starting(
    jobs: JobStore, tmp_path: Path
) -> None:
    code = "import sys; from rag_service.store.jobs import JobStore; from pathlib import Path\n"
    asks = code + "jobs = JobStore(Path(sys.argv[1]))\nwhile True: jobs.worker_alive()"
    with jobs.working():
        pass  # so that there is a lock to ask for
    asking = subprocess.Popen([sys.executable, "-c", asks, str(tmp_path)])
    try:
        for _ in range(50):
            with jobs.working():
                pass
    finally:
        asking.kill()
        asking.wait()


def test_processes_that_begin_the_list_at_once_lose_no_job(tmp_path: Path) -> None:
    code = (
        "import sys; from rag_service.store.jobs import JobStore; from pathlib import Path\n"
        "jobs = JobStore(Path(sys.argv[1]) / 'data')\n"
        "sys.stdin.readline()\n"
        "for _ in range(20): jobs.add('default', 'upload', [])"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(4)]
    for process in processes:
        assert process.stdin
        process.stdin.write(b"go\n")
        process.stdin.close()
    assert [process.wait() for process in processes] == [0] * 4
    with closing(JobStore(tmp_path / "data")) as jobs:
        assert jobs.backlog().queued == 80


def test_a_half_written_list_is_never_opened(jobs: JobStore, tmp_path: Path) -> None:
    (tmp_path / "jobs.new").write_bytes(b"left by a process that was killed")
    assert jobs.get(add(jobs)).status == "queued"
