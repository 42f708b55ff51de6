"""What loaders say to people, within bounds: parts of it come out of the files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ingest.loaders.builder import one_line

MAX_MESSAGE: Final = 1_000  # characters
MAX_WARNINGS: Final = 100  # of one file


def password_refusal(what: str, *, given: bool) -> str:
    """Why ``what`` ("file") is not read, and what to do; ``given``: passwords were tried."""
    if given:
        why = f"The {what} needs a password, and none of those in RAG_INGEST__PASSWORDS opens it."
        return f"{why} Add it there, or save a copy without one."
    return (
        f"The {what} needs a password. Put it in RAG_INGEST__PASSWORDS, or save a copy without one."
    )


def presentable(message: str) -> str:
    """``message`` on one line of bounded length, without characters that command a terminal."""
    line = one_line(message)
    return line if len(line) <= MAX_MESSAGE else f"{line[: MAX_MESSAGE - 1]}…"


def presentable_warnings(warnings: Sequence[str]) -> tuple[str, ...]:
    """The first warnings, and how many more there are."""
    shown = tuple(map(presentable, warnings[:MAX_WARNINGS]))
    if len(warnings) <= MAX_WARNINGS:
        return shown
    return (*shown, f"There are {len(warnings) - MAX_WARNINGS:,} more warnings of this file.")
