"""The properties of an Outlook message, of an attachment or of a message within a message.

[MS-OXMSG] 2.4: a property of fixed size stands in the properties stream, any other in a
stream named after its id and type.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property

from olefile import OleFileIO

from ingest.loaders.builder import clean_text
from ingest.loaders.web.declared import decode_declared
from rag_service.errors import DocumentError

_STRING, _STRING8, _BINARY, _OBJECT = 0x001F, 0x001E, 0x0102, 0x000D
_INTEGER, _TIME = 0x0003, 0x0040
_DATA = 0x3701
_ENTRY = struct.Struct("<HHI8s")  # type, id, flags, value
_ROOT_HEADER, _EMBEDDED_HEADER, _ATTACHMENT_HEADER = 32, 24, 8  # bytes before the entries
_INTERNET_CODE_PAGE, _MESSAGE_CODE_PAGE = 0x3FDE, 0x3FFD
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)  # Windows counts tenths of microseconds from here
# Code pages that are not called "cp" and their number.
_CODE_PAGES = {
    936: "gbk",
    950: "big5",
    932: "shift_jis",
    949: "euc-kr",
    20866: "koi8-r",
    20936: "gb2312",
    21866: "koi8-u",
    28591: "iso-8859-1",
    28592: "iso-8859-2",
    28595: "iso-8859-5",
    28605: "iso-8859-15",
    50220: "iso-2022-jp",
    50221: "iso-2022-jp",
    50222: "iso-2022-jp",
    51932: "euc-jp",
    51949: "euc-kr",
    52936: "hz",
    54936: "gb18030",
    65001: "utf-8",
}


class MsgStorage:
    """One storage of the container: the message itself, or a part of it."""

    def __init__(
        self, ole: OleFileIO, path: tuple[str, ...] = (), *, header: int = _ROOT_HEADER
    ) -> None:
        self._ole = ole
        self._path = path
        self._header = header

    def text(self, property_id: int) -> str:
        """A text property; "" where it is missing."""
        wide = self._stream(property_id, _STRING)
        if wide:
            return clean_text(wide.decode("utf-16-le", errors="replace")).rstrip("\0")
        data = self._stream(property_id, _STRING8).rstrip(b"\0")
        try:
            return clean_text(decode_declared(data, self.code_page).text) if data else ""
        except DocumentError:
            return clean_text(data.decode("cp1252", errors="replace"))

    def binary(self, property_id: int) -> bytes:
        """A binary property; empty where it is missing."""
        return self._stream(property_id, _BINARY)

    def time(self, property_id: int) -> str:
        """A time property like "2024-05-01 09:30 UTC"; "" where it is missing."""
        value = self._fixed.get((property_id, _TIME))
        ticks = struct.unpack("<Q", value)[0] if value else 0
        try:
            moment = _EPOCH + timedelta(microseconds=ticks // 10)
        except OverflowError:
            return ""
        return f"{moment:%Y-%m-%d %H:%M} UTC" if ticks else ""

    def attachments(self) -> Iterator[MsgStorage]:
        """The storages of the attachments in order."""
        depth = len(self._path)
        names = {
            entry[depth]
            for entry in self._ole.listdir(streams=False, storages=True)
            if len(entry) == depth + 1 and tuple(entry[:depth]) == self._path
        }
        for name in sorted(name for name in names if name.startswith("__attach_version1.0_")):
            yield MsgStorage(self._ole, (*self._path, name), header=_ATTACHMENT_HEADER)

    def embedded(self) -> MsgStorage | None:
        """The message that an attachment holds; None where it holds a file."""
        path = (*self._path, _stream_name(_DATA, _OBJECT))
        is_message = self._ole.exists([*path, "__properties_version1.0"])
        return MsgStorage(self._ole, path, header=_EMBEDDED_HEADER) if is_message else None

    @cached_property
    def code_page(self) -> str:
        """The encoding that the message names for its 8-bit text; "" for none."""
        for property_id in (_INTERNET_CODE_PAGE, _MESSAGE_CODE_PAGE):
            if value := self._fixed.get((property_id, _INTEGER)):
                number = struct.unpack("<I", value[:4])[0]
                return _CODE_PAGES.get(number, f"cp{number}")
        return ""

    @cached_property
    def _fixed(self) -> dict[tuple[int, int], bytes]:
        data = self._read("__properties_version1.0")[self._header :]
        whole = data[: len(data) // _ENTRY.size * _ENTRY.size]
        return {(pid, kind): value for kind, pid, _, value in _ENTRY.iter_unpack(whole)}

    def _stream(self, property_id: int, kind: int) -> bytes:
        return self._read(_stream_name(property_id, kind))

    def _read(self, name: str) -> bytes:
        path = [*self._path, name]
        if not self._ole.exists(path):
            return b""
        with self._ole.openstream(path) as stream:
            return bytes(stream.read())


def _stream_name(property_id: int, kind: int) -> str:
    return f"__substg1.0_{property_id:04X}{kind:04X}"
