"""What is a deletion, and what only looks like one."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from ingest.found import FoundFile, LeftOut
from ingest.mirror import plan_mirror
from ingest.progress import Progress, Unit
from rag_service.errors import PathNotFound
from rag_service.store.catalog_schema import FileStat
from tests.mirror_parts import LATER, known, mirror, outline, plan, write


def test_a_file_that_is_gone_is_deleted(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "one"})
    made = mirror(tmp_path, known("a.txt", "one"), known("b.txt", "two"))
    assert outline(made) == {"touch": ["a.txt"], "delete": ["b.txt"]}
    assert made.delete[0].why is None


def test_a_known_file_that_vanishes_before_it_is_read_is_kept_until_the_next_run(
    tmp_path: Path,
) -> None:
    vanished = FoundFile("a.txt", tmp_path, FileStat(9, 9, 9))
    made = plan([vanished], known("a.txt", "one"))
    assert outline(made) == {"left_out": ["a.txt"], "kept": ["a.txt"]}
    assert made.left_out[0] == LeftOut(
        "a.txt",
        "unreadable_file",
        "vanished while the folder was being read; run again. "
        "The last good version stays in the collection.",
        failed=True,
    )


def test_a_new_file_that_came_and_went_is_not_told(tmp_path: Path) -> None:
    assert outline(plan([FoundFile("a.txt", tmp_path, FileStat(9, 9, 9))])) == {}


class Restless(Progress):
    """Somebody gives a file its next name each time the folder has just been listed."""

    def __init__(self, *names: Path) -> None:
        super().__init__(Console(quiet=True), enabled=False)
        self._names = list(names)

    def start(self, phase: str, total: int | None, unit: Unit = "files") -> None:
        super().start(phase, total, unit)
        if len(self._names) > 1:
            self._names.pop(0).rename(self._names[0])


def test_a_file_that_changes_names_twice_under_the_comparison_is_still_a_move(
    tmp_path: Path,
) -> None:
    write(tmp_path, {"second.txt": "one"})
    restless = Restless(tmp_path / "second.txt", tmp_path / "third.txt")
    made = mirror(tmp_path, known("first.txt", "one"), progress=restless)
    assert outline(made) == {"move": ["first.txt -> third.txt"]}


def test_a_file_that_never_rests_is_in_the_end_taken_as_it_was_seen(tmp_path: Path) -> None:
    write(tmp_path, {"0.txt": "one"})
    restless = Restless(*(tmp_path / f"{number}.txt" for number in range(9)))
    made = mirror(tmp_path, known("first.txt", "one"), progress=restless)
    assert outline(made) == {"delete": ["first.txt"]}


def test_a_file_that_cannot_be_read_keeps_its_last_good_version(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()  # opening it fails, also for root
    made = plan([FoundFile("a.txt", tmp_path, FileStat(9, 9, 9))], known("a.txt", "one"))
    assert outline(made) == {"left_out": ["a.txt"], "kept": ["a.txt"]}
    assert made.left_out[0].reason == (
        "Is a directory; check its permissions. The last good version stays in the collection."
    )


def test_a_file_that_grew_too_large_keeps_its_last_good_version(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "x" * 2_000_000, "b.txt": "x"})
    made = mirror(tmp_path, known("a.txt", "one"))
    assert outline(made) == {"load": ["b.txt"], "left_out": ["a.txt"], "kept": ["a.txt"]}
    assert made.left_out[0].reason.endswith(". The last good version stays in the collection.")


def test_documents_in_a_folder_that_cannot_be_listed_are_kept() -> None:
    locked = LeftOut("sub", "unreadable_folder", "Permission denied", failed=True)
    held = [known(source, source) for source in ("sub/a.txt", "sub/deep/b.txt", "subway.txt")]
    made = plan_mirror([], {doc.source: doc for doc in held}, left_out=[locked], now_ns=LATER)
    assert outline(made) == {
        "delete": ["subway.txt"],
        "left_out": ["sub"],
        "kept": ["sub/a.txt", "sub/deep/b.txt"],
    }
    assert made.left_out[0].reason == (
        "Permission denied. The last good version stays in the collection."
    )


def test_a_document_whose_file_became_a_link_goes_and_is_told_once(tmp_path: Path) -> None:
    write(tmp_path, {"b.txt": "two"})
    (tmp_path / "a.txt").symlink_to(tmp_path / "b.txt")
    made = mirror(tmp_path, known("a.txt", "one"))
    assert outline(made) == {"load": ["b.txt"], "delete": ["a.txt"]}
    assert made.delete[0].why == LeftOut(
        "a.txt", "symbolic_link", "symbolic links are not followed"
    )


def test_documents_of_a_folder_that_is_now_ignored_go_and_are_told_why(tmp_path: Path) -> None:
    write(tmp_path, {"drafts/a.txt": "one", "drafts/b/c.txt": "two", "d.txt": "three"})
    made = mirror(tmp_path, known("drafts/b/c.txt", "two"), exclude=("drafts",))
    assert outline(made) == {
        "load": ["d.txt"],
        "delete": ["drafts/b/c.txt"],
        "left_out": ["drafts"],
    }
    assert made.delete[0].why == made.left_out[0]
    assert made.left_out[0].files == 2


def test_what_was_never_ingested_is_left_out_unchanged(tmp_path: Path) -> None:
    write(tmp_path, {"a.png": "table", "b.txt": "x"})
    made = mirror(tmp_path)
    assert outline(made) == {"load": ["b.txt"], "left_out": ["a.png"]}
    assert made.left_out[0].failed is False


def test_an_emptied_folder_is_refused_because_its_disk_may_be_gone(tmp_path: Path) -> None:
    with pytest.raises(PathNotFound, match=r"no documents, but 1 were ingested.*--prune"):
        mirror(tmp_path, known("a.txt", "one"))


def test_a_folder_of_which_everything_is_left_out_is_refused_with_that_reason(
    tmp_path: Path,
) -> None:
    write(tmp_path, {"a.txt": "one", "b.png": "two"})
    with pytest.raises(PathNotFound, match=r"1 were ingested.*All 2 files in it are left out"):
        mirror(tmp_path, known("a.txt", "one"), exclude=("*.txt",))


def test_a_folder_whose_documents_are_all_unreadable_keeps_them(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "x" * 2_000_000})
    made = mirror(tmp_path, known("a.txt", "one"))
    assert outline(made) == {"left_out": ["a.txt"], "kept": ["a.txt"]}


def test_prune_removes_everything_of_an_emptied_folder_or_one_that_is_gone(
    tmp_path: Path,
) -> None:
    deleted = {"delete": ["a.txt"]}
    assert outline(mirror(tmp_path, known("a.txt", "one"), prune=True)) == deleted
    assert outline(mirror(tmp_path / "gone", known("a.txt", "one"), prune=True)) == deleted


def test_a_folder_that_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PathNotFound, match="does not exist"):
        mirror(tmp_path / "gone", known("a.txt", "one"))


def test_a_new_collection_may_start_from_an_empty_folder(tmp_path: Path) -> None:
    assert outline(mirror(tmp_path)) == {}
