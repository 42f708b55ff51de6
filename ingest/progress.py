"""Progress of an ingest: a bar on a terminal, nothing anywhere else."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar


class Progress:
    """One bar for the phase at hand: files done, texts embedded, time left."""

    def __init__(self, console: Console, *, enabled: bool) -> None:
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not enabled,
        )
        self._task = self._bar.add_task("", total=0, note="", visible=False)
        self._texts = 0

    def start(self, phase: str, total: int) -> None:
        self._bar.reset(self._task, total=total, description=phase, note="", visible=True)

    def advance(self) -> None:
        """One more file is done."""
        self._bar.advance(self._task)

    def embedded(self, texts: int) -> None:
        """So many more texts are embedded."""
        self._texts += texts
        self._bar.update(self._task, note=f"{self._texts} chunks")

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
