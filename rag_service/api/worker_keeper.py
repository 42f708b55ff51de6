"""Starts a worker whenever there are jobs and nobody to do them.

The worker is a process of its own: it loads an embedding model and reads untrusted files, and
neither may slow down or end the service. It goes by itself when there is nothing left to do.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from rag_service.errors import RagError
from rag_service.store.jobs import JobStore

log = logging.getLogger(__name__)

# Long enough that uploads one after the other find the model loaded.
_UNTIL_IDLE_S = 60
# -P: the working directory may hold anything, so nothing is imported from there.
WORKER_COMMAND = (sys.executable, "-P", "-m", "ingest.worker", "--until-idle", str(_UNTIL_IDLE_S))

_LOOK_EVERY_S = 0.5
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
# A worker ends after the batch it is at; longer than this it is not waited for.
_STOP_PATIENCE_S = 15.0


class WorkerKeeper:
    """A context manager: while it is entered, jobs find a worker; leaving it ends the worker."""

    def __init__(self, data_dir: Path, command: Sequence[str] = WORKER_COMMAND) -> None:
        self._jobs = JobStore(data_dir)
        self._command = list(command)
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._pause_s = 0.0
        self._not_before = 0.0
        self._complaint = ""
        self._thread = threading.Thread(target=self._keep, name="worker keeper", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()
        if self._process is not None:
            _stop(self._process)
        self._jobs.close()

    def _keep(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY_S):
            try:
                self._look()
            except (RagError, OSError) as error:
                self._complain(f"The worker cannot be started: {error}")

    def _look(self) -> None:
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            self._ended(code)
        if time.monotonic() < self._not_before or self._jobs.worker_alive():
            return
        if self._jobs.backlog().queued:
            # A session of its own: Ctrl-C in the terminal reaches the service, which sees to
            # it that the worker ends.
            self._process = subprocess.Popen(self._command, start_new_session=True)
            log.info("Started a worker, process %d.", self._process.pid)

    def _ended(self, code: int) -> None:
        self._process = None
        if code == 0:
            self._pause_s, self._complaint = 0.0, ""
            return
        self._pause_s = min(max(2 * self._pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        self._not_before = time.monotonic() + self._pause_s
        self._complain(f"The worker ended with exit code {code}; jobs stay queued meanwhile.")

    def _complain(self, text: str) -> None:
        if text != self._complaint:  # what stays the same is said once
            log.warning("%s", text)
        self._complaint = text


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and make it when it does not."""
    process.terminate()
    try:
        process.wait(_STOP_PATIENCE_S)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # and its parsers
        process.wait()
