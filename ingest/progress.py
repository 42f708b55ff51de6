"""Progress of an ingest: a bar on a terminal, nothing anywhere else."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Literal, Self

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

# A bar that is told of every one of 100,000 files would itself take seconds.
_REFRESH_S = 0.1


Unit = Literal["files", "chunks"]


class Progress:
    """One bar for the phase at hand: files done, texts embedded, how fast, time left."""

    def __init__(self, console: Console, *, enabled: bool) -> None:
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=False),
            console=console,
            transient=True,
            disable=not enabled,
        )
        self._enabled = enabled
        self._task: TaskID | None = None
        self._reset(None)

    def _reset(self, total: int | None, unit: Unit = "files") -> None:
        self._total = total
        self._unit = unit
        self._files = self._texts = 0
        self._doing = ""
        self._began = time.monotonic()
        self._shown = 0.0

    def start(self, phase: str, total: int | None, unit: Unit = "files") -> None:
        """Begin a phase over so many files or chunks; None where nobody knows how many."""
        self._reset(total, unit)
        if self._task is not None:  # a bar cannot be reset to an unknown total
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(phase, total=total, note="")

    def advance(self) -> None:
        """One more file is done."""
        self._files += 1
        self._doing = ""
        self._show(at_once=self._files == self._total)

    def embedded(self, texts: int) -> None:
        """So many more texts are embedded."""
        self._texts += texts
        self._show()

    def doing(self, text: str) -> None:
        """Say what is being worked on, such as a part of a very large file."""
        self._doing = text
        self._show(at_once=True)

    def note(self) -> str:
        """What stands beside the bar: ``3/10 files, 120 chunks, 40.0 chunks/s``."""
        done = f"{self._done} {self._unit}"
        if self._total is not None:
            done = f"{self._done}/{self._total} {self._unit}"
        seconds = max(time.monotonic() - self._began, 1e-9)
        if self._texts:
            chunks = "" if self._unit == "chunks" else f"{self._texts} chunks, "
            rate = f"{chunks}{self._texts / seconds:.1f} chunks/s"
        else:
            rate = f"{self._done / seconds:.1f} {self._unit}/s"
        return ", ".join(part for part in (done, rate, self._doing) if part)

    @property
    def _done(self) -> int:
        return self._files if self._unit == "files" else self._texts

    def _show(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if (
            self._enabled
            and self._task is not None
            and (at_once or now - self._shown >= _REFRESH_S)
        ):
            self._shown = now
            self._bar.update(self._task, completed=self._done, note=self.note())

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
