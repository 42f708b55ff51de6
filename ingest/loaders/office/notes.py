"""Footnotes and endnotes in running text."""

from __future__ import annotations


def note_mark(label: str) -> str:
    """Where a note is referred to. Not "[1]", by which an answer names its own sources."""
    return f"[^{label}]"


def note_line(label: str, text: str) -> str:
    """The note itself, below the block that refers to it."""
    return f"{note_mark(label)}: {text}"
