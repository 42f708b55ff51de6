"""The dense index: FAISS over chunk embeddings, derived from the catalog.

The only module that imports faiss. A searchable state is an immutable `DenseView`: a
base index read from a snapshot, a small delta replayed from the catalog, and the ids
that died since. Moving forward makes a new view and swaps it in, so no search ever runs
on an index that is being changed (which crashes FAISS).
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from rag_service.errors import IndexCorrupt
from rag_service.store.catalog import Catalog

Ids = NDArray[np.int64]
Vectors = NDArray[np.float16]
Found = tuple[Ids, NDArray[np.float32]]  # chunk ids and their cosines, ``(n,)`` each

# Exact search over fp16 takes about 22 ms for 200,000 vectors on one core; beyond this
# size an inverted file keeps it under that (figures: docs/decisions/0003-indexes.md).
FLAT_LIMIT = 300_000
_PROBES = 64  # inverted lists visited of about 4·sqrt(n): recall@10 0.97 at 200,000
_TRAIN_PER_LIST = 39  # FAISS warns below 39 training points a list

_SNAPSHOT = re.compile(r"vec\.(?P<uuid>[0-9a-f-]{36})\.(?P<seq>\d+)\.faiss")


@dataclass(frozen=True, slots=True)
class DenseView:
    """Vectors of every chunk up to change ``seq``. Never modified after it is made."""

    base: Any | None
    base_seq: int
    delta_ids: Ids
    delta_vectors: Vectors
    delta: Any | None
    dead: Ids  # ids in ``base`` that no longer exist
    alive: Any | None  # the FAISS selector that leaves ``dead`` out
    seq: int

    def __len__(self) -> int:
        return _size(self.base) - len(self.dead) + len(self.delta_ids)

    def ids(self) -> set[int]:
        """Every chunk id this view would search."""
        held = set() if self.base is None else set(_ids_of(self.base).tolist())
        return (held - set(self.dead.tolist())) | set(self.delta_ids.tolist())

    def search(
        self, vector: NDArray[np.float32], k: int, allowed: Ids | None = None
    ) -> list[tuple[int, float]]:
        """The ``k`` nearest chunks as ``(chunk_id, cosine)``, best first.

        ``vector`` has shape ``(dimension,)`` and unit norm. ``allowed`` restricts the
        search, exactly, to the given chunk ids.
        """
        query = np.ascontiguousarray(vector, dtype=np.float32).reshape(1, -1)
        found = [
            _search(index, query, k, alive, allowed)
            for index, alive in ((self.base, self.alive), (self.delta, None))
            if index is not None
        ]
        return _best(found, k) if found else []


def empty_view() -> DenseView:
    """The state before the first change."""
    none = np.empty(0, dtype=np.int64)
    return DenseView(None, 0, none, np.empty((0, 0), np.float16), None, none, None, 0)


def advance(view: DenseView, catalog: Catalog, upto: int) -> DenseView:
    """The view with changes ``view.seq < seq <= upto`` replayed."""
    if upto <= view.seq:
        return view
    ids, vectors = catalog.added_vectors(view.seq, upto)
    gone = np.array(catalog.removed_chunks(view.seq, upto), dtype=np.int64)
    if len(view.delta_ids):
        kept = ~np.isin(view.delta_ids, gone)
        ids = np.concatenate([view.delta_ids[kept], ids])
        vectors = np.concatenate([view.delta_vectors[kept], vectors])
    dead = view.dead
    if view.base is not None and len(gone):
        dead = np.union1d(dead, gone[np.isin(gone, _ids_of(view.base))])
    delta = _flat(ids, vectors) if len(ids) else None
    return DenseView(view.base, view.base_seq, ids, vectors, delta, dead, _excluding(dead), upto)


def compact(view: DenseView) -> DenseView:
    """One base index with the same contents and no delta; ``view`` stays usable."""
    total = len(view)
    if total == 0:
        return DenseView(**{**_fields(empty_view()), "seq": view.seq, "base_seq": view.seq})
    ids, vectors = _contents(view)
    base = _flat(ids, vectors) if total <= FLAT_LIMIT else _inverted_file(ids, vectors)
    return DenseView(
        **{**_fields(empty_view()), "base": base, "base_seq": view.seq, "seq": view.seq}
    )


class SnapshotStore:
    """Snapshots of the base index in a folder; the file name carries the watermark."""

    def __init__(self, folder: Path, catalog_uuid: str) -> None:
        self.folder = folder
        self._uuid = catalog_uuid

    def _found(self) -> list[tuple[int, Path]]:
        matches = ((_SNAPSHOT.fullmatch(p.name), p) for p in self.folder.glob("vec.*.faiss"))
        return sorted((int(m["seq"]), p) for m, p in matches if m and m["uuid"] == self._uuid)

    def _newest(self, revision: int) -> tuple[int, Path] | None:
        usable = [(seq, path) for seq, path in self._found() if seq <= revision]
        return usable[-1] if usable else None

    def load(self, newest_revision: int) -> DenseView:
        """The newest snapshot that is not ahead of the catalog; empty when there is none.

        Raises:
            IndexCorrupt: the file exists and FAISS cannot read it.
        """
        newest = self._newest(newest_revision)
        if newest is None:
            return empty_view()
        seq, path = newest
        try:
            base = faiss.read_index(str(path))
        except RuntimeError as error:
            if not path.exists():  # the writer has just replaced it
                return self.load(newest_revision)
            raise IndexCorrupt(
                f"{path} cannot be read. Delete it: the next `rag ingest` makes it anew."
            ) from error
        return DenseView(**{**_fields(empty_view()), "base": base, "base_seq": seq, "seq": seq})

    def save(self, view: DenseView) -> None:
        """Write the base of a compacted view beside the old ones, then drop those."""
        if view.base is None:
            self._drop_except(None)
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"vec.{self._uuid}.{view.base_seq}.faiss"
        beside = path.with_suffix(".tmp")
        # Not faiss.write_index: on a full disk it prints a line and returns.
        with beside.open("wb") as stream:
            stream.write(faiss.serialize_index(view.base).data)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
        _fsync(self.folder)
        self._drop_except(path)

    def tidy(self, newest_revision: int) -> None:
        """Remove all but what `load` reads: older snapshots, and one that was never finished,
        are there when a writer was killed."""
        newest = self._newest(newest_revision)
        self._drop_except(newest[1] if newest else None)

    def _drop_except(self, keep: Path | None) -> None:
        for path in [*self.folder.glob("vec.*.faiss"), *self.folder.glob("vec.*.tmp")]:
            if path != keep:
                path.unlink(missing_ok=True)


def _fields(view: DenseView) -> dict[str, Any]:
    return {name: getattr(view, name) for name in DenseView.__slots__}


def _size(index: Any | None) -> int:
    return 0 if index is None else int(index.ntotal)


def _flat(ids: Ids, vectors: Vectors) -> Any:
    scalar = faiss.IndexScalarQuantizer(
        vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    index = faiss.IndexIDMap2(scalar)
    index.add_with_ids(vectors.astype(np.float32), ids)
    return index


def _inverted_file(ids: Ids, vectors: Vectors) -> Any:
    # Native ids: IndexIDMap2 over an inverted file corrupts its map on removal.
    lists = int(4 * np.sqrt(len(ids)))
    index = faiss.index_factory(vectors.shape[1], f"IVF{lists},SQfp16", faiss.METRIC_INNER_PRODUCT)
    sample = np.random.default_rng(0).choice(
        len(ids), min(len(ids), lists * _TRAIN_PER_LIST), replace=False
    )
    index.train(vectors[sample].astype(np.float32))
    index.add_with_ids(vectors.astype(np.float32), ids)
    index.nprobe = _PROBES
    return index


def _is_inverted_file(index: Any) -> bool:
    return isinstance(index, faiss.IndexIVF)


def _ids_of(index: Any) -> Ids:
    if not _is_inverted_file(index):
        return np.asarray(faiss.vector_to_array(index.id_map), dtype=np.int64)
    lists = index.invlists
    parts = [
        faiss.rev_swig_ptr(lists.get_ids(n), lists.list_size(n)).copy()
        for n in range(index.nlist)
        if lists.list_size(n)
    ]
    return np.concatenate(parts).astype(np.int64)


def _contents(view: DenseView) -> tuple[Ids, Vectors]:
    if view.base is None:
        return view.delta_ids, view.delta_vectors
    ids = np.setdiff1d(_ids_of(view.base), view.dead)
    if _is_inverted_file(view.base):
        view.base.set_direct_map_type(faiss.DirectMap.Hashtable)
    vectors = view.base.reconstruct_batch(ids).astype(np.float16)
    if len(view.delta_ids):
        ids = np.concatenate([ids, view.delta_ids])
        vectors = np.concatenate([vectors, view.delta_vectors])
    return ids, vectors


def _excluding(dead: Ids) -> Any | None:
    return faiss.IDSelectorNot(faiss.IDSelectorBatch(dead)) if len(dead) else None


def _selector(ids: Ids) -> Any:
    """A FAISS selector of ids, which are ascending and not negative.

    A bitmap costs one look a vector however many ids there are; a batch, up to twice that.
    """
    bits = np.zeros(int(ids[-1]) + 1 if len(ids) else 1, dtype=bool)
    bits[ids] = True
    return faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))


def _search(
    index: Any, query: NDArray[np.float32], k: int, alive: Any | None, allowed: Ids | None
) -> Found:
    selectors = [s for s in (alive, None if allowed is None else _selector(allowed)) if s]
    selector = faiss.IDSelectorAnd(*selectors) if len(selectors) == 2 else (selectors or [None])[0]
    options = {"sel": selector} if selector else {}
    if _is_inverted_file(index):
        # Under a filter every list is visited: recall falls apart otherwise, and the
        # selector already keeps the cost in proportion to what it lets through.
        probes = index.nlist if allowed is not None else index.nprobe
        parameters = faiss.SearchParametersIVF(nprobe=probes, **options)
    else:
        parameters = faiss.SearchParameters(**options)
    faiss.omp_set_num_threads(1)  # one question leaves nothing to share out (holds for this thread)
    scores, ids = index.search(query, min(k, index.ntotal), params=parameters)
    there = ids[0] >= 0  # FAISS pads with -1 where fewer than k were found
    return ids[0][there], scores[0][there]


def _best(found: Sequence[Found], k: int) -> list[tuple[int, float]]:
    """The ``k`` best of several searches; ties go to the older chunk."""
    ids = np.concatenate([ids for ids, _ in found])
    # FAISS sums in different orders with and without a selector. Rounded, equal texts tie,
    # whatever is in the snapshot and what beside it.
    scores = np.round(np.concatenate([scores for _, scores in found]).astype(np.float64), 6)
    order = np.lexsort((ids, -scores))[:k]
    return list(zip(ids[order].tolist(), scores[order].tolist(), strict=True))


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
