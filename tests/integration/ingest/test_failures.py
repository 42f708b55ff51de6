"""Files and folders that are bad, empty or gone: they are told of, and nothing is lost."""

from __future__ import annotations

import pytest

import ingest.file_state
from ingest.report import IngestReport
from rag_service.errors import PathNotFound
from tests import documents
from tests.integration.ingest.parts import LEAVE, STORAGE, WARRANTY, Knowledge, statuses


def failures(report: IngestReport) -> dict[str, str]:
    return {file.source: file.code for file in report.files if file.status == "failed"}


def test_bad_files_cost_themselves_alone_and_each_says_why(knowledge: Knowledge) -> None:
    knowledge.write("good.txt", WARRANTY)
    knowledge.write("empty.txt", "")
    knowledge.write("photo.raw", "a,b")
    (knowledge.folder / "binary.txt").write_bytes(bytes(range(256)) * 20)
    (knowledge.folder / "huge.txt").write_bytes(b"x" * ((1 << 20) + 1))
    documents.write_broken_pdf(knowledge.folder / "broken.pdf")
    documents.write_encrypted_pdf(knowledge.folder / "locked.pdf", [["x"]], password="secret")
    documents.write_image_pdf(knowledge.folder / "scan.pdf")
    report = knowledge.ingest()
    assert failures(report) == {
        "binary.txt": "not_text",
        "broken.pdf": "broken_file",
        "huge.txt": "file_too_large",
        "locked.pdf": "encrypted_file",
        "scan.pdf": "no_text",
    }
    rest = {s: status for s, status in statuses(report).items() if status != "failed"}
    assert rest == {"good.txt": "added", "empty.txt": "empty", "photo.raw": "skipped"}
    assert (report.documents, report.exit_code()) == (1, 3)
    assert knowledge.library().info("manuals").failed == 5
    knowledge.check()


def test_a_good_file_that_turns_bad_keeps_its_last_good_version(knowledge: Knowledge) -> None:
    knowledge.write("a.txt", WARRANTY)
    knowledge.write("b.txt", STORAGE)
    knowledge.ingest()
    (knowledge.folder / "a.txt").write_bytes(bytes(range(256)) * 20)
    (knowledge.folder / "b.txt").write_bytes(b"x" * ((1 << 20) + 1))
    knowledge.write("c.txt", LEAVE)
    report = knowledge.ingest()
    assert failures(report) == {"a.txt": "not_text", "b.txt": "file_too_large"}
    for file in report.files:
        if file.status == "failed":
            assert file.message.endswith("The last good version stays in the collection.")
    assert knowledge.texts() == {"a.txt": WARRANTY, "b.txt": STORAGE, "c.txt": LEAVE}
    assert report.documents == 3
    knowledge.write("a.txt", WARRANTY)
    knowledge.write("b.txt", STORAGE)
    mended = knowledge.ingest()
    assert (mended.exit_code(), mended.embedded) == (0, 0)
    assert knowledge.library().info("manuals").failed == 0


def test_an_emptied_file_leaves_the_collection(knowledge: Knowledge) -> None:
    knowledge.write("a.txt", WARRANTY)
    knowledge.write("b.txt", STORAGE)
    knowledge.ingest()
    knowledge.write("a.txt", " \n")
    report = knowledge.ingest()
    assert statuses(report) == {"a.txt": "empty", "b.txt": "unchanged"}
    assert (report.documents, report.exit_code()) == (1, 0)
    assert knowledge.texts() == {"b.txt": STORAGE}
    assert knowledge.find("warranty") == []
    knowledge.check()


def test_a_folder_with_nothing_usable_is_an_outcome_of_its_own(knowledge: Knowledge) -> None:
    knowledge.write("photo.raw", "a,b")
    report = knowledge.ingest()
    assert statuses(report) == {"photo.raw": "skipped"}
    assert report.exit_code() == 1


def test_a_folder_that_vanished_or_was_emptied_loses_nothing_without_prune(
    knowledge: Knowledge,
) -> None:
    knowledge.write("a.txt", WARRANTY)
    knowledge.ingest()
    (knowledge.folder / "a.txt").unlink()
    with pytest.raises(PathNotFound, match="Is the disk mounted"):
        knowledge.ingest()
    knowledge.folder.rmdir()
    with pytest.raises(PathNotFound, match="does not exist"):
        knowledge.ingest()
    assert knowledge.find("warranty") == ["a.txt"]
    report = knowledge.ingest(prune=True)
    assert statuses(report) == {"a.txt": "deleted"}
    assert (report.documents, report.exit_code()) == (0, 0)
    assert knowledge.find("warranty") == []
    knowledge.check()


def test_a_file_that_failed_is_tried_again_only_when_it_has_changed(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest.file_state, "_SETTLING_NS", 0)  # trust time stamps at once
    knowledge.write("good.txt", WARRANTY)
    bad = documents.write_broken_pdf(knowledge.folder / "bad.pdf")
    first = knowledge.ingest()
    again = knowledge.ingest()
    assert failures(first) == failures(again) == {"bad.pdf": "broken_file"}
    assert (first.exit_code(), again.exit_code()) == (3, 3)
    (told,) = (file.message for file in again.files if file.status == "failed")
    assert "Not tried again: unchanged since" in told
    forced = knowledge.ingest(retry_failed=True)
    (told,) = (file.message for file in forced.files if file.status == "failed")
    assert "Not tried again" not in told
    documents.write_pdf(bad, [[WARRANTY]])
    assert statuses(knowledge.ingest()) == {"good.txt": "unchanged", "bad.pdf": "added"}
    assert knowledge.library().info("manuals").failed == 0
