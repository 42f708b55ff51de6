"""What must be true of everything a loader returns and the chunker makes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from benchmarks.fuzz.findings import Finding
from ingest.chunking import TokenCounter
from rag_service.document_types import ChunkSpan, LoadedText, Mark

_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")  # they can command a terminal
_MAX_MESSAGE: Final = 2_000  # characters a person can be expected to look at
_MAX_WARNINGS: Final = 1_000


def check_message(message: str) -> Iterator[Finding]:
    """An error's or a warning's."""
    if not message.strip():
        yield Finding("message", "is blank")
    if len(message) > _MAX_MESSAGE:
        yield Finding("message", "is too long", detail=message[:300])
    if _CONTROL.search(message):
        yield Finding("message", "holds control characters", detail=repr(message[:300]))
    yield from _check_storable("message", "", message)


def check_loaded(loaded: LoadedText) -> Iterator[Finding]:
    """Text, title and warnings can be stored; marks and pages are ordered, disjoint, in range."""
    if not loaded.text.strip():
        yield Finding("text", "is blank")
    for name in ("text", "title", "encoding", "engine"):
        yield from _check_storable("text", name, getattr(loaded, name))
    if len(loaded.warnings) > _MAX_WARNINGS:
        yield Finding("message", "too many warnings", detail=str(len(loaded.warnings)))
    for warning in loaded.warnings:
        yield from check_message(warning)
    yield from _check_marks(loaded)
    yield from _check_pages(loaded)


def check_chunks(
    loaded: LoadedText, chunks: Sequence[ChunkSpan], count_tokens: TokenCounter, max_tokens: int
) -> Iterator[Finding]:
    """Chunks are exact, trimmed, ordered, disjoint, within the limit, and leave out no text."""
    yield from _check_spans(loaded.text, chunks)
    yield from _check_pages_of_chunks(loaded, chunks)
    counts = count_tokens([chunk.text for chunk in chunks]) if chunks else []
    for chunk, tokens in zip(chunks, counts, strict=True):
        if tokens > max_tokens and len(chunk.text) > 1:
            yield Finding("chunks", "more tokens than allowed", detail=f"{tokens} in {chunk}")
        yield from _check_storable("chunks", "heading", chunk.heading)
        yield from _check_storable("chunks", "table header", chunk.table_header)


def _check_storable(kind: str, where: str, text: str) -> Iterator[Finding]:
    if found := _UNSTORABLE.search(text):
        what = "NUL" if found[0] == "\0" else "lone surrogate"
        yield Finding(kind, what, where, f"at {found.start()}: {text[:200]!r}")


def _check_marks(loaded: LoadedText) -> Iterator[Finding]:
    if loaded.marks and loaded.syntax != "marked":
        yield Finding("marks", f"in a text that is {loaded.syntax}")
    for mark in loaded.marks:
        yield from _check_mark(loaded.text, mark)
    for before, after in pairwise(loaded.marks):
        if before.char_end > after.char_start:
            yield Finding("marks", "overlap or out of order", detail=f"{before} {after}")


def _check_mark(text: str, mark: Mark) -> Iterator[Finding]:
    start, end = mark.char_start, mark.char_end
    if not 0 <= start < end <= len(text):
        yield Finding("marks", "out of range", detail=f"{mark} of {len(text)}")
        return
    if text[start - 1 : start] not in {"", "\n"} or text[end : end + 1] not in {"", "\n"}:
        around = text[max(0, start - 20) : end + 20]
        yield Finding("marks", f"{mark.kind}: not whole lines", detail=f"{mark} {around!r}")
    if mark.kind == "heading" and mark.level < 1:
        yield Finding("marks", "heading of no level", detail=str(mark))
    if mark.kind == "table" and not start <= mark.header_end <= end:
        yield Finding("marks", "header out of its table", detail=str(mark))


def _check_pages(loaded: LoadedText) -> Iterator[Finding]:
    for page in loaded.pages:
        if not 0 <= page.char_start <= page.char_end <= len(loaded.text) or page.number < 1:
            yield Finding("pages", "out of range", detail=f"{page} of {len(loaded.text)}")
    for before, after in pairwise(loaded.pages):
        if before.char_end > after.char_start or before.number >= after.number:
            yield Finding("pages", "overlap or out of order", detail=f"{before} {after}")


def _check_spans(text: str, chunks: Sequence[ChunkSpan]) -> Iterator[Finding]:
    last = 0
    for ordinal, chunk in enumerate(chunks):
        if chunk.ordinal != ordinal:
            yield Finding("chunks", "ordinals with gaps", detail=str(chunk))
        if text[chunk.char_start : chunk.char_end] != chunk.text:
            yield Finding("chunks", "text is not its span", detail=str(chunk))
        if chunk.text.strip() != chunk.text or not chunk.text:
            yield Finding("chunks", "not trimmed", detail=str(chunk))
        if chunk.char_start < last:
            yield Finding("chunks", "overlap or out of order", detail=str(chunk))
        if text[last : chunk.char_start].strip():
            yield Finding("chunks", "text left out", detail=f"before {chunk}")
        last = max(last, chunk.char_end)
    if text[last:].strip():
        yield Finding("chunks", "text left out", detail=f"at the end: {text[last:][:200]!r}")


def _check_pages_of_chunks(loaded: LoadedText, chunks: Sequence[ChunkSpan]) -> Iterator[Finding]:
    known: list[int | None] = [page.number for page in loaded.pages]
    for chunk in chunks:
        if chunk.page not in (known or [None]):
            yield Finding("chunks", "on no page", detail=str(chunk))
