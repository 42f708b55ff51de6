"""One collection, whole: its folder, its reader and its writer.

    <data>/collections/<name>/current        names the generation in use, e.g. "g1"
    <data>/collections/<name>/.writer.lock   held by the one process that writes
    <data>/collections/<name>/g1/catalog.sqlite, dense/, lexical/

The reader never writes, the writer never serves; they are usually two processes. The
catalog commits first and the indexes follow, so a query runs at the revision the
lexical index has reached, and every hit is joined to the catalog: text that was deleted
is never shown, however far an index lags.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from rag_service.errors import (
    CollectionBusy,
    CollectionNotFound,
    IndexCorrupt,
    IndexMismatch,
    StorageError,
)
from rag_service.store.catalog import Catalog
from rag_service.store.catalog_writer import CatalogWriter
from rag_service.store.dense import DenseView, SnapshotStore, advance, compact, empty_view
from rag_service.store.lexical import LexicalReader, LexicalView, LexicalWriter, owner_of
from rag_service.types import Chunk, CollectionInfo, Filters

# A reader holding more unsnapshotted vectors than this looks for a newer snapshot.
_DELTA_LIMIT = 10_000
# A writer that goes on for long takes a snapshot this often, for the readers' sake.
SNAPSHOT_CHUNKS = 5_000

_GENERATION = re.compile(r"g\d+")

log = logging.getLogger(__name__)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into a StorageError."""
    try:
        yield
    except (OSError, ValueError) as error:  # tantivy reports its OSErrors as ValueError
        raise StorageError(
            f"{path} cannot be written: {error}. Is the disk full or read-only, or does the "
            "folder belong to somebody else?"
        ) from error


@dataclass(frozen=True, slots=True)
class CollectionHome:
    """The folder of one collection and the names of what is in it."""

    name: str
    folder: Path

    @property
    def current(self) -> Path:
        return self.folder / "current"

    @property
    def lock(self) -> Path:
        return self.folder / ".writer.lock"

    def generation(self) -> Path:
        """The generation in use.

        Raises:
            CollectionNotFound: there is none.
        """
        try:
            name = self.current.read_text(encoding="ascii", errors="replace").strip()
        except (FileNotFoundError, NotADirectoryError):
            raise CollectionNotFound(
                f"There is no collection {self.name!r}. Make it with: "
                f"rag ingest FOLDER --collection {self.name}"
            ) from None
        if not _GENERATION.fullmatch(name):
            raise IndexCorrupt(f"{self.current} is damaged; it should name one of the folders g1 …")
        return self.folder / name

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the collection's write lock.

        Raises:
            CollectionBusy: another process has it.
        """
        lock = FileLock(self.lock)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise CollectionBusy(
                f"Another process is writing to collection {self.name!r}. Wait until it has "
                "finished, then try again."
            ) from None
        except OSError as error:
            raise StorageError(f"{self.lock} cannot be made: {error.strerror}.") from error
        try:
            yield
        finally:
            lock.release()

    def use(self, generation: Path) -> None:
        """Switch readers to another generation, atomically."""
        beside = self.current.with_suffix(".tmp")
        with beside.open("w", encoding="ascii") as stream:
            stream.write(generation.name)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(self.current)


def check_fingerprint(name: str, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse a collection that was built with other models or settings.

    Raises:
        IndexMismatch: naming what differs and the command that rebuilds.
    """
    differing = [key for key in wanted if stored.get(key) != wanted[key]]
    if differing:
        changes = "; ".join(f"{key} {stored.get(key)!r} → {wanted[key]!r}" for key in differing)
        raise IndexMismatch(
            f"Collection {name!r} was built with other settings ({changes}). Put them back, or "
            f"rebuild it: rag ingest FOLDER --collection {name} --rebuild"
        )


