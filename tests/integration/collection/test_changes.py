"""Documents come, change, move and go, and readers see it."""

from __future__ import annotations

from dataclasses import replace

from rag_service.document_types import ChunkSpan
from rag_service.store.catalog_schema import NewChunk
from rag_service.store.collection_writer import CollectionWriter
from rag_service.store.library import Library
from tests.integration.collection.parts import lexical, nearest
from tests.stored import document, key_of, letters, put


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
