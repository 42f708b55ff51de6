"""Reading and chunking a text part by part, as is done with those too large to be held whole."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.fuzz.findings import Finding
from benchmarks.fuzz.properties import check_chunks
from ingest.chunking import Carried, TokenCounter, chunk_part
from ingest.loaders import format_of
from ingest.loaders.text_parts import load_part, plan_parts
from rag_service.document_types import LoadedText
from rag_service.errors import DocumentError

_PARTS: Final = 8
_LEAST_BYTES: Final = 64  # of a part
_WHOLE: Final = frozenset({"text", "markdown"})  # formats of which the text is what is written


def is_read_in_parts(name: str) -> bool:
    known = format_of(name)
    return known is not None and known.in_parts


def check_parts(
    name: str, data: bytes, whole: LoadedText, count_tokens: TokenCounter, max_tokens: int
) -> Iterator[Finding]:
    """The parts are chunked as promised, and together they are the ``whole`` text."""
    try:
        parts = _parts(data)
    except DocumentError:  # there can be too little evidence for an encoding in a part
        return
    carried: Carried | None = None
    for part in parts:
        part = replace(part, syntax="markdown" if name.endswith(".md") else "plain")
        chunks, carried = chunk_part(
            part, carried, count_tokens=count_tokens, max_tokens=max_tokens
        )
        yield from check_chunks(part, chunks, count_tokens, max_tokens)
    known = format_of(name)
    if known and known.name in _WHOLE and _is_clean(whole, parts):
        text = "".join(part.text for part in parts)
        if text != whole.text:
            yield Finding("parts", "are not the whole text", detail=_difference(text, whole.text))


def _parts(data: bytes) -> list[LoadedText]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        path = Path(file.name)
        plan = plan_parts(path, part_bytes=max(_LEAST_BYTES, len(data) // _PARTS))
        return [load_part(path, plan, index) for index in range(len(plan))]


def _is_clean(whole: LoadedText, parts: list[LoadedText]) -> bool:
    """Damage is counted per text: a part may be refused or repaired where the whole is not."""
    return all(part.encoding == whole.encoding and not part.warnings for part in [*parts, whole])


def _difference(text: str, whole: str) -> str:
    pairs = enumerate(zip(text, whole, strict=False))
    place = next((at for at, (one, other) in pairs if one != other), min(len(text), len(whole)))
    return f"at {place}: {text[place : place + 60]!r} for {whole[place : place + 60]!r}"