@dataclass(frozen=True, slots=True)
class CollectionView:
    """Both indexes at one revision, joined to the catalog."""

    catalog: Catalog
    dense: DenseView
    lexical: LexicalView | None
    revision: int

    def search_dense(
        self, vector: NDArray[np.float32], k: int, doc_ids: Sequence[int] | None
    ) -> list[tuple[int, float]]:
        """Nearest chunks ``(chunk_id, cosine)``; ``doc_ids`` restricts exactly."""
        if doc_ids is None:
            return self.dense.search(vector, k)
        allowed = np.array(self.catalog.chunk_ids_of(doc_ids), dtype=np.int64)
        return self.dense.search(vector, k, allowed) if len(allowed) else []

    def search_lexical(
        self, terms: Sequence[str], k: int, doc_ids: Sequence[int] | None
    ) -> list[tuple[int, float]]:
        """Best chunks ``(chunk_id, BM25)`` for analysed terms."""
        return self.lexical.search(terms, k, doc_ids) if self.lexical else []

    def idf(self, term: str) -> float:
        return self.lexical.idf(term) if self.lexical else 1.0

    def filter_ids(self, filters: Filters | None) -> list[int] | None:
        """The documents a filter lets through; None when it restricts nothing."""
        if filters is None or filters == Filters():
            return None
        return sorted(self.catalog.matching_documents(filters))

    def chunks(self, chunk_ids: Sequence[int]) -> dict[int, Chunk]:
        return self.catalog.chunks(chunk_ids)


class Collection:
    """Read access that follows the writer. Safe to share between threads."""

    def __init__(self, home: CollectionHome) -> None:
        self.home = home
        self.generation = home.generation()
        path = self.generation / "catalog.sqlite"
        try:
            self._inode = path.stat().st_ino
        except OSError as error:
            raise IndexCorrupt(
                f"{path} is missing or unreadable; ingest the folder again."
            ) from error
        self.catalog = Catalog(path)
        self._snapshots = SnapshotStore(self.generation / "dense", self.catalog.uuid)
        self._lexical = LexicalReader(self.generation / "lexical")
        self._lock = threading.Lock()
        self._seen = -1
        self._view = CollectionView(self.catalog, empty_view(), None, 0)

    def close(self) -> None:
        self.catalog.close()

    def is_current(self) -> bool:
        """Whether the files this reader opened are still the ones at their path."""
        try:
            return (self.generation / "catalog.sqlite").stat().st_ino == self._inode
        except FileNotFoundError:
            return False

    def view(self) -> CollectionView:
        """The newest state; cheap when nothing was committed since the last call."""
        with self._lock:
            version = self.catalog.data_version()
            if version != self._seen or self._view.revision < self.catalog.revision():
                self._view = self._refreshed()
                self._seen = version
            return self._view

    def _refreshed(self) -> CollectionView:
        lexical = self._lexical.refresh()
        if lexical is None or lexical.watermark.seq == 0:
            return self._view
        if lexical.watermark.owner != owner_of(self.catalog):
            raise IndexMismatch(
                f"The lexical index of collection {self.home.name!r} belongs to another version. "
                f"Renew it with: rag ingest FOLDER --collection {self.home.name}"
            )
        dense = self._advanced_dense(lexical.watermark.seq)
        return CollectionView(self.catalog, dense, lexical, lexical.watermark.seq)

    def _advanced_dense(self, upto: int) -> DenseView:
        view = self._view.dense
        if view.seq == 0 or view.seq > upto:
            view = self._snapshots.load(upto)
        view = advance(view, self.catalog, upto)
        if len(view.delta_ids) > _DELTA_LIMIT:
            newer = self._snapshots.load(upto)
            if newer.seq > view.base_seq:
                view = advance(newer, self.catalog, upto)
        return view

    def info(self) -> CollectionInfo:
        counts = self.catalog.counts()
        searchable = self.view().revision
        revision = self.catalog.revision()
        return CollectionInfo(
            name=self.home.name,
            documents=counts["documents"],
            chunks=counts["chunks"],
            failed=counts["failures"],
            revision=revision,
            pending=revision - searchable,
            embedding_model=str(self.catalog.fingerprint["embedding_model"]),
            updated_at=self.catalog.updated_at(),
        )


