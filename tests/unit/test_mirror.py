"""What has to be done to make a collection a mirror of a folder."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from ingest.discover import DiscoveryRules, FoundFile, LeftOut, discover
from ingest.loaders.formats import loader_version
from ingest.mirror import Plan, compare, plan_mirror, settled, stat_of, unsettled
from ingest.progress import Progress, Unit
from rag_service.errors import PathNotFound
from rag_service.store.catalog_schema import FileStat, KnownDocument, KnownFailure

OLD = FileStat(4, 1, 1)  # no file of today has these time stamps
SECOND = 1_000_000_000
LATER = time.time_ns() + 3600 * SECOND  # when every file of these tests has settled
QUIET = Progress(Console(quiet=True), enabled=False)


def sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def known(
    source: str, content: str, *, stat: FileStat = OLD, loader: str | None = None
) -> KnownDocument:
    doc_id = sum(source.encode())
    loader = loader_version(source) if loader is None else loader
    return KnownDocument(doc_id, source, sha256(content), stat, loader)


def failed(source: str, stat: FileStat, *, code: str = "broken_file") -> KnownFailure:
    at = "2024-05-06T07:08:09+00:00"
    return KnownFailure(source, code, "It is damaged.", stat, loader_version(source), at)


def write(root: Path, files: Mapping[str, str]) -> None:
    for source, content in files.items():
        path = root / source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def look(root: Path) -> tuple[FoundFile, ...]:
    return discover(root, DiscoveryRules(max_file_bytes=1 << 20)).files


def mirror(
    root: Path,
    *held: KnownDocument,
    failures: tuple[KnownFailure, ...] = (),
    exclude: tuple[str, ...] = (),
    prune: bool = False,
    retry_failed: bool = False,
    progress: Progress = QUIET,
) -> Plan:
    return compare(
        root,
        {doc.source: doc for doc in held},
        rules=DiscoveryRules(max_file_bytes=1 << 20, exclude=exclude),
        known_failures={failure.source: failure for failure in failures},
        prune=prune,
        retry_failed=retry_failed,
        progress=progress,
    )


def plan(files: list[FoundFile], *held: KnownDocument, now_ns: int = LATER) -> Plan:
    return plan_mirror(files, {doc.source: doc for doc in held}, now_ns=now_ns)


def outline(plan: Plan) -> dict[str, list[str]]:
    """The sources in every part of a plan that is not empty."""
    parts = {
        "load": [item.file.source for item in plan.load],
        "move": [f"{item.known.source} -> {item.file.source}" for item in plan.move],
        "touch": [item.file.source for item in plan.touch],
        "unchanged": [doc.source for doc in plan.unchanged],
        "delete": [item.known.source for item in plan.delete],
        "left_out": [item.source for item in plan.left_out],
        "quarantined": [item.source for item in plan.quarantined],
        "kept": [doc.source for doc in plan.kept],
    }
    return {name: items for name, items in parts.items() if items}


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


# -- moves ---------------------------------------------------------------------------------


def test_a_renamed_file_is_moved_and_not_deleted(tmp_path: Path) -> None:
    write(tmp_path, {"sub/b.txt": "one"})
    assert outline(mirror(tmp_path, known("a.txt", "one"))) == {"move": ["a.txt -> sub/b.txt"]}


def test_another_suffix_is_another_document_even_with_the_same_content(tmp_path: Path) -> None:
    write(tmp_path, {"a.md": "one"})
    made = mirror(tmp_path, known("a.txt", "one"))
    assert outline(made) == {"load": ["a.md"], "delete": ["a.txt"]}


def test_case_of_the_suffix_does_not_matter_to_a_move(tmp_path: Path) -> None:
    write(tmp_path, {"b.TXT": "one"})
    assert outline(mirror(tmp_path, known("a.txt", "one"))) == {"move": ["a.txt -> b.TXT"]}


def test_a_copy_is_loaded_because_the_original_is_still_there(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "one", "b.txt": "one"})
    made = mirror(tmp_path, known("a.txt", "one"))
    assert outline(made) == {"load": ["b.txt"], "touch": ["a.txt"]}


def test_of_two_copies_of_a_lost_file_one_is_its_move(tmp_path: Path) -> None:
    write(tmp_path, {"b.txt": "one", "c.txt": "one"})
    made = mirror(tmp_path, known("a.txt", "one"))
    assert outline(made) == {"load": ["c.txt"], "move": ["a.txt -> b.txt"]}


def test_two_lost_files_of_one_content_and_one_new_name_leave_one_deletion(tmp_path: Path) -> None:
    write(tmp_path, {"c.txt": "one"})
    made = mirror(tmp_path, known("a.txt", "one"), known("b.txt", "one"))
    assert outline(made) == {"move": ["a.txt -> c.txt"], "delete": ["b.txt"]}


def test_copies_in_a_renamed_folder_keep_their_names(tmp_path: Path) -> None:
    write(tmp_path, {"new/x/b.txt": "one", "new/y/a.txt": "one"})
    made = mirror(tmp_path, known("old/a.txt", "one"), known("old/b.txt", "one"))
    assert outline(made) == {"move": ["old/b.txt -> new/x/b.txt", "old/a.txt -> new/y/a.txt"]}


def test_a_name_in_other_case_is_a_move(tmp_path: Path) -> None:
    write(tmp_path, {"Readme.TXT": "one"})
    made = mirror(tmp_path, known("README.txt", "one"))
    assert outline(made) == {"move": ["README.txt -> Readme.TXT"]}


def test_what_an_older_loader_read_is_not_moved_but_read_again(tmp_path: Path) -> None:
    write(tmp_path, {"b.txt": "one"})
    made = mirror(tmp_path, known("a.txt", "one", loader="text/0"))
    assert outline(made) == {"load": ["b.txt"], "delete": ["a.txt"]}


def test_two_files_that_swapped_names_cost_no_parsing(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "two", "b.txt": "one"})
    made = mirror(tmp_path, known("a.txt", "one"), known("b.txt", "two"))
    assert outline(made) == {"move": ["b.txt -> a.txt", "a.txt -> b.txt"]}


def test_names_that_went_around_in_a_ring_cost_no_parsing(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "three", "b.txt": "one", "c.txt": "two", "d.txt": "new"})
    held = [known("a.txt", "one"), known("b.txt", "two"), known("c.txt", "three")]
    made = mirror(tmp_path, *held, known("d.txt", "old"))
    assert outline(made) == {
        "load": ["d.txt"],
        "move": ["c.txt -> a.txt", "a.txt -> b.txt", "b.txt -> c.txt"],
    }


def test_a_file_copied_over_another_replaces_it(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "one", "b.txt": "one"})
    made = mirror(tmp_path, known("a.txt", "one"), known("b.txt", "two"))
    assert outline(made) == {"load": ["b.txt"], "touch": ["a.txt"]}


def test_a_file_renamed_over_another_replaces_it(tmp_path: Path) -> None:
    write(tmp_path, {"b.txt": "one"})
    made = mirror(tmp_path, known("a.txt", "one"), known("b.txt", "two"))
    assert outline(made) == {"load": ["b.txt"], "delete": ["a.txt"]}
    assert made.load[0].known == known("b.txt", "two")


def test_a_chain_of_names_that_ends_is_no_ring(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "new", "b.txt": "one", "c.txt": "two"})
    held = [known("a.txt", "one"), known("b.txt", "two"), known("c.txt", "three")]
    made = mirror(tmp_path, *held)
    assert outline(made) == {"load": ["a.txt", "b.txt", "c.txt"]}


def test_a_copy_made_before_a_file_was_edited_is_a_new_document(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "edited", "a-old.txt": "one"})
    made = mirror(tmp_path, known("a.txt", "one"))
    assert outline(made) == {"load": ["a-old.txt", "a.txt"]}
    assert [item.known is None for item in made.load] == [True, False]


def test_a_folder_in_place_of_a_file_of_its_name_and_the_reverse(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt/b.txt": "two", "c.txt": "three"})
    made = mirror(tmp_path, known("a.txt", "one"), known("c.txt/d.txt", "four"))
    assert outline(made) == {
        "load": ["a.txt/b.txt", "c.txt"],
        "delete": ["a.txt", "c.txt/d.txt"],
    }


def test_a_file_moved_into_a_folder_of_its_own_name_is_moved(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt/a.txt": "one"})
    made = mirror(tmp_path, known("a.txt", "one"))
    assert outline(made) == {"move": ["a.txt -> a.txt/a.txt"]}


# -- deletions, and what is no deletion ------------------------------------------------------


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


# -- files that failed before ------------------------------------------------------------------


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


# -- progress and time stamps ------------------------------------------------------------------


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
