"""Files that arrive: their names, and that none is ever half there."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import time
import unicodedata
from pathlib import Path

import pytest

from rag_service.errors import CollectionNotFound, InvalidFileName, StorageFull
from rag_service.store.home import CollectionHome
from rag_service.store.uploads import (
    MAX_NAME_BYTES,
    Upload,
    checked_name,
    remove_upload,
    uploads_folder,
)


@pytest.fixture
def home(tmp_path: Path) -> CollectionHome:
    """A collection that exists."""
    home = CollectionHome("default", tmp_path / "collections" / "default")
    home.folder.mkdir(parents=True)
    home.current.write_text("g1", encoding="ascii")
    return home


def send(upload: Upload, name: str, *pieces: bytes) -> None:
    upload.begin(name)
    for piece in pieces:
        upload.write(piece)
    upload.end()


def files_in(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    "name",
    [
        "report.pdf",
        "差旅报销制度 (最终版).docx",
        "臺灣維修條款.txt",
        "CON.txt",
        "a..b.md",
        "x",
        "نام\u200cفایل.txt",
        "x" * (MAX_NAME_BYTES - 4) + ".txt",
    ],
)
def test_names_that_people_use_are_kept(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    ("name", "kept"),
    [(unicodedata.normalize("NFD", "Café.txt"), "Café.txt"), ("  a b.txt \t", "a b.txt")],
)
def test_a_name_is_stored_in_one_spelling(name: str, kept: str) -> None:
    assert checked_name(name) == kept


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "the name is empty"),
        ("  ", "the name is empty"),
        (".", "hidden"),
        ("..", "hidden"),
        (".ragignore", "hidden"),
        ("../../etc/passwd", "folder"),
        ("manuals/car.md", "folder"),
        ("/etc/passwd", "folder"),
        ("C:\\autoexec.bat", "folder"),
        ("a\x00.txt", "control or invisible"),
        ("a\nb.txt", "control or invisible"),
        ("gpj.\u202ecod.txt", "control or invisible"),
        ("\ufeffa.txt", "control or invisible"),
        ("half \ud800.txt", "control or invisible"),
        ("资" * 67, "more than 200 bytes"),
    ],
)
def test_a_name_that_could_do_harm_is_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(InvalidFileName, match=reason):
        checked_name(name)


def test_files_are_in_place_only_once_all_have_arrived(home: CollectionHome) -> None:
    with Upload(home) as upload:
        send(upload, "a.txt", b"one ", b"two")
        send(upload, "空.md")
        assert not uploads_folder(home).exists()
        upload.place()
        assert files_in(uploads_folder(home)) == ["a.txt", "空.md"]
    assert (uploads_folder(home) / "a.txt").read_bytes() == b"one two"
    assert [(file.name, file.size_bytes) for file in upload.files] == [("a.txt", 7), ("空.md", 0)]
    assert upload.files[0].content_hash == hashlib.sha256(b"one two").hexdigest()
    assert files_in(home.folder / "incoming") == []


def test_an_upload_that_breaks_off_leaves_nothing_behind(home: CollectionHome) -> None:
    with Upload(home) as upload:
        send(upload, "whole.txt", b"whole")
        upload.begin("half.txt")
        upload.write(b"ha")
    assert files_in(home.folder) == ["current"]


def test_a_file_of_the_same_name_is_replaced(home: CollectionHome) -> None:
    for text in (b"old", b"new"):
        with Upload(home) as upload:
            send(upload, "a.txt", text)
            upload.place()
    assert (uploads_folder(home) / "a.txt").read_bytes() == b"new"


def test_two_files_of_one_upload_cannot_have_the_same_name(home: CollectionHome) -> None:
    with Upload(home) as upload:
        send(upload, "Café.txt", b"1")
        with pytest.raises(InvalidFileName, match="Two files"):
            upload.begin(unicodedata.normalize("NFD", "Café.txt"))


def test_a_removed_file_is_gone_and_removing_it_again_is_no_error(home: CollectionHome) -> None:
    remove_upload(home, "a.txt")
    with Upload(home) as upload:
        send(upload, "a.txt", b"1")
        upload.place()
    remove_upload(home, "a.txt")
    remove_upload(home, "a.txt")
    assert files_in(uploads_folder(home)) == []


def test_nothing_can_be_sent_to_a_collection_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CollectionNotFound):
        Upload(CollectionHome("none", tmp_path / "collections" / "none"))
    assert files_in(tmp_path) == []


def test_a_collection_deleted_meanwhile_does_not_come_back(home: CollectionHome) -> None:
    with Upload(home) as upload:
        send(upload, "a.txt", b"1")
        shutil.rmtree(home.folder)
        with pytest.raises(CollectionNotFound):
            upload.place()
    assert not home.folder.exists()


def test_a_collection_made_anew_meanwhile_gets_none_of_it(home: CollectionHome) -> None:
    with Upload(home) as upload:
        send(upload, "a.txt", b"1")
        shutil.rmtree(home.folder)
        home.folder.mkdir()
        home.current.write_text("g1", encoding="ascii")
        with pytest.raises(CollectionNotFound, match="deleted while"):
            upload.place()
    assert files_in(home.folder) == ["current"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full and /proc")
def test_a_full_disk_is_said_and_nothing_is_left(home: CollectionHome) -> None:
    with Upload(home) as upload:
        upload.begin("a.txt")
        (part,) = (home.folder / "incoming").glob("*/*")
        with Path("/dev/full").open("wb") as full:
            os.dup2(full.fileno(), handle_of(part))
        with pytest.raises(StorageFull, match="Nothing was stored"):
            upload.write(b"x" * 100_000)
    assert files_in(home.folder) == ["current"]


def handle_of(path: Path) -> int:
    """The handle by which this process has ``path`` open."""
    (handle,) = [n for n in Path("/proc/self/fd").iterdir() if n.resolve() == path]
    return int(handle.name)


def test_what_a_dead_service_left_half_arrived_is_swept_after_a_day(home: CollectionHome) -> None:
    incoming = home.folder / "incoming"
    for name, age_s in (("old", 25 * 3600), ("recent", 60)):
        (incoming / name).mkdir(parents=True)
        (incoming / name / "000000").write_bytes(b"half")
        then = time.time() - age_s
        os.utime(incoming / name, (then, then))
    with Upload(home):
        pass
    assert files_in(incoming) == ["recent/000000"]
