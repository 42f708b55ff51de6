"""A folder becomes a collection, and is followed through whatever happens to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingest.run import Ingestor
from rag_service.errors import CollectionBusy, InvalidRequest
from rag_service.retrieval.embedding_model import EmbeddingModel
from tests import documents
from tests.integration.ingest.parts import (
    LEAVE,
    RETURNS,
    STORAGE,
    WARRANTY,
    Knowledge,
    doc_id,
    statuses,
)


def test_every_encoding_and_format_arrives_as_the_same_text(knowledge: Knowledge) -> None:
    knowledge.write("gbk.txt", LEAVE * 3, "gb18030")
    knowledge.write("big5.txt", RETURNS * 3, "big5")
    knowledge.write("utf16.txt", WARRANTY, "utf-16")
    knowledge.write("guide/storage.md", f"# Storage\n\n{STORAGE}")
    documents.write_pdf(knowledge.folder / "en.pdf", [["Page one speaks of pumps."], [WARRANTY]])
    chinese = [["本手册说明如何安装水泵。"], ["请先关闭电源，再拆下外壳。"]]
    documents.write_pdf(knowledge.folder / "zh.pdf", chinese, font=documents.CHINESE_FONT)
    report = knowledge.ingest()
    assert set(statuses(report).values()) == {"added"}
    assert (report.documents, report.exit_code()) == (6, 0)
    texts = knowledge.texts()
    assert texts["gbk.txt"] == LEAVE * 3
    assert texts["big5.txt"] == RETURNS * 3
    assert texts["utf16.txt"] == WARRANTY
    assert texts["guide/storage.md"] == f"# Storage\n\n{STORAGE}"
    encodings = {file.source: file.encoding for file in report.files if file.encoding}
    assert encodings["utf16.txt"].startswith("utf-16")
    assert encodings["big5.txt"].startswith("big5")
    assert knowledge.find("关闭电源") == ["zh.pdf"]
    assert knowledge.find("保固书")[0] == "big5.txt"  # Simplified finds Traditional
    pages = {c.page for c in knowledge.opened().catalog.chunks_of(doc_id(knowledge, "en.pdf"))}
    assert pages == {1, 2}
    knowledge.check()


def test_a_folder_is_followed_through_changes_moves_and_deletions(knowledge: Knowledge) -> None:
    articles = [f"# Part {n}\n\n{STORAGE}\n\n## Detail\n\nValve {n} is blue." for n in range(3)]
    for number, article in enumerate(articles):
        knowledge.write(f"{number}.md", article)
    first = knowledge.ingest()
    assert statuses(first) == {"0.md": "added", "1.md": "added", "2.md": "added"}
    total = sum(file.chunks for file in first.files)
    assert (first.embedded, first.reused) == (total, 0)

    again = knowledge.ingest()
    assert statuses(again) == {"0.md": "unchanged", "1.md": "unchanged", "2.md": "unchanged"}
    assert (again.embedded, again.reused, again.revision) == (0, 0, first.revision)

    changed = knowledge.write("0.md", articles[0].replace("is blue", "is green"))
    (knowledge.folder / "1.md").rename(knowledge.folder / "moved.md")
    (knowledge.folder / "2.md").unlink()
    report = knowledge.ingest()
    assert statuses(report) == {"0.md": "updated", "moved.md": "moved", "2.md": "deleted"}
    assert report.embedded == 1  # the section that changed
    assert report.reused == next(f.chunks for f in report.files if f.source == "0.md") - 1
    assert knowledge.find("green") == ["0.md"]
    assert set(knowledge.find("valve")) == {"0.md", "moved.md"}
    info = knowledge.opened().catalog.document(doc_id(knowledge, "0.md"))
    assert info.size_bytes == changed.stat().st_size
    knowledge.check()


def test_the_same_text_under_several_names_is_embedded_once(knowledge: Knowledge) -> None:
    for source in ("a.md", "b.md", "sub/c.md"):
        knowledge.write(source, f"# Storage\n\n{STORAGE}")
    report = knowledge.ingest()
    assert (report.documents, report.embedded, report.reused) == (3, 1, 2)
    knowledge.write("d.md", f"# Storage\n\n{STORAGE}")
    later = knowledge.ingest()
    assert (later.documents, later.embedded, later.reused) == (4, 0, 1)
    catalog = knowledge.opened().catalog
    assert (catalog.texts_embedded(), catalog.counts()["vectors"]) == (1, 1)
    knowledge.check()


def test_two_files_that_change_names_are_moved_not_read(knowledge: Knowledge) -> None:
    knowledge.write("a.txt", WARRANTY)
    knowledge.write("b.txt", STORAGE)
    knowledge.ingest()
    (knowledge.folder / "a.txt").rename(knowledge.folder / "c")
    (knowledge.folder / "b.txt").rename(knowledge.folder / "a.txt")
    (knowledge.folder / "c").rename(knowledge.folder / "b.txt")
    report = knowledge.ingest()
    assert statuses(report) == {"a.txt": "moved", "b.txt": "moved"}
    assert (report.embedded, report.reused) == (0, 0)
    assert knowledge.texts() == {"a.txt": STORAGE, "b.txt": WARRANTY}
    assert knowledge.find("warranty") == ["b.txt"]
    knowledge.check()


def test_several_folders_are_mirrored_in_one_run(knowledge: Knowledge, tmp_path: Path) -> None:
    knowledge.write("a.txt", WARRANTY)
    other = replace(knowledge, folder=tmp_path / "other")
    other.write("b.txt", STORAGE)
    ingestor = Ingestor(knowledge.settings(), embeddings=knowledge.embeddings)
    report = ingestor.mirror([knowledge.folder, other.folder], "manuals")
    assert statuses(report) == {"a.txt": "added", "b.txt": "added"}
    assert report.documents == 2
    other.write("b.txt", LEAVE)
    again = ingestor.mirror([knowledge.folder, other.folder], "manuals")
    assert statuses(again) == {"a.txt": "unchanged", "b.txt": "updated"}


def test_a_folder_named_twice_is_mirrored_once_and_one_within_another_is_refused(
    knowledge: Knowledge,
) -> None:
    knowledge.write("a.txt", WARRANTY)
    knowledge.write("sub/b.txt", STORAGE)
    ingestor = Ingestor(knowledge.settings(), embeddings=knowledge.embeddings)
    report = ingestor.mirror([knowledge.folder, knowledge.folder / "."], "manuals")
    assert statuses(report) == {"a.txt": "added", "sub/b.txt": "added"}
    with pytest.raises(InvalidRequest, match="would be in the collection twice"):
        ingestor.mirror([knowledge.folder / "sub", knowledge.folder], "manuals")


def test_a_dry_run_tells_the_plan_and_changes_nothing(knowledge: Knowledge) -> None:
    knowledge.write("a.txt", WARRANTY)
    plan = knowledge.ingest(dry_run=True)
    assert statuses(plan) == {"a.txt": "added"}
    assert not knowledge.data.exists()
    knowledge.ingest()
    knowledge.write("a.txt", STORAGE)
    knowledge.write("b.txt", WARRANTY)
    assert statuses(knowledge.ingest(dry_run=True)) == {"a.txt": "updated", "b.txt": "added"}
    assert knowledge.texts() == {"a.txt": WARRANTY}


def test_a_long_title_does_not_push_the_text_out_of_the_models_sight(
    knowledge: Knowledge, embeddings: EmbeddingModel
) -> None:
    sentences = " ".join(f"Sensor {n} is kept in room {n}." for n in range(10, 36))
    knowledge.write("a.md", f"# {'Title ' * 40}\n\n{sentences}")
    knowledge.ingest(max_tokens=254)
    collection = knowledge.opened()
    (chunk,) = collection.catalog.chunks_of(1)
    (alone,) = embeddings.encode_passages([chunk.text])
    assert alone is not None
    ((_, cosine),) = collection.view().search_dense(alone, 1, None)
    assert cosine == pytest.approx(1, abs=1e-3)


def test_a_busy_collection_is_refused(knowledge: Knowledge) -> None:
    knowledge.write("a.txt", WARRANTY)
    home = knowledge.library().home("manuals")
    home.folder.mkdir(parents=True)
    with home.locked(), pytest.raises(CollectionBusy, match="Another process is writing"):
        knowledge.ingest()


def test_two_folders_live_side_by_side_in_one_collection(knowledge: Knowledge) -> None:
    knowledge.write("a.txt", WARRANTY)
    knowledge.ingest()
    other = replace(knowledge, folder=knowledge.folder.with_name("others"))
    other.write("a.txt", STORAGE)
    assert statuses(other.ingest()) == {"a.txt": "added"}
    assert statuses(knowledge.ingest()) == {"a.txt": "unchanged"}
    assert knowledge.opened().catalog.counts()["documents"] == 2
