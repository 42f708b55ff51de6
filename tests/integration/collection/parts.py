"""Searching both indexes of a stored collection."""

from __future__ import annotations

from rag_service.filters import Filters
from rag_service.store.collection import CollectionView
from rag_service.text.question_weights import question_weights
from tests.stored import letters


def lexical(view: CollectionView, *terms: str, filters: Filters | None = None) -> list[str]:
    analysed = question_weights(" ".join(terms))
    ids = [chunk_id for chunk_id, _ in view.search_lexical(analysed, 10, view.allowed(filters))]
    found = view.chunks(ids)
    return [found[i].text for i in ids if i in found]


def nearest(view: CollectionView, text: str, filters: Filters | None = None) -> list[str]:
    vector = letters(text)
    assert vector is not None
    ids = [chunk_id for chunk_id, _ in view.search_dense(vector, 10, view.allowed(filters))]
    found = view.chunks(ids)
    return [found[i].text for i in ids if i in found]