class CollectionWriter:
    """Write access: owns every file of the collection until closed.

    Raises:
        CollectionBusy: another process is writing.
        IndexMismatch: the collection was built with another ``fingerprint``.
    """

    def __init__(
        self, home: CollectionHome, fingerprint: Mapping[str, Any], *, rebuild: bool = False
    ) -> None:
        with storage_errors(home.folder):
            home.folder.mkdir(parents=True, exist_ok=True)
        self.home = home
        self._snapshot_seq = 0
        with ExitStack() as stack:
            stack.enter_context(home.locked())
            with storage_errors(home.folder):
                self._open(fingerprint, rebuild)
            self._release = stack.pop_all()

    def _open(self, fingerprint: Mapping[str, Any], rebuild: bool) -> None:
        self.generation = _generation_to_write(self.home, rebuild)
        self.generation.mkdir(exist_ok=True)
        self.catalog = CatalogWriter(self.generation / "catalog.sqlite", fingerprint)
        if rebuild and self.catalog.fingerprint != dict(fingerprint):
            # Left by an interrupted rebuild with yet other settings: start over.
            self.catalog.close()
            shutil.rmtree(self.generation)
            self._open(fingerprint, rebuild)
            return
        if self.catalog.fingerprint != dict(fingerprint) and not self.catalog.revision():
            self.catalog.adopt(fingerprint)
        try:
            check_fingerprint(self.home.name, self.catalog.fingerprint, fingerprint)
            self._lexical = LexicalWriter(self.generation / "lexical", self.catalog)
            self._snapshots = SnapshotStore(self.generation / "dense", self.catalog.uuid)
            self.publish()
        except BaseException:
            self.catalog.close()
            raise
        if not rebuild:
            self.home.use(self.generation)

    def publish(self) -> int:
        """Let readers see everything committed so far; returns that revision."""
        with storage_errors(self.generation):
            revision = self._lexical.catch_up()
            if self.catalog.chunks_since(self._snapshot_seq) > SNAPSHOT_CHUNKS:
                self.snapshot()
        return revision

    def snapshot(self) -> None:
        """Write a dense snapshot when readers would otherwise have much to replay."""
        revision = self.catalog.revision()
        try:
            base = self._snapshots.load(revision)
        except IndexCorrupt as error:
            log.warning("%s It is written anew.", error)
            base = empty_view()
        view = advance(base, self.catalog, revision)
        if len(view.delta_ids) + len(view.dead) > len(view) // 100:
            self._snapshots.save(compact(view))
        self._snapshot_seq = revision

    def finish(self) -> None:
        """Forget unused embeddings, publish, snapshot, put a rebuilt generation into use."""
        self.catalog.drop_unused_vectors()
        self.publish()
        with storage_errors(self.generation):
            self.snapshot()
            self.home.use(self.generation)
        _drop_other_generations(self.home, self.generation)

    def close(self) -> None:
        self.catalog.close()
        self._release.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _generations(home: CollectionHome) -> list[Path]:
    found = [p for p in home.folder.glob("g*") if p.name[1:].isdigit()]
    return sorted(found, key=lambda path: int(path.name[1:]))


def _generation_to_write(home: CollectionHome, rebuild: bool) -> Path:
    found = _generations(home)
    if not rebuild:
        return home.generation() if home.current.exists() else home.folder / "g1"
    if not home.current.exists():
        return found[-1] if found else home.folder / "g1"
    # A newer generation than the one in use is a rebuild that was interrupted.
    used = home.generation()
    newest = found[-1] if found else used
    return newest if newest != used else home.folder / f"g{int(used.name[1:]) + 1}"


def _drop_other_generations(home: CollectionHome, keep: Path) -> None:
    for path in _generations(home):
        if path != keep:
            shutil.rmtree(path, ignore_errors=True)
