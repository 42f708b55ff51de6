"""Writing one collection: the catalog commits first, the derived indexes follow."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from rag_service.errors import IndexCorrupt, IndexMismatch
from rag_service.store.catalog_writer import CatalogWriter
from rag_service.store.dense import SnapshotStore, advance, compact, empty_view
from rag_service.store.home import (
    CollectionHome,
    drop_other_generations,
    generation_to_write,
    storage_errors,
)
from rag_service.store.lexical_writer import LexicalWriter

# A writer that goes on for long takes a snapshot this often, for the readers' sake.
SNAPSHOT_CHUNKS = 5_000

log = logging.getLogger(__name__)


def check_fingerprint(name: str, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse a collection that was built with other models or settings.

    Raises:
        IndexMismatch: naming what differs and the command that rebuilds.
    """
    differing = [key for key in wanted if stored.get(key) != wanted[key]]
    if differing:
        changes = "; ".join(f"{key} {stored.get(key)!r} → {wanted[key]!r}" for key in differing)
        another = "embedding_model" in differing
        bring_back = "Bring that model back (rag models pull)" if another else "Put them back"
        raise IndexMismatch(
            f"Collection {name!r} was built with other settings ({changes}). {bring_back}, "
            f"re-embed it: rag models use --collection {name}, or "
            f"rebuild it: rag ingest FOLDER --collection {name} --rebuild"
        )


class CollectionWriter:
    """Write access: owns every file of the collection until closed.

    Args:
        rebuild: write a new generation beside the one in use.
        create: make the collection if there is none.
        beside: write this generation, which is to take the place of the one in use.

    Raises:
        CollectionNotFound: there is none and ``create`` is false.
        CollectionBusy: another process is writing.
        IndexMismatch: the collection was built with another ``fingerprint``.
    """

    def __init__(
        self,
        home: CollectionHome,
        fingerprint: Mapping[str, Any],
        *,
        rebuild: bool = False,
        create: bool = True,
        beside: Path | None = None,
    ) -> None:
        if not create:
            home.generation()
        with storage_errors(home.folder):
            home.folder.mkdir(parents=True, exist_ok=True)
        self.home = home
        self._snapshot_seq = 0
        with ExitStack() as stack:
            stack.enter_context(home.locked())
            if not create:
                home.generation()  # it may have been deleted just before the lock was taken
            with storage_errors(home.folder):
                self._open(fingerprint, rebuild, beside)
            self._release = stack.pop_all()

    def _open(self, fingerprint: Mapping[str, Any], rebuild: bool, beside: Path | None) -> None:
        self.generation = beside or generation_to_write(self.home, rebuild=rebuild)
        self.generation.mkdir(exist_ok=True)
        self.catalog = CatalogWriter(self.generation / "catalog.sqlite", fingerprint)
        if rebuild and self.catalog.fingerprint != dict(fingerprint):
            # Left by an interrupted rebuild with yet other settings: start over.
            self.catalog.close()
            shutil.rmtree(self.generation)
            self._open(fingerprint, rebuild, beside)
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
        if not rebuild and beside is None:
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

    def finish(self, *, keep_unused: bool = False) -> None:
        """Forget unused embeddings, publish, snapshot, put a rebuilt generation into use.

        ``keep_unused`` leaves forgetting to a later run.
        """
        if not keep_unused:
            self.catalog.drop_unused_vectors()
        self.publish()
        with storage_errors(self.generation):
            self.snapshot()
            self._snapshots.tidy(self.catalog.revision())
            self.home.use(self.generation)
        drop_other_generations(self.home, self.generation)

    def close(self) -> None:
        self.catalog.close()
        self._release.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
