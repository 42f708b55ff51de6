"""Who may write, to which generation, and what collections may be called."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag_service.errors import (
    CollectionBusy,
    CollectionExists,
    CollectionNotFound,
    DocumentNotFound,
    IndexMismatch,
    InvalidCollectionName,
    StorageError,
)
from rag_service.store.collection_writer import CollectionWriter
from rag_service.store.library import Library
from tests.integration.collection.parts import lexical
from tests.stored import FINGERPRINT, put


def test_a_writer_told_so_makes_no_new_collection(library: Library) -> None:
    with pytest.raises(CollectionNotFound):
        CollectionWriter(library.home("fruit"), FINGERPRINT, create=False)
    assert not library.home("fruit").folder.exists()


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


def test_a_data_folder_that_cannot_be_made_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(StorageError, match="cannot be written"):
        CollectionWriter(Library(tmp_path / "file").home("fruit"), FINGERPRINT)
