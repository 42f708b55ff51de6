"""The JSON shapes of jobs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rag_service.api.shapes import Shape


class JobFileOut(Shape):
    """What became of one file."""

    name: str = Field(description="Its name, which is the document's `source`.")
    size_bytes: int = Field(description="Bytes received; 0 for a file to be deleted.")
    content_hash: str = Field(description='SHA-256 of them, hexadecimal; "" likewise.')
    status: Literal["waiting", "indexed", "removed", "empty", "skipped", "failed", "replaced"] = (
        Field(
            description="waiting: not looked at yet. indexed: can be found. removed: can no longer "
            "be found, as asked. empty, skipped, failed: cannot be found; `message` says why. "
            "replaced: a later request changed or removed it first."
        )
    )
    code: str = Field(description='Why, machine-readable; "" when there is nothing to say.')
    message: str = Field(description="Why, for people.")
    doc_id: int | None = Field(description="The document that it is; null: none.")
    pages: int = Field(description="Number of pages; 0 for formats without pages.")
    chunks: int = Field(description="Number of passages.")
    warnings: list[str] = Field(description="What a reader should know of how it was read.")


class JobErrorOut(Shape):
    """Why a job failed."""

    code: str = Field(description="Stable and machine-readable.", examples=["index_mismatch"])
    message: str = Field(description="For people; says what to do next.")


class JobOut(Shape):
    """Something that was asked for, and how far it has got."""

    job_id: str = Field(description="Its name.")
    collection: str = Field(description="The collection it is about.")
    kind: Literal["upload", "delete"] = Field(description="What was asked for.")
    status: Literal["queued", "running", "done", "failed"] = Field(
        description="done: every file was looked at, `files` says what became of each. failed: "
        "`error` says why; also when not a single file could be used."
    )
    note: str = Field(description='What it waits for, in words; "" when there is nothing to say.')
    error: JobErrorOut | None = Field(description="Why it failed; null: it has not.")
    files: list[JobFileOut] = Field(description="What became of each file.")
    files_done: int = Field(description="How many of them are done.")
    revision: int | None = Field(
        description="Revision of the collection that has the outcome; null: not done yet."
    )
    created_at: str = Field(description="When it was accepted, ISO 8601, UTC.")
    started_at: str | None = Field(description="When the worker first took it up; null: not yet.")
    finished_at: str | None = Field(description="When it ended; null: it has not.")


class JobsResponse(Shape):
    """Jobs, newest first."""

    jobs: list[JobOut] = Field(description="At most `limit` jobs, newest first.")
