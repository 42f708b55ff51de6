"""What a collection lacks of a folder: new and changed files, told by content and time stamps."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.file_state import settled, stat_of, unsettled
from ingest.found import FoundFile
from ingest.mirror import plan_mirror
from rag_service.store.catalog_schema import FileStat
from tests.mirror_parts import LATER, OLD, SECOND, known, look, mirror, outline, plan, sha256, write


def test_a_new_file_is_loaded_under_the_hash_of_its_content(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "one"})
    made = mirror(tmp_path)
    assert outline(made) == {"load": ["a.txt"]}
    assert made.load[0].content_hash == sha256("one")
    assert made.load[0].known is None


def test_a_changed_file_is_loaded_in_place_of_what_its_name_held(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "two"})
    before = known("a.txt", "one")
    made = mirror(tmp_path, before)
    assert outline(made) == {"load": ["a.txt"]}
    assert made.load[0].known == before


def test_a_file_whose_content_is_the_same_is_only_touched(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "one"})
    assert outline(mirror(tmp_path, known("a.txt", "one"))) == {"touch": ["a.txt"]}


def test_a_file_whose_stat_is_the_remembered_one_is_not_read(tmp_path: Path) -> None:
    vanished = FoundFile("a.txt", tmp_path, OLD)
    assert outline(plan([vanished], known("a.txt", "one"))) == {"unchanged": ["a.txt"]}


@pytest.mark.parametrize("other", [FileStat(5, 1, 1), FileStat(4, 2, 1), FileStat(4, 1, 2)])
def test_size_and_both_time_stamps_must_all_match(tmp_path: Path, other: FileStat) -> None:
    write(tmp_path, {"a.txt": "new!"})
    file = FoundFile("a.txt", tmp_path, other)
    assert outline(plan([file], known("a.txt", "old!"))) == {"load": ["a.txt"]}


def test_a_newer_loader_reads_the_files_of_its_format_again(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "one", "b.md": "two"})
    text, markdown = look(tmp_path)
    made = plan(
        [text, markdown],
        known("a.txt", "one", stat=text.stat, loader="text/0"),
        known("b.md", "two", stat=markdown.stat),
    )
    assert outline(made) == {"load": ["a.txt"], "unchanged": ["b.md"]}


@pytest.mark.parametrize("behind_ns", [SECOND, 3600 * SECOND])
def test_a_time_stamp_ahead_of_a_clock_that_was_set_back_is_not_trusted(
    tmp_path: Path, behind_ns: int
) -> None:
    write(tmp_path, {"a.txt": "new!"})
    (file,) = look(tmp_path)
    clock = file.stat.ctime_ns - behind_ns
    before = known("a.txt", "old!", stat=file.stat)
    assert outline(plan([file], before, now_ns=clock)) == {"load": ["a.txt"]}


def test_a_file_dated_in_the_future_is_read_but_not_loaded_again(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "one"})
    os.utime(tmp_path / "a.txt", ns=(LATER + SECOND, LATER + SECOND))
    (file,) = look(tmp_path)
    remembered = settled(file.stat, LATER)
    assert outline(plan([file], known("a.txt", "one", stat=file.stat))) == {"touch": ["a.txt"]}
    made = plan([file], known("a.txt", "one", stat=remembered))
    assert outline(made) == {"unchanged": ["a.txt"]}  # there is nothing to write down


def test_every_file_is_counted_for_the_progress(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "one", "b.txt": "two"})
    counted: list[int] = []
    plan_mirror(look(tmp_path), {}, now_ns=LATER, on_file=lambda: counted.append(1))
    assert len(counted) == 2


def test_a_stat_older_than_two_seconds_at_reading_is_trusted() -> None:
    second = 1_000_000_000
    stat = FileStat(4, 10 * second, 10 * second)
    assert settled(stat, 12 * second) == stat
    assert settled(stat, 12 * second - 1) == unsettled(stat)


@pytest.mark.parametrize("stat", [FileStat(4, 99, 1), FileStat(4, 1, 99), FileStat(4, 10**12, 1)])
def test_the_younger_of_both_time_stamps_counts_and_the_future_is_not_trusted(
    stat: FileStat,
) -> None:
    assert settled(stat, 2_000_000_050) == unsettled(stat)


def test_an_unsettled_stat_keeps_size_and_date_and_matches_no_file() -> None:
    assert unsettled(FileStat(4, 99, 99)) == FileStat(4, 99, 0)


def test_the_stat_of_a_file_that_is_gone_is_none(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "one"})
    (file,) = look(tmp_path)
    assert stat_of(tmp_path / "a.txt") == file.stat
    assert stat_of(tmp_path / "b.txt") is None
