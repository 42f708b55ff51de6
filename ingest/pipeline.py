"""The ingest job: carries out the mirror plan, one durable step at a time.

Parsing runs in worker processes ahead of embedding. Embeddings are stored as soon as a
batch of them exists and a document is committed as soon as all of its chunks have one,
so a kill at any moment loses at most the batch in the making.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.chunking import CHUNKER_VERSION, chunk_document, title_of
from ingest.loaders import LOADER_VERSION, is_markdown
from ingest.mirror import KEPT, Move, Plan, ToLoad, compare, settled, stat_of, unsettled
from ingest.parsing import ParserPool
from ingest.progress import Progress
from ingest.report import FileReport, IngestReport, Status, left_out_report, removal_report
from rag_service.errors import DocumentError, EmptyFile
from rag_service.retrieval.embedding import LocalEmbeddings
from rag_service.settings import Settings
from rag_service.store.catalog_schema import FileStat, NewChunk, NewDocument
from rag_service.store.collection import CollectionWriter
from rag_service.types import ChunkSpan, LoadedText

# Texts put together before they are embedded: enough to sort by length into even batches.
EMBED_GROUP = 256
# Texts embedded between two commits of their vectors: what a kill costs at most.
EMBED_STEP = 64
# Readers are to see a commit within two seconds; publishing costs some 50 ms.
_PUBLISH_AFTER_S = 0.5


@dataclass(frozen=True, slots=True)
class Prepared:
    """A parsed and chunked document, waiting for its embeddings."""

    item: ToLoad
    loaded: LoadedText
    title: str
    chunks: tuple[NewChunk, ...]
    inputs: Mapping[bytes, str]  # what is embedded, by vector key
    seconds: float


@dataclass(slots=True)
class Group:
    """Documents whose embeddings are computed together."""

    documents: list[Prepared] = field(default_factory=list)
    unseen: dict[bytes, str] = field(default_factory=dict)


def embedding_input(title: str, span: ChunkSpan) -> str:
    """What is embedded for a chunk: the text under its title and headings."""
    context = "\n".join(part for part in (title, span.heading) if part)
    return f"{context}\n{span.text}" if context else span.text


def vector_key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:16]


def collection_fingerprint(embeddings: LocalEmbeddings, settings: Settings) -> dict[str, object]:
    """Everything two ingests must agree on to share a collection."""
    return {
        **embeddings.fingerprint(),
        "chunker": CHUNKER_VERSION,
        "chunk_tokens": settings.chunking.max_tokens,
    }


class IngestJob:
    """One run over one folder."""

    def __init__(
        self,
        root: Path,
        writer: CollectionWriter,
        embeddings: LocalEmbeddings,
        settings: Settings,
        progress: Progress,
    ) -> None:
        self._root = root
        self._writer = writer
        self._catalog = writer.catalog
        self._embeddings = embeddings
        self._settings = settings
        self._progress = progress
        self._root_id = self._catalog.root_id(str(root))
        self._report = IngestReport(writer.home.name, str(root))
        self._unpublished_since: float | None = None
        self._looked_ns = time.time_ns()

    def run(self, *, prune: bool) -> IngestReport:
        """Make the collection a mirror of the folder; the writer is left to be finished.

        Raises:
            PathNotFound: no such folder, or it is empty and the collection is not.
        """
        started = time.perf_counter()
        self._looked_ns = time.time_ns()
        plan = compare(
            self._root,
            self._catalog.known_documents(str(self._root)),
            loader_version=LOADER_VERSION,
            max_file_bytes=self._settings.ingest.max_file_mb << 20,
            prune=prune,
            progress=self._progress,
        )
        self._report.files += [left_out_report(item) for item in plan.left_out]
        self._apply_cheap(plan)
        self._progress.start("Ingesting", len(plan.load))
        for group in self._groups(plan.load):
            self._commit(group)
        self._finish(started)
        return self._report

    def _apply_cheap(self, plan: Plan) -> None:
        """Everything that needs neither parsing nor embedding."""
        for removal in plan.delete:
            self._catalog.remove_document(removal.known.doc_id)
            self._report.files.append(removal_report(removal))
        for move in plan.move:
            self._move(move)
        for touch in plan.touch:
            self._catalog.touch_document(touch.known.doc_id, self._settled(touch.file.stat))
            self._add(touch.file.source, "unchanged")
        for doc in plan.unchanged:
            self._add(doc.source, "unchanged")
        if plan.delete or plan.move:
            self._writer.publish()

    def _move(self, move: Move) -> None:
        stat = self._settled(move.file.stat)
        self._catalog.move_document(move.known.doc_id, move.file.source, stat)
        self._add(move.file.source, "moved", message=f"from {move.known.source}")

    def _settled(self, stat: FileStat) -> FileStat:
        return settled(stat, self._looked_ns)

    # -- parsing and grouping --------------------------------------------------

    def _groups(self, items: Sequence[ToLoad]) -> Iterator[Group]:
        """Documents in order, as many together as fill an embedding batch.

        A group that is not full is handed over rather than kept waiting for a parser.
        """
        group = Group()
        for item, parsed in self._parsed(items):
            if group.documents and not parsed.done():
                yield group
                group = Group()
            if not parsed.done():
                self._publish()  # a slow file must not keep finished ones from readers
            prepared = self._prepare(item, parsed)
            if prepared is None:
                continue
            group.documents.append(prepared)
            known = self._catalog.known_vectors(list(prepared.inputs))
            group.unseen |= {k: t for k, t in prepared.inputs.items() if k not in known}
            if len(group.unseen) >= EMBED_GROUP:
                yield group
                group = Group()
        if group.documents:
            yield group

    def _parsed(self, items: Sequence[ToLoad]) -> Iterator[tuple[ToLoad, Future[LoadedText]]]:
        """Parse ahead, a bounded number of files, and hand them over in order."""
        if not items:
            return
        limits = self._settings.ingest
        with ParserPool(
            jobs=parser_jobs(limits.jobs, len(items)),
            timeout_s=limits.parse_timeout_s,
            memory_mb=limits.parse_memory_mb,
        ) as pool:
            waiting: deque[tuple[ToLoad, Future[LoadedText]]] = deque()
            for item in items:
                waiting.append((item, pool.submit(item.file.path)))
                if len(waiting) > 8 * parser_jobs(limits.jobs, len(items)):
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()

    def _prepare(self, item: ToLoad, parsed: Future[LoadedText]) -> Prepared | None:
        started = time.perf_counter()
        try:
            loaded = parsed.result()
        except DocumentError as error:
            self._reject(item, error)
            return None
        # A file's name helps a reader, but as meaning it is mostly noise ("scan_0017").
        title = title_of(loaded, fallback="")
        spans = chunk_document(
            loaded,
            markdown=is_markdown(item.file.path),
            count_tokens=self._embeddings.count_tokens,
            max_tokens=self._settings.chunking.max_tokens,
        )
        texts = self._embedding_inputs(title, spans)
        keys = [vector_key(text) for text in texts]
        return Prepared(
            item=item,
            loaded=loaded,
            title=title or item.file.path.stem,
            chunks=tuple(NewChunk(s, k) for s, k in zip(spans, keys, strict=True)),
            inputs=dict(zip(keys, texts, strict=True)),
            seconds=time.perf_counter() - started,
        )

    def _embedding_inputs(self, title: str, spans: Sequence[ChunkSpan]) -> list[str]:
        # Where title and headings would push the end of the text out of the model's sight,
        # the text goes alone.
        texts = [embedding_input(title, span) for span in spans]
        sizes = self._embeddings.count_tokens(texts) if texts else []
        limit = self._embeddings.max_tokens
        return [
            text if size <= limit else span.text
            for text, size, span in zip(texts, sizes, spans, strict=True)
        ]

    def _reject(self, item: ToLoad, error: DocumentError) -> None:
        source, message = item.file.source, str(error)
        self._progress.advance()
        if isinstance(error, EmptyFile):
            if item.known:
                self._catalog.remove_document(item.known.doc_id)
                self._unpublished_since = self._unpublished_since or time.monotonic()
            self._add(source, "empty", code=error.code, message=message)
            return
        if item.known:
            message += f" {KEPT}"
        self._add(source, "failed", code=error.code, message=message)

    # -- embedding and committing ----------------------------------------------

    def _commit(self, group: Group) -> None:
        self._publish_if_due()
        self._embed(group.unseen)
        for prepared in group.documents:
            self._put(prepared)
        self._report.reused += sum(len(d.inputs) for d in group.documents) - len(group.unseen)
        self._publish_if_due()

    def _embed(self, unseen: Mapping[bytes, str]) -> None:
        # Sorted by length: padding is most of the cost of a mixed batch.
        keys = sorted(unseen, key=lambda key: len(unseen[key]))
        for start in range(0, len(keys), EMBED_STEP):
            batch = keys[start : start + EMBED_STEP]
            self._publish_if_due()
            vectors = self._embeddings.encode_passages([unseen[key] for key in batch])
            stored: dict[bytes, NDArray[np.floating] | None] = dict(
                zip(batch, vectors, strict=True)
            )
            self._catalog.add_vectors(stored)
            self._report.embedded += sum(vector is not None for vector in vectors)
            self._progress.embedded(len(batch))

    def _put(self, prepared: Prepared) -> None:
        item, loaded = prepared.item, prepared.loaded
        content_hash = item.content_hash
        stat, warnings = self._settled(item.file.stat), loaded.warnings
        if stat_of(item.file.path) != item.file.stat:
            stat, content_hash = unsettled(stat), ""  # what was parsed may be neither version
            warnings += ("changed while it was being read; run again to take in the change",)
        self._catalog.put_document(
            NewDocument(
                root_id=self._root_id,
                source=item.file.source,
                title=prepared.title,
                content_hash=content_hash,
                stat=stat,
                loader=LOADER_VERSION,
                encoding=loaded.encoding,
                pages=len(loaded.pages),
                text=loaded.text,
                chunks=prepared.chunks,
            )
        )
        self._unpublished_since = self._unpublished_since or time.monotonic()
        self._progress.advance()
        self._report.files.append(
            FileReport(
                source=item.file.source,
                status="updated" if item.known else "added",
                pages=len(loaded.pages),
                chunks=len(prepared.chunks),
                encoding=loaded.encoding,
                warnings=warnings,
                seconds=round(prepared.seconds, 3),
            )
        )

    def _publish_if_due(self) -> None:
        since = self._unpublished_since
        if since is not None and time.monotonic() - since >= _PUBLISH_AFTER_S:
            self._publish()

    def _publish(self) -> None:
        if self._unpublished_since is not None:
            self._writer.publish()
            self._unpublished_since = None

    def _finish(self, started: float) -> None:
        failed = [f for f in self._report.files if f.status == "failed"]
        self._catalog.set_failures(
            self._root_id, [(file.source, file.code, file.message) for file in failed]
        )
        self._report.documents = len(self._catalog.known_documents(str(self._root)))
        self._report.revision = self._catalog.revision()
        self._report.seconds = time.perf_counter() - started

    def _add(self, source: str, status: Status, *, code: str = "", message: str = "") -> None:
        self._report.files.append(FileReport(source, status, code=code, message=message))


def parser_jobs(configured: int | None, files: int) -> int:
    """How many parser processes are worth starting."""
    wanted = configured or min(4, os.cpu_count() or 1)
    return max(1, min(wanted, files))
