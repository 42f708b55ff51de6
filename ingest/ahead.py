"""Parsing files ahead of what is embedded, in processes of their own."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

from ingest.loaders import load
from ingest.loaders.options import LoadOptions
from ingest.parsing import ParserPool
from ingest.plan import ToLoad
from rag_service.document_types import LoadedText
from rag_service.settings import IngestSettings

# Parsed ahead of embedding: enough that no core waits, little enough to hold.
_AHEAD_FILES = 512
_AHEAD_BYTES = 64 << 20
# Of the time a file may take; OCR that is cut off keeps what it has read, a parser does not.
_OCR_SHARE = 0.75


def parsed_ahead(
    pool: ParserPool, items: Sequence[ToLoad], options: LoadOptions
) -> Iterator[tuple[ToLoad, Future[LoadedText]]]:
    """Parse ahead, a bounded number of files and bytes, and hand them over in order."""
    waiting: deque[tuple[ToLoad, Future[LoadedText]]] = deque()
    held = 0
    for item in items:
        waiting.append((item, pool.submit(load, item.file.path, options)))
        held += item.file.stat.size_bytes
        while len(waiting) > 1 and (len(waiting) > _AHEAD_FILES or held > _AHEAD_BYTES):
            held -= waiting[0][0].file.stat.size_bytes
            yield waiting.popleft()
    while waiting:
        yield waiting.popleft()


def load_options(settings: IngestSettings) -> LoadOptions:
    return LoadOptions(
        passwords=settings.passwords,
        ocr=settings.ocr,
        ocr_seconds=_OCR_SHARE * settings.parse_timeout_s,
    )


def parser_jobs(configured: int | None, files: int) -> int:
    """How many parser processes are worth starting."""
    wanted = configured or min(4, os.cpu_count() or 1)
    return max(1, min(wanted, files))
