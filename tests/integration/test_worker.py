"""The worker: in what order, what may go wrong, and that its death loses nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ingest.run import Ingestor
from ingest.uploads import UploadMirror
from ingest.worker import Worker
from rag_service.errors import (
    CollectionBusy,
    CollectionNotFound,
    IndexMismatch,
    NotUploaded,
    StorageError,
    WorkerRunning,
)
from rag_service.retrieval.embedding import LocalEmbeddings
from rag_service.service import Service
from rag_service.settings import Settings
from rag_service.store.jobs import MAX_ATTEMPTS, JobStore
from rag_service.store.jobs_schema import JobFile
from tests.real_parts import open_service, settings_for, using, write_folder
from tests.scripted_uploads import ScriptedUploads

PATIENCE_S = 60.0


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[JobStore]:
    with closing(JobStore(tmp_path)) as store:
        yield store


def add(jobs: JobStore, collection: str = "default") -> str:
    return jobs.add(collection, "upload", [JobFile("a.txt")]).job_id


# --- the loop ------------------------------------------------------------------------------


def test_jobs_are_done_in_order_those_of_a_collection_in_one_run(jobs: JobStore) -> None:
    ids = [add(jobs, name) for name in ("a", "b", "a")]
    uploads = ScriptedUploads()
    Worker(jobs, uploads).run(until_idle_s=0)
    assert uploads.runs == [("a", 2), ("b", 1)]
    assert [jobs.get(job_id).status for job_id in ids] == ["done"] * 3
    assert [jobs.get(job_id).revision for job_id in ids] == [1, 2, 1]


def test_a_collection_that_is_busy_is_tried_again_and_holds_up_no_other(jobs: JobStore) -> None:
    waiting, other = add(jobs, "a"), add(jobs, "b")
    uploads = ScriptedUploads(CollectionBusy("Another process is writing."))
    Worker(jobs, uploads).run(until_idle_s=0)
    assert uploads.runs == [("a", 1), ("b", 1), ("a", 1)]
    assert (jobs.get(waiting).status, jobs.get(waiting).attempts) == ("done", 1)
    assert jobs.get(other).status == "done"


def test_a_job_that_waits_says_for_what(jobs: JobStore) -> None:
    full = StorageError("The disk is full.")
    stop = KeyboardInterrupt()
    job_id, other = add(jobs, "a"), add(jobs, "b")
    with pytest.raises(KeyboardInterrupt):
        Worker(jobs, ScriptedUploads(full, stop)).run()
    put_off = jobs.get(job_id)
    assert (put_off.status, put_off.note) == ("queued", "Tried again soon. The disk is full.")
    stopped = jobs.get(other)
    assert (stopped.status, stopped.attempts) == ("queued", 0)
    assert "was stopped" in stopped.note


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (IndexMismatch("Rebuild it."), "index_mismatch", "Rebuild it."),
        (CollectionNotFound("There is none."), "collection_not_found", "There is none."),
        (ZeroDivisionError("secret"), "internal_error", "ZeroDivisionError"),
        (MemoryError(), "internal_error", "MemoryError"),
    ],
)
def test_a_run_that_fails_fails_its_jobs_and_no_others(
    jobs: JobStore, error: Exception, code: str, message: str
) -> None:
    doomed, other = add(jobs, "a"), add(jobs, "b")
    Worker(jobs, ScriptedUploads(error)).run(until_idle_s=0)
    failed = jobs.get(doomed)
    assert (failed.status, failed.code) == ("failed", code)
    assert message in failed.message
    assert "secret" not in failed.message
    assert jobs.get(other).status == "done"


def test_a_second_worker_is_turned_away(jobs: JobStore) -> None:
    job_id = add(jobs)
    with jobs.working(), pytest.raises(WorkerRunning):
        Worker(jobs, ScriptedUploads()).run(until_idle_s=0)
    assert jobs.get(job_id).status == "queued"


# --- death ---------------------------------------------------------------------------------

# A real worker, but for what it does with a job.
PROGRAM = """
import sys
from ingest.worker import main
from tests.scripted_uploads import HeldUploads

