"""What a job is, and the table that jobs are kept in.

A job asks the worker to make a collection agree with its folder of uploads. Carrying one out
twice does no harm, so a job whose worker died is simply taken up again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

JobKind = Literal["upload", "delete"]
JobStatus = Literal["queued", "running", "done", "failed"]
FileStatus = Literal[
    "waiting",  # not looked at yet
    "indexed",  # can be found
    "removed",  # can no longer be found, as was asked
    "empty",  # nothing in it
    "skipped",  # left out by a rule; the message says which
    "failed",  # could not be read; the message says why
    "replaced",  # a later request changed or removed it first
]

SCHEMA_VERSION = 1

SCHEMA = """
CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,   -- the order in which they were accepted
    job_id TEXT NOT NULL UNIQUE,
    collection TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    note TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    files TEXT NOT NULL,                     -- JSON, an array of JobFile
    attempts INTEGER NOT NULL,               -- since the collection last got further
    mark TEXT NOT NULL,                      -- how far it had got then
    revision INTEGER,
    created_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT
) STRICT;
CREATE INDEX jobs_by_status ON jobs (status, seq);
CREATE INDEX jobs_by_collection ON jobs (collection, seq);
CREATE TABLE finished (status TEXT PRIMARY KEY, jobs INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO finished VALUES ('done', 0), ('failed', 0);
"""


@dataclass(frozen=True, slots=True)
class JobFile:
    """One file of a job. ``content_hash`` is the SHA-256 of what was uploaded, hexadecimal."""

    name: str
    size_bytes: int = 0
    content_hash: str = ""
    status: FileStatus = "waiting"
    code: str = ""  # why, for machines
    message: str = ""  # why, for people
    doc_id: int | None = None
    pages: int = 0
    chunks: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """``code`` and ``message`` say why a failed job failed, ``note`` what another waits for.

    ``revision`` is the collection's once the job is done: searches see it from there on.
    Times are ISO 8601, UTC.
    """

    job_id: str
    collection: str
    kind: JobKind
    status: JobStatus
    note: str
    code: str
    message: str
    files: tuple[JobFile, ...]
    attempts: int
    mark: str
    revision: int | None
    created_at: str
    started_at: str | None
    finished_at: str | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many jobs stand where; ``done`` and ``failed`` count since the beginning."""

    queued: int
    running: int
    done: int
    failed: int
    worker_alive: bool


JOB_COLUMNS = ", ".join(Job.__dataclass_fields__)


def files_json(files: Sequence[JobFile]) -> str:
    return json.dumps([asdict(file) for file in files], ensure_ascii=False)


def row_of(job: Job) -> tuple[Any, ...]:
    """The values of ``JOB_COLUMNS``."""
    values = {name: getattr(job, name) for name in Job.__dataclass_fields__}
    return tuple((values | {"files": files_json(job.files)}).values())


def job_of(row: tuple[Any, ...]) -> Job:
    """The job in such a row."""
    values = dict(zip(Job.__dataclass_fields__, row, strict=True))
    values["files"] = tuple(
        JobFile(**file | {"warnings": tuple(file["warnings"])})
        for file in json.loads(values["files"])
    )
    return Job(**values)
