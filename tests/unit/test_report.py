"""The outcome of an ingest, for people and for machines."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from ingest.found import FoundFile, LeftOut
from ingest.plan import Plan, Removal, ToLoad
from ingest.renames import Move
from ingest.report import (
    FileReport,
    IngestReport,
    left_out_report,
    merged,
    plan_report,
    print_report,
    removal_report,
)
from rag_service.store.catalog_schema import FileStat, KnownDocument, KnownFailure

STAT = FileStat(1, 1, 1)


def found(source: str) -> FoundFile:
    return FoundFile(source, Path("/docs"), STAT)


def held(source: str) -> KnownDocument:
    return KnownDocument(1, source, "0" * 64, STAT, "1")


def printed(report: IngestReport, *, verbose: bool = False) -> list[str]:
    stream = io.StringIO()
    print_report(report, Console(file=stream, width=80), verbose=verbose)
    return stream.getvalue().splitlines()


def a_plan() -> Plan:
    return Plan(
        load=[ToLoad(found("new.txt"), "h", None), ToLoad(found("edited.txt"), "h", held("e"))],
        move=[Move(held("old.txt"), found("renamed.txt"))],
        touch=[Move(held("touched.txt"), found("touched.txt"))],
        unchanged=[held("same.txt")],
        delete=[Removal(held("gone.txt"))],
        left_out=[
            LeftOut("photo.png", "unsupported_format", "not read"),
            LeftOut("huge.txt", "file_too_large", "too large", failed=True),
            LeftOut("drafts", "ignored", "ours", files=3),
        ],
        quarantined=[
            KnownFailure("b.pdf", "broken_file", "Damaged.", STAT, "1", "2024-05-06T07:08:09Z")
        ],
        kept=[held("huge.txt")],
    )


@pytest.mark.parametrize(
    ("documents", "statuses", "code"),
    [
        (2, ["added", "added"], 0),
        (1, ["added", "skipped", "empty"], 0),
        (0, [], 1),
        (0, ["skipped"], 1),
        (0, ["failed"], 1),
        (0, ["deleted"], 0),
        (0, ["deleted", "failed"], 1),
        (1, ["added", "failed"], 3),
        (1, ["failed"], 3),
    ],
)
def test_the_exit_code_tells_all_from_some_from_nothing(
    documents: int, statuses: list[str], code: int
) -> None:
    files = [FileReport(f"{n}.txt", s) for n, s in enumerate(statuses)]  # type: ignore[arg-type]
    report = IngestReport("manuals", "/docs", files=files, documents=documents)
    assert report.exit_code() == code


def test_a_dry_run_over_an_empty_folder_is_no_failure() -> None:
    assert IngestReport("manuals", "/docs", dry_run=True).exit_code() == 0


def test_a_plan_is_reported_with_every_file_once() -> None:
    report = plan_report("manuals", "/docs", a_plan())
    assert {file.source: file.status for file in report.files} == {
        "new.txt": "added",
        "edited.txt": "updated",
        "renamed.txt": "moved",
        "touched.txt": "unchanged",
        "same.txt": "unchanged",
        "gone.txt": "deleted",
        "photo.png": "skipped",
        "drafts": "skipped",
        "huge.txt": "failed",
        "b.pdf": "failed",
    }
    assert len(report.files) == 10
    assert report.files_seen == 11  # three in the folder, none for what is gone
    assert report.documents == 6
    assert (report.dry_run, report.exit_code()) == (True, 3)


def test_a_plan_at_work_is_reported_without_the_files_that_are_yet_to_be_loaded() -> None:
    report = plan_report("manuals", "/docs", a_plan(), done=True)
    assert report.counts() == {
        "moved": 1,
        "unchanged": 2,
        "deleted": 1,
        "skipped": 4,
        "failed": 2,
    }
    assert not report.dry_run


def test_a_file_that_is_not_tried_again_has_failed_and_says_since_when() -> None:
    report = plan_report("manuals", "/docs", a_plan())
    (line,) = [file for file in report.files if file.source == "b.pdf"]
    assert line == FileReport(
        "b.pdf",
        "failed",
        code="broken_file",
        message="Damaged. Not tried again: unchanged since 2024-05-06; use --retry-failed.",
    )


def test_a_left_out_file_is_skipped_or_failed_with_its_reason() -> None:
    assert left_out_report(LeftOut("a", "symbolic_link", "why")) == FileReport(
        "a", "skipped", code="symbolic_link", message="why"
    )
    assert left_out_report(LeftOut("a", "bad_file_name", "why", failed=True)) == FileReport(
        "a", "failed", code="bad_file_name", message="why"
    )


@pytest.mark.parametrize(
    ("files", "more", "message"),
    [(12, False, "ours; 12 files in it"), (100_000, True, "ours; 100000+ files in it")],
)
def test_a_left_out_folder_is_one_line_that_counts_its_files(
    files: int, more: bool, message: str
) -> None:
    item = LeftOut("drafts", "ignored", "ours", files=files, more=more)
    assert left_out_report(item) == FileReport(
        "drafts", "skipped", code="ignored", message=message, files=files, more=more
    )


def test_a_removal_says_why_when_the_name_is_still_there() -> None:
    assert removal_report(Removal(held("a"))) == FileReport("a", "deleted", files=0)
    why = LeftOut("a", "symbolic_link", "symbolic links are not followed")
    assert removal_report(Removal(held("a"), why)) == FileReport(
        "a", "deleted", code="symbolic_link", message="symbolic links are not followed"
    )


def test_a_removal_from_a_folder_that_is_left_out_does_not_count_its_file_twice() -> None:
    why = LeftOut("drafts", "ignored", "ours", files=3)
    lines = [removal_report(Removal(held("drafts/a.txt"), why)), left_out_report(why)]
    assert lines[0] == FileReport(
        "drafts/a.txt", "deleted", code="ignored", message="drafts: ours", files=0
    )
    report = IngestReport("manuals", "/docs", files=lines)
    assert report.files_seen == 3
    assert report.counts() == {"deleted": 1, "skipped": 3}


def test_a_document_that_went_although_its_file_is_there_leaves_a_skipped_file() -> None:
    why = LeftOut("a", "symbolic_link", "symbolic links are not followed")
    report = IngestReport("manuals", "/docs", files=[removal_report(Removal(held("a"), why))])
    assert report.files_seen == 1
    assert report.counts() == {"deleted": 1, "skipped": 1}


def test_all_counts_but_the_deleted_add_up_to_the_files_of_the_folder() -> None:
    report = plan_report("manuals", "/docs", a_plan())
    counts = report.counts()
    assert sum(counts.values()) - counts["deleted"] == report.files_seen


def test_the_json_form_is_complete_and_sorted_by_source() -> None:
    report = IngestReport(
        "manuals", "/docs", documents=1, embedded=4, reused=2, revision=7, seconds=1.23456
    )
    report.files.append(FileReport("b.txt", "failed", code="broken_file", message="why"))
    report.files.append(
        FileReport("a.txt", "added", "", "", 3, 6, "gb18030", ("odd",), 0.5, engine="pypdf 7.1.0")
    )
    assert json.loads(json.dumps(report.as_json())) == {
        "collection": "manuals",
        "root": "/docs",
        "dry_run": False,
        "summary": {
            "added": 1,
            "failed": 1,
            "files_seen": 2,
            "documents": 1,
            "embedded": 4,
            "reused": 2,
            "revision": 7,
            "seconds": 1.235,
        },
        "exit_code": 3,
        "files": [
            {
                "source": "a.txt",
                "status": "added",
                "code": "",
                "message": "",
                "pages": 3,
                "chunks": 6,
                "encoding": "gb18030",
                "warnings": ["odd"],
                "seconds": 0.5,
                "engine": "pypdf 7.1.0",
                "files": 1,
                "more": False,
                "folder": "",
            },
            {
                "source": "b.txt",
                "status": "failed",
                "code": "broken_file",
                "message": "why",
                "pages": 0,
                "chunks": 0,
                "encoding": "",
                "warnings": [],
                "seconds": 0.0,
                "engine": "",
                "files": 1,
                "more": False,
                "folder": "",
            },
        ],
    }


def test_reports_of_several_folders_are_summed_and_say_which_folder_a_file_is_in() -> None:
    first = IngestReport("manuals", "/a", files=[FileReport("x.txt", "failed", message="why")])
    second = IngestReport("manuals", "/b", files=[FileReport("x.txt", "added")], documents=2)
    first.documents, first.embedded, first.reused = 3, 5, 7
    whole = merged([first, second])
    assert (whole.documents, whole.embedded, whole.reused) == (5, 5, 7)
    assert [(file.folder, file.source) for file in whole.files] == [
        ("/a", "x.txt"),
        ("/b", "x.txt"),
    ]
    assert printed(whole)[0] == "failed     /a/x.txt  why"


# -- for people ------------------------------------------------------------------------------


def test_only_files_that_need_attention_are_printed_before_the_totals() -> None:
    report = IngestReport("manuals", "/docs", documents=2, embedded=9, reused=1, seconds=2.04)
    report.files = [
        FileReport("fine.txt", "added"),
        FileReport("odd.txt", "added", warnings=("one character was dropped",)),
        FileReport("[x].pdf", "failed", code="encrypted_file", message="needs a [password]"),
        FileReport("same.txt", "unchanged"),
        FileReport("手册.md", "empty", message="nothing in it"),
    ]
    assert printed(report) == [
        "failed     [x].pdf  needs a [password]",
        "empty      手册.md  nothing in it",
        "added      odd.txt  one character was dropped",
        "Collection manuals: 5 files: 2 added, 1 unchanged, 1 empty, 1 failed. "
        "2 documents, 9 texts embedded, 1 embedding reused, 2.0 s.",
    ]


def test_what_is_skipped_is_one_line_with_the_reasons_unless_verbose() -> None:
    report = IngestReport("manuals", "/docs", documents=1, seconds=1.0)
    report.files = [
        FileReport("a.txt", "added"),
        FileReport("b.DOC", "skipped", code="unsupported_format", message="not read"),
        FileReport("c.doc", "skipped", code="unsupported_format", message="not read"),
        FileReport("d.png", "skipped", code="unsupported_format", message="not read"),
        FileReport("notes", "skipped", code="unsupported_format", message="not read"),
        FileReport("drafts", "skipped", code="ignored", message="ours", files=20),
        FileReport(".git", "skipped", code="hidden", message="hidden", files=100, more=True),
    ]
    summary = [
        "124+ files skipped: 100+ hidden, 20 ignored, "
        "4 unsupported format (.doc, .png, no suffix).",
        "Collection manuals: 125+ files: 1 added, 124+ skipped. "
        "1 document, 0 texts embedded, 0 embeddings reused, 1.0 s.",
    ]
    assert printed(report) == summary
    verbose = printed(report, verbose=True)
    assert verbose[-2:] == summary
    assert [line.split() for line in verbose[:-2]] == [
        ["skipped", ".git", "hidden"],
        ["skipped", "b.DOC", "not", "read"],
        ["skipped", "c.doc", "not", "read"],
        ["skipped", "d.png", "not", "read"],
        ["skipped", "drafts", "ours"],
        ["skipped", "notes", "not", "read"],
        ["added", "a.txt"],
    ]


def test_lines_are_not_folded_and_a_name_cannot_steer_the_terminal() -> None:
    report = IngestReport("manuals", "/docs", documents=1)
    name = "长" * 100 + "\x1b[2J\n.pdf"
    report.files = [FileReport(name, "failed", message="damaged " * 40 + "end")]
    line, _ = printed(report)
    assert line.startswith("failed     " + "长" * 100 + r"\x1b[2J\n.pdf  damaged")
    assert line.endswith("end")


def test_a_folder_of_nothing_says_so() -> None:
    assert printed(IngestReport("manuals", "/docs", seconds=0.1)) == [
        "Collection manuals: no files. 0 documents, 0 texts embedded, 0 embeddings reused, 0.1 s.",
        "Nothing in this folder could be used.",
    ]


def test_a_dry_run_prints_every_file_that_something_would_be_done_with() -> None:
    lines = printed(plan_report("manuals", "/docs", a_plan()))
    assert [" ".join(line.split()) for line in lines[:7]] == [
        "failed b.pdf Damaged. Not tried again: unchanged since 2024-05-06; use --retry-failed.",
        "failed huge.txt too large",
        "deleted gone.txt",
        "moved renamed.txt from old.txt",
        "updated edited.txt",
        "added new.txt",
        "4 files skipped: 3 ignored, 1 unsupported format (.png).",
    ]
    assert lines[7:] == [
        "Plan for collection manuals: 11 files: 1 added, 1 updated, 1 moved, 2 unchanged, "
        "4 skipped, 2 failed; 1 document deleted."
    ]
