"""Filters at the store: both legs are searched among what passes, and nowhere else."""

from __future__ import annotations

from datetime import date

import pytest

from rag_service.filters import Filters
from rag_service.store.collection import CollectionView
from rag_service.store.collection_writer import CollectionWriter
from rag_service.store.library import Library
from rag_service.text.question_weights import question_weights
from tests.stored import ROOT, document, letters, put, put_all


@pytest.fixture
def view(library: Library, writer: CollectionWriter) -> CollectionView:
    catalog = writer.catalog
    put(catalog, "manuals/pump.pdf", ["apple a", "apple bb", "apple ccc"], pages=PAGES)
    put(catalog, "manuals/old/valve.md", ["apple dddd"], date="2023-12-31", tags=["HR Policy"])
    put(catalog, "规章/年假.md", ["apple eeeee"], date="2024-02-29", tags=["財務", "ＨＲ policy"])
    put(catalog, "notes[1].txt", ["apple ffffff"], changed="2024-03-01")
    writer.publish()
    return library.open("fruit").view()


PAGES = [(1, 1), (1, 2), (3, 3)]


def lexical(view: CollectionView, filters: Filters, k: int = 10) -> set[str]:
    found = view.search_lexical(question_weights("apple"), k, view.allowed(filters))
    return texts(view, found)


def dense(view: CollectionView, filters: Filters, k: int = 10) -> set[str]:
    vector = letters("apple")
    assert vector is not None
    return texts(view, view.search_dense(vector, k, view.allowed(filters)))


def texts(view: CollectionView, found: list[tuple[int, float]]) -> set[str]:
    chunks = view.chunks([chunk_id for chunk_id, _ in found])
    return {chunk.text.removeprefix("apple ") for chunk in chunks.values()}


@pytest.mark.parametrize(
    ("filters", "passing"),
    [
        (Filters(doc_ids=(2, 4, 99)), "dddd ffffff"),
        (Filters(sources=("manuals/*",)), "a bb ccc dddd"),
        (Filters(sources=("*.pdf", "规章/*")), "a bb ccc eeeee"),
        (Filters(sources=("manuals/[!o]*",)), "a bb ccc"),
        (Filters(sources=("manuals/[^o]*",)), "a bb ccc"),
        (Filters(sources=("notes[[]1].txt",)), "ffffff"),
        (Filters(sources=("MANUALS/*",)), ""),
        (Filters(tags=("hr policy",)), "dddd eeeee"),
        (Filters(tags=("财务",)), "eeeee"),
        (Filters(tags=("财务", "HR  POLICY")), "dddd eeeee"),
        (Filters(tags=("hr",)), ""),
        (Filters(since=date(2024, 2, 29)), "eeeee ffffff"),
        (Filters(since=date(2024, 3, 1)), "ffffff"),
        (Filters(since=date(2023, 12, 31), until=date(2024, 2, 29)), "dddd eeeee"),
        (Filters(until=date(2023, 12, 30)), "a bb ccc"),  # of 1970, by their files
        (Filters(page_from=2, page_to=2), "bb"),
        (Filters(page_from=1, page_to=1), "a bb"),
        (Filters(page_from=2), "bb ccc"),
        (Filters(page_to=2), "a bb"),
        (Filters(page_from=4), ""),
        (Filters(sources=("manuals/*",), tags=("hr policy",)), "dddd"),
        (Filters(sources=("manuals/*",), page_from=3), "ccc"),
        (Filters(doc_ids=(2,), page_from=1), ""),
    ],
)
def test_both_legs_find_what_passes_and_nothing_else(
    view: CollectionView, filters: Filters, passing: str
) -> None:
    assert lexical(view, filters) == set(passing.split())
    assert dense(view, filters) == set(passing.split())


def test_a_filter_that_restricts_nothing_is_none(view: CollectionView) -> None:
    assert view.allowed(Filters()) is None
    assert view.allowed(None) is None


