"""Texts too large to be held whole, read part by part."""

from __future__ import annotations

from typing import Any

import pytest

import ingest.large
from rag_service.store.catalog_schema import StagedDocument
from rag_service.store.catalog_writer import CatalogWriter
from tests.integration.ingest.parts import STORAGE, WARRANTY, Knowledge, doc_id, statuses


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is large otherwise begins at 2 KB here, in parts of 1 KB."""
    monkeypatch.setattr(ingest.large, "LARGE_BYTES", 2000)
    monkeypatch.setattr(ingest.large, "PART_BYTES", 1000)


def _book(paragraphs: int) -> str:
    told = (f"Room {n} holds sensor {n}. {STORAGE}" for n in range(paragraphs))
    return "# The book of rooms\n\n## Rooms\n\n" + "\n\n".join(told) + "\n"


@pytest.mark.usefixtures("small_parts")
def test_a_very_large_text_is_one_document_like_any_other(knowledge: Knowledge) -> None:
    knowledge.write("book.md", _book(40))
    knowledge.write("note.txt", WARRANTY)
    report = knowledge.ingest()
    assert statuses(report) == {"book.md": "added", "note.txt": "added"}
    assert knowledge.texts()["book.md"] == _book(40)
    chunks = knowledge.opened().catalog.chunks_of(doc_id(knowledge, "book.md"))
    assert next(f.chunks for f in report.files if f.source == "book.md") == len(chunks)
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert {chunk.title for chunk in chunks} == {"The book of rooms"}
    assert chunks[-1].heading.endswith("Rooms")
    assert "room 39" in chunks[-1].text.lower()
    assert statuses(knowledge.ingest()) == {"book.md": "unchanged", "note.txt": "unchanged"}
    knowledge.check()


@pytest.mark.usefixtures("small_parts")
def test_a_very_large_text_goes_on_where_it_was_interrupted(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    knowledge.write("book.md", _book(40))
    stage, staged = CatalogWriter.stage_part, list[int]()

    def interrupted(*arguments: Any, **named: Any) -> StagedDocument:
        if len(staged) == 3:
            raise KeyboardInterrupt
        after = stage(*arguments, **named)
        staged.append(after.parts)
        return after

    monkeypatch.setattr(CatalogWriter, "stage_part", interrupted)
    with pytest.raises(KeyboardInterrupt):
        knowledge.ingest()
    assert knowledge.opened().catalog.counts()["documents"] == 0
    monkeypatch.setattr(CatalogWriter, "stage_part", stage)
    embedded = knowledge.opened().catalog.texts_embedded()
    report = knowledge.ingest()
    assert statuses(report) == {"book.md": "added"}
    assert (staged, embedded > 0) == ([1, 2, 3], True)
    assert knowledge.texts()["book.md"] == _book(40)
    catalog = knowledge.opened().catalog
    assert catalog.texts_embedded() == catalog.counts()["vectors"] == embedded + report.embedded
    knowledge.check()


@pytest.mark.usefixtures("small_parts")
def test_the_rows_of_a_very_large_table_all_know_the_names_of_its_columns(
    knowledge: Knowledge,
) -> None:
    rows = [f"valve {n},room {n % 7},blue" for n in range(200)]
    knowledge.write("parts.csv", "\n".join(["part,place,colour", *rows]) + "\n")
    knowledge.ingest()
    chunks = knowledge.opened().catalog.chunks_of(doc_id(knowledge, "parts.csv"))
    assert len(chunks) > 5
    assert chunks[0].text.startswith("part,place,colour\nvalve 0,")
    assert {chunk.table_header for chunk in chunks[1:]} == {"part,place,colour"}
    knowledge.check()


@pytest.mark.usefixtures("small_parts")
def test_a_large_text_with_a_wrong_byte_in_a_late_part_fails_whole_and_keeps_the_old_version(
    knowledge: Knowledge,
) -> None:
    path = knowledge.write("book.md", _book(40))
    knowledge.ingest()
    path.write_bytes(_book(40).encode() + b"\xff\xfe broken \xc3\x28" * 40)
    report = knowledge.ingest()
    assert statuses(report) == {"book.md": "failed"}
    assert knowledge.texts()["book.md"] == _book(40)
    knowledge.check()
