"""Opens the parts of an ingest and runs it: the composition root of the ingest package."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from langchain_core.embeddings import Embeddings
from rich.console import Console

from ingest.discover import DiscoveryRules, discover
from ingest.mirror import compare
from ingest.pipeline import IngestJob
from ingest.plan import Plan
from ingest.prepare import collection_fingerprint
from ingest.progress import Progress
from ingest.report import IngestReport, merged, plan_report
from rag_service.errors import ConfigError, Conflict, InvalidRequest, PathNotFound
from rag_service.models.local import located, models_folder
from rag_service.retrieval.embedding import open_embeddings
from rag_service.retrieval.embedding_adapter import adapted
from rag_service.retrieval.embedding_model import EmbeddingModel
from rag_service.retrieval.model_files import display_name
from rag_service.retrieval.model_shelf import ModelShelf
from rag_service.settings import Settings
from rag_service.store.catalog import Catalog
from rag_service.store.collection_writer import CollectionWriter
from rag_service.store.library import Library


@dataclass(frozen=True, slots=True)
class MirrorOptions:
    """``prune``: a folder that is gone or empty empties its part of the collection too.
    ``rebuild``: build the collection anew beside the old one. ``retry_failed``: try again
    what failed before and has not changed since. ``must_exist``: make no new collection.
    ``tags``: those that every document of the named folders is to have from now on; None
    leaves them as they are. ``dangerous``: contents not to be read again, see `compare`.
    """

    prune: bool = False
    rebuild: bool = False
    retry_failed: bool = False
    must_exist: bool = False
    tags: tuple[str, ...] | None = None
    dangerous: Mapping[str, str] = field(default_factory=dict)


DEFAULT_OPTIONS = MirrorOptions()


class Ingestor:
    """Mirrors folders into collections. The embedding model is loaded once, when first needed,
    unless one is handed in: any LangChain `Embeddings`, or an `EmbeddingModel`.

    Raises (`mirror` and `plan`):
        PathNotFound, InvalidRequest: the caller named something that cannot be.
        CollectionBusy, IndexMismatch, ConfigError: the collection cannot be written now.
    """

    def __init__(
        self,
        settings: Settings,
        console: Console | None = None,
        embeddings: Embeddings | EmbeddingModel | None = None,
    ) -> None:
        self._settings = located(settings)
        self._console = console
        self._models = ModelShelf(
            self._settings.embedding,
            models_folder(settings.data_dir),
            lambda named: open_embeddings(named),
            adapted(embeddings) if embeddings else None,
        )

    def mirror(
        self, folders: Sequence[Path], collection: str, options: MirrorOptions = DEFAULT_OPTIONS
    ) -> IngestReport:
        """Make the collection a mirror of each folder; other folders' documents stay."""
        started = time.perf_counter()
        home = Library(self._settings.data_dir).home(collection)
        roots = _roots(folders, prune=options.prune)
        before = self._documents_before(collection) if options.rebuild else {}
        tags = self._tags_before(collection) if options.rebuild else {}
        if options.tags is not None:
            tags |= dict.fromkeys(roots, options.tags)
        for path, known in before.items():
            self._check_still_there(path, known, prune=options.prune)
        roots = [*(path for path in before if path not in roots and path.is_dir()), *roots]
        embeddings = self._model_of(collection, rebuild=options.rebuild)
        fingerprint = collection_fingerprint(embeddings, self._settings)
        with (
            self._progress() as bar,
            CollectionWriter(
                home, fingerprint, rebuild=options.rebuild, create=not options.must_exist
            ) as writer,
        ):
            if self._models.is_configured(embeddings):
                writer.catalog.note_model_folder(model_folder_of(self._settings))
            report = merged([self._run(root, writer, embeddings, options, bar) for root in roots])
            _check_nothing_lost(before, report, prune=options.prune)
            for root, names in tags.items():
                writer.catalog.tag_root(writer.catalog.root_id(str(root)), names)
            writer.finish(keep_unused=report.restless)
        report.seconds = time.perf_counter() - started
        return report

    def plan(
        self, folders: Sequence[Path], collection: str, options: MirrorOptions = DEFAULT_OPTIONS
    ) -> IngestReport:
        """What `mirror` would do. Only reads, and needs no model."""
        roots = _roots(folders, prune=options.prune)
        with closing(Library(self._settings.data_dir)) as library, self._progress() as bar:
            library.home(collection)
            catalog = library.open(collection).catalog if collection in library.names() else None
            plans = [(root, self._compare(root, catalog, options, bar)) for root in roots]
        return merged([plan_report(collection, str(root), plan) for root, plan in plans])

    def _model_of(self, collection: str, *, rebuild: bool) -> EmbeddingModel:
        """The model a collection was built with; that of the settings for one yet to be built."""
        with closing(Library(self._settings.data_dir)) as library:
            catalog = library.open(collection).catalog if collection in library.names() else None
            built = catalog is not None and catalog.revision() > 0 and not rebuild
            if catalog is None or not built:
                embeddings = self._models.configured
            else:
                embeddings = self._models.matching(collection, catalog)
                self._tell_if_other(collection, embeddings)
        _check_chunk_size(embeddings, self._settings)
        return embeddings

    def _tell_if_other(self, collection: str, embeddings: EmbeddingModel) -> None:
        if self._console and not self._models.is_configured(embeddings):
            configured = display_name(self._settings.embedding.model)
            self._console.print(
                f"Collection {collection!r} keeps the embedding model that it was built with "
                f"({embeddings.identity.name}), not what the settings say now ({configured}). To "
                f"change it: rag models use --collection {collection}",
                markup=False,
                highlight=False,
            )

    def _run(
        self,
        root: Path,
        writer: CollectionWriter,
        embeddings: EmbeddingModel,
        options: MirrorOptions,
        bar: Progress,
    ) -> IngestReport:
        looked_ns = time.time_ns()
        plan = self._compare(root, writer.catalog, options, bar)
        job = IngestJob(root, writer, embeddings, self._settings, bar)
        return job.run(plan, looked_ns=looked_ns)

    def _compare(
        self, root: Path, catalog: Catalog | None, options: MirrorOptions, bar: Progress
    ) -> Plan:
        return compare(
            root,
            catalog.known_documents(str(root)) if catalog else {},
            known_failures=catalog.known_failures(str(root)) if catalog else {},
            rules=discovery_rules(self._settings),
            prune=options.prune,
            retry_failed=options.retry_failed,
            dangerous=options.dangerous,
            progress=bar,
        )

    def _progress(self) -> Progress:
        console = self._console or Console(quiet=True)
        return Progress(console, enabled=console.is_terminal and not console.quiet)

    def _documents_before(self, collection: str) -> dict[Path, set[str]]:
        """The sources of every folder that a collection holds documents from."""
        with closing(Library(self._settings.data_dir)) as library:
            if collection not in library.names():
                return {}
            catalog = library.open(collection).catalog
            return {Path(path): set(catalog.known_documents(path)) for path in catalog.roots()}

    def _tags_before(self, collection: str) -> dict[Path, tuple[str, ...]]:
        """The tags of a collection's folders."""
        with closing(Library(self._settings.data_dir)) as library:
            if collection not in library.names():
                return {}
            tags = library.open(collection).catalog.root_tags()
            return {Path(path): names for path, names in tags.items()}

    def _check_still_there(self, path: Path, known: set[str], *, prune: bool) -> None:
        """A rebuild reads every folder again, so each of them must be there."""
        if prune and not path.is_dir():
            return
        found = discover(path, discovery_rules(self._settings))
        if known and not found.files and not prune:
            raise PathNotFound(
                f"{path} holds no documents, but {len(known)} of the collection came from it and "
                "cannot be rebuilt without it. Is the disk mounted? To give them up, add --prune."
            )