def test_a_filter_keeps_the_scores_as_they_are(view: CollectionView) -> None:
    vector, terms = letters("apple"), question_weights("apple")
    assert vector is not None
    allowed = view.allowed(Filters(sources=("*.pdf",), page_from=3))
    everything = dict(view.search_lexical(terms, 10)), dict(view.search_dense(vector, 10))
    narrowed = view.search_lexical(terms, 10, allowed), view.search_dense(vector, 10, allowed)
    for ((chunk_id, score),), among_all in zip(narrowed, everything, strict=True):
        assert score == among_all[chunk_id]


@pytest.mark.parametrize("snapshot", [False, True], ids=["replayed", "from a snapshot"])
def test_a_filter_that_keeps_one_chunk_of_thousands_returns_it(
    library: Library, writer: CollectionWriter, snapshot: bool
) -> None:
    # All others are nearer to the question and have its word more often.
    root_id = writer.catalog.root_id(ROOT)
    many = [
        document(root_id, f"many/{n}.txt", [f"apple apple {n}-{m}" for m in range(10)])
        for n in range(300)
    ]
    put_all(writer.catalog, many)
    put(writer.catalog, "one.pdf", ["zucchini zebra jazz, once an apple"], pages=[(7, 7)])
    put_all(writer.catalog, [document(root_id, "last.txt", ["apple apple"])])
    writer.finish() if snapshot else writer.publish()
    view = library.open("fruit").view()
    assert len(view.dense) == 3002
    for filters in (
        Filters(sources=("one.*",)),
        Filters(page_from=7, page_to=7),
        Filters(doc_ids=(301,)),
    ):
        assert lexical(view, filters, k=3) == {"zucchini zebra jazz, once an apple"}
        assert dense(view, filters, k=3) == {"zucchini zebra jazz, once an apple"}


def test_a_broad_filter_loses_nothing_behind_better_ones_that_it_keeps_out(
    library: Library, writer: CollectionWriter
) -> None:
    # Half of the chunks pass; they all come after the other half, beyond the first look.
    root_id = writer.catalog.root_id(ROOT)
    put_all(
        writer.catalog,
        [
            document(root_id, f"{folder}/{n}.txt", [f"{text} {n}"])
            for n in range(100)
            for folder, text in (("out", "apple apple"), ("in", "apple pear plum fig"))
        ],
    )
    writer.publish()
    view = library.open("fruit").view()
    found = view.search_lexical({"appl": 1.0}, 3, view.allowed(Filters(sources=("in/*",))))
    assert len(found) == 3
    assert all(
        chunk.source.startswith("in/") for chunk in view.chunks([i for i, _ in found]).values()
    )


def test_the_tags_of_a_folder_are_those_of_all_its_documents(
    library: Library, writer: CollectionWriter
) -> None:
    catalog = writer.catalog
    put(catalog, "a.txt", ["apple a"], tags=["Own"])
    catalog.tag_root(catalog.root_id(ROOT), ["Team", "own"])
    put(catalog, "b.txt", ["apple bb"])
    writer.publish()
    view = library.open("fruit").view()
    assert lexical(view, Filters(tags=("team",))) == {"a", "bb"}
    assert [info.tags for info in catalog.documents(limit=2)] == [("Own", "Team"), ("own", "Team")]
    assert library.verify("fruit").problems == ()
    catalog.tag_root(catalog.root_id(ROOT), [])
    assert [info.tags for info in catalog.documents(limit=2)] == [("Own",), ()]


def test_a_document_loses_the_tags_and_the_date_that_its_file_lost(
    library: Library, writer: CollectionWriter
) -> None:
    put(writer.catalog, "a.txt", ["apple a"], tags=["draft"], date="2020-01-01")
    put(writer.catalog, "a.txt", ["apple a", "apple bb"], changed="2024-05-31")
    writer.publish()
    view = library.open("fruit").view()
    assert lexical(view, Filters(tags=("draft",))) == set()
    assert writer.catalog.documents(limit=1)[0].date == "2024-05-31"
    writer.catalog.remove_document(1)
    assert writer.catalog.integrity_problems() == []
