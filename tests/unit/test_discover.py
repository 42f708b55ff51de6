"""Which files of a folder are ingested, and what is said about the others."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import discover as discovery_module
from ingest import folders
from ingest.discover import DiscoveryRules, discover
from ingest.found import Discovery, FoundFile, LeftOut
from ingest.loaders.formats import Format, format_of
from rag_service.errors import ConfigError, PathNotFound
from rag_service.store.catalog_schema import FileStat
from tests.privileges import without_privileges

MEGABYTE = 1 << 20


def write(root: Path, *sources: str, content: bytes = b"text") -> None:
    for source in sources:
        path = root / source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def look(
    root: Path,
    *,
    include: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    follow_links: bool = False,
    own_data: Path | None = None,
) -> Discovery:
    return discover(root, DiscoveryRules(MEGABYTE, include, exclude, follow_links, own_data))


def sources(found: Discovery) -> list[str]:
    return [file.source for file in found.files]


def outline(found: Discovery) -> dict[str, tuple[str, int]]:
    """What was left out: the code, and for how many files."""
    return {item.source: (item.code, item.files) for item in found.left_out}


def stat_of(path: Path) -> FileStat:
    found = path.stat()
    return FileStat(found.st_size, found.st_mtime_ns, found.st_ctime_ns)


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
    assert sources(look(tmp_path)) == ["a.txt", "a/b/c.PDF", "a/z.md", "b.txt", "手册/安装.md"]


@pytest.mark.parametrize("name", ["a.txt", "a.TXT", "a.Md", "a.pdf", "a.docx", "a.py", "README"])
def test_formats_with_a_loader_are_found_in_any_case(tmp_path: Path, name: str) -> None:
    write(tmp_path, name)
    assert look(tmp_path) == Discovery((FoundFile(name, tmp_path, stat_of(tmp_path / name)),), ())


def test_the_stat_is_what_the_file_system_says(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", content=b"12345")
    os.utime(tmp_path / "a.txt", ns=(1, 1_700_000_000_123_456_789))
    (file,) = look(tmp_path).files
    ctime = (tmp_path / "a.txt").stat().st_ctime_ns
    assert file.stat == FileStat(5, 1_700_000_000_123_456_789, ctime)
    assert file.path == tmp_path / "a.txt"


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    assert look(tmp_path) == Discovery((), ())


def test_a_tree_deeper_than_the_stack_is_walked(tmp_path: Path) -> None:
    depth = 1500
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        for _ in range(depth):
            os.mkdir("d", dir_fd=folder)
            inner = os.open("d", os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = inner
        os.close(os.open("a.txt", os.O_CREAT, dir_fd=folder))
    finally:
        os.close(folder)
    found = sources(look(tmp_path))
    subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)  # shutil.rmtree is recursive
    assert found == ["d/" * depth + "a.txt"]


# -- hidden files ------------------------------------------------------------------------


def test_hidden_files_are_left_out_and_a_hidden_folder_is_one_line_with_its_count(
    tmp_path: Path,
) -> None:
    write(tmp_path, ".hidden.txt", ".git/notes.md", ".git/a/b.md", "seen.txt", "sub/.cache/x.txt")
    (tmp_path / ".empty").mkdir()
    found = look(tmp_path)
    assert sources(found) == ["seen.txt"]
    assert outline(found) == {
        ".git": ("hidden", 2),
        ".hidden.txt": ("hidden", 1),
        "sub/.cache": ("hidden", 1),
    }
    assert not any(item.failed or item.more for item in found.left_out)


@pytest.mark.parametrize("name", ["~$report.docx", "Thumbs.db", "desktop.ini", "$RECYCLE.BIN/a.md"])
def test_what_programs_leave_behind_counts_as_hidden(tmp_path: Path, name: str) -> None:
    write(tmp_path, name)
    (item,) = look(tmp_path).left_out
    assert (item.code, item.reason) == ("hidden", "left behind by a program, not a document")


def test_a_folder_that_is_itself_hidden_can_be_ingested(tmp_path: Path) -> None:
    write(tmp_path, ".notes/a.txt")
    assert sources(look(tmp_path / ".notes")) == ["a.txt"]


def test_counting_what_is_left_out_stops_somewhere_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, *(f".cache/{n}/{i}.txt" for n in range(4) for i in range(10)))
    monkeypatch.setattr(folders, "MAX_COUNTED", 20)
    (item,) = look(tmp_path).left_out
    assert (item.files, item.more) == (20, True)


# -- patterns ----------------------------------------------------------------------------


def test_an_ignore_file_leaves_out_files_and_folders_and_says_which_pattern_did(
    tmp_path: Path,
) -> None:
    write(tmp_path, "a.txt", "draft-1.txt", "old/b.txt", "old/c/d.png", "new/draft-2.txt")
    write(tmp_path, ".ragignore", content=b"# ours\ndraft-*\nold/\n")
    found = look(tmp_path)
    assert sources(found) == ["a.txt"]
    assert found.left_out == (
        LeftOut(".ragignore", "hidden", "hidden"),
        LeftOut("draft-1.txt", "ignored", 'matches "draft-*" of .ragignore'),
        LeftOut("new/draft-2.txt", "ignored", 'matches "draft-*" of .ragignore'),
        LeftOut("old", "ignored", 'matches "old/" of .ragignore', files=2),
    )


def test_the_nearest_ignore_file_wins_and_may_take_back_in(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "sub/a.md", "sub/b.md", "sub/deep/a.md")
    write(tmp_path, ".ragignore", content=b"*.md\n")
    write(tmp_path, "sub/.ragignore", content=b"!a.md\n")
    write(tmp_path, "sub/deep/.ragignore", content=b"/a.md\n")
    assert sources(look(tmp_path)) == ["sub/a.md"]


def test_all_but_some_can_be_said_with_the_usual_three_lines(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "a.txt", "sub/deep/b.md", "sub/b.txt")
    write(tmp_path, ".ragignore", content=b"*\n!*/\n!*.md\n")
    assert sources(look(tmp_path)) == ["a.md", "sub/deep/b.md"]


def test_an_ignore_file_may_have_a_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "b.txt")
    write(tmp_path, ".ragignore", content="\ufeffa.txt\r\nc.txt\r\n".encode())
    assert sources(look(tmp_path)) == ["b.txt"]


def test_exclude_patterns_are_stronger_than_ignore_files(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "b.md", "c.txt")
    write(tmp_path, ".ragignore", content=b"a.md\n!c.txt\n")
    found = look(tmp_path, exclude=("!a.md", "c.*"))
    assert sources(found) == ["a.md", "b.md"]
    assert found.left_out[1] == LeftOut("c.txt", "ignored", 'matches "c.*" of the exclude patterns')


def test_with_include_patterns_only_what_matches_is_read(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "a.txt", "manuals/b.txt", "manuals/deep/c.txt", "manuals/old/d.txt")
    found = look(tmp_path, include=("*.md", "manuals/", "!manuals/old"))
    assert sources(found) == ["a.md", "manuals/b.txt", "manuals/deep/c.txt"]
    assert outline(found) == {
        "a.txt": ("not_included", 1),
        "manuals/old/d.txt": ("not_included", 1),
    }


def test_what_is_included_may_still_be_ignored(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "draft.md")
    found = look(tmp_path, include=("*.md",), exclude=("draft*",))
    assert sources(found) == ["a.md"]


@pytest.mark.parametrize("where", ["include", "exclude"])
def test_a_bad_pattern_is_an_error_that_names_it(tmp_path: Path, where: str) -> None:
    with pytest.raises(ConfigError, match=rf"the {where} patterns: '\['"):
        look(tmp_path, include=("[",)) if where == "include" else look(tmp_path, exclude=("[",))


def test_a_bad_ignore_file_at_the_root_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, ".ragignore", content=b"a.txt\n[\n")
    with pytest.raises(ConfigError, match=r"^\.ragignore: '\['"):
        look(tmp_path)


@pytest.mark.parametrize("content", [b"[\n", b"\xff\xfe\x80"])
def test_what_a_broken_ignore_file_was_to_leave_out_is_not_taken_in(
    tmp_path: Path, content: bytes
) -> None:
    write(tmp_path, "a.txt", "sub/secret.txt", "sub/deep/b.txt")
    write(tmp_path, "sub/.ragignore", content=content)
    found = look(tmp_path)
    assert sources(found) == ["a.txt"]
    (broken,) = found.left_out
    assert (broken.source, broken.code, broken.failed) == ("sub", "unreadable_folder", True)
    assert broken.reason.startswith("sub/.ragignore")


def test_the_collections_own_folder_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "data/collections/b.json", "other/data/c.txt")
    found = look(tmp_path, own_data=tmp_path / "data")
    assert sources(found) == ["a.txt", "other/data/c.txt"]
    assert outline(found) == {"data": ("ignored", 1)}


# -- links -------------------------------------------------------------------------------


def test_symbolic_links_are_not_followed_wherever_they_point(tmp_path: Path) -> None:
    write(tmp_path, "inside/a.txt")
    outside = tmp_path / "outside"
    write(outside, "secret.txt")
    root = tmp_path / "inside"
    (root / "file.txt").symlink_to(outside / "secret.txt")
    (root / "folder").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / "nowhere.txt").symlink_to(root / "missing")
    found = look(root)
    assert sources(found) == ["a.txt"]
    assert [(item.source, item.code, item.failed) for item in found.left_out] == [
        (name, "symbolic_link", False) for name in ("file.txt", "folder", "loop", "nowhere.txt")
    ]


def test_a_root_that_is_a_link_to_a_folder_is_read(tmp_path: Path) -> None:
    write(tmp_path, "real/a.txt")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert sources(look(tmp_path / "link")) == ["a.txt"]


def test_links_that_are_followed_must_stay_within_the_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(root, "a.txt", ".store/b.txt", ".store/manual/c.txt")
    write(tmp_path, "outside/secret.txt")
    (root / "out.txt").symlink_to(tmp_path / "outside" / "secret.txt")
    (root / "outside").symlink_to("../outside")
    (root / "nowhere.txt").symlink_to("missing.txt")
    (root / "circle.txt").symlink_to("circle.txt")
    (root / "b.txt").symlink_to(".store/b.txt")
    (root / "manual").symlink_to(".store/manual")
    found = look(root, follow_links=True)
    assert sources(found) == ["a.txt", "b.txt", "manual/c.txt"]
    assert {item.source: item.reason for item in found.left_out} == {
        ".store": "hidden",
        "circle.txt": "leads nowhere",
        "nowhere.txt": "leads nowhere",
        "out.txt": "leads out of the folder",
        "outside": "leads out of the folder",
    }


def test_a_link_to_a_file_has_the_stat_of_the_file(tmp_path: Path) -> None:
    write(tmp_path, ".store/b.txt", content=b"12345")
    (tmp_path / "b.txt").symlink_to(".store/b.txt")
    (file,) = look(tmp_path, follow_links=True).files
    assert file.stat.size_bytes == 5


def test_a_link_to_a_folder_that_is_read_anyway_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, "real/a.txt", "z/b.txt")
    (tmp_path / "again").symlink_to("real")
    (tmp_path / "real" / "up").symlink_to("..")
    (tmp_path / "z" / "self").symlink_to(".")
    found = look(tmp_path, follow_links=True)
    assert sources(found) == ["real/a.txt", "z/b.txt"]
    assert {item.source: item.reason for item in found.left_out} == dict.fromkeys(
        ("again", "real/up", "z/self"), "leads to a folder that is read already"
    )


def test_of_two_links_to_one_hidden_folder_the_first_by_name_is_read(tmp_path: Path) -> None:
    write(tmp_path, ".store/a.txt", ".store/deep/b.txt")
    (tmp_path / "y").symlink_to(".store")
    (tmp_path / "x").symlink_to(".store/deep")
    found = look(tmp_path, follow_links=True)
    assert sources(found) == ["x/b.txt", "y/a.txt"]
    assert outline(found) == {".store": ("hidden", 2), "y/deep": ("symbolic_link", 1)}


def test_a_pattern_for_folders_leaves_out_a_link_to_one(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", ".store/b.txt")
    (tmp_path / "drafts").symlink_to(".store")
    found = look(tmp_path, follow_links=True, exclude=("drafts/",))
    assert sources(found) == ["a.txt"]
    assert outline(found)["drafts"] == ("ignored", 1)


# -- what cannot be read -----------------------------------------------------------------


def test_other_formats_are_reported_but_are_no_failure(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "photo.PNG", "letter.doc", "slides.ppt", "notes")
    assert look(tmp_path).left_out == (
        LeftOut("letter.doc", "unsupported_format", ".doc files are not read; save it as .docx"),
        LeftOut("notes", "unsupported_format", "files without a suffix are not read"),
        LeftOut("photo.PNG", "unsupported_format", ".PNG files are not read"),
        LeftOut("slides.ppt", "unsupported_format", ".ppt files are not read; save it as .pptx"),
    )


def test_a_pipe_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert look(tmp_path).left_out == (LeftOut("pipe.txt", "special_file", "not a regular file"),)


def test_a_file_above_the_limit_is_a_failure_and_one_at_the_limit_is_not(tmp_path: Path) -> None:
    write(tmp_path, "exact.txt", content=b"x" * MEGABYTE)
    write(tmp_path, "over.txt", content=b"x" * (MEGABYTE + 1))
    found = look(tmp_path)
    assert sources(found) == ["exact.txt"]
    (over,) = found.left_out
    assert (over.source, over.code, over.failed) == ("over.txt", "file_too_large", True)
    assert over.reason == "larger than 1 MB; raise RAG_INGEST__MAX_FILE_MB or split it"


def test_names_that_are_not_utf8_are_reported_in_printable_form(tmp_path: Path) -> None:
    write(tmp_path, "good.txt")
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"text")
    folder = tmp_path / os.fsdecode("文".encode("gb18030"))
    write(folder, "a.txt", "b.png")
    found = look(tmp_path)
    assert sources(found) == ["good.txt"]
    assert [(item.source, item.code, item.failed) for item in found.left_out] == [
        (r"\xce\xc4/a.txt", "bad_file_name", True),
        (r"\xce\xc4/b.png", "unsupported_format", False),
        (r"caf\xe9.txt", "bad_file_name", True),
    ]


def test_a_folder_that_may_not_be_listed_is_one_failure_and_the_rest_is_found(
    open_folder: Path,
) -> None:
    write(open_folder, "locked/a.txt", "b.txt")
    (open_folder / "locked").chmod(0)
    with without_privileges():
        found = look(open_folder)
    assert sources(found) == ["b.txt"]
    assert found.left_out == (
        LeftOut("locked", "unreadable_folder", "Permission denied", failed=True),
    )


def test_an_unreadable_ignore_file_leaves_out_its_folder(open_folder: Path) -> None:
    write(open_folder, "sub/a.txt", "b.txt", "sub/.ragignore")
    (open_folder / "sub" / ".ragignore").chmod(0)
    with without_privileges():
        found = look(open_folder)
    assert sources(found) == ["b.txt"]
    assert [(item.source, item.reason) for item in found.left_out] == [
        ("sub", "sub/.ragignore cannot be read: Permission denied.")
    ]


def test_an_unlistable_root_is_an_error(open_folder: Path) -> None:
    root = open_folder / "root"
    root.mkdir(mode=0)
    with without_privileges(), pytest.raises(PathNotFound, match="cannot be listed: Permission"):
        look(root)


def test_a_folder_that_another_takes_the_place_of_while_it_is_listed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "disk"
    write(root, "a.txt")

    def unmount(name: str) -> Format | None:
        root.rename(tmp_path / "elsewhere")
        root.mkdir()
        return format_of(name)

    monkeypatch.setattr(discovery_module, "format_of", unmount)
    with pytest.raises(PathNotFound, match=r"disk went away while it was being listed"):
        look(root)


def test_a_missing_folder_is_an_error_that_says_nothing_was_changed(tmp_path: Path) -> None:
    with pytest.raises(PathNotFound, match=r"gone does not exist\. Nothing was changed\."):
        look(tmp_path / "gone")


def test_a_file_in_place_of_a_folder_is_an_error_that_says_what_to_name(tmp_path: Path) -> None:
    write(tmp_path, "a.txt")
    with pytest.raises(PathNotFound, match=r"a\.txt is a file; name the folder that holds it"):
        look(tmp_path / "a.txt")


def test_every_file_is_in_exactly_one_line(open_folder: Path) -> None:
    names = ["a.txt", "b.png", ".c", ".d/e", ".d/f", "g/h.md", "g/i/j.md", "k/l.md", "k/m.png"]
    write(open_folder, *names, "g/~$n.docx")
    write(open_folder, ".ragignore", content=b"k\n")
    (open_folder / "link").symlink_to("a.txt")
    os.mkfifo(open_folder / "pipe")
    found = look(open_folder, include=("*.txt", "g/i"))
    assert sources(found) == ["a.txt", "g/i/j.md"]
    left_out = sum(item.files for item in found.left_out)
    in_folder = sum(1 for path in open_folder.rglob("*") if path.is_symlink() or not path.is_dir())
    assert len(found.files) + left_out == in_folder == 13
