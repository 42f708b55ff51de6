"""The bar of a running ingest."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ingest.progress import Progress


def on_terminal() -> tuple[io.StringIO, Console]:
    stream = io.StringIO()
    return stream, Console(file=stream, force_terminal=True, width=120)


def parts(progress: Progress) -> list[str]:
    """The note beside the bar, without the figures that depend on the clock."""
    return [part for part in progress.note().split(", ") if "/s" not in part]


def test_files_and_chunks_are_counted_and_their_speed_is_said() -> None:
    progress = Progress(Console(quiet=True), enabled=False)
    progress.start("Ingesting", 10)
    progress.advance()
    assert parts(progress) == ["1/10 files"]
    assert progress.note().endswith(" files/s")
    progress.embedded(64)
    progress.embedded(6)
    assert parts(progress) == ["1/10 files", "70 chunks"]
    assert progress.note().endswith(" chunks/s")


def test_a_total_that_nobody_knows_is_not_made_up() -> None:
    progress = Progress(Console(quiet=True), enabled=False)
    progress.start("Listing", None)
    progress.advance()
    assert parts(progress) == ["1 files"]


def test_what_is_being_worked_on_is_said_until_the_file_is_done() -> None:
    progress = Progress(Console(quiet=True), enabled=False)
    progress.start("Ingesting", 2)
    progress.doing("book.txt, part 3")
    assert progress.note().endswith(", book.txt, part 3")
    progress.advance()
    assert "book.txt" not in progress.note()


def test_a_new_phase_counts_from_nothing() -> None:
    progress = Progress(Console(quiet=True), enabled=False)
    progress.start("Comparing", 5)
    progress.advance()
    progress.embedded(3)
    progress.start("Ingesting", 7)
    assert parts(progress) == ["0/7 files"]


@pytest.mark.parametrize("total", [3, None])
def test_a_terminal_sees_the_phase_and_the_counts(total: int | None) -> None:
    stream, console = on_terminal()
    with Progress(console, enabled=True) as progress:
        progress.start("Comparing", 1)
        progress.advance()
        progress.start("Ingesting", total)
        progress.doing("[big].txt")
        for _ in range(3):
            progress.advance()
            progress.embedded(8)
        progress.doing("the index")
    shown = stream.getvalue()
    assert "Ingesting" in shown
    assert ("3/3 files" if total else "3 files") in shown
    assert "24 chunks" in shown


def test_where_there_is_no_terminal_nothing_is_written() -> None:
    stream, console = on_terminal()
    with Progress(console, enabled=False) as progress:
        progress.start("Ingesting", 3)
        progress.advance()
        progress.doing("the index")
    assert stream.getvalue() == ""
