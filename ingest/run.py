"""Opens the parts of an ingest and runs it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from rich.console import Console

from ingest.discover import discover
from ingest.loaders import LOADER_VERSION
from ingest.mirror import compare
from ingest.pipeline import IngestJob, collection_fingerprint
from ingest.progress import Progress
from ingest.report import IngestReport, merged, plan_report
from rag_service.errors import ConfigError, Conflict, PathNotFound
from rag_service.retrieval.embedding import LocalEmbeddings, open_embeddings
from rag_service.settings import Settings
from rag_service.store.catalog_schema import KnownDocument
from rag_service.store.collection import CollectionWriter
from rag_service.store.library import Library


def run_ingest(
    folder: Path,
    collection: str,
    settings: Settings,
    *,
    dry_run: bool,
    rebuild: bool,
    prune: bool,
    console: Console,
    progress: bool,
) -> IngestReport:
    """Mirror ``folder`` into a collection.

    Raises:
        PathNotFound, InvalidCollectionName: the caller named something that cannot be.
        CollectionBusy, IndexMismatch, ConfigError: the collection cannot be written now.
    """
    home = Library(settings.data_dir).home(collection)
    if not folder.is_dir():  # before the model is loaded, which takes seconds
        what = "is a file; name the folder that holds it" if folder.exists() else "does not exist"
        raise PathNotFound(f"{folder} {what}. Nothing was changed.")
    root = folder.resolve()
    with Progress(console, enabled=progress and console.is_terminal) as bar:
        if dry_run:
            return _dry_run(root, collection, settings, prune=prune, progress=bar)
        embeddings = open_embeddings(settings.embedding)
        _check_chunk_size(embeddings, settings)
        fingerprint = collection_fingerprint(embeddings, settings)
        before = _documents_before(collection, settings) if rebuild else {}
        roots = [*(path for path in before if path != root and path.is_dir()), root]
        for path, known in before.items():
            _check_still_there(path, known, settings, prune=prune)
        with CollectionWriter(home, fingerprint, rebuild=rebuild) as writer:
            reports = [
                IngestJob(each, writer, embeddings, settings, bar).run(prune=prune)
                for each in roots
            ]
            report = merged(reports)
            _check_nothing_lost(before, report, prune=prune)
            writer.finish()
    return report


def _documents_before(collection: str, settings: Settings) -> dict[Path, set[str]]:
    """The sources of every folder that a collection holds documents from."""
    with closing(Library(settings.data_dir)) as library:
        if collection not in library.names():
            return {}
        catalog = library.open(collection).catalog
        return {Path(path): set(catalog.known_documents(path)) for path in catalog.roots()}


def _check_still_there(path: Path, known: set[str], settings: Settings, *, prune: bool) -> None:
    """A rebuild reads every folder again, so each of them must be there."""
    if prune and not path.is_dir():
        return
    found = discover(path, max_file_bytes=settings.ingest.max_file_mb << 20)
    if known and not found.files and not prune:
        raise PathNotFound(
            f"{path} holds no documents, but {len(known)} of the collection came from it and "
            "cannot be rebuilt without it. Is the disk mounted? To give them up, add --prune."
        )


def _check_nothing_lost(
    before: Mapping[Path, set[str]], report: IngestReport, *, prune: bool
) -> None:
    """A file that can no longer be read has its last good version in the old generation."""
    known = set[str]().union(*before.values())
    lost = sorted(f.source for f in report.files if f.status == "failed" and f.source in known)
    if lost and not prune:
        raise Conflict(
            f"The rebuilt collection is not put into use: {', '.join(lost[:5])} can no longer be "
            "read, and only the old one holds their text. Mend the files, or add --prune."
        )


def _dry_run(
    root: Path, collection: str, settings: Settings, *, prune: bool, progress: Progress
) -> IngestReport:
    """Only reads, and needs no model."""
    known: dict[str, KnownDocument] = {}
    with closing(Library(settings.data_dir)) as library:
        if collection in library.names():
            known = library.open(collection).catalog.known_documents(str(root))
    plan = compare(
        root,
        known,
        loader_version=LOADER_VERSION,
        max_file_bytes=settings.ingest.max_file_mb << 20,
        prune=prune,
        progress=progress,
    )
    return plan_report(collection, str(root), plan)


def _check_chunk_size(embeddings: LocalEmbeddings, settings: Settings) -> None:
    if settings.chunking.max_tokens > embeddings.max_tokens:
        raise ConfigError(
            f"chunking.max_tokens is {settings.chunking.max_tokens}, but the embedding model reads "
            f"only {embeddings.max_tokens} tokens; what is beyond them would not be found."
        )
