"""The ingest job: carries out the mirror plan, one durable step at a time.

Parsing runs in worker processes ahead of embedding. Embeddings are stored as soon as a
batch of them exists, and documents are committed as soon as all of their chunks have one,
so a kill at any moment loses at most the batch in the making. What is held in memory is
bounded by the size of a batch, whatever the size of the folder.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingest.ahead import load_options, parsed_ahead, parser_jobs
from ingest.file_state import settled, stat_of, unsettled
from ingest.found import LeftOut
from ingest.large import LargeFile, is_large
from ingest.loaders import loader_version
from ingest.mirror import KEPT
from ingest.parsing import ParserPool
from ingest.plan import Plan, ToLoad
from ingest.prepare import Prepared, Preparer
from ingest.progress import Progress
from ingest.renames import Move
from ingest.report import FileReport, IngestReport, Status, plan_report
from ingest.steps import Embedder, Publisher
from rag_service.document_types import LoadedText
from rag_service.errors import DocumentError, EmptyFile
from rag_service.retrieval.embedding_model import EmbeddingModel
from rag_service.settings import Settings
from rag_service.store.catalog_schema import FileStat, KnownFailure, NewDocument
from rag_service.store.collection_writer import CollectionWriter
from rag_service.store.document_rows import now

# Texts put together before they are embedded: enough to sort by length into even batches.
EMBED_GROUP = 256
# Documents committed together: waiting for the disk is most of the cost of a small one.
COMMIT_GROUP = 64


@dataclass(frozen=True, slots=True)
class Document:
    """A file ready to be committed once its texts have vectors."""

    item: ToLoad
    loaded: LoadedText
    prepared: Prepared
    seconds: float


@dataclass(slots=True)
class Group:
    """Documents that are embedded and committed together."""

    documents: list[Document] = field(default_factory=list)
    unseen: dict[bytes, str] = field(default_factory=dict)

    def is_full(self) -> bool:
        return len(self.unseen) >= EMBED_GROUP or len(self.documents) >= COMMIT_GROUP


class IngestJob:
    """One run over one folder."""

    def __init__(
        self,
        root: Path,
        writer: CollectionWriter,
        embeddings: EmbeddingModel,
        settings: Settings,
        progress: Progress,
    ) -> None:
        self._root = root
        self._writer = writer
        self._catalog = writer.catalog
        self._settings = settings.ingest
        self._progress = progress
        self._preparer = Preparer(embeddings, settings.chunking.max_tokens)
        self._publisher = Publisher(writer)
        self._embedder = Embedder(
            embeddings, writer.catalog, progress, self._publisher.publish_if_due
        )
        self._root_id = self._catalog.root_id(str(root))
        self._failures: list[KnownFailure] = []
        self._looked_ns = 0

    def run(self, plan: Plan, *, looked_ns: int) -> IngestReport:
        """Make the collection what ``plan`` says; the writer is left to be finished.

        ``looked_ns`` is the time just before the folder was looked at (Unix, ns).
        """
        self._looked_ns = looked_ns
        self._report = plan_report(self._writer.home.name, str(self._root), plan, done=True)
        self._report.restless = plan.came_and_went
        self._failures = [
            *plan.quarantined,
            *(_as_failure(item) for item in plan.left_out if item.failed),
        ]
        self._apply_cheap(plan)
        self._progress.start("Ingesting", len(plan.load))
        self._catalog.drop_staged(self._root_id, {item.file.source for item in plan.load})
        if plan.load:
            self._load(plan.load)
        self._finish()
        return self._report

    def _apply_cheap(self, plan: Plan) -> None:
        """Everything that needs neither parsing nor embedding."""
        self._catalog.remove_documents([removal.known.doc_id for removal in plan.delete])
        self._move(plan.move)
        self._catalog.touch_documents(
            [(touch.known.doc_id, self._settled(touch.file.stat)) for touch in plan.touch]
        )
        if plan.delete or plan.move:
            self._writer.publish()

    def _move(self, moves: Sequence[Move]) -> None:
        self._catalog.move_documents(
            [(m.known.doc_id, m.file.source, self._settled(m.file.stat)) for m in moves]
        )

    def _settled(self, stat: FileStat) -> FileStat:
        return settled(stat, self._looked_ns)

    # -- parsing and grouping --------------------------------------------------

    def _load(self, items: Sequence[ToLoad]) -> None:
        small = [item for item in items if not is_large(item.file)]
        large = [item for item in items if is_large(item.file)]
        with self._pool(len(items)) as pool:
            for group in self._groups(pool, small):
                self._commit(group)
            for item in large:  # last: they must not keep the others waiting
                self._load_large(pool, item)

    def _pool(self, files: int) -> ParserPool:
        return ParserPool(
            jobs=parser_jobs(self._settings.jobs, files),
            timeout_s=self._settings.parse_timeout_s,
            memory_mb=self._settings.parse_memory_mb,
        )

    def _groups(self, pool: ParserPool, items: Sequence[ToLoad]) -> Iterator[Group]:
        """Documents in order, as many together as fill a batch.

        A group that is not full is handed over rather than kept waiting for a parser.
        """
        group = Group()
        for item, parsed in parsed_ahead(pool, items, load_options(self._settings)):
            if group.documents and not parsed.done():
                yield group
                group = Group()
            if not parsed.done():
                self._publisher.publish()  # a slow file must not keep finished ones from readers
            document = self._prepare(item, parsed)
            if document is None:
                continue
            group.documents.append(document)
            group.unseen |= self._embedder.unseen(document.prepared.inputs)
            self._embedder.reused += len(document.prepared.inputs)
            if group.is_full():
                yield group
                group = Group()
        if group.documents:
            yield group

    def _prepare(self, item: ToLoad, parsed: Future[LoadedText]) -> Document | None:
        try:
            loaded = parsed.result()
        except DocumentError as error:
            self._reject(item, error)
            return None
        started = time.perf_counter()
        prepared = self._preparer.prepare(loaded, item.file.source)
        return Document(item, loaded, prepared, loaded.seconds + time.perf_counter() - started)

    def _reject(self, item: ToLoad, error: DocumentError) -> None:
        source, message = item.file.source, str(error)
        # A file that got another name: the embeddings of its text are wanted again soon.
        self._report.restless |= stat_of(item.file.path) != item.file.stat
        self._progress.advance()
        if isinstance(error, EmptyFile):
            if item.known:
                self._catalog.remove_document(item.known.doc_id)
                self._publisher.committed()
            self._add(source, "empty", code=error.code, message=message)
            return
        stat = self._settled(item.file.stat)
        version = loader_version(source)
        self._failures.append(KnownFailure(source, error.code, message, stat, version, now()))
        self._add(source, "failed", code=error.code, message=told(message, kept=bool(item.known)))

    # -- embedding and committing ----------------------------------------------

    def _commit(self, group: Group) -> None:
        self._publisher.publish_if_due()
        self._embedder.embed(group.unseen)
        self._embedder.reused -= len(group.unseen)
        self._put(group.documents)
        self._publisher.publish_if_due()

    def _put(self, documents: Sequence[Document]) -> None:
        reports: list[FileReport] = []
        rows: list[NewDocument] = []
        for document in documents:
            stat, content_hash, warnings = self._as_read(document.item)
            warnings = document.loaded.warnings + warnings
            rows.append(self._row(document, stat, content_hash, warnings))
            reports.append(_report(document, warnings))
        self._catalog.put_documents(rows)
        self._publisher.committed()
        self._report.files += reports
        for _ in documents:
            self._progress.advance()

    def _as_read(self, item: ToLoad) -> tuple[FileStat, str, tuple[str, ...]]:
        """What to remember of a file: its stat, its hash, and a warning if it has changed."""
        stat = self._settled(item.file.stat)
        if stat_of(item.file.path) == item.file.stat:
            return stat, item.content_hash, ()
        self._report.restless = True  # what was parsed may be neither version
        warning = "Changed while it was being read; run again to take in the change."
        return unsettled(stat), "", (warning,)

    def _row(
        self, document: Document, stat: FileStat, content_hash: str, warnings: tuple[str, ...]
    ) -> NewDocument:
        item, loaded, prepared = document.item, document.loaded, document.prepared
        return NewDocument(
            root_id=self._root_id,
            source=item.file.source,
            title=prepared.title,
            content_hash=content_hash,
            stat=stat,
            loader=loader_version(item.file.source),
            engine=loaded.engine,
            encoding=loaded.encoding,
            warnings=warnings,
            pages=len(loaded.pages),
            text=loaded.text,
            chunks=prepared.chunks,
            date=loaded.date,
            tags=loaded.tags,
        )

    def _load_large(self, pool: ParserPool, item: ToLoad) -> None:
        self._publisher.publish()
        large = LargeFile(item, pool, self._preparer, self._embedder, self._progress)
        try:
            whole = large.stage(self._catalog, self._root_id)
        except DocumentError as error:
            self._reject(item, error)
            return
        prepared = Prepared(whole.staged.title, chunks=(), inputs={})  # the chunks are staged
        document = Document(item, whole.loaded, prepared, whole.seconds)
        stat, content_hash, warnings = self._as_read(item)
        warnings = whole.loaded.warnings + warnings
        row = self._row(document, stat, content_hash, warnings)
        self._catalog.put_staged(whole.staged, row)
        self._publisher.committed()
        self._progress.advance()
        told = replace(_report(document, warnings), chunks=whole.staged.chunks)
        self._report.files.append(told)

    def _finish(self) -> None:
        self._publisher.publish()
        self._catalog.set_failures(self._root_id, self._failures)
        self._report.embedded = self._embedder.embedded
        self._report.reused = self._embedder.reused
        self._report.documents = len(self._catalog.known_documents(str(self._root)))
        self._report.revision = self._catalog.revision()

    def _add(self, source: str, status: Status, *, code: str = "", message: str = "") -> None:
        self._report.files.append(FileReport(source, status, code=code, message=message))


def _as_failure(item: LeftOut) -> KnownFailure:
    """What could not even be opened; without a stat, so that it is always tried again."""
    return KnownFailure(item.source, item.code, item.reason, FileStat(0, 0, 0), "", now())


def _report(document: Document, warnings: tuple[str, ...]) -> FileReport:
    return FileReport(
        source=document.item.file.source,
        status="updated" if document.item.known else "added",
        pages=len(document.loaded.pages),
        chunks=len(document.prepared.chunks),
        engine=document.loaded.engine,
        encoding=document.loaded.encoding,
        warnings=warnings,
        seconds=round(document.seconds, 3),
    )


def told(message: str, *, kept: bool) -> str:
    """What a failure means for the document that the file was."""
    return f"{message} {KEPT}" if kept else message
