"""Compressed RTF, in which Outlook stores formatted text: [MS-OXRTFCP]."""

from __future__ import annotations

import struct

from rag_service.errors import BrokenFile

_HEADER = struct.Struct("<IIII")  # size of what follows the first field, raw size, type, checksum
_COMPRESSED, _UNCOMPRESSED = 0x75465A4C, 0x414C454D
_WINDOW = 4096
# What the dictionary holds at first, section 2.1.3.1.
_INITIAL = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    b"\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
    b"\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)


def decompress_rtf(data: bytes) -> bytes:
    """The RTF. It is never longer than nine times ``data``: two bytes stand for 17 at most.

    Raises:
        BrokenFile: it is no compressed RTF.
    """
    if len(data) < _HEADER.size:
        raise BrokenFile("The RTF of the message is cut short.")
    _, raw_size, kind, _ = _HEADER.unpack_from(data)
    body = data[_HEADER.size :]
    if kind == _UNCOMPRESSED:
        return body[:raw_size]
    if kind != _COMPRESSED:
        raise BrokenFile("The RTF of the message is damaged.")
    return _unpacked(body)[:raw_size]


class _Window:
    """What has been written, and the last 4,096 bytes of it as the dictionary."""

    def __init__(self) -> None:
        self.output = bytearray()
        self._bytes = bytearray(_INITIAL.ljust(_WINDOW, b"\0"))
        self._end = len(_INITIAL)

    def put(self, byte: int) -> None:
        self.output.append(byte)
        self._bytes[self._end] = byte
        self._end = (self._end + 1) % _WINDOW

    def copy(self, offset: int, length: int) -> bool:
        """Repeat what stands at ``offset``; False for the reference that ends the text."""
        if offset == self._end:
            return False
        for place in range(offset, offset + length):
            self.put(self._bytes[place % _WINDOW])
        return True


def _unpacked(body: bytes) -> bytes:
    """LZ77: eight bits say which of the eight tokens after them are bytes, which references."""
    window = _Window()
    position = 0
    while position < len(body):
        control = body[position]
        position += 1
        for bit in range(8):
            size = 1 + (control >> bit & 1)
            token = int.from_bytes(body[position : position + size], "big")
            position += size
            if position > len(body):
                break
            if size == 1:
                window.put(token)
            elif not window.copy(token >> 4, (token & 0xF) + 2):
                return bytes(window.output)
    return bytes(window.output)
