"""Processes that ingest and are killed: forked ones with a cheap model, and true commands."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benchmarks.crash import child

KILLED = -signal.SIGKILL
_ORPHANS_END_WITHIN_S = 10.0
_PATIENCE_S = 300.0  # no run of the harness takes that long
# Forked from a server that has imported everything: starting one costs milliseconds.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([*child.PRELOAD, child.__name__])


@dataclass(frozen=True, slots=True)
class Moment:
    """When to kill: ``after_s`` seconds after the start, or after line ``at`` (see `places`)
    has been told for the ``nth`` time. With ``pause`` the run stands still there."""

    after_s: float = 0.0
    at: str = ""
    nth: int = 1
    pause: bool = False


@dataclass(slots=True)
class Places:
    """Where a run is, by what it has told."""

    stack: list[str] = field(default_factory=list)
    line: str = ""  # the last
    paused: bool = False
    seen: Counter[str] = field(default_factory=Counter)
    given: int = 0  # texts that the model was given

    def hear(self, line: str) -> None:
        if line == "!":
            self.paused = True
            return
        if line[0] == "#":
            self.given += int(line[1:])
            return
        self.seen[line] += 1
        self.line = line
        if line[0] == ">":
            self.stack.append(line[1:])
        elif line[1:] in self.stack:
            del self.stack[self.stack.index(line[1:]) :]

    def here(self) -> str:
        """The innermost step at work, or the one that it stands still before or after."""
        if self.paused:
            return f"just {'before' if self.line[0] == '>' else 'after'} {self.line[1:]}"
        if not self.stack:
            return "between two runs, or after the last" if self.line else "before the run"
        inner = self.stack[-1]
        return "parse and chunk" if inner == "run" and self.line != ">run" else inner


class Run(Protocol):
    """One ingest in a process of its own, the leader of its own session."""

    pid: int
    is_stuck: bool  # it would not end

    def is_running(self) -> bool: ...

    def wait(self) -> int:
        """Its exit code, when it has ended."""

    def here(self) -> str:
        """What it was doing when last heard of."""

    def given(self) -> int:
        """How many texts its model was given, as far as it has told."""

    def await_moment(self, moment: Moment) -> None:
        """Return at the moment to kill, or when it has ended."""

    def report(self) -> dict[str, Any]:
        """What it has printed, as JSON."""


class Forked:
    """Starts in milliseconds, and tells where it is."""

    def __init__(self, order: child.Order) -> None:
        self._order = order
        self._events, events = _FORKS.Pipe(duplex=False)
        self._process = _FORKS.Process(target=child.main, args=(order, events))
        self._process.start()
        events.close()
        self.pid = self._process.pid or 0
        self._places = Places()
        self._rest = b""
        self._ended = False
        self.is_stuck = False

    def is_running(self) -> bool:
        self.listen(0)
        return not self._ended

    def listen(self, timeout_s: float) -> None:
        """Take in what it tells within so many seconds; also keeps it from getting stuck."""
        deadline = time.monotonic() + timeout_s
        while not self._ended:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._events], [], [], left)[0]:
                return
            self._hear(os.read(self._events.fileno(), 65536))
            if timeout_s:
                return

    def _listen_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not condition():
            self.listen(1)
            if time.monotonic() > deadline:
                self.is_stuck = True
                _signal(self.pid, signal.SIGKILL)
                deadline += _PATIENCE_S

    def _hear(self, data: bytes) -> None:
        self._ended = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._places.hear(line.decode())

    def wait(self) -> int:
        self._listen_until(lambda: self._ended)
        self._process.join()
        self._events.close()
        return self._process.exitcode or 0

    def here(self) -> str:
        return self._places.here()

    def given(self) -> int:
        return self._places.given

    def reached(self, moment: Moment) -> bool:
        """Whether it has told of the place, or ended."""
        here = self._places
        told = here.paused if moment.pause else here.seen[moment.at] >= moment.nth
        return self._ended or (told and bool(moment.at))

    def is_idle(self) -> bool:
        """Whether it watches, and waits."""
        self.listen(0)
        return bool(self._places.line) and not self._places.stack

    def await_moment(self, moment: Moment) -> None:
        if moment.at:
            self._listen_until(lambda: self.reached(moment))
        deadline = time.monotonic() + moment.after_s
        while (left := deadline - time.monotonic()) > 0 and not self._ended:
            self.listen(left)

    def report(self) -> dict[str, Any]:
        return _json(Path(self._order.out))


class Command:
    """`rag ingest` as a user starts it."""

    def __init__(self, arguments: list[str], data_dir: Path, scratch: Path) -> None:
        clean = {name: value for name, value in os.environ.items() if name[:4] != "RAG_"}
        self._out = scratch / "out.json"
        with (scratch / "log.txt").open("ab") as log, self._out.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rag_service.cli", "ingest", *arguments],
                env={**clean, "RAG_DATA_DIR": str(data_dir)},
                stdout=out,
                stderr=log,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self.is_stuck = False

    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait(self) -> int:
        try:
            return self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.is_stuck = True
            _signal(self.pid, signal.SIGKILL)
            return self._process.wait()

    def here(self) -> str:
        return "rag ingest"

    def given(self) -> int:
        return 0  # it tells nothing; what it has stored is counted

    def await_moment(self, moment: Moment) -> None:
        deadline = time.monotonic() + moment.after_s
        while self.is_running() and time.monotonic() < deadline:
            time.sleep(0.001)

    def report(self) -> dict[str, Any]:
        return _json(self._out)


def _json(path: Path) -> dict[str, Any]:
    printed = path.read_text("utf-8") if path.exists() else ""
    found: dict[str, Any] = json.loads(printed) if printed else {}
    return found


def _signal(pid: int, number: signal.Signals, *, group: bool = True) -> None:
    with contextlib.suppress(ProcessLookupError):  # not the leader of its group yet, or ended
        os.killpg(pid, number) if group else None
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def kill(run: Run, *, group: bool) -> int:
    """SIGKILL it, and with ``group`` all it has started; returns its exit code, which is
    `KILLED` unless it had ended by itself."""
    if run.is_running():
        _signal(run.pid, signal.SIGKILL, group=group)
    return run.wait()


def orphans(run: Run) -> list[int]:
    """Processes of its session that are still there some time after its end; they are ended."""
    deadline = time.monotonic() + _ORPHANS_END_WITHIN_S
    while (found := _session_members(run.pid)) and time.monotonic() < deadline:
        time.sleep(0.01)
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    return found


def _session_members(session: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, its_session = path.read_text("utf-8").rpartition(")")[2].split()[:4]
        except OSError:  # it ended in between
            continue
        if int(its_session) == session and state != "Z":
            found.append(int(path.parent.name))
    return found
