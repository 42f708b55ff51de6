"""What has to be done to make a collection a mirror of a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from rich.console import Console

from ingest.discover import FoundFile, LeftOut, discover
from ingest.mirror import Plan, compare, plan_mirror, settled, stat_of, unsettled
from ingest.progress import Progress
from rag_service.errors import PathNotFound
from rag_service.store.catalog_schema import FileStat, KnownDocument

LOADER = "7"
OLD = FileStat(4, 1, 1)  # no file of today has these time stamps
QUIET = Progress(Console(quiet=True), enabled=False)


def sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def known(
    source: str, content: str, *, stat: FileStat = OLD, loader: str = LOADER
) -> KnownDocument:
    doc_id = sum(source.encode())
    return KnownDocument(doc_id, source, sha256(content), stat, loader)


def write(root: Path, files: Mapping[str, str]) -> None:
    for source, content in files.items():
        path = root / source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def mirror(root: Path, *held: KnownDocument, prune: bool = False) -> Plan:
    return compare(
        root,
        {doc.source: doc for doc in held},
        loader_version=LOADER,
        max_file_bytes=1 << 20,
        prune=prune,
        progress=QUIET,
    )


def outline(plan: Plan) -> dict[str, list[str]]:
    """The sources in every part of a plan that is not empty."""
    parts = {
        "load": [item.file.source for item in plan.load],
        "move": [f"{item.known.source} -> {item.file.source}" for item in plan.move],
        "touch": [item.file.source for item in plan.touch],
        "unchanged": [doc.source for doc in plan.unchanged],
        "delete": [item.known.source for item in plan.delete],
        "left_out": [item.source for item in plan.left_out],
    }
    return {name: items for name, items in parts.items() if items}


def test_a_new_file_is_loaded_under_the_hash_of_its_content(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "one"})
    plan = mirror(tmp_path)
    assert outline(plan) == {"load": ["a.txt"]}
    assert plan.load[0].content_hash == sha256("one")
    assert plan.load[0].known is None


def test_a_changed_file_is_loaded_in_place_of_what_its_name_held(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "two"})
    before = known("a.txt", "one")
    plan = mirror(tmp_path, before)
    assert outline(plan) == {"load": ["a.txt"]}
    assert plan.load[0].known == before


def test_a_file_whose_content_is_the_same_is_only_touched(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "one"})
    assert outline(mirror(tmp_path, known("a.txt", "one"))) == {"touch": ["a.txt"]}


def test_a_file_whose_stat_is_the_remembered_one_is_not_read(tmp_path: Path) -> None:
    vanished = FoundFile("a.txt", tmp_path / "cannot be read", OLD)
    plan = plan_mirror([vanished], {"a.txt": known("a.txt", "one")}, loader_version=LOADER)
    assert outline(plan) == {"unchanged": ["a.txt"]}


@pytest.mark.parametrize("other", [FileStat(5, 1, 1), FileStat(4, 2, 1), FileStat(4, 1, 2)])
def test_size_and_both_time_stamps_must_all_match(tmp_path: Path, other: FileStat) -> None:
    write(tmp_path, {"a.txt": "new!"})
    file = FoundFile("a.txt", tmp_path / "a.txt", other)
    plan = plan_mirror([file], {"a.txt": known("a.txt", "old!")}, loader_version=LOADER)
    assert outline(plan) == {"load": ["a.txt"]}


def test_a_newer_loader_reads_every_file_again(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "one"})
    (file,) = discover(tmp_path, max_file_bytes=100).files
    before = known("a.txt", "one", stat=file.stat, loader="6")
    assert outline(mirror(tmp_path, before)) == {"load": ["a.txt"]}


def test_a_renamed_file_is_moved_and_not_deleted(tmp_path: Path) -> None:
    write(tmp_path, {"sub/b.txt": "one"})
    assert outline(mirror(tmp_path, known("a.txt", "one"))) == {"move": ["a.txt -> sub/b.txt"]}


def test_another_suffix_is_another_document_even_with_the_same_content(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "one"})
    plan = mirror(tmp_path, known("a.txt", "one"))
    assert outline(plan) == {"load": ["a.md"], "delete": ["a.txt"]}


def test_case_of_the_suffix_does_not_matter_to_a_move(tmp_path: Path) -> None:
    write(tmp_path, {"b.TXT": "one"})
    assert outline(mirror(tmp_path, known("a.txt", "one"))) == {"move": ["a.txt -> b.TXT"]}


def test_a_copy_is_loaded_because_the_original_is_still_there(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "one", "b.txt": "one"})
    plan = mirror(tmp_path, known("a.txt", "one"))
    assert outline(plan) == {"load": ["b.txt"], "touch": ["a.txt"]}


def test_of_two_copies_of_a_lost_file_one_is_its_move(tmp_path: Path) -> None:
    write(tmp_path, {"b.txt": "one", "c.txt": "one"})
    plan = mirror(tmp_path, known("a.txt", "one"))
    assert outline(plan) == {"load": ["c.txt"], "move": ["a.txt -> b.txt"]}


def test_two_lost_files_of_one_content_and_one_new_name_leave_one_deletion(tmp_path: Path) -> None:
    write(tmp_path, {"c.txt": "one"})
    plan = mirror(tmp_path, known("a.txt", "one"), known("b.txt", "one"))
    assert outline(plan) == {"move": ["a.txt -> c.txt"], "delete": ["b.txt"]}


def test_two_files_that_swapped_names_are_both_changed(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "two", "b.txt": "one"})
    plan = mirror(tmp_path, known("a.txt", "one"), known("b.txt", "two"))
    assert outline(plan) == {"load": ["a.txt", "b.txt"]}


def test_a_file_that_is_gone_is_deleted(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "one"})
    plan = mirror(tmp_path, known("a.txt", "one"), known("b.txt", "two"))
    assert outline(plan) == {"touch": ["a.txt"], "delete": ["b.txt"]}
    assert plan.delete[0].why is None


def test_a_file_that_cannot_be_read_keeps_its_last_good_version(tmp_path: Path) -> None:
    vanished = FoundFile("a.txt", tmp_path / "gone", FileStat(9, 9, 9))
    plan = plan_mirror([vanished], {"a.txt": known("a.txt", "one")}, loader_version=LOADER)
    assert outline(plan) == {"left_out": ["a.txt"]}
    assert plan.left_out[0] == LeftOut(
        "a.txt",
        "unreadable_file",
        "No such file or directory; check its permissions. "
        "The last good version stays in the collection.",
        failed=True,
    )


def test_a_file_that_grew_too_large_keeps_its_last_good_version(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "x" * 2_000_000, "b.txt": "x"})
    plan = mirror(tmp_path, known("a.txt", "one"))
    assert outline(plan) == {"load": ["b.txt"], "left_out": ["a.txt"]}
    assert plan.left_out[0].reason.endswith(". The last good version stays in the collection.")


def test_documents_in_a_folder_that_cannot_be_listed_are_kept() -> None:
    locked = LeftOut("sub", "unreadable_folder", "Permission denied", failed=True)
    held = [known(source, source) for source in ("sub/a.txt", "sub/deep/b.txt", "subway.txt")]
    plan = plan_mirror(
        [], {doc.source: doc for doc in held}, left_out=[locked], loader_version=LOADER
    )
    assert outline(plan) == {"delete": ["subway.txt"], "left_out": ["sub"]}
    assert plan.left_out[0].reason == (
        "Permission denied. The last good version stays in the collection."
    )


def test_a_document_whose_file_became_a_link_goes_and_is_told_once(tmp_path: Path) -> None:
    write(tmp_path, {"b.txt": "two"})
    (tmp_path / "a.txt").symlink_to(tmp_path / "b.txt")
    plan = mirror(tmp_path, known("a.txt", "one"))
    assert outline(plan) == {"load": ["b.txt"], "delete": ["a.txt"]}
    assert plan.delete[0].why == LeftOut(
        "a.txt", "symbolic_link", "symbolic links are not followed"
    )


def test_what_was_never_ingested_is_left_out_unchanged(tmp_path: Path) -> None:
    write(tmp_path, {"a.xlsx": "table", "b.txt": "x"})
    plan = mirror(tmp_path)
    assert outline(plan) == {"load": ["b.txt"], "left_out": ["a.xlsx"]}
    assert plan.left_out[0].failed is False


def test_an_emptied_folder_is_refused_because_its_disk_may_be_gone(tmp_path: Path) -> None:
    with pytest.raises(PathNotFound, match=r"no documents, but 1 were ingested.*--prune"):
        mirror(tmp_path, known("a.txt", "one"))


def test_prune_removes_everything_of_an_emptied_folder(tmp_path: Path) -> None:
    assert outline(mirror(tmp_path, known("a.txt", "one"), prune=True)) == {"delete": ["a.txt"]}


def test_a_new_collection_may_start_from_an_empty_folder(tmp_path: Path) -> None:
    assert outline(mirror(tmp_path)) == {}


def test_every_file_is_counted_for_the_progress(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "one", "b.txt": "two"})
    counted: list[int] = []
    plan_mirror(
        discover(tmp_path, max_file_bytes=100).files,
        {},
        loader_version=LOADER,
        on_file=lambda: counted.append(1),
    )
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


def test_an_unsettled_stat_keeps_the_size_and_matches_no_file() -> None:
    assert unsettled(FileStat(4, 99, 99)) == FileStat(4, 0, 0)


def test_the_stat_of_a_file_that_is_gone_is_none(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "one"})
    (file,) = discover(tmp_path, max_file_bytes=100).files
    assert stat_of(tmp_path / "a.txt") == file.stat
    assert stat_of(tmp_path / "b.txt") is None
