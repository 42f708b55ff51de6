"""`rag worker`, which is also `python -m ingest.worker`: carries out the service's jobs.

One worker serves a data folder. Killing it at any moment loses nothing: a job is a mirror run
over the collection's folder of uploads, and the next worker runs it again.

Light to import, because the parser processes start this module again.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Protocol

from rag_service.errors import CollectionBusy, RagError, StorageError
from rag_service.store.jobs import JobStore
from rag_service.store.jobs_schema import Job, JobFile

if TYPE_CHECKING:
    from rag_service.settings import Settings

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.3
# What may pass by itself is tried again after so long: another process that writes to the
# collection, a disk that is full.
_BUSY_PAUSE_S = 1.0
_STORAGE_PAUSE_S = 30.0
_STOPPED = "The worker was stopped before the job was done. It will be taken up again."
_FAILED = "The worker failed in a way it should not ({}). Its log says more."


class Uploads(Protocol):
    """What a worker does its jobs with; see `ingest.uploads`."""

    def mark(self, collection: str) -> str:
        """Something that changes whenever the collection gets any further."""

    def give_up(self, job: Job) -> tuple[JobFile, ...]:
        """What became of the files of a job that has ended the worker too often."""

    def run(
        self, collection: str, jobs: Sequence[Job], dangerous: Mapping[str, str]
    ) -> tuple[int, list[tuple[JobFile, ...]]]:
        """Make the collection agree with its uploads.

        ``dangerous`` names contents, SHA-256 by file, that are not to be read: those of jobs
        that were given up. Returns its revision, and for each job what became of its files.

        Raises:
            CollectionBusy, StorageError: it cannot be done now.
            RagError: it cannot be done.
        """


class Worker:
    """Takes jobs in order and carries them out, those of one collection together."""

    def __init__(self, jobs: JobStore, uploads: Uploads) -> None:
        self._jobs = jobs
        self._uploads = uploads
        self._left_alone: dict[str, float] = {}  # collections, and until when

    def run(self, until_idle_s: float | None = None) -> None:
        """Work until there has been nothing to do for ``until_idle_s`` seconds, or for ever.

        Raises:
            WorkerRunning: another worker serves the data folder.
        """
        with self._jobs.working():
            for job in self._jobs.requeue_interrupted(self._uploads.mark):
                log.error("Job %s is given up: it has ended the worker too often.", job.job_id)
                self._jobs.note_files(job.job_id, self._uploads.give_up(job))
            self._work(until_idle_s)

    def _work(self, until_idle_s: float | None) -> None:
        idle_since = time.monotonic()
        while True:
            now = time.monotonic()
            self._left_alone = {name: t for name, t in self._left_alone.items() if t > now}
            collection = self._jobs.next_collection(but_for=list(self._left_alone))
            if collection is not None:
                self._carry_out(collection)
            if collection is not None or self._left_alone:
                idle_since = time.monotonic()
            elif until_idle_s is not None and now - idle_since >= until_idle_s:
                return
            if collection is None:
                time.sleep(_LOOK_EVERY_S)

    def _carry_out(self, collection: str) -> None:
        jobs = self._jobs.claim(collection, self._uploads.mark(collection))
        try:
            dangerous = self._jobs.given_up(collection)
            revision, outcomes = self._uploads.run(collection, jobs, dangerous)
        except (CollectionBusy, StorageError) as error:
            self._put_off(jobs, collection, error)
        except RagError as error:
            log.error("Collection %s: %s", collection, error)
            self._jobs.fail(jobs, error.code, str(error))
        except Exception as error:
            log.exception("Collection %s: unexpected error", collection)
            self._jobs.fail(jobs, RagError.code, _FAILED.format(type(error).__name__))
        except KeyboardInterrupt:
            self._jobs.release(jobs, _STOPPED)
            raise
        else:
            self._finish(jobs, outcomes, revision)

    def _put_off(self, jobs: Sequence[Job], collection: str, error: RagError) -> None:
        is_busy = isinstance(error, CollectionBusy)
        if not is_busy:
            log.warning("Collection %s, tried again soon: %s", collection, error)
        pause = _BUSY_PAUSE_S if is_busy else _STORAGE_PAUSE_S
        self._left_alone[collection] = time.monotonic() + pause
        self._jobs.release(jobs, f"Tried again soon. {error}")

    def _finish(
        self, jobs: Sequence[Job], outcomes: Sequence[tuple[JobFile, ...]], revision: int
    ) -> None:
        for job, files in zip(jobs, outcomes, strict=True):
            self._jobs.finish(job, files, revision)
            good = sum(file.status == "indexed" for file in files)
            log.info("Job %s: %s of %d files, %d indexed.", job.job_id, job.kind, len(files), good)


def _open_uploads(settings: Settings) -> Uploads:
    from ingest.uploads import UploadMirror

    return UploadMirror(settings)


def main(argv: list[str], open_uploads: Callable[[Settings], Uploads] = _open_uploads) -> int:
    """Run the command with these arguments and return its exit code."""
    parser = argparse.ArgumentParser(
        "rag worker",
        description="Take in what is uploaded to the service. One worker serves a data folder; "
        "`rag serve` starts one by itself unless RAG_INGEST__WORKER=external. "
        "Exit codes: 0 stopped or idle, 1 an error.",
    )
    parser.add_argument(
        "--until-idle",
        type=float,
        metavar="SECONDS",
        help="Exit when there has been nothing to do for so long.",
    )
    arguments = parser.parse_args(argv)
    logging.basicConfig(format="%(levelname)s worker: %(message)s")
    log.setLevel(logging.INFO)  # one line for each job
    signal.signal(signal.SIGTERM, _stop)
    if hasattr(os, "nice"):
        os.nice(10)  # answers come first
    try:
        _run(open_uploads, arguments.until_idle)
    except RagError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass  # what was finished is kept, and the job is back in the queue
    return 0


def _run(open_uploads: Callable[[Settings], Uploads], until_idle_s: float | None) -> None:
    from rag_service.settings import load_settings

    settings = load_settings()
    with closing(JobStore(settings.data_dir)) as jobs:
        Worker(jobs, open_uploads(settings)).run(until_idle_s)


def _stop(_signum: int, _frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: what is open is being closed
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
