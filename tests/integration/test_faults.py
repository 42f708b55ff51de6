"""What may go wrong around an ingest: other processes, signals, the clock, files that change."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.crash.corpus import sha256
from benchmarks.crash.runs import Moment, orphans
from ingest import ahead, discover, large, pipeline
from rag_service.errors import CollectionBusy, PathNotFound
from tests.generated_mirror import Mirror

CHANGED = ("Changed while it was being read; run again to take in the change.",)
HOUR_NS = 3600 * 10**9


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    return Mirror(tmp_path, tmp_path / "data")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_told_to_stop_says_so_and_leaves_all_in_order(
    mirror: Mirror, number: signal.Signals
) -> None:
    mirror.corpus.fill(40)
    run = mirror.start()
    run.await_moment(Moment(at="<catalog put_documents", nth=2))
    os.kill(run.pid, number)
    assert run.wait() == 130
    assert mirror.said() == "Stopped. What was finished is kept; run again to go on.\n"
    assert orphans(run) == []
    assert list(mirror.inspector.after_a_kill()) == []
    assert 2 <= len(mirror.inspector.committed) < 40
    assert mirror.start().wait() == 0
    mirror.check()


def test_of_two_ingests_at_once_one_is_turned_away_and_the_other_unharmed(mirror: Mirror) -> None:
    mirror.corpus.fill(40)
    run = mirror.start()
    run.await_moment(Moment(at="<catalog put_documents"))
    os.kill(run.pid, signal.SIGSTOP)  # so that it is not finished before the other is here
    with pytest.raises(CollectionBusy, match="Wait until it has finished"):
        mirror.ingest()
    os.kill(run.pid, signal.SIGCONT)
    assert run.wait() == 0
    mirror.check()


@pytest.mark.parametrize("ahead_ns", [HOUR_NS, -HOUR_NS])
def test_a_change_of_equal_size_and_time_is_taken_in_whatever_the_clock_says(
    mirror: Mirror, ahead_ns: int
) -> None:
    """As after a clock was set back, or with a tool that restores time stamps."""
    mirror.corpus.fill(10)
    path = mirror.corpus.root / mirror.corpus.add(sentences=5)
    stamp = time.time_ns() + ahead_ns
    os.utime(path, ns=(stamp, stamp))
    mirror.ingest()
    before, size = sha256(path), path.stat().st_size
    while sha256(path) == before or path.stat().st_size != size:
        mirror.corpus.add(path.name, sentences=5)
    os.utime(path, ns=(stamp, stamp))
    assert mirror.ingest().counts() == {"updated": 1, "unchanged": 10}
    mirror.check()


def test_a_folder_that_vanishes_in_mid_run_loses_no_document(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "COMMIT_GROUP", 2)
    monkeypatch.setattr(ahead, "_AHEAD_FILES", 2)
    mirror.corpus.fill(12)
    mirror.ingest()
    root = mirror.corpus.root
    away = root.with_name("unmounted")
    for source in mirror.corpus.sources():
        mirror.corpus.add(source)

    def unmount(_: int) -> None:
        if root.exists():
            root.rename(away)

    report = mirror.ingest(on_texts=unmount)
    assert report.exit_code() == 3
    counts = report.counts()
    assert (counts["updated"] > 0, counts["failed"] > 0) == (True, True)
    assert counts["updated"] + counts["failed"] == report.documents == 12
    kept = [file.message for file in report.files if file.status == "failed"]
    assert all(
        message.endswith("The last good version stays in the collection.") for message in kept
    )
    with pytest.raises(PathNotFound, match="does not exist"):
        mirror.ingest()
    away.rename(root)
    assert mirror.ingest().counts() == {"updated": 12}
    mirror.check()


def test_a_file_that_is_renamed_while_its_folder_is_listed_is_moved_and_not_lost(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.corpus.fill(10)
    mirror.ingest()
    old = mirror.corpus.root / mirror.corpus.sources()[0]
    judge = discover._Walk._judge

    def rename_and_judge(walk: discover._Walk, entry: os.DirEntry[str], within: Any) -> None:
        if old.exists():  # at the first entry of all, when their names are known already
            old.rename(old.with_name("99999.md"))
        judge(walk, entry, within)

    monkeypatch.setattr(discover._Walk, "_judge", rename_and_judge)
    report = mirror.ingest()
    assert (report.counts(), report.embedded) == ({"moved": 1, "unchanged": 9}, 0)
    mirror.check()


def test_files_that_exchange_names_under_a_run_are_not_embedded_again(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen half-way, one is under a name that is gone by the time it is to be parsed."""
    mirror.corpus.fill(8)
    mirror.ingest()
    one, other = (mirror.corpus.root / source for source in mirror.corpus.sources()[:2])
    between = one.with_name("99999.md")
    one.rename(between)
    other.rename(one)
    load = pipeline.IngestJob._load

    def complete_the_exchange(job: pipeline.IngestJob, items: Any) -> None:
        if between.exists():
            between.rename(other)
        load(job, items)

    monkeypatch.setattr(pipeline.IngestJob, "_load", complete_the_exchange)
    counts = mirror.ingest().counts()
    assert counts == {"updated": 1, "failed": 1, "deleted": 1, "unchanged": 6}
    report = mirror.ingest()
    assert (report.counts(), report.embedded) == ({"added": 1, "unchanged": 7}, 0)
    mirror.check()


def test_a_file_that_grows_while_it_is_read_is_taken_in_by_the_next_run(mirror: Mirror) -> None:
    mirror.corpus.fill(3)
    log = mirror.corpus.root / mirror.corpus.add()

    def grow(_: int) -> None:
        longer = log.read_text("utf-8") + "\nOne more line."
        mirror.corpus.remember(longer.encode(), longer, "")
        log.write_text(longer, "utf-8")

    report = mirror.ingest(on_texts=grow)
    assert {f.source: f.warnings for f in report.files if f.warnings} == {log.name: CHANGED}
    assert mirror.ingest().counts() == {"updated": 1, "unchanged": 3}
    mirror.check()


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "LARGE_BYTES", 20_000)
    monkeypatch.setattr(large, "PART_BYTES", 8_000)


@pytest.mark.usefixtures("small_parts")
def test_a_very_large_file_that_is_replaced_between_two_parts_is_read_anew(mirror: Mirror) -> None:
    source = mirror.corpus.add(sentences=600)
    seen: list[int] = []

    def replace(texts: int) -> None:
        seen.append(texts)
        if len(seen) == 2:
            mirror.corpus.add(source, sentences=500)

    report = mirror.ingest(on_texts=replace)
    assert [(file.status, file.code) for file in report.files] == [("failed", "unreadable_file")]
    assert mirror.ingest().counts() == {"added": 1}
    mirror.check()


@pytest.mark.usefixtures("small_parts")
def test_parts_of_another_version_are_not_gone_on_with(mirror: Mirror) -> None:
    """Replaced between comparing and staging, interrupted while staged, and put back."""
    mirror.corpus.add()
    path = mirror.corpus.root / mirror.corpus.add(sentences=600)
    original = path.read_bytes()
    seen: list[int] = []

    def replace_then_stop(texts: int) -> None:
        seen.append(texts)  # first those of the small file, then part by part
        if len(seen) == 1:
            mirror.corpus.add(path.name, sentences=500)
        elif len(seen) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mirror.ingest(on_texts=replace_then_stop)
    assert list(mirror.inspector.after_a_kill()) == []
    path.write_bytes(original)
    assert mirror.ingest().counts() == {"added": 1, "unchanged": 1}
    mirror.check()
