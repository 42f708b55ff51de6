"""The queue between the service and the worker: jobs that survive the death of either.

One SQLite file, `<data>/jobs.sqlite`, durable before a caller hears of it; and one lock file,
`<data>/.worker.lock`, which the worker holds for as long as it lives. So nobody has to guess
from a time stamp whether a job that is called running still is.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from rag_service.errors import JobNotFound, WorkerRunning
from rag_service.store.home import storage_errors
from rag_service.store.jobs_file import Connection, JobsFile
from rag_service.store.jobs_schema import (
    JOB_COLUMNS,
    Backlog,
    Job,
    JobFile,
    JobKind,
    files_json,
    job_of,
    row_of,
)

# A worker that dies so often over the same jobs, and gets no further, is not started on them
# again: something in them kills it.
MAX_ATTEMPTS = 3
KEPT_FINISHED = 1000
# Jobs of one collection that one run carries out together.
_BATCH = 500
# Whoever asks whether a worker lives holds its lock for a moment; a worker waits this out.
_LOCK_PATIENCE_S = 2.0

INTERRUPTED = "Interrupted: the worker ended before the job was done. It will be taken up again."


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class JobStore:
    """The jobs of one data folder. Safe to share between threads and processes.

    Raises (every method): StorageError, StorageFull, IndexCorrupt.
    """

    def __init__(self, data_dir: Path) -> None:
        self._file = JobsFile(data_dir / "jobs.sqlite")
        self._worker_lock = data_dir / ".worker.lock"

    def close(self) -> None:
        self._file.close()

    # -- for the service -------------------------------------------------------

    def add(self, collection: str, kind: JobKind, files: Sequence[JobFile]) -> Job:
        """A new job at the end of the queue, durable when this returns."""
        job = Job(
            job_id=uuid.uuid4().hex,
            collection=collection,
            kind=kind,
            status="queued",
            note="",
            code="",
            message="",
            files=tuple(files),
            attempts=0,
            mark="",
            revision=None,
            created_at=_now(),
            started_at=None,
            finished_at=None,
        )
        marks = ",".join("?" * len(row_of(job)))
        with self._file.transaction() as db:
            db.execute(f"INSERT INTO jobs ({JOB_COLUMNS}) VALUES ({marks})", row_of(job))
        return job

    def get(self, job_id: str) -> Job:
        """
        Raises:
            JobNotFound: there never was one, or it ended long ago.
        """
        rows = self._file.rows(f"SELECT {JOB_COLUMNS} FROM jobs WHERE job_id = ?", (job_id,))
        if not rows:
            raise JobNotFound(
                f"There is no job {job_id[:80]!r}. The last {KEPT_FINISHED} finished jobs are kept."
            )
        return self._as_it_stands([job_of(rows[0])])[0]

    def recent(self, *, collection: str | None = None, limit: int = 50) -> list[Job]:
        """The newest jobs, newest first; of one collection, or of all."""
        rows = self._file.rows(
            f"SELECT {JOB_COLUMNS} FROM jobs WHERE ?1 IS NULL OR collection = ?1 "
            "ORDER BY seq DESC LIMIT ?2",
            (collection, limit),
        )
        return self._as_it_stands([job_of(row) for row in rows])

    def backlog(self) -> Backlog:
        counts = dict.fromkeys(("queued", "running", "done", "failed"), 0)
        counts |= dict(self._file.rows("SELECT status, jobs FROM finished"))
        counts |= dict(
            self._file.rows(
                "SELECT status, count(*) FROM jobs WHERE status IN ('queued', 'running') "
                "GROUP BY status"
            )
        )
        alive = self.worker_alive()
        if not alive:  # what a dead worker has left is queued again
            counts |= {"queued": counts["queued"] + counts["running"], "running": 0}
        return Backlog(**counts, worker_alive=alive)

    def abandon(self, collection: str) -> None:
        """Fail what still waits for a collection that was deleted."""
        rows = self._file.rows(
            "SELECT job_id FROM jobs WHERE collection = ? AND status = 'queued'", (collection,)
        )
        if rows:
            message = "The collection was deleted before the job was done."
            with self._file.transaction() as db:
                _fail(db, [row[0] for row in rows], "collection_not_found", message)

    def worker_alive(self) -> bool:
        """Whether a worker serves this data folder now."""
        if not self._worker_lock.exists():
            return False
        lock = FileLock(self._worker_lock)
        with storage_errors(self._worker_lock):
            try:
                lock.acquire(timeout=0)
            except Timeout:
                return True
        lock.release()
        return False

    def _as_it_stands(self, jobs: list[Job]) -> list[Job]:
        """A job is running only while a worker lives; otherwise it waits for the next."""
        if any(job.status == "running" for job in jobs) and not self.worker_alive():
            return [
                replace(job, status="queued", note=INTERRUPTED) if job.status == "running" else job
                for job in jobs
            ]
        return jobs

    # -- for the worker --------------------------------------------------------

    @contextmanager
    def working(self) -> Iterator[None]:
        """Be the one worker of the data folder.

        Raises:
            WorkerRunning: there is one.
        """
        with storage_errors(self._worker_lock):
            self._worker_lock.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._worker_lock)
            try:
                lock.acquire(timeout=_LOCK_PATIENCE_S)
            except Timeout:
                raise WorkerRunning(
                    f"Another worker serves {self._worker_lock.parent}. One is enough."
                ) from None
        try:
            yield
        finally:
            lock.release()

    def next_collection(self, but_for: Collection[str] = ()) -> str | None:
        """The collection of the oldest queued job, ``but_for`` those not to be taken now."""
        marks = ",".join("?" * len(but_for))
        rows = self._file.rows(
            f"SELECT collection FROM jobs WHERE status = 'queued' AND collection NOT IN ({marks}) "
            "ORDER BY seq LIMIT 1",
            tuple(but_for),
        )
        return str(rows[0][0]) if rows else None

    def claim(self, collection: str, mark: str) -> list[Job]:
        """Take the collection's queued jobs, oldest first.

        ``mark`` says how far the collection has got; see `requeue_interrupted`.
        """
        with self._file.transaction() as db:
            rows = db.execute(
                "UPDATE jobs SET status = 'running', note = '', mark = ?, attempts = attempts + 1, "
                "started_at = coalesce(started_at, ?) WHERE seq IN (SELECT seq FROM jobs WHERE "
                "status = 'queued' AND collection = ? ORDER BY seq LIMIT ?) "
                f"RETURNING seq, {JOB_COLUMNS}",
                (mark, _now(), collection, _BATCH),
            ).fetchall()
        return [job_of(row[1:]) for row in sorted(rows)]

    def finish(self, job: Job, files: Sequence[JobFile], revision: int) -> None:
        """The job is done; if none of its files came to what was asked, it failed."""
        good = any(file.status in ("indexed", "removed", "replaced") for file in files)
        status = "done" if good else "failed"
        code, message = ("", "") if good else ("no_file_usable", _none_usable(files))
        with self._file.transaction() as db:
            db.execute(
                "UPDATE jobs SET status = ?, note = '', code = ?, message = ?, files = ?, "
                "revision = ?, finished_at = ? WHERE job_id = ?",
                (status, code, message, files_json(files), revision, _now(), job.job_id),
            )
            _count(db, status, 1)

    def fail(self, jobs: Sequence[Job], code: str, message: str) -> None:
        with self._file.transaction() as db:
            _fail(db, [job.job_id for job in jobs], code, message)

    def note_files(self, job_id: str, files: Sequence[JobFile]) -> None:
        """Say what became of a job's files."""
        with self._file.transaction() as db:
            db.execute("UPDATE jobs SET files = ? WHERE job_id = ?", (files_json(files), job_id))

    def given_up(self, collection: str) -> dict[str, str]:
        """The files of the collection's jobs that ended the worker too often, by name: SHA-256.

        Later jobs for the same name count instead.
        """
        rows = self._file.rows(
            f"SELECT {JOB_COLUMNS} FROM jobs WHERE collection = ? ORDER BY seq", (collection,)
        )
        found: dict[str, str] = {}
        for job in map(job_of, rows):
            for file in job.files:
                found[file.name] = file.content_hash if job.code == "worker_died" else ""
        return {name: content for name, content in found.items() if content}

    def release(self, jobs: Sequence[Job], note: str) -> None:
        """Put those that are still running back into the queue; this was no failed attempt."""
        with self._file.transaction() as db:
            db.executemany(
                "UPDATE jobs SET status = 'queued', note = ?, attempts = attempts - 1 "
                "WHERE job_id = ? AND status = 'running'",
                [(note, job.job_id) for job in jobs],
            )

    def requeue_interrupted(self, mark_of: Callable[[str], str]) -> list[Job]:
        """Put back what a worker that died has left running; returns what is given up instead.

        ``mark_of`` tells how far a collection has got. Jobs during which it got further are
        not to blame for the death; others are given up after `MAX_ATTEMPTS`.
        """
        rows = self._file.rows(f"SELECT {JOB_COLUMNS} FROM jobs WHERE status = 'running'")
        jobs = [job_of(row) for row in rows]
        if not jobs:
            return []
        moved = [job for job in jobs if job.mark != mark_of(job.collection)]
        stuck = [job for job in jobs if job not in moved]
        given_up = [job for job in stuck if job.attempts >= MAX_ATTEMPTS]
        with self._file.transaction() as db:
            _fail(db, [job.job_id for job in given_up], "worker_died", _DIED)
            db.executemany(
                "UPDATE jobs SET status = 'queued', note = ?, attempts = ? WHERE job_id = ?",
                [
                    (INTERRUPTED, 0 if job in moved else job.attempts, job.job_id)
                    for job in jobs
                    if job not in given_up
                ],
            )
        return given_up


_DIED = (
    f"The worker died {MAX_ATTEMPTS} times in a row while on this job, without getting any "
    "further. Its log may say why; is there enough memory?"
)


def _fail(db: Connection, job_ids: Sequence[str], code: str, message: str) -> None:
    db.executemany(
        "UPDATE jobs SET status = 'failed', note = '', code = ?, message = ?, finished_at = ? "
        "WHERE job_id = ?",
        [(code, message, _now(), job_id) for job_id in job_ids],
    )
    _count(db, "failed", len(job_ids))


def _count(db: Connection, status: str, jobs: int) -> None:
    """Count what has ended, and forget what ended long ago."""
    db.execute("UPDATE finished SET jobs = jobs + ? WHERE status = ?", (jobs, status))
    db.execute(
        "DELETE FROM jobs WHERE status IN ('done', 'failed') AND seq <= (SELECT seq FROM jobs "
        "WHERE status IN ('done', 'failed') ORDER BY seq DESC LIMIT 1 OFFSET ?)",
        (KEPT_FINISHED,),
    )


def _none_usable(files: Sequence[JobFile]) -> str:
    if len(files) == 1:
        return f"{files[0].name}: {files[0].message}"
    return f"None of the {len(files)} files could be used; each says why."
