"""Disks that are full or read-only: a clear error, nothing lost, and searching goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from rag_service.errors import StorageError
from rag_service.store.library import Library
from tests.generated_mirror import Mirror

ROOMY = 64 << 10  # KiB
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mounts disks, limits processes")


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of memory, to be remounted with another size or read-only."""
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        mount("-t", "tmpfs", "-o", f"size={ROOMY}k", "tmpfs", str(disk))
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"mounting is not permitted here: {error}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_loses_nothing_and_the_run_that_has_room_finishes(
    small_disk: Path, tmp_path: Path
) -> None:
    mirror = Mirror(tmp_path, small_disk / "data")
    mirror.corpus.fill(10)
    mirror.ingest()
    mirror.check()
    word, source = mirror.a_mark()
    mirror.corpus.fill(50)
    used = (shutil.disk_usage(small_disk).used >> 10) + 4
    failures: list[str] = []
    for room in range(0, 1500, 60):  # KiB, so that it is full at one step after another
        mount("-o", f"remount,size={used + room}k", str(small_disk))
        try:
            mirror.ingest()
        except StorageError as error:
            failures.append(str(error))
        assert list(mirror.inspector.after_a_kill()) == []
        assert mirror.found(word) == [source]
    assert len(failures) > 5
    assert all("disk full" in failure for failure in failures)
    mount("-o", "remount,size=256m", str(small_disk))
    assert mirror.ingest().exit_code() == 0
    assert mirror.ingest().counts() == {"unchanged": 60}
    mirror.check()


def test_files_that_may_not_grow_are_an_error_and_no_loss(tmp_path: Path) -> None:
    """The same without a disk of its own, so without leave to mount one."""
    import resource

    mirror = Mirror(tmp_path, tmp_path / "data")
    mirror.corpus.fill(10)
    mirror.ingest()
    mirror.corpus.fill(20)
    for kib in (1, 40, 90):
        run = mirror.start()
        resource.prlimit(run.pid, resource.RLIMIT_FSIZE, (kib << 10, kib << 10))
        assert run.wait() == 1
        assert list(mirror.inspector.after_a_kill()) == []
    assert mirror.said().count("error: ") == mirror.said().count("Is the disk full") == 3
    assert mirror.start().wait() == 0
    mirror.check()


@pytest.mark.parametrize("how", ["mount", "mode"])
def test_a_data_folder_that_is_read_only_is_an_error_but_can_be_searched(
    request: pytest.FixtureRequest, tmp_path: Path, how: str
) -> None:
    disk = request.getfixturevalue("small_disk") if how == "mount" else tmp_path
    mirror = Mirror(tmp_path, disk / "data")
    mirror.corpus.fill(10)
    mirror.ingest()
    word, source = mirror.a_mark()
    mirror.corpus.add()
    with read_only(disk if how == "mount" else mirror.data, how):
        with pytest.raises(StorageError, match=r"cannot be (made|written|read or written)"):
            mirror.ingest()
        assert mirror.found(word) == [source]
        assert mirror.library.verify("c").problems == ()
    mirror.library.close()
    assert mirror.ingest().counts() == {"unchanged": 10, "added": 1}
    mirror.check()


@contextmanager
def read_only(folder: Path, how: str) -> Iterator[None]:
    if how == "mount":
        mount("-o", "remount,ro", str(folder))
        yield
        mount("-o", "remount,rw", str(folder))
        return
    modes = {path: path.stat().st_mode for path in [folder, *folder.rglob("*")]}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        if os.access(folder, os.W_OK):
            pytest.skip("this user may write whatever the mode says")
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def test_a_reader_that_may_not_write_follows_a_writer_that_may(
    small_disk: Path, tmp_path: Path
) -> None:
    """As when a service is given the data folder of another container, read-only."""
    view = tmp_path / "view"
    view.mkdir()
    mirror = Mirror(tmp_path, small_disk / "data")
    mirror.corpus.fill(10)
    mirror.ingest()
    mount("--bind", str(small_disk), str(view))
    try:
        mount("-o", "remount,bind,ro", str(view))
        with closing(Library(view / "data")) as library:
            before = library.open("c").catalog.counts()["documents"]
            mirror.corpus.add()
            mirror.ingest()
            after = library.open("c").view()
            assert (before, after.catalog.counts()["documents"]) == (10, 11)
            assert after.revision == after.catalog.revision()
            assert library.verify("c").problems == ()
    finally:
        subprocess.run(["umount", "--lazy", str(view)], check=True)
