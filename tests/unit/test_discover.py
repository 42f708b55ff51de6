"""Which files of a folder are ingested, and what is said about the others."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingest.discover import Discovery, LeftOut, discover
from rag_service.errors import PathNotFound
from rag_service.store.catalog_schema import FileStat

MEGABYTE = 1 << 20
NOBODY = 65534


def write(root: Path, *sources: str, content: bytes = b"text") -> None:
    for source in sources:
        path = root / source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def look(root: Path) -> Discovery:
    return discover(root, max_file_bytes=MEGABYTE)


def sources(root: Path) -> list[str]:
    return [file.source for file in look(root).files]


@contextmanager
def without_privileges() -> Iterator[None]:
    """Root may read everything, so become somebody who may not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach; pytest's own are private."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for path in folder.rglob("*"):
            path.chmod(0o755)


def test_files_come_in_the_order_of_their_sources_with_forward_slashes(tmp_path: Path) -> None:
    write(tmp_path, "b.txt", "a/z.md", "a.txt", "手册/安装.md", "a/b/c.PDF")
    assert sources(tmp_path) == ["a.txt", "a/b/c.PDF", "a/z.md", "b.txt", "手册/安装.md"]


@pytest.mark.parametrize("suffix", [".txt", ".text", ".md", ".markdown", ".pdf", ".TXT", ".Md"])
def test_formats_with_a_loader_are_found_in_any_case(tmp_path: Path, suffix: str) -> None:
    write(tmp_path, f"a{suffix}")
    assert sources(tmp_path) == [f"a{suffix}"]


def test_hidden_files_and_folders_are_left_out_without_a_word(tmp_path: Path) -> None:
    write(tmp_path, ".hidden.txt", ".git/notes.md", "seen.txt", "sub/.cache/x.txt")
    assert sources(tmp_path) == ["seen.txt"]
    assert look(tmp_path).left_out == ()


def test_a_folder_that_is_itself_hidden_can_be_ingested(tmp_path: Path) -> None:
    write(tmp_path, ".notes/a.txt")
    assert sources(tmp_path / ".notes") == ["a.txt"]


def test_other_formats_are_reported_but_are_no_failure(tmp_path: Path) -> None:
    write(tmp_path, "table.xlsx", "README", "a.txt")
    known = ".markdown, .md, .pdf, .text, .txt"
    assert look(tmp_path).left_out == (
        LeftOut("README", "unsupported_format", f"no suffix: only {known} are read"),
        LeftOut("table.xlsx", "unsupported_format", f".xlsx: only {known} are read"),
    )


def test_symbolic_links_are_not_followed_wherever_they_point(tmp_path: Path) -> None:
    write(tmp_path, "inside/a.txt")
    outside = tmp_path / "outside"
    write(outside, "secret.txt")
    root = tmp_path / "inside"
    (root / "file.txt").symlink_to(outside / "secret.txt")
    (root / "folder").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / "nowhere.txt").symlink_to(root / "missing")
    assert sources(root) == ["a.txt"]
    assert [(item.source, item.code, item.failed) for item in look(root).left_out] == [
        (name, "symbolic_link", False) for name in ("file.txt", "folder", "loop", "nowhere.txt")
    ]


def test_a_root_that_is_a_link_to_a_folder_is_read(tmp_path: Path) -> None:
    write(tmp_path, "real/a.txt")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert sources(tmp_path / "link") == ["a.txt"]


def test_a_pipe_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert look(tmp_path).left_out == (LeftOut("pipe.txt", "special_file", "not a regular file"),)


def test_a_file_above_the_limit_is_a_failure_and_one_at_the_limit_is_not(tmp_path: Path) -> None:
    write(tmp_path, "exact.txt", content=b"x" * MEGABYTE)
    write(tmp_path, "over.txt", content=b"x" * (MEGABYTE + 1))
    assert sources(tmp_path) == ["exact.txt"]
    (over,) = look(tmp_path).left_out
    assert (over.source, over.code, over.failed) == ("over.txt", "file_too_large", True)
    assert over.reason == "larger than 1 MB; raise RAG_INGEST__MAX_FILE_MB or split it"


def test_a_name_that_is_not_utf8_is_reported_in_printable_form(tmp_path: Path) -> None:
    write(tmp_path, "good.txt")
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"text")
    assert sources(tmp_path) == ["good.txt"]
    (bad,) = look(tmp_path).left_out
    assert bad.source == r"caf\xe9.txt"
    assert (bad.code, bad.failed) == ("bad_file_name", True)


def test_a_folder_that_may_not_be_listed_is_one_failure_and_the_rest_is_found(
    open_folder: Path,
) -> None:
    write(open_folder, "locked/a.txt", "b.txt")
    (open_folder / "locked").chmod(0)
    with without_privileges():
        found = look(open_folder)
    assert [file.source for file in found.files] == ["b.txt"]
    assert found.left_out == (
        LeftOut("locked", "unreadable_folder", "Permission denied", failed=True),
    )


def test_an_unlistable_root_is_an_error(open_folder: Path) -> None:
    root = open_folder / "root"
    root.mkdir(mode=0)
    with without_privileges(), pytest.raises(PathNotFound, match="cannot be listed: Permission"):
        look(root)


def test_a_missing_folder_is_an_error_that_says_nothing_was_changed(tmp_path: Path) -> None:
    with pytest.raises(PathNotFound, match=r"gone does not exist\. Nothing was changed\."):
        look(tmp_path / "gone")


def test_a_file_in_place_of_a_folder_is_an_error_that_says_what_to_name(tmp_path: Path) -> None:
    write(tmp_path, "a.txt")
    with pytest.raises(PathNotFound, match=r"a\.txt is a file; name the folder that holds it"):
        look(tmp_path / "a.txt")


def test_the_stat_is_what_the_file_system_says(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", content=b"12345")
    os.utime(tmp_path / "a.txt", ns=(1, 1_700_000_000_123_456_789))
    (file,) = look(tmp_path).files
    ctime = (tmp_path / "a.txt").stat().st_ctime_ns
    assert file.stat == FileStat(5, 1_700_000_000_123_456_789, ctime)
    assert file.path == tmp_path / "a.txt"


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    assert look(tmp_path) == Discovery((), ())
