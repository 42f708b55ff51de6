"""Reading one collection: both indexes at one revision, joined to the catalog.

The reader never writes, the writer never serves; they are usually two processes. The
catalog commits first and the indexes follow, so a query runs at the revision the
lexical index has reached, and every hit is joined to the catalog: text that was deleted
is never shown, however far an index lags.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag_service.collection_types import CollectionInfo
from rag_service.errors import IndexCorrupt, IndexMismatch
from rag_service.filters import Filters
from rag_service.store.catalog import Catalog
from rag_service.store.dense import DenseView, SnapshotStore, advance, empty_view
from rag_service.store.filtering import Allowed
from rag_service.store.home import CollectionHome
from rag_service.store.lexical import LexicalView, owner_of
from rag_service.store.lexical_reader import LexicalReader
from rag_service.text.gloss.glossing import Sense
from rag_service.types import Chunk

# A reader holding more unsnapshotted vectors than this looks for a newer snapshot.
_DELTA_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class CollectionView:
    """Both indexes at one revision, joined to the catalog."""

    catalog: Catalog
    dense: DenseView
    lexical: LexicalView | None
    revision: int

    def search_dense(
        self, vector: NDArray[np.float32], k: int, allowed: Allowed | None = None
    ) -> list[tuple[int, float]]:
        """Nearest chunks ``(chunk_id, cosine)``; ``allowed`` restricts exactly."""
        return self.dense.search(vector, k, None if allowed is None else allowed.chunk_ids)

    def search_lexical(
        self, weights: Mapping[str, float], k: int, allowed: Allowed | None = None
    ) -> list[tuple[int, float]]:
        """Best chunks ``(chunk_id, BM25)`` for analysed terms; ``allowed`` restricts exactly.

        ``weights``: how many times each term counts.
        """
        return self.lexical.search(weights, k, allowed) if self.lexical else []

    def search_across(
        self,
        words: Sequence[Sequence[Sense]],
        k: int,
        allowed: Allowed | None = None,
        *,
        chinese: bool,
    ) -> list[tuple[int, float]]:
        """`LexicalView.search_across`; nothing where there are no chunks of that language."""
        held = self.glossed if chinese else self.not_glossed
        if self.lexical is None or not held:
            return []
        return self.lexical.search_across(words, k, allowed, chinese=chinese)

    def frequency(self, term: str) -> int:
        """How many chunks hold ``term``, in any field."""
        return self.lexical.frequency(term) if self.lexical else 0

    def idf(self, term: str) -> float:
        return self.lexical.idf(term) if self.lexical else 1.0

    def idf_in_english(self, term: str) -> float:
        """The same with a Chinese chunk read as its English gloss."""
        return self.lexical.idf_in_english(term) if self.lexical else 1.0

    def occurs(self, term: str) -> bool:
        """Whether any chunk, its title or its English gloss holds an analysed term."""
        return self.frequency(term) > 0

    @property
    def has_gloss(self) -> bool:
        """Whether Chinese was read through a dictionary when the collection was indexed."""
        return bool(self.catalog.fingerprint.get("gloss"))

    @property
    def glossed(self) -> int:
        """Chunks that have an English gloss: the Chinese ones."""
        return self.lexical.glossed if self.lexical else 0

    @property
    def not_glossed(self) -> int:
        return self.lexical.not_glossed if self.lexical else 0

    def allowed(self, filters: Filters | None) -> Allowed | None:
        """What a filter lets through; None when it restricts nothing."""
        if filters is None or filters == Filters():
            return None
        return self.catalog.allowed(filters)

    def chunks(self, chunk_ids: Sequence[int]) -> dict[int, Chunk]:
        return self.catalog.chunks(chunk_ids)


class Collection:
    """Read access that follows the writer. Safe to share between threads."""

    def __init__(self, home: CollectionHome, generation: Path | None = None) -> None:
        """``generation``: one that is not in use, to look at before it is."""
        self.home = home
        self.generation = generation or home.generation()
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
            same = (self.generation / "catalog.sqlite").stat().st_ino == self._inode
        except FileNotFoundError:
            return False
        return same and not self.catalog.is_outdated()

    def is_replaced(self) -> bool:
        """Whether another generation is in use by now."""
        return self.home.generation() != self.generation

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