def model_folder_of(settings: Settings) -> str:
    """Where the model of the settings lies, for the catalog to remember; "" if it is by name."""
    folder = Path(settings.embedding.model)
    return str(folder.absolute()) if folder.is_dir() else ""


def discovery_rules(settings: Settings) -> DiscoveryRules:
    return DiscoveryRules(
        max_file_bytes=settings.ingest.max_file_mb << 20,
        include=settings.ingest.include,
        exclude=settings.ingest.exclude,
        follow_links=settings.ingest.follow_links,
        own_data=settings.data_dir,
    )


def _root(folder: Path, *, prune: bool) -> Path:
    """The folder's absolute path, by which its documents are known."""
    if not folder.is_dir() and not (prune and not folder.exists()):
        # Before the model is loaded, which takes seconds.
        what = "is a file; name the folder that holds it" if folder.exists() else "does not exist"
        raise PathNotFound(f"{folder} {what}. Nothing was changed.")
    root = folder.resolve()
    try:
        str(root).encode()
    except UnicodeEncodeError:
        shown = str(root).encode(errors="surrogateescape").decode(errors="backslashreplace")
        raise InvalidRequest(f"The path {shown} is not UTF-8; rename the folder.") from None
    return root


def _roots(folders: Sequence[Path], *, prune: bool) -> list[Path]:
    """The absolute paths of the folders, each once; what is in two would be stored twice."""
    roots = list(dict.fromkeys(_root(folder, prune=prune) for folder in folders))
    for inner in roots:
        outer = next((root for root in roots if root in inner.parents), None)
        if outer is not None:
            raise InvalidRequest(
                f"{inner} lies in {outer}: its files would be in the collection twice. Name only "
                "one of the two. Nothing was changed."
            )
    return roots


def _check_nothing_lost(
    before: Mapping[Path, set[str]], report: IngestReport, *, prune: bool
) -> None:
    """A file that can no longer be read has its last good version in the old generation."""
    known = set[str]().union(*before.values())
    failed = {file.source for file in report.files if file.status == "failed"}
    lost = sorted(source for source in known if failed & {source, *_folders_of(source)})
    if lost and not prune:
        raise Conflict(
            f"The rebuilt collection is not put into use: {', '.join(lost[:5])} can no longer be "
            "read, and only the old one holds their text. Mend the files, or add --prune."
        )


def _folders_of(source: str) -> list[str]:
    return [str(folder) for folder in PurePosixPath(source).parents]


def _check_chunk_size(embeddings: EmbeddingModel, settings: Settings) -> None:
    if settings.chunking.max_tokens > embeddings.max_tokens:
        raise ConfigError(
            f"chunking.max_tokens is {settings.chunking.max_tokens}, but the embedding model reads "
            f"only {embeddings.max_tokens} tokens; what is beyond them would not be found."
        )
