"""Uploads for a worker that mirror nothing; light, so that processes of tests start at once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rag_service.store.jobs_schema import Job, JobFile

Outcome = tuple[int, list[tuple[JobFile, ...]]]


class ScriptedUploads:
    """Indexes whatever it is given, after raising what it was told to."""

    def __init__(self, *raises: BaseException) -> None:
        self.raises = list(raises)
        self.runs: list[tuple[str, int]] = []

    def mark(self, collection: str) -> str:
        return ""

    def give_up(self, job: Job) -> tuple[JobFile, ...]:
        return job.files

    def run(self, collection: str, jobs: Sequence[Job], dangerous: Mapping[str, str]) -> Outcome:
        self.runs.append((collection, len(jobs)))
        if self.raises:
            raise self.raises.pop(0)
        indexed = [tuple(replace(f, status="indexed") for f in job.files) for job in jobs]
        return len(self.runs), indexed


class HeldUploads(ScriptedUploads):
    """Takes for ever while there is a file "hold" in ``folder``."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._hold = folder / "hold"

    def run(self, collection: str, jobs: Sequence[Job], dangerous: Mapping[str, str]) -> Outcome:
        while self._hold.exists():
            time.sleep(0.01)
        return super().run(collection, jobs, dangerous)
