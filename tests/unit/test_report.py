"""The outcome of an ingest, for people and for machines."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from ingest.discover import FoundFile, LeftOut
from ingest.mirror import Move, Plan, Removal, ToLoad
from ingest.report import (
    FileReport,
    IngestReport,
    left_out_report,
    plan_report,
    print_report,
    removal_report,
)
from rag_service.store.catalog_schema import FileStat, KnownDocument

STAT = FileStat(1, 1, 1)


def found(source: str) -> FoundFile:
    return FoundFile(source, Path("/docs") / source, STAT)


def held(source: str) -> KnownDocument:
    return KnownDocument(1, source, "0" * 64, STAT, "1")


def printed(report: IngestReport) -> list[str]:
    stream = io.StringIO()
    print_report(report, Console(file=stream, width=200))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def a_plan() -> Plan:
    return Plan(
        load=[ToLoad(found("new.txt"), "h", None), ToLoad(found("edited.txt"), "h", held("e"))],
        move=[Move(held("old.txt"), found("renamed.txt"))],
        touch=[Move(held("touched.txt"), found("touched.txt"))],
        unchanged=[held("same.txt")],
        delete=[Removal(held("gone.txt"))],
        left_out=[
            LeftOut("table.xlsx", "unsupported_format", "not read"),
            LeftOut("huge.txt", "file_too_large", "too large", failed=True),
        ],
    )


@pytest.mark.parametrize(
    ("documents", "statuses", "code"),
    [
        (2, ["added", "added"], 0),
        (1, ["added", "skipped", "empty"], 0),
        (0, [], 1),
        (0, ["skipped"], 1),
        (0, ["failed"], 1),
        (0, ["deleted"], 1),
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
        "table.xlsx": "skipped",
        "huge.txt": "failed",
    }
    assert len(report.files) == 8
    assert report.dry_run
    assert report.exit_code() == 3


def test_a_left_out_file_is_skipped_or_failed_with_its_reason() -> None:
    assert left_out_report(LeftOut("a", "symbolic_link", "why")) == FileReport(
        "a", "skipped", code="symbolic_link", message="why"
    )
    assert left_out_report(LeftOut("a", "bad_file_name", "why", failed=True)) == FileReport(
        "a", "failed", code="bad_file_name", message="why"
    )


def test_a_removal_says_why_when_the_name_is_still_there() -> None:
    assert removal_report(Removal(held("a"))) == FileReport("a", "deleted")
    why = LeftOut("a", "symbolic_link", "symbolic links are not followed")
    assert removal_report(Removal(held("a"), why)) == FileReport(
        "a", "deleted", code="symbolic_link", message="symbolic links are not followed"
    )


def test_the_json_form_is_complete_and_sorted_by_source() -> None:
    report = IngestReport(
        "manuals", "/docs", documents=1, embedded=4, reused=2, revision=7, seconds=1.23456
    )
    report.files.append(FileReport("b.txt", "failed", code="broken_file", message="why"))
    report.files.append(FileReport("a.txt", "added", "", "", 3, 6, "gb18030", ("odd",), 0.5))
    assert report.as_json() == {
        "collection": "manuals",
        "root": "/docs",
        "dry_run": False,
        "summary": {
            "added": 1,
            "failed": 1,
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
                "warnings": ("odd",),
                "seconds": 0.5,
            },
            {
                "source": "b.txt",
                "status": "failed",
                "code": "broken_file",
                "message": "why",
                "pages": 0,
                "chunks": 0,
                "encoding": "",
                "warnings": (),
                "seconds": 0.0,
            },
        ],
    }


def test_only_files_that_need_attention_are_printed_before_the_totals() -> None:
    report = IngestReport("manuals", "/docs", documents=2, embedded=9, reused=1, seconds=2.04)
    report.files = [
        FileReport("fine.txt", "added"),
        FileReport("odd.txt", "added", warnings=("one character was dropped",)),
        FileReport("[x].pdf", "failed", code="encrypted_file", message="needs a [password]"),
        FileReport("same.txt", "unchanged"),
    ]
    assert printed(report) == [
        "file     status  why",
        "[x].pdf  failed  needs a [password]",
        "odd.txt  added   one character was dropped",
        "Collection manuals: 2 added, 1 unchanged, 1 failed. "
        "2 documents, 9 texts embedded, 1 embeddings reused, 2.0 s.",
    ]


def test_a_folder_of_nothing_says_so() -> None:
    assert printed(IngestReport("manuals", "/docs", seconds=0.1)) == [
        "Collection manuals: no files. 0 documents, 0 texts embedded, 0 embeddings reused, 0.1 s.",
        "Nothing in this folder could be used.",
    ]


def test_a_dry_run_prints_every_file_and_what_would_be_done() -> None:
    lines = printed(plan_report("manuals", "/docs", a_plan()))
    assert [line.split() for line in lines[1:9]] == [
        ["edited.txt", "updated"],
        ["gone.txt", "deleted"],
        ["huge.txt", "failed", "too", "large"],
        ["new.txt", "added"],
        ["renamed.txt", "moved", "from", "old.txt"],
        ["same.txt", "unchanged"],
        ["table.xlsx", "skipped", "not", "read"],
        ["touched.txt", "unchanged"],
    ]
    assert lines[9:] == [
        "Plan for collection manuals: 1 added, 1 updated, 1 moved, 2 unchanged, 1 deleted, "
        "1 skipped, 1 failed."
    ]
