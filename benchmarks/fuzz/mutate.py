"""Mutations of files: of their bytes, of their text, and of the parts of containers."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable
from pathlib import PurePath
from random import Random
from typing import Final

from benchmarks.fuzz.mutate_text import mutate_text
from benchmarks.fuzz.mutate_xml import mutate_xml

MAX_BYTES: Final = 2_000_000
_FLAVOURS: Final = {
    ".md": "md", ".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "json", ".ipynb": "json",
    ".html": "html", ".htm": "html", ".xhtml": "html", ".xml": "xml", ".rels": "xml", ".opf": "xml",
    ".ncx": "xml", ".rst": "rst", ".rtf": "rtf", ".eml": "mail", ".mhtml": "mail", ".mht": "mail",
    ".pdf": "pdf",
}  # fmt: skip
_ENCODINGS: Final = (
    "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "gb18030",
    "big5hkscs", "shift_jis", "euc_jp", "euc_kr", "cp1251", "cp1252", "utf-7",
)  # fmt: skip
_MARKS: Final = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_BLOCKS: Final = (1, 4, 32, 256, 4_096)
_XML_SUFFIXES: Final = frozenset({".xml", ".rels", ".opf", ".ncx", ".xhtml", ".html"})
_MAX_PART: Final = 4_000_000


def mutate(rng: Random, name: str, data: bytes, other: bytes) -> bytes:
    """``data`` with one to six things changed; ``other`` is a file of the same format."""
    is_zip = data.startswith(b"PK\x03\x04")
    if is_zip and rng.random() < 0.9:
        return _mutate_container(rng, data, other)
    return _mutate_flat(rng, name, data, other)


def _mutate_flat(rng: Random, name: str, data: bytes, other: bytes) -> bytes:
    flavour = _FLAVOURS.get(PurePath(name).suffix.lower(), "plain")
    for _ in range(_rounds(rng)):
        if flavour == "pdf":
            data = (
                _mutate_as_latin(rng, data, other)
                if rng.random() < 0.6
                else _bytes(rng, data, other)
            )
        elif rng.random() < 0.25:
            data = _bytes(rng, data, other)
        else:
            data = _mutate_as_text(rng, flavour, data, other)
    return data[:MAX_BYTES]


def _rounds(rng: Random) -> int:
    return rng.choice((1, 1, 1, 2, 3, 6))


def _mutate_as_latin(rng: Random, data: bytes, other: bytes) -> bytes:
    changed = mutate_text(rng, data.decode("latin-1"), "pdf", other.decode("latin-1"))
    return changed.encode("latin-1", errors="replace")


def _mutate_as_text(rng: Random, flavour: str, data: bytes, other: bytes) -> bytes:
    """Back in the encoding it was in, or now and then in another."""
    encoding = next((codec for mark, codec in _MARKS if data.startswith(mark)), "utf-8")
    text = data.decode(encoding, errors="surrogateescape" if encoding == "utf-8" else "replace")
    changed = mutate_text(rng, text, flavour, other.decode("utf-8", errors="surrogateescape"))
    if rng.random() < 0.1:
        return changed.encode(rng.choice(_ENCODINGS), errors="replace")
    return _encoded(changed, encoding)


def _encoded(text: str, encoding: str) -> bytes:
    """Bytes that were no characters come out as they were, halves of pairs as they would be."""
    if encoding != "utf-8":
        return text.encode(encoding, errors="surrogatepass")
    return b"".join(
        piece.encode(
            "utf-8", errors="surrogateescape" if "\udc80" <= piece <= "\udcff" else "surrogatepass"
        )
        for piece in _pieces(text)
    )


def _pieces(text: str) -> list[str]:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return list(text)
    return [text]


def _bytes(rng: Random, data: bytes, other: bytes) -> bytes:
    return rng.choice(_BYTE_MUTATIONS)(rng, bytearray(data), other) if data else b"\0"


def _flip(rng: Random, data: bytearray, _other: bytes) -> bytes:
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def _overwrite(rng: Random, data: bytearray, _other: bytes) -> bytes:
    for _ in range(rng.choice((1, 1, 4, 16))):
        data[rng.randrange(len(data))] = rng.choice((0, 1, 0x0A, 0x20, 0x7F, 0x80, 0xFE, 0xFF))
    return bytes(data)


def _overwrite_number(rng: Random, data: bytearray, _other: bytes) -> bytes:
    """Lengths and offsets of binary formats."""
    place, width = rng.randrange(len(data)), rng.choice((2, 4, 8))
    largest = 2 ** (8 * width) - 1
    value = rng.choice((0, 1, min(len(data), largest), largest, largest // 2 + 1))
    data[place : place + width] = value.to_bytes(width, rng.choice(("little", "big")))
    return bytes(data)


def _truncate(rng: Random, data: bytearray, _other: bytes) -> bytes:
    start = rng.randrange(len(data))
    return bytes(data[:start] if rng.random() < 0.8 else data[start:])


def _remove(rng: Random, data: bytearray, _other: bytes) -> bytes:
    start = rng.randrange(len(data))
    del data[start : start + rng.choice(_BLOCKS)]
    return bytes(data)


def _insert(rng: Random, data: bytearray, _other: bytes) -> bytes:
    place = rng.randrange(len(data))
    data[place:place] = rng.randbytes(rng.choice(_BLOCKS[:4]))
    return bytes(data)


def _repeat(rng: Random, data: bytearray, _other: bytes) -> bytes:
    start = rng.randrange(len(data))
    block = data[start : start + rng.choice(_BLOCKS)]
    data[start:start] = block * min(rng.choice((2, 16, 512, 8_192)), 300_000 // len(block))
    return bytes(data)


def _splice(rng: Random, data: bytearray, other: bytes) -> bytes:
    start, place = rng.randint(0, len(other)), rng.randrange(len(data))
    piece = other[start : start + rng.choice(_BLOCKS)]
    end = place + (len(piece) if rng.random() < 0.5 else 0)
    data[place:end] = piece
    return bytes(data)


_ByteMutation = Callable[[Random, bytearray, bytes], bytes]
_BYTE_MUTATIONS: Final[tuple[_ByteMutation, ...]] = (
    _flip, _flip, _overwrite, _overwrite_number, _truncate, _remove, _insert, _repeat, _splice,
)  # fmt: skip


def _mutate_container(rng: Random, data: bytes, other: bytes) -> bytes:
    parts = read_parts(data)
    if not parts:
        return _bytes(rng, data, other)
    others = read_parts(other) if other.startswith(b"PK") else {}
    for _ in range(_rounds(rng)):
        _mutate_parts(rng, parts, others)
    return write_parts(parts)[:MAX_BYTES]


def _mutate_parts(rng: Random, parts: dict[str, bytes], others: dict[str, bytes]) -> None:
    name = _choose_part(rng, parts)
    kind = rng.random()
    if kind < 0.85:
        other = others.get(name) or rng.choice(list(others.values()) or [b"x"])
        parts[name] = _mutate_flat_part(rng, name, parts[name], other)
    elif kind < 0.89 and len(parts) > 1:
        del parts[name]
    elif kind < 0.93:
        parts[name] = rng.choice(list(parts.values()))
    elif kind < 0.96:
        new = rng.choice((f"../{name}", name.upper(), f"/{name}", name.replace("/", "\\"), "x"))
        parts[new] = parts[name]
    else:
        parts[name] = b""


def _choose_part(rng: Random, parts: dict[str, bytes]) -> str:
    """Mostly one of the parts that are read."""
    names = sorted(parts)
    weights = [8 if PurePath(name).suffix.lower() in _XML_SUFFIXES else 1 for name in names]
    return rng.choices(names, weights=weights)[0]


def _mutate_flat_part(rng: Random, name: str, data: bytes, other: bytes) -> bytes:
    if PurePath(name).suffix.lower() not in _XML_SUFFIXES:
        return _bytes(rng, data, other)
    kind = rng.random()
    if kind < 0.75 and (changed := mutate_xml(rng, data)) is not None:
        return changed[:_MAX_PART]
    if kind > 0.95:
        return _bytes(rng, data, other)
    flavour = "html" if name.endswith(("html", "htm")) else "xml"
    return _mutate_as_text(rng, flavour, data, other)[:_MAX_PART]


def read_parts(data: bytes) -> dict[str, bytes]:
    """The parts of a ZIP container by name; none of one that is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {info.filename: archive.read(info) for info in archive.infolist()}
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        ValueError,
        NotImplementedError,
        RuntimeError,
        EOFError,
    ):
        return {}


def write_parts(parts: dict[str, bytes]) -> bytes:
    """A ZIP container; OpenDocument wants its ``mimetype`` first and not packed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in sorted(parts, key=lambda name: name != "mimetype"):
            method = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(_entry(name), parts[name], method)
    return buffer.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    """Without the time of day, so that the same parts make the same bytes."""
    return zipfile.ZipInfo(name or "x", date_time=(2024, 1, 1, 0, 0, 0))
