"""Lost, cut and damaged files: what is made again, and what is said of the rest."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from rag_service.errors import IndexCorrupt, IndexMismatch
from rag_service.store.collection_writer import CollectionWriter
from rag_service.store.library import Library
from rag_service.store.verify import verify_collection
from tests.integration.collection.parts import lexical, nearest
from tests.stored import FINGERPRINT, put


def test_verify_is_clean_after_adds_updates_and_deletes(
    library: Library, writer: CollectionWriter
) -> None:
    for number in range(10):
        put(writer.catalog, f"{number}.txt", [f"text {number}", "中文", "shared"])
    put(writer.catalog, "3.txt", ["other"])
    writer.catalog.remove_document(5)
    writer.finish()
    report = library.verify("fruit")
    assert report.problems == ()
    assert (report.documents, report.chunks) == (9, 25)


def test_verify_says_what_is_not_searchable_yet(library: Library, writer: CollectionWriter) -> None:
    put(writer.catalog, "a.txt", ["apple"])
    (problem,) = library.verify("fruit").problems
    assert problem.startswith("1 committed changes are not searchable yet")


def test_verify_finds_nothing_wrong_while_a_writer_is_at_work(
    library: Library, writer: CollectionWriter
) -> None:
    put(writer.catalog, "0.txt", ["apple"])
    writer.publish()
    done = threading.Event()

    def write() -> None:
        for number in range(1, 10_000):
            if done.is_set():
                return
            doc_id = put(writer.catalog, f"{number}.txt", [f"pear {'b' * (number % 50)}"])
            if number % 3 == 0:
                writer.catalog.remove_document(doc_id)
            writer.publish()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        reports = [verify_collection(library.home("fruit"))]
        while len(reports) < 10 or reports[-1].revision < reports[0].revision + 3:
            assert not writing.done()
            reports.append(verify_collection(library.home("fruit")))
        done.set()
        writing.result()
    assert [report.problems for report in reports if report.problems] == []


def test_an_unpublished_commit_is_replayed_by_the_next_writer(library: Library) -> None:
    with CollectionWriter(library.home("fruit"), FINGERPRINT) as writer:
        put(writer.catalog, "a.txt", ["apple"])
    assert lexical(library.open("fruit").view(), "apple") == []
    with CollectionWriter(library.home("fruit"), FINGERPRINT):
        pass
    assert lexical(library.open("fruit").view(), "apple") == ["apple"]


def test_lost_indexes_are_rebuilt_from_the_catalog(library: Library) -> None:
    import shutil

    with CollectionWriter(library.home("fruit"), FINGERPRINT) as writer:
        put(writer.catalog, "a.txt", ["apple", "pear"])
        writer.finish()
        generation = writer.generation
    shutil.rmtree(generation / "lexical")
    shutil.rmtree(generation / "dense")
    with CollectionWriter(library.home("fruit"), FINGERPRINT):
        pass
    assert library.verify("fruit").problems == ()
    assert lexical(library.open("fruit").view(), "pear") == ["pear"]


def test_an_index_of_another_catalog_is_not_trusted(library: Library) -> None:
    import shutil

    for name in ("fruit", "trees"):
        with CollectionWriter(library.home(name), FINGERPRINT) as writer:
            put(writer.catalog, "a.txt", [f"about {name}"])
            writer.finish()
    target = library.home("fruit").generation()
    for part in ("lexical", "dense"):
        shutil.rmtree(target / part)
        shutil.copytree(library.home("trees").generation() / part, target / part)
    with pytest.raises(IndexMismatch, match="rag ingest"):
        library.open("fruit").view()
    with CollectionWriter(library.home("fruit"), FINGERPRINT):
        pass
    assert library.verify("fruit").problems == ()


def test_damaged_files_are_reported_not_raised_by_verify(library: Library) -> None:
    with CollectionWriter(library.home("fruit"), FINGERPRINT) as writer:
        put(writer.catalog, "a.txt", ["apple"])
        writer.finish()
        path = writer.catalog.path
    path.write_bytes(b"this is not a database, " * 500)
    (problem,) = library.verify("fruit").problems
    assert "cannot be used" in problem
    with pytest.raises(IndexCorrupt):
        Library(library.home("fruit").folder.parent.parent).open("fruit")


def test_a_collection_without_its_catalog_is_a_typed_error(library: Library) -> None:
    library.create("fruit", FINGERPRINT)
    (library.home("fruit").generation() / "catalog.sqlite").unlink()
    fresh = Library(library.home("fruit").folder.parent.parent)
    with pytest.raises(IndexCorrupt, match="ingest the folder again"):
        fresh.open("fruit")
    assert fresh.verify("fruit").problems != ()


def test_a_cut_snapshot_is_written_anew_by_the_next_writer(library: Library) -> None:
    with CollectionWriter(library.home("fruit"), FINGERPRINT) as writer:
        put(writer.catalog, "a.txt", ["apple"])
        writer.finish()
        (snapshot,) = (writer.generation / "dense").glob("*.faiss")
    snapshot.write_bytes(snapshot.read_bytes()[:100])
    with CollectionWriter(library.home("fruit"), FINGERPRINT) as writer:
        put(writer.catalog, "b.txt", ["pear"])
        writer.finish()
    fresh = Library(library.home("fruit").folder.parent.parent)
    assert nearest(fresh.open("fruit").view(), "apple")[0] == "apple"
    fresh.close()
