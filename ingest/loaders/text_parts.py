"""Plain text read in parts, for files too large to be held whole.

Parts end at line ends, which can be found in the bytes: 0x0A is never the second byte of a
character in any encoding that is read here. A line longer than a part is cut between characters.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ingest.decoding import byte_order_mark, codec_of, decode, decode_part
from rag_service.document_types import LoadedText
from rag_service.errors import UnreadableFile

_BLOCK = 1 << 20
_HEAD = 1 << 18  # bytes that show what UTF-16 and binary formats look like
_EVIDENCE = 1 << 16  # bytes of lines with letters beyond ASCII, from each third of the file
_WINDOW = 1 << 16  # in which the end of a line is looked for first


@dataclass(frozen=True, slots=True)
class TextPlan:
    """How a file is cut: part ``n`` is the bytes from ``offsets[n]`` to ``offsets[n + 1]``.

    ``encoding`` is as ``Decoded`` names it; ``size`` and ``mtime_ns`` are those of the file
    when it was planned.
    """

    encoding: str
    offsets: tuple[int, ...]
    size: int
    mtime_ns: int

    def __len__(self) -> int:
        """The number of parts."""
        return len(self.offsets) - 1


def plan_parts(path: Path, *, part_bytes: int) -> TextPlan:
    """Find the encoding, and where to cut into parts of at most ``part_bytes`` (8 or more).

    Reads no more than a part at a time. The encoding is that of the byte order mark or what
    ``ingest.decoding.decode`` finds in lines from the head, the middle and the tail.

    Raises:
        UnreadableFile: the operating system refuses to read it.
        NotText, UnknownEncoding: see ``ingest.decoding.decode``.
    """
    try:
        with path.open("rb") as stream:
            stat = path.stat()
            mark, encoding = _encoding(stream, stat.st_size)
            offsets = tuple(_offsets(stream, encoding, len(mark), stat.st_size, part_bytes))
    except OSError as error:
        raise _unreadable(error) from error
    return TextPlan(encoding, offsets, stat.st_size, stat.st_mtime_ns)


def load_part(path: Path, plan: TextPlan, index: int) -> LoadedText:
    """Read part ``index`` (from 0) of a planned file.

    Raises:
        UnreadableFile: it cannot be read, or has changed since it was planned.
        NotText, UnknownEncoding: see ``ingest.decoding.decode_part``.
    """
    start, end = plan.offsets[index], plan.offsets[index + 1]
    try:
        with path.open("rb") as stream:
            stat = path.stat()
            stream.seek(start)
            data = stream.read(end - start)
    except OSError as error:
        raise _unreadable(error) from error
    if (stat.st_size, stat.st_mtime_ns) != (plan.size, plan.mtime_ns):
        raise UnreadableFile("The file was changed while it was being read. It will be read anew.")
    part = decode_part(data, plan.encoding, offset=start, last=end == plan.size)
    text = part.text.removeprefix("\ufeff") if index == 0 else part.text
    return LoadedText(text, encoding=part.encoding, engine="text", warnings=part.warnings)


def _unreadable(error: OSError) -> UnreadableFile:
    return UnreadableFile(f"The file cannot be read: {error.strerror or error}.")


def _encoding(stream: BinaryIO, size: int) -> tuple[bytes, str]:
    """The byte order mark, if there is one, and the encoding."""
    head = stream.read(_HEAD)
    marked = byte_order_mark(head)
    if marked:
        return marked
    if b"\0" in head:
        return b"", decode(head).encoding
    third = size // 3
    evidence = [_wide_lines(stream, start, start + third) for start in (0, third, 2 * third)]
    return b"", decode(b"".join([_whole_lines(head), *evidence])).encoding


def _whole_lines(head: bytes) -> bytes:
    """``head`` up to its last line end, or all of it."""
    return head[: head.rfind(b"\n") + 1] or head


def _wide_lines(stream: BinaryIO, start: int, end: int) -> bytes:
    """The first lines between two places that have bytes above ASCII: they alone carry evidence."""
    found = bytearray()
    for block in _blocks(stream, start, end):
        if block.isascii():
            continue
        found += b"".join(line for line in block.splitlines(keepends=True) if not line.isascii())
        if len(found) >= _EVIDENCE:
            break
    return bytes(found[: found.rfind(b"\n", 0, _EVIDENCE) + 1] or found[:_EVIDENCE])


def _blocks(stream: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    """The lines between two places, many at a time."""
    stream.seek(start)
    if start:
        stream.readline(_BLOCK)  # the rest of a line
    while stream.tell() < end:
        yield stream.read(_BLOCK) + stream.readline(_BLOCK)


def _offsets(
    stream: BinaryIO, encoding: str, start: int, size: int, part_bytes: int
) -> Iterator[int]:
    yield start
    while start < size:
        end = start + part_bytes
        start = size if end >= size else _cut(stream, encoding, start, end)
        yield start


def _cut(stream: BinaryIO, encoding: str, start: int, end: int) -> int:
    """The last line end, or else the last end of a character, between two places."""
    end -= (end - start) % _width(encoding)
    for window_start in (max(start, end - _WINDOW), start):
        stream.seek(window_start)
        window = stream.read(end - window_start)
        line_end = _line_end(window, encoding)
        if line_end:
            return window_start + line_end
    return start + _character_end(window, encoding)


def _width(encoding: str) -> int:
    """Bytes of which all characters have a multiple."""
    return {"utf-16": 2, "utf-32": 4}.get(encoding[:6], 1)


def _line_end(window: bytes, encoding: str) -> int:
    """Where the last line of ``window`` ends; 0 where none does."""
    newline = "\n".encode(codec_of(encoding))
    place = window.rfind(newline)
    while place > 0 and place % len(newline):  # halves of two characters
        place = window.rfind(newline, 0, place + len(newline) - 1)
    return place + len(newline) if place >= 0 else 0


def _character_end(window: bytes, encoding: str) -> int:
    decoder = codecs.getincrementaldecoder(codec_of(encoding))(errors="replace")
    text = decoder.decode(window)
    end = len(window) - len(decoder.getstate()[0])
    # CR and LF are one line end: they stay together.
    return end - _width(encoding) if text.endswith("\r") and len(text) > 1 else end
