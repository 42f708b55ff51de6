"""What a filter lets through, in terms that the catalog and both indexes understand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag_service.filters import Filters
from rag_service.text.folding import fold_tag


@dataclass(frozen=True, slots=True)
class Allowed:
    """The chunks a filter lets through, ascending.

    The same set is told a second time, as the documents (None: all of them) and the pages
    that make it up: far fewer terms for an index that knows both of every chunk.
    """

    chunk_ids: NDArray[np.int64]
    doc_ids: NDArray[np.int64] | None = None
    page_from: int | None = None
    page_to: int | None = None

    def __len__(self) -> int:
        return len(self.chunk_ids)

    @property
    def by_page(self) -> bool:
        return self.page_from is not None or self.page_to is not None

    def keep(self, found: list[tuple[int, float]]) -> list[tuple[int, float]]:
        """Those of ``(chunk_id, score)`` that are let through, in the same order."""
        ids = np.array([chunk_id for chunk_id, _ in found], dtype=np.int64)
        inside = np.isin(ids, self.chunk_ids, assume_unique=True)
        return [item for item, kept in zip(found, inside, strict=True) if kept]


@dataclass(frozen=True, slots=True)
class Conditions:
    """An SQL condition with its parameters; no condition is the empty string."""

    sql: str = ""
    parameters: tuple[Any, ...] = ()

    def and_(self, other: Conditions) -> Conditions:
        joined = " AND ".join(part for part in (self.sql, other.sql) if part)
        return Conditions(joined, self.parameters + other.parameters)


def document_conditions(filters: Filters) -> Conditions:
    """What must hold of a row of ``documents``."""
    found = Conditions()
    if filters.doc_ids:
        ids = json.dumps(filters.doc_ids)  # one parameter: SQLite limits how many there are
        found = found.and_(
            Conditions("documents.doc_id IN (SELECT value FROM json_each(?))", (ids,))
        )
    if filters.sources:
        any_of = " OR ".join("source GLOB ?" for _ in filters.sources)
        found = found.and_(Conditions(f"({any_of})", tuple(map(_sqlite_glob, filters.sources))))
    if filters.tags:
        found = found.and_(_tagged(filters.tags))
    if filters.since:
        found = found.and_(Conditions("date >= ?", (filters.since.isoformat(),)))
    if filters.until:
        found = found.and_(Conditions("date <= ?", (filters.until.isoformat(),)))
    return found


def page_conditions(filters: Filters) -> Conditions:
    """What must hold of a row of ``chunks``: that its pages and those asked for overlap."""
    found = Conditions()
    if filters.page_to is not None:
        found = found.and_(Conditions("page <= ?", (filters.page_to,)))
    if filters.page_from is not None:
        found = found.and_(Conditions("page_end >= ?", (filters.page_from,)))
    return found.and_(Conditions("page IS NOT NULL")) if found.sql else found


def _tagged(tags: tuple[str, ...]) -> Conditions:
    folded = tuple(map(fold_tag, tags))
    marks = ",".join("?" * len(folded))
    return Conditions(
        f"(documents.doc_id IN (SELECT doc_id FROM document_tags WHERE folded IN ({marks})) "
        f"OR root_id IN (SELECT root_id FROM root_tags WHERE folded IN ({marks})))",
        folded * 2,
    )


def _sqlite_glob(glob: str) -> str:
    """SQLite negates a character set with ^ alone; ! is what most people know."""
    return glob.replace("[!", "[^")