sys.exit(main(sys.argv[1:], lambda settings: HeldUploads(settings.data_dir)))
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a worker of ``tmp_path`` that is held as soon as it has taken a job."""
    (tmp_path / "hold").touch()
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            env=os.environ | {"RAG_DATA_DIR": str(tmp_path)},
            cwd=Path(__file__).parents[2],
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_until_running(jobs: JobStore, job_id: str, worker: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while jobs.get(job_id).status != "running":
        assert worker.poll() is None, worker.communicate()[1]
        assert time.monotonic() < deadline, "the job was not taken up"
        time.sleep(0.01)


def test_a_job_whose_worker_is_killed_is_done_by_the_next(
    jobs: JobStore, tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    job_id = add(jobs)
    first = start()
    wait_until_running(jobs, job_id, first)
    first.kill()
    first.wait()
    assert jobs.get(job_id).status == "queued"
    assert "Interrupted" in jobs.get(job_id).note
    (tmp_path / "hold").unlink()
    assert start("--until-idle", "0").wait(PATIENCE_S) == 0
    done = jobs.get(job_id)
    assert (done.status, done.attempts, done.note) == ("done", 2, "")


def test_a_worker_that_is_told_to_stop_puts_its_job_back(
    jobs: JobStore, start: Callable[..., subprocess.Popen[str]]
) -> None:
    job_id = add(jobs)
    worker = start()
    wait_until_running(jobs, job_id, worker)
    worker.send_signal(signal.SIGTERM)
    _, err = worker.communicate(timeout=PATIENCE_S)
    assert (worker.returncode, err) == (0, "")
    stopped = jobs.get(job_id)
    assert (stopped.status, stopped.attempts) == ("queued", 0)
    assert "was stopped" in stopped.note


def test_a_second_process_says_that_there_is_a_worker_and_ends(
    jobs: JobStore, tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    job_id = add(jobs)
    first = start()
    wait_until_running(jobs, job_id, first)
    second = start()
    _, err = second.communicate(timeout=PATIENCE_S)
    assert (second.returncode, err) == (
        1,
        f"error: Another worker serves {tmp_path}. One is enough.\n",
    )
    assert jobs.get(job_id).status == "running"
    assert first.poll() is None


# --- with the real mirror ------------------------------------------------------------------

CHINESE = "差旅报销须在返回后三十天内提交，并附上原始发票。"
ENGLISH = "The warranty of the Aldra recorder lasts three years from the date of delivery."


class Uploading:
    """A service and a worker over one data folder, in this process, with the real model."""

    def __init__(self, settings: Settings, embeddings: LocalEmbeddings) -> None:
        self.service: Service = open_service(settings, embeddings)
        self.settings = settings
        self._embeddings = embeddings

    def send(self, *files: tuple[str, bytes]) -> str:
        with self.service.upload("default") as upload:
            for name, content in files:
                upload.begin(name)
                upload.write(content)
                upload.end()
            return self.service.accept(upload).job_id

    def delete(self, name: str) -> str:
        documents = self.service.documents("default", limit=100, offset=0)
        (doc_id,) = (document.doc_id for document in documents if document.source == name)
        return self.service.delete_document("default", doc_id).job_id

    def work(self) -> None:
        with using(self._embeddings):
            worker = Worker(self.service.jobs, UploadMirror(self.settings))
            worker.run(until_idle_s=0)

    def files(self, job_id: str) -> dict[str, str]:
        return {file.name: file.status for file in self.service.job(job_id).files}

    def found(self, query: str) -> list[str]:
        hits = self.service.search(query, collection="default", top_k=5).hits
        return [hit.chunk.source for hit in hits]


@pytest.fixture
def uploading(embeddings: LocalEmbeddings, tmp_path: Path) -> Iterator[Uploading]:
    """Over a data folder with an empty collection."""
    uploading = Uploading(settings_for(tmp_path / "data"), embeddings)
    with closing(uploading.service):
        uploading.service.create_collection("default")
        yield uploading


def test_each_uploaded_file_is_told_of_and_the_good_ones_are_found(uploading: Uploading) -> None:
    job_id = uploading.send(
        ("报销制度.txt", CHINESE.encode("gb18030")),
        ("warranty.md", ENGLISH.encode()),
        ("broken.pdf", b"%PDF-1.7 and then nothing of the kind"),
        ("empty.txt", b""),
    )
    uploading.work()
    job = uploading.service.job(job_id)
    assert (job.status, job.revision) == ("done", uploading.service.collection("default").revision)
    chinese, english, broken, empty = job.files
    documents = uploading.service.documents("default", limit=9, offset=0)
    ids = {document.source: document.doc_id for document in documents}
    assert ids == {"报销制度.txt": chinese.doc_id, "warranty.md": english.doc_id}
    assert (chinese.status, chinese.chunks, english.status) == ("indexed", 1, "indexed")
    assert (broken.status, broken.code, broken.doc_id) == ("failed", "broken_file", None)
    assert broken.message
    assert (empty.status, empty.code) == ("empty", "empty_file")
    assert uploading.found("返回后三十天内报销")[0] == "报销制度.txt"
    assert uploading.found("how long is the warranty")[0] == "warranty.md"


def test_a_file_that_kills_the_worker_again_and_again_holds_up_no_later_one(
    uploading: Uploading,
) -> None:
    deadly = uploading.send(("deadly.txt", b"This text asks for more memory than there is."))
    jobs, mirror = uploading.service.jobs, UploadMirror(uploading.settings)
    for _ in range(MAX_ATTEMPTS):  # as a worker that is killed leaves it
        jobs.requeue_interrupted(mirror.mark)
        jobs.claim("default", mirror.mark("default"))
    other = uploading.send(("harmless.txt", ENGLISH.encode()))
    uploading.work()
    job = uploading.service.job(deadly)
    assert (job.status, job.code) == ("failed", "worker_died")
    assert (job.files[0].status, job.files[0].code) == ("failed", "worker_died")
    assert uploading.files(other) == {"harmless.txt": "indexed"}
    assert uploading.found("memory") == ["harmless.txt"]
    again = uploading.send(("deadly.txt", b"This text asks for more memory than there is."))
    uploading.work()
    assert uploading.files(again) == {"deadly.txt": "indexed"}


def test_only_the_last_of_two_versions_is_indexed_and_the_first_is_called_replaced(
    uploading: Uploading,
) -> None:
    first = uploading.send(("a.txt", b"The old pump is green."))
    second = uploading.send(("a.txt", b"The new pump is blue."))
    uploading.work()
    assert uploading.files(first) == {"a.txt": "replaced"}
    assert uploading.files(second) == {"a.txt": "indexed"}
    assert uploading.service.job(first).status == "done"
    assert uploading.found("pump") == ["a.txt"]


def test_a_broken_version_leaves_the_good_one_and_says_so(uploading: Uploading) -> None:
    good = uploading.send(("a.txt", ENGLISH.encode()))
    uploading.work()
    bad = uploading.send(("a.txt", bytes(range(256)) * 40))
    uploading.work()
    assert uploading.files(good) == {"a.txt": "indexed"}
    job = uploading.service.job(bad)
    assert (job.status, job.code) == ("failed", "no_file_usable")
    assert "last good version stays" in job.files[0].message
    assert uploading.found("warranty") == ["a.txt"]


def test_the_same_file_uploaded_again_is_indexed_and_embedded_once(uploading: Uploading) -> None:
    for _ in range(2):
        job_id = uploading.send(("a.txt", ENGLISH.encode()))
        uploading.work()
        assert uploading.files(job_id) == {"a.txt": "indexed"}
        assert uploading.service.job(job_id).files[0].chunks == 1
    assert len(uploading.service.documents("default", limit=9, offset=0)) == 1


def test_a_deleted_upload_is_no_longer_found_even_when_it_was_the_last(
    uploading: Uploading,
) -> None:
    uploading.send(("a.txt", ENGLISH.encode()))
    uploading.work()
    job_id = uploading.delete("a.txt")
    uploading.work()
    assert uploading.files(job_id) == {"a.txt": "removed"}
    assert uploading.service.job(job_id).status == "done"
    assert uploading.found("warranty") == []
    assert uploading.service.collection("default").documents == 0


def test_a_file_uploaded_again_before_its_deletion_was_carried_out_stays(
    uploading: Uploading,
) -> None:
    uploading.send(("a.txt", b"The old pump is green."))
    uploading.work()
    deletion = uploading.delete("a.txt")
    uploading.send(("a.txt", ENGLISH.encode()))
    uploading.work()
    assert uploading.files(deletion) == {"a.txt": "replaced"}
    assert uploading.found("warranty") == ["a.txt"]


def test_a_document_of_a_folder_is_deleted_in_the_folder(
    uploading: Uploading, embeddings: LocalEmbeddings, tmp_path: Path
) -> None:
    folder = write_folder(tmp_path / "documents", {"a.txt": ENGLISH})
    with using(embeddings):
        Ingestor(settings_for(tmp_path / "data")).mirror([folder], "default")
    with pytest.raises(NotUploaded, match=r"Document \d+ \(a.txt\) was read from a folder"):
        uploading.delete("a.txt")
    uploading.send(("b.txt", CHINESE.encode()))
    uploading.work()
    assert uploading.found("warranty")[0] == "a.txt"


def test_a_deleted_collection_takes_its_uploads_and_jobs_along(
    uploading: Uploading, tmp_path: Path
) -> None:
    job_id = uploading.send(("a.txt", ENGLISH.encode()))
    uploading.service.delete_collection("default")
    uploading.work()
    assert uploading.service.job(job_id).code == "collection_not_found"
    assert not list((tmp_path / "data").rglob("a.txt"))
    assert uploading.service.collections() == []
    uploading.service.create_collection("default")
    uploading.work()
    assert uploading.found("warranty") == []


def test_uploads_to_a_collection_of_another_model_fail_with_the_reason(
    uploading: Uploading, embeddings: LocalEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploading.send(("a.txt", ENGLISH.encode()))
    uploading.work()
    other = embeddings.fingerprint() | {"embedding_model": "other"}
    monkeypatch.setattr(embeddings, "fingerprint", lambda: other)
    job_id = uploading.send(("b.txt", CHINESE.encode()))
    uploading.work()
    job = uploading.service.job(job_id)
    assert (job.status, job.code) == ("failed", "index_mismatch")
    assert "--rebuild" in job.message


def test_a_running_job_tells_which_files_can_be_found_already(uploading: Uploading) -> None:
    uploading.send(("a.txt", ENGLISH.encode()))
    uploading.work()
    job_id = uploading.send(("a.txt", ENGLISH.encode()), ("b.txt", CHINESE.encode()))
    jobs = uploading.service.jobs
    with jobs.working():
        jobs.claim("default", "")
        assert uploading.files(job_id) == {"a.txt": "indexed", "b.txt": "waiting"}


def test_a_data_folder_that_was_moved_keeps_its_uploads_without_copies(
    embeddings: LocalEmbeddings, tmp_path: Path
) -> None:
    before = Uploading(settings_for(tmp_path / "old"), embeddings)
    with closing(before.service):
        before.service.create_collection("default")
        before.send(("a.txt", ENGLISH.encode()))
        before.work()
    shutil.move(tmp_path / "old", tmp_path / "new")
    after = Uploading(settings_for(tmp_path / "new"), embeddings)
    with closing(after.service):
        after.send(("b.txt", CHINESE.encode()))
        after.work()
        documents = after.service.documents("default", limit=9, offset=0)
        assert sorted(document.source for document in documents) == ["a.txt", "b.txt"]
        assert after.found("warranty")[0] == "a.txt"
