"""One collection: real SQLite, FAISS and tantivy, a writer and a reader."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag_service.document_types import ChunkSpan
from rag_service.errors import (
    CollectionBusy,
    CollectionExists,
    CollectionNotFound,
    DocumentNotFound,
    IndexCorrupt,
    IndexMismatch,
    InvalidCollectionName,
    StorageError,
)
from rag_service.filters import Filters
from rag_service.store.catalog_schema import NewChunk
from rag_service.store.collection import CollectionView
from rag_service.store.collection_writer import CollectionWriter
from rag_service.store.library import Library
from rag_service.store.verify import verify_collection
from rag_service.text.question_weights import question_weights
from tests.stored import FINGERPRINT, document, key_of, letters, put


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    opened = Library(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def writer(library: Library) -> Iterator[CollectionWriter]:
    with CollectionWriter(library.home("fruit"), FINGERPRINT) as opened:
        yield opened


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


def test_a_committed_document_is_found_by_both_legs(
    library: Library, writer: CollectionWriter
) -> None:
    put(writer.catalog, "a.txt", ["ripe apple", "sour lemon"])
    writer.publish()
    view = library.open("fruit").view()
    assert lexical(view, "lemon") == ["sour lemon"]
    assert nearest(view, "apple")[0] == "ripe apple"
    assert view.revision == 1


def test_a_reader_sees_later_commits_without_being_reopened(
    library: Library, writer: CollectionWriter
) -> None:
    put(writer.catalog, "a.txt", ["apple"])
    writer.publish()
    reader = library.open("fruit")
    assert lexical(reader.view(), "pear") == []
    put(writer.catalog, "b.txt", ["pear"])
    writer.publish()
    assert lexical(reader.view(), "pear") == ["pear"]
    assert reader.view().revision == 2


def test_an_older_view_keeps_its_revision_while_newer_ones_appear(
    library: Library, writer: CollectionWriter
) -> None:
    put(writer.catalog, "a.txt", ["apple"])
    writer.publish()
    reader = library.open("fruit")
    older = reader.view()
    put(writer.catalog, "b.txt", ["pear"])
    writer.publish()
    assert reader.view().revision == 2
    assert older.revision == 1
    assert lexical(older, "pear") == []


def test_deleted_text_is_gone_at_once_even_before_the_indexes_hear_of_it(
    library: Library, writer: CollectionWriter
) -> None:
    doomed = put(writer.catalog, "a.txt", ["apple"])
    put(writer.catalog, "b.txt", ["apple pie"])
    writer.publish()
    reader = library.open("fruit")
    reader.view()
    writer.catalog.remove_document(doomed)
    assert lexical(reader.view(), "apple") == ["apple pie"]
    assert nearest(reader.view(), "apple") == ["apple pie"]


def test_an_updated_document_keeps_its_id_and_loses_its_old_text(
    library: Library, writer: CollectionWriter
) -> None:
    first = put(writer.catalog, "a.txt", ["apple", "lemon"])
    assert put(writer.catalog, "a.txt", ["cherry", "lemon"]) == first
    writer.publish()
    view = library.open("fruit").view()
    assert lexical(view, "apple") == []
    assert lexical(view, "cherry") == ["cherry"]
    assert len(view.dense) == 2


def test_chunk_ids_are_never_reused(library: Library, writer: CollectionWriter) -> None:
    put(writer.catalog, "a.txt", ["apple"])
    old = {chunk.chunk_id for chunk in writer.catalog.chunks_of(1)}
    put(writer.catalog, "a.txt", ["apple"])
    assert old.isdisjoint({chunk.chunk_id for chunk in writer.catalog.chunks_of(1)})


def test_text_the_model_cannot_represent_is_found_by_words_alone(
    library: Library, writer: CollectionWriter
) -> None:
    put(writer.catalog, "a.txt", ["蘋果很甜", "apple"])
    writer.publish()
    view = library.open("fruit").view()
    assert lexical(view, "苹果") == ["蘋果很甜"]
    assert nearest(view, "zzz apple") == ["apple"]


def test_a_moved_document_is_found_by_its_new_name_and_no_longer_by_its_old_one(
    library: Library, writer: CollectionWriter
) -> None:
    doc_id = put(writer.catalog, "almanac.txt", ["apple"])
    writer.publish()
    stat = writer.catalog.known_documents("/documents")["almanac.txt"].stat
    writer.catalog.move_documents([(doc_id, "sub/bestiary.txt", stat)])
    writer.publish()
    view = library.open("fruit").view()
    assert (
        lexical(view, "bestiary") == lexical(view, "apple") == nearest(view, "apple") == ["apple"]
    )
    assert lexical(view, "almanac") == []
    assert [chunk.source for chunk in writer.catalog.chunks_of(doc_id)] == ["sub/bestiary.txt"]
    assert view.revision == 2


def test_a_document_with_a_title_of_its_own_is_moved_without_being_indexed_again(
    library: Library, writer: CollectionWriter
) -> None:
    root_id = writer.catalog.root_id("/documents")
    writer.catalog.add_vectors({key_of("apple"): letters("apple")})
    new = document(root_id, "a.txt", ["apple"])
    doc_id = writer.catalog.put_document(replace(new, title="On apples"))
    before = [chunk.chunk_id for chunk in writer.catalog.chunks_of(doc_id)]
    writer.catalog.move_documents([(doc_id, "b.txt", new.stat)])
    assert [chunk.chunk_id for chunk in writer.catalog.chunks_of(doc_id)] == before


def test_two_documents_can_change_names_with_each_other(
    library: Library, writer: CollectionWriter
) -> None:
    first, second = (put(writer.catalog, f"{name}.txt", [name]) for name in ("one", "two"))
    known = writer.catalog.known_documents("/documents")
    writer.catalog.move_documents(
        [(first, "two.txt", known["one.txt"].stat), (second, "one.txt", known["two.txt"].stat)]
    )
    writer.publish()
    view = library.open("fruit").view()
    assert {c.source: c.text for c in view.chunks([3, 4]).values()} == {
        "two.txt": "one",
        "one.txt": "two",
    }


def test_a_document_staged_part_by_part_is_seen_only_when_it_is_whole(
    library: Library, writer: CollectionWriter
) -> None:
    catalog = writer.catalog
    put(catalog, "book.txt", ["the old edition"])
    root_id = catalog.root_id("/documents")
    staged = catalog.staged(root_id, "book.txt", "hash", "test/1")
    for text in ("first half ", "second half"):
        span = ChunkSpan(staged.chunks, staged.chars, staged.chars + len(text), text)
        catalog.add_vectors({key_of(text): letters(text)})
        staged = catalog.stage_part(
            staged, text, [NewChunk(span, key_of(text))], title="Book", carried=""
        )
    writer.publish()
    assert lexical(library.open("fruit").view(), "half") == []
    whole = replace(document(root_id, "book.txt", []), content_hash="hash", title="Book")
    doc_id = catalog.put_staged(staged, whole)
    writer.publish()
    view = library.open("fruit").view()
    assert sorted(lexical(view, "half")) == ["first half ", "second half"]
    assert lexical(view, "edition") == []
    assert catalog.document_text(doc_id) == "first half second half"
    assert catalog.document(doc_id).chars == 22
    assert library.verify("fruit").problems == ()


def test_staging_goes_on_where_it_stopped_unless_the_file_has_changed(
    writer: CollectionWriter,
) -> None:
    catalog = writer.catalog
    root_id = catalog.root_id("/documents")
    begun = catalog.staged(root_id, "book.txt", "hash", "test/1")
    after = catalog.stage_part(begun, "a part", [], title="Book", carried="note")
    assert catalog.staged(root_id, "book.txt", "hash", "test/1") == after
    assert (after.parts, after.chars, after.carried) == (1, 6, "note")
    changed = catalog.staged(root_id, "book.txt", "other hash", "test/1")
    assert (changed.parts, changed.chars, changed.carried) == (0, 0, "")


def test_the_neighbours_of_a_chunk_come_in_reading_order(writer: CollectionWriter) -> None:
    doc_id = put(writer.catalog, "a.txt", ["one", "two", "three", "four"])
    put(writer.catalog, "b.txt", ["other"])
    chunks = writer.catalog.chunks_of(doc_id)
    around = writer.catalog.neighbours(chunks[1], before=2, after=1)
    assert [chunk.text for chunk in around] == ["one", "two", "three"]


def test_a_snapshot_and_a_replay_give_the_same_results(
    library: Library, writer: CollectionWriter
) -> None:
    for number in range(20):
        put(writer.catalog, f"{number}.txt", [f"{chr(97 + number)} apple", "pear"])
    writer.catalog.remove_document(3)
    writer.publish()
    replayed = library.open("fruit").view()
    writer.finish()
    put(writer.catalog, "0.txt", ["a lemon"])
    writer.publish()
    fresh = Library(library.home("fruit").folder.parent.parent)
    from_snapshot = fresh.open("fruit").view()
    assert from_snapshot.dense.base_seq == 21
    assert replayed.dense.base_seq == 0
    current = library.open("fruit").view()
    assert nearest(from_snapshot, "lemon")[0] == nearest(current, "lemon")[0] == "a lemon"
    assert from_snapshot.dense.ids() == current.dense.ids()
    fresh.close()


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


def test_a_writer_told_so_makes_no_new_collection(library: Library) -> None:
    with pytest.raises(CollectionNotFound):
        CollectionWriter(library.home("fruit"), FINGERPRINT, create=False)
    assert not library.home("fruit").folder.exists()


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
        reports = [verify_collection(library.home("fruit")) for _ in range(10)]
        done.set()
        writing.result()
    assert [report.problems for report in reports] == [()] * 10
    assert reports[-1].revision > reports[0].revision


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


def test_only_one_process_may_write(library: Library, writer: CollectionWriter) -> None:
    with pytest.raises(CollectionBusy, match="Another process is writing"):
        CollectionWriter(library.home("fruit"), FINGERPRINT)
    with pytest.raises(CollectionBusy):
        library.delete("fruit")


def test_another_fingerprint_is_refused_with_the_command_that_rebuilds(
    library: Library, writer: CollectionWriter
) -> None:
    put(writer.catalog, "a.txt", ["apple"])
    writer.publish()
    writer.close()
    other = {**FINGERPRINT, "embedding_model": "words"}
    expected = (
        r"embedding_model 'letters' → 'words'.*rag ingest FOLDER --collection fruit --rebuild"
    )
    with pytest.raises(IndexMismatch, match=expected):
        CollectionWriter(library.home("fruit"), other)
    with pytest.raises(IndexMismatch, match=expected):
        library.open("fruit", other)
    assert lexical(library.open("fruit", FINGERPRINT).view(), "apple") == ["apple"]


def test_an_empty_collection_takes_on_the_fingerprint_of_the_first_writer(
    library: Library,
) -> None:
    library.create("fruit", {"embedding_model": "letters", "dimension": 26})
    with CollectionWriter(library.home("fruit"), {**FINGERPRINT, "chunker": "1"}) as writer:
        assert writer.catalog.fingerprint["chunker"] == "1"


def test_a_rebuild_serves_the_old_generation_until_it_is_finished(library: Library) -> None:
    with CollectionWriter(library.home("fruit"), FINGERPRINT) as writer:
        put(writer.catalog, "a.txt", ["apple"])
        writer.finish()
    other = {**FINGERPRINT, "chunker": "2"}
    with CollectionWriter(library.home("fruit"), other, rebuild=True) as writer:
        put(writer.catalog, "a.txt", ["pear"])
        writer.publish()
        assert lexical(library.open("fruit").view(), "apple") == ["apple"]
        writer.finish()
    assert lexical(library.open("fruit").view(), "apple") == []
    assert lexical(library.open("fruit").view(), "pear") == ["pear"]
    assert not (library.home("fruit").folder / "g1").exists()


def test_an_interrupted_rebuild_is_taken_up_again(library: Library) -> None:
    with CollectionWriter(library.home("fruit"), FINGERPRINT) as writer:
        put(writer.catalog, "a.txt", ["apple"])
        writer.finish()
    other = {**FINGERPRINT, "chunker": "2"}
    with CollectionWriter(library.home("fruit"), other, rebuild=True) as writer:
        put(writer.catalog, "a.txt", ["pear"])
    with CollectionWriter(library.home("fruit"), other, rebuild=True) as writer:
        assert writer.catalog.known_documents("/documents").keys() == {"a.txt"}
    third = {**FINGERPRINT, "chunker": "3"}
    with CollectionWriter(library.home("fruit"), third, rebuild=True) as writer:
        assert writer.catalog.known_documents("/documents") == {}


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


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "a/b", "a\\b", ".hidden", "x" * 61, "a b", "a\0"]
)
def test_names_that_mean_something_in_a_path_are_refused(library: Library, name: str) -> None:
    with pytest.raises(InvalidCollectionName):
        library.home(name)


def test_a_chinese_name_works(library: Library) -> None:
    library.create("产品手册", FINGERPRINT)
    assert library.names() == ["产品手册"]


def test_making_twice_and_opening_what_is_not_there_are_typed_errors(library: Library) -> None:
    library.create("fruit", FINGERPRINT)
    with pytest.raises(CollectionExists):
        library.create("fruit", FINGERPRINT)
    with pytest.raises(CollectionNotFound, match="rag ingest FOLDER --collection nuts"):
        library.open("nuts")
    with pytest.raises(CollectionNotFound):
        library.delete("nuts")
    with pytest.raises(DocumentNotFound):
        library.open("fruit").catalog.document(7)


def test_a_deleted_collection_is_gone_for_a_reader_that_had_it_open(library: Library) -> None:
    with CollectionWriter(library.home("fruit"), FINGERPRINT) as writer:
        put(writer.catalog, "a.txt", ["apple"])
        writer.finish()
    library.open("fruit").view()
    Library(library.home("fruit").folder.parent.parent).delete("fruit")
    with pytest.raises(CollectionNotFound):
        library.open("fruit")
    library.create("fruit", FINGERPRINT)
    assert library.info("fruit").documents == 0


def test_the_document_text_survives_the_round_trip_across_storage_parts(
    library: Library, writer: CollectionWriter
) -> None:
    text = "甲𠀀b" * 50_000
    doc_id = put(writer.catalog, "long.txt", [text])
    assert writer.catalog.document_text(doc_id) == text


def test_vectors_are_counted_once_and_unused_ones_forgotten(
    library: Library, writer: CollectionWriter
) -> None:
    put(writer.catalog, "a.txt", ["apple", "shared"])
    put(writer.catalog, "b.txt", ["pear", "shared"])
    assert writer.catalog.texts_embedded() == 3
    writer.catalog.remove_document(1)
    assert writer.catalog.drop_unused_vectors() == 1
    assert writer.catalog.counts()["vectors"] == 2


def test_a_long_query_is_cut_to_its_rarest_terms(
    library: Library, writer: CollectionWriter
) -> None:
    for number in range(30):
        put(writer.catalog, f"{number}.txt", ["common words everywhere"])
    put(writer.catalog, "rare.txt", ["quetzal"])
    writer.publish()
    absent = [f"absent{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(200)]
    terms = ["common", "words", *absent, "quetzal"]
    assert lexical(library.open("fruit").view(), *terms)[0] == "quetzal"


def test_equal_scores_come_in_the_order_of_ingestion(
    library: Library, writer: CollectionWriter
) -> None:
    for number in range(5):
        put(writer.catalog, f"{number}.txt", ["same text"])
    writer.publish()
    view = library.open("fruit").view()
    ids = [chunk_id for chunk_id, _ in view.search_lexical({"same": 1.0}, 5, None)]
    assert ids == sorted(ids)
    vector = letters("same text")
    assert vector is not None
    dense = [chunk_id for chunk_id, _ in view.search_dense(vector, 5, None)]
    assert dense == sorted(dense)
    assert np.allclose([score for _, score in view.search_dense(vector, 5, None)], 1, atol=1e-3)


def test_idf_stays_positive_when_most_chunks_were_replaced(
    library: Library, writer: CollectionWriter
) -> None:
    for _ in range(4):
        for number in range(9):
            put(writer.catalog, f"{number}.txt", [f"acme {number}"])
        writer.publish()
    assert library.open("fruit").view().idf("acm") >= 0


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


def test_a_data_folder_that_cannot_be_made_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(StorageError, match="cannot be written"):
        CollectionWriter(Library(tmp_path / "file").home("fruit"), FINGERPRINT)
