"""Outlook messages for tests: an OLE container (MS-CFB) with the streams of MS-OXMSG."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

_SECTOR, _MINI = 512, 64
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
_ROOT, _STORAGE, _STREAM = 5, 1, 2

Tree: TypeAlias = "Mapping[str, bytes | Tree]"


@dataclass
class _Writer:
    """Small streams alone: all of them fit in the mini stream."""

    entries: list[tuple[str, int, int, int, int, int]] = field(default_factory=list)
    mini: bytearray = field(default_factory=bytearray)
    mini_fat: list[int] = field(default_factory=list)

    def add(self, tree: Tree) -> int:
        """The members as a chain of siblings; the number of the first."""
        following = _FREE
        for name, content in reversed(list(tree.items())):
            if isinstance(content, bytes):
                entry = (name, _STREAM, following, _FREE, self._stream(content), len(content))
            else:
                entry = (name, _STORAGE, following, self.add(content), 0, 0)
            self.entries.append(entry)
            following = len(self.entries)
        return following

    def _stream(self, content: bytes) -> int:
        first = len(self.mini_fat)
        count = max(1, -(-len(content) // _MINI))
        self.mini += content.ljust(count * _MINI, b"\0")
        self.mini_fat += [*range(first + 1, first + count), _END]
        return first


def ole_file(tree: Tree) -> bytes:
    """A container of storages and streams; each stream is shorter than 4,096 bytes."""
    writer = _Writer()
    first = writer.add(tree)
    mini_fat = _sectors(struct.pack(f"<{len(writer.mini_fat)}I", *writer.mini_fat), b"\xff")
    mini = _sectors(bytes(writer.mini), b"\0")
    fat_at = 1
    directory_size = -(-(len(writer.entries) + 1) // 4)
    mini_fat_at = fat_at + directory_size
    mini_at = mini_fat_at + len(mini_fat) // _SECTOR
    root = ("Root Entry", _ROOT, _FREE, first, mini_at, len(writer.mini))
    directory = b"".join(_entry(*entry) for entry in (root, *writer.entries))
    chains = [directory_size, len(mini_fat) // _SECTOR, len(mini) // _SECTOR]
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        *(0x3E, 3, 0xFFFE, 9, 6, 0, 1, fat_at, 0, 4096),
        *(mini_fat_at, len(mini_fat) // _SECTOR, _END, 0),
    )
    header += struct.pack("<I", 0) + b"\xff" * (_SECTOR - len(header) - 4)
    return header + _fat(chains) + _sectors(directory, b"\0") + mini_fat + mini


def _fat(chains: Sequence[int]) -> bytes:
    table = [_FAT]
    for length in chains:
        table += [*range(len(table) + 1, len(table) + length), _END]
    return struct.pack(f"<{len(table)}I", *table).ljust(_SECTOR, b"\xff")


def _sectors(data: bytes, filler: bytes) -> bytes:
    return data + filler * (-len(data) % _SECTOR)


def _entry(name: str, kind: int, following: int, child: int, start: int, size: int) -> bytes:
    encoded = (name + "\0").encode("utf-16-le")
    return struct.pack(
        "<64sHBBIII36xIQ", encoded, len(encoded), kind, 1, _FREE, following, child, start, size
    )


def properties(
    texts: Mapping[int, str | bytes],
    binaries: Mapping[int, bytes] | None = None,
    *,
    header: int = 32,
    code_page: int = 0,
    sent: int = 0,
) -> dict[str, bytes]:
    """The streams of one storage; a text in bytes is one of 8 bits."""
    fixed = b"\0" * header
    if code_page:
        fixed += struct.pack("<HHIQ", 0x0003, 0x3FDE, 0, code_page)
    if sent:
        fixed += struct.pack("<HHIQ", 0x0040, 0x0039, 0, sent)
    found = {"__properties_version1.0": fixed}
    for number, text in texts.items():
        kind, data = (
            ("001E", text) if isinstance(text, bytes) else ("001F", text.encode("utf-16-le"))
        )
        found[f"__substg1.0_{number:04X}{kind}"] = data
    for number, data in (binaries or {}).items():
        found[f"__substg1.0_{number:04X}0102"] = data
    return found
