"""ZIP containers (Office documents, OpenDocument, EPUB), checked before anything unpacks them."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from typing import Final

from rag_service.errors import BrokenFile, EncryptedFile

MAX_ENTRIES: Final = 50_000
MAX_UNPACKED: Final = 1 << 30  # bytes, all entries together
# XML of large, repetitive sheets packs to a fiftieth; deflate can reach a thousandth.
MAX_RATIO: Final = 200
_RATIO_MATTERS_FROM: Final = 64 << 20  # bytes unpacked; below it no ratio does harm
_LOCAL_HEADER: Final = 30  # bytes before the name of an entry
_ENCRYPTED: Final = 0x1  # flag bit 0, APPNOTE.TXT 4.4.4
_DRIVE: Final = re.compile(r"[A-Za-z]:")


def check_zip(data: bytes) -> None:
    """Refuse a container that is not what it seems, without unpacking it.

    Raises:
        BrokenFile: not a ZIP file, cut short, a decompression bomb, entries that share bytes, or
            names that point outside the container.
        EncryptedFile: an entry needs a password.
    """
    open_zip(data).close()


def open_zip(data: bytes) -> zipfile.ZipFile:
    """The container, checked; raises what ``check_zip`` raises."""
    archive = _open(data)
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise BrokenFile(
            f"The file unpacks to {len(entries):,} parts; at most {MAX_ENTRIES:,} are read."
        )
    _refuse_bomb(entries)
    _refuse_overlap(entries)
    for entry in entries:
        _check_entry(entry)
    return archive


def _open(data: bytes) -> zipfile.ZipFile:
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise BrokenFile(
            "The file is damaged or cut short: it begins as a ZIP container and has no end."
            if data.startswith(b"PK\x03\x04")
            else "The file is not what its name says: it is no ZIP container."
        )
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # damage meets zipfile with many exceptions
        raise BrokenFile(f"The ZIP container is damaged: {error}") from error


def _refuse_bomb(entries: Sequence[zipfile.ZipInfo]) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if unpacked > MAX_UNPACKED:
        raise BrokenFile(
            f"The file unpacks to {unpacked >> 20:,} MiB; at most {MAX_UNPACKED >> 20:,} MiB are "
            "read. It may be a decompression bomb."
        )
    if unpacked > _RATIO_MATTERS_FROM and unpacked > MAX_RATIO * max(1, packed):
        raise BrokenFile(
            f"The file unpacks to {unpacked // max(1, packed):,} times its size; it is taken for "
            "a decompression bomb."
        )


def _refuse_overlap(entries: Sequence[zipfile.ZipInfo]) -> None:
    """Entries that share bytes make a small file unpack to any size (Fifield, WOOT '19)."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise BrokenFile("The ZIP container is damaged or a bomb: its parts overlap.")
        end = entry.header_offset + _LOCAL_HEADER + entry.compress_size


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.filename.replace("\\", "/")
    if name.startswith("/") or _DRIVE.match(name) or ".." in name.split("/"):
        raise BrokenFile(
            f"The ZIP container holds a part that points outside of it: {entry.filename[:100]!r}."
        )
    if entry.flag_bits & _ENCRYPTED:
        raise EncryptedFile("The file is encrypted with a ZIP password. Save a copy without one.")


class Parts:
    """The parts of a checked container, found by name whatever its case or slashes."""

    def __init__(self, data: bytes) -> None:
        self._archive = open_zip(data)
        self._by_name = {_folded(info.filename): info for info in self._archive.infolist()}

    def __contains__(self, name: str) -> bool:
        return _folded(name) in self._by_name

    def names(self) -> list[str]:
        return [info.filename.replace("\\", "/") for info in self._by_name.values()]

    def read(self, name: str) -> bytes:
        """The unpacked part.

        Raises:
            BrokenFile: there is no such part, or it cannot be unpacked.
        """
        info = self._by_name.get(_folded(name))
        if info is None:
            raise BrokenFile(f"The file is incomplete: its part {name!r} is missing.")
        try:
            return self._archive.read(info)
        except MemoryError:
            raise
        except Exception as error:  # zlib.error, BadZipFile, NotImplementedError, EOFError, ...
            raise BrokenFile(f"The file is damaged in its part {name!r}: {error}") from error


def _folded(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()
