"""Plain text too large to be held whole: read, chunked, embedded and stored part by part.

Each part is durable before the next is begun, so a kill costs one part. Lines of a large CSV
or JSON Lines file are kept as they are written, without the dressing of the small ones.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ingest.chunking import Carried
from ingest.found import FoundFile
from ingest.loaders.formats import format_of, loader_version
from ingest.loaders.text_parts import TextPlan, load_part, plan_parts
from ingest.parsing import ParserPool
from ingest.plan import ToLoad
from ingest.prepare import Prepared, Preparer
from ingest.progress import Progress
from ingest.steps import Embedder
from rag_service.document_types import ChunkSpan, LoadedText, Mark
from rag_service.store.catalog_schema import NewChunk, StagedDocument
from rag_service.store.catalog_writer import CatalogWriter

LARGE_BYTES = 4 << 20
PART_BYTES = 4 << 20
_AHEAD = 4  # parts decoded ahead of chunking


def is_large(file: FoundFile) -> bool:
    """Whether the file is read part by part."""
    known = format_of(file.source)
    return known is not None and known.in_parts and file.stat.size_bytes > LARGE_BYTES


@dataclass(frozen=True, slots=True)
class Staged:
    """A whole document, stored but not yet to be seen. ``loaded`` lacks its text."""

    staged: StagedDocument
    loaded: LoadedText
    seconds: float


class LargeFile:
    """One file on its way into the catalog."""

    def __init__(
        self,
        item: ToLoad,
        pool: ParserPool,
        preparer: Preparer,
        embedder: Embedder,
        progress: Progress,
    ) -> None:
        self._item = item
        self._pool = pool
        self._preparer = preparer
        self._embedder = embedder
        self._progress = progress

    def stage(self, catalog: CatalogWriter, root_id: int) -> Staged:
        """Store all parts, those that an interrupted run has stored excepted.

        Raises:
            DocumentError: the file cannot be read as text; what was stored stays for a retry.
        """
        started = time.perf_counter()
        item = self._item
        plan = self._pool.submit(_plan, item.file.path, PART_BYTES).result()
        source = item.file.source
        staged = catalog.staged(root_id, source, _version(item, plan), loader_version(source))
        first = LoadedText("", encoding=plan.encoding, engine="text, in parts")
        for loaded in self._parts(plan, staged.parts):
            self._progress.doing(f"{item.file.source}: part {staged.parts + 1} of {len(plan)}")
            staged = self._stage_part(catalog, staged, loaded)
            first = replace(first, warnings=_joined(first.warnings, loaded.warnings))
        return Staged(staged, first, time.perf_counter() - started)

    def _parts(self, plan: TextPlan, done: int) -> Iterator[LoadedText]:
        """The parts from ``done`` on, decoded a few ahead in other processes."""
        waiting: deque[Future[LoadedText]] = deque()
        for index in range(done, len(plan)):
            waiting.append(self._pool.submit(load_part, self._item.file.path, plan, index))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _stage_part(
        self, catalog: CatalogWriter, staged: StagedDocument, loaded: LoadedText
    ) -> StagedDocument:
        prepared, carried = self._prepare(loaded, staged)
        self._embedder.embed_all(prepared.inputs)
        chunks = [_shifted(chunk, staged) for chunk in prepared.chunks]
        return catalog.stage_part(
            staged, loaded.text, chunks, title=prepared.title, carried=json.dumps(asdict(carried))
        )

    def _prepare(self, loaded: LoadedText, staged: StagedDocument) -> tuple[Prepared, Carried]:
        source = self._item.file.source
        loaded = _with_structure(loaded, source, is_first=not staged.parts)
        carried = _carried(staged.carried) if staged.carried else None
        return self._preparer.prepare_part(loaded, carried, source)


def _version(item: ToLoad, plan: TextPlan) -> str:
    """What the parts are parts of: the content that was hashed, if the file is still that."""
    stat = item.file.stat
    if (plan.size, plan.mtime_ns) == (stat.size_bytes, stat.mtime_ns):
        return item.content_hash
    return f"{plan.size} bytes of {plan.mtime_ns}"


def _plan(path: Path, part_bytes: int) -> TextPlan:
    return plan_parts(path, part_bytes=part_bytes)


def _with_structure(loaded: LoadedText, source: str, *, is_first: bool) -> LoadedText:
    """What the file's name says of the part's structure."""
    known = format_of(source)
    name = known.name if known else ""
    if name == "markdown":
        return replace(loaded, syntax="markdown")
    body = loaded.text.rstrip()
    if name not in ("csv", "tsv") or not body:
        return loaded
    header_end = len(body.split("\n", 1)[0]) if is_first else 0
    table = Mark("table", 0, len(body), header_end=header_end)
    return replace(loaded, syntax="marked", marks=(table,))


def _carried(stored: str) -> Carried:
    values = json.loads(stored)
    headings = tuple((level, title) for level, title in values.pop("headings"))
    return Carried(headings=headings, **values)


def _shifted(chunk: NewChunk, staged: StagedDocument) -> NewChunk:
    """A chunk of a part with its place in the whole document."""
    span: ChunkSpan = chunk.span
    moved = replace(
        span,
        ordinal=span.ordinal + staged.chunks,
        char_start=span.char_start + staged.chars,
        char_end=span.char_end + staged.chars,
    )
    return replace(chunk, span=moved)


def _joined(known: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    """Warnings of the parts, each told once."""
    return tuple(dict.fromkeys([*known, *new]))
