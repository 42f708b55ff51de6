"""Opens the parts of an ingest and runs it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from rich.console import Console

from ingest.loaders import LOADER_VERSION
from ingest.mirror import compare
from ingest.pipeline import IngestJob, collection_fingerprint
from ingest.progress import Progress
from ingest.report import IngestReport, merged, plan_report
from rag_service.errors import ConfigError, PathNotFound
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
        roots = [*_other_roots(root, collection, settings), root] if rebuild else [root]
        with CollectionWriter(home, fingerprint, rebuild=rebuild) as writer:
            reports = [
                IngestJob(each, writer, embeddings, settings, bar).run(prune=prune)
                for each in roots
            ]
            writer.finish()
    return merged(reports)


def _other_roots(root: Path, collection: str, settings: Settings) -> list[Path]:
    """The other folders a collection was fed from: a rebuild must not lose their documents."""
    with closing(Library(settings.data_dir)) as library:
        if collection not in library.names():
            return []
        others = [Path(path) for path in library.open(collection).catalog.roots()]
    others = [path for path in others if path != root]
    for path in others:
        if not path.is_dir():
            raise PathNotFound(
                f"The collection also holds documents from {path}, which is not there; without it "
                "they cannot be rebuilt. Bring the folder back, or ingest into a new collection."
            )
    return others


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
