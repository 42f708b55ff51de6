"""ZIP containers are checked before anything unpacks them."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from ingest.loaders.archive import MAX_ENTRIES, Parts, check_zip
from rag_service.errors import BrokenFile, EncryptedFile
from tests.office_documents import zipped


def with_declared_size(data: bytes, size: int) -> bytes:
    """The container with every entry's unpacked size changed in the central directory."""
    at = 0
    changed = bytearray(data)
    while (at := data.find(b"PK\x01\x02", at)) >= 0:
        struct.pack_into("<I", changed, at + 24, size)
        at += 4
    return bytes(changed)


def with_flags(data: bytes, flags: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into("<H", changed, data.index(b"PK\x01\x02") + 8, flags)
    return bytes(changed)


def overlapping() -> bytes:
    """Two entries of which the second begins at the first's place."""
    data = bytearray(zipped({"a": b"x" * 100, "b": b"y" * 100}))
    second = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, second + 42, 0)
    return bytes(data)


def test_a_sound_container_is_let_through_and_read_whatever_the_case_of_its_names() -> None:
    data = zipped({"Word\\Document.xml": "内容", "empty": b""})
    check_zip(data)
    parts = Parts(data)
    assert parts.read("word/document.xml") == "内容".encode()
    assert "WORD/document.XML" in parts
    assert "missing" not in parts


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no ZIP container"),
        (b"PK\x03\x04 and no end", "cut short"),
        (zipped({"a": b"\0" * 80_000_000}), "decompression bomb"),
        (with_declared_size(zipped({f"{n}": b"x" for n in range(3)}), 0x7FFFFFFF), "6,143 MiB"),
        (overlapping(), "parts overlap"),
        (zipped({"../../etc/passwd": "x"}), "points outside"),
        (zipped({"a/..\\..\\b": "x"}), "points outside"),
        (zipped({"/etc/passwd": "x"}), "points outside"),
        (zipped({"C:\\x": "x"}), "points outside"),
    ],
)
def test_an_unsafe_container_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(BrokenFile, match=message):
        check_zip(data)


def test_too_many_entries_are_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(MAX_ENTRIES + 1):
            archive.writestr(zipfile.ZipInfo(str(number)), b"")
    with pytest.raises(BrokenFile, match="50,001 parts"):
        check_zip(buffer.getvalue())


def test_an_encrypted_entry_needs_a_password() -> None:
    with pytest.raises(EncryptedFile, match="ZIP password"):
        check_zip(with_flags(zipped({"a": "x"}), 1))


def test_a_small_entry_that_packs_extremely_well_is_no_bomb() -> None:
    check_zip(zipped({"a": b"\0" * 10_000_000}))


def test_a_damaged_or_missing_part_is_named() -> None:
    data = zipped({"content.xml": b"hello hello hello hello"})
    at = data.index(b"content.xml") + len("content.xml")
    damaged = data[:at] + b"\xff\xff\xff" + data[at + 3 :]
    with pytest.raises(BrokenFile, match=r"damaged in its part 'content\.xml'"):
        Parts(damaged).read("content.xml")
    with pytest.raises(BrokenFile, match=r"'styles\.xml' is missing"):
        Parts(data).read("styles.xml")
