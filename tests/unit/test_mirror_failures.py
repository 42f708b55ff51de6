"""Files that failed before: when they are tried again, and what is kept of them."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ingest.file_state import unsettled
from ingest.mirror import plan_mirror
from rag_service.store.catalog_schema import FileStat, KnownFailure
from tests.mirror_parts import LATER, SECOND, failed, known, look, mirror, outline, write


def test_a_file_that_failed_is_not_tried_again_until_it_changes(tmp_path: Path) -> None:
    write(tmp_path, {"a.pdf": "broken", "b.txt": "x"})
    os.utime(tmp_path / "a.pdf", ns=(5, 5))
    broken, _ = look(tmp_path)
    before = failed("a.pdf", broken.stat)
    made = plan_mirror([broken], {}, known_failures={"a.pdf": before}, now_ns=LATER)
    assert outline(made) == {"quarantined": ["a.pdf"]}
    assert made.quarantined == [before]
    for other in (
        failed("a.pdf", FileStat(9, 5, broken.stat.ctime_ns)),
        failed("a.pdf", unsettled(broken.stat)),
        KnownFailure("a.pdf", "broken_file", "", broken.stat, "pdf/0", ""),
    ):
        made = plan_mirror([broken], {}, known_failures={"a.pdf": other}, now_ns=LATER)
        assert outline(made) == {"load": ["a.pdf"]}


def test_a_failure_is_tried_again_when_that_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path, {"a.pdf": "broken"})
    (file,) = look(tmp_path)
    before = failed("a.pdf", file.stat)
    assert outline(mirror(tmp_path, failures=(before,), retry_failed=True)) == {"load": ["a.pdf"]}


def test_a_file_that_was_not_ours_to_read_is_always_tried_again(tmp_path: Path) -> None:
    write(tmp_path, {"a.pdf": "fine"})
    (file,) = look(tmp_path)
    before = failed("a.pdf", file.stat, code="unreadable_file")
    made = plan_mirror([file], {}, known_failures={"a.pdf": before}, now_ns=LATER)
    assert outline(made) == {"load": ["a.pdf"]}


def test_a_file_that_met_the_limits_of_its_parser_is_tried_again_a_day_later(
    tmp_path: Path,
) -> None:
    """The machine may have been busy, or short of memory."""
    write(tmp_path, {"a.pdf": "slow"})
    os.utime(tmp_path / "a.pdf", ns=(5, 5))
    (file,) = look(tmp_path)
    before = failed("a.pdf", file.stat, code="parser_failed")
    for hours, expected in ((23, {"quarantined": ["a.pdf"]}), (25, {"load": ["a.pdf"]})):
        now_ns = file.stat.ctime_ns + hours * 3600 * SECOND
        told = replace(
            before, at=datetime.fromtimestamp(now_ns / 1e9 - hours * 3600, UTC).isoformat()
        )
        made = plan_mirror([file], {}, known_failures={"a.pdf": told}, now_ns=now_ns)
        assert outline(made) == expected


def test_a_document_whose_file_failed_in_a_later_version_is_kept(tmp_path: Path) -> None:
    write(tmp_path, {"a.pdf": "broken"})
    (file,) = look(tmp_path)
    made = plan_mirror(
        [file],
        {"a.pdf": known("a.pdf", "good")},
        known_failures={"a.pdf": failed("a.pdf", file.stat)},
        now_ns=LATER,
    )
    assert outline(made) == {"quarantined": ["a.pdf"], "kept": ["a.pdf"]}


def test_a_good_version_put_back_is_known_again(tmp_path: Path) -> None:
    write(tmp_path, {"a.pdf": "good"})
    before = failed("a.pdf", FileStat(6, 5, 5))
    made = mirror(tmp_path, known("a.pdf", "good"), failures=(before,))
    assert outline(made) == {"touch": ["a.pdf"]}
