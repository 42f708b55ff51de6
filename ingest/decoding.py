"""Bytes to text, without guessing silently.

Order of evidence, strongest first: byte order mark, the well-known first bytes of
binary formats, strict UTF-8, UTF-16/32 by plausible code units, legacy encodings by
how often their decoding shows the most frequent letters of a language. What no
encoding explains convincingly is refused: a wrong reading would be indexed as rubbish.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from ingest.invisible import without_invisible
from ingest.legacy_encodings import choose_legacy
from rag_service.errors import NotText, UnknownEncoding


@dataclass(frozen=True, slots=True)
class Decoded:
    """``text`` has ``\\n`` line ends, no NUL and nothing invisible.

    ``encoding`` is a Python codec name; ``warnings`` are sentences for people.
    """

    text: str
    encoding: str
    warnings: tuple[str, ...] = ()


# UTF-32-LE before UTF-16-LE: its mark starts with the other's.
_BYTE_ORDER_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)

_MAGIC = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (b"{\\rtf", "an RTF document"),
    (b"\x7fELF", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"\x1f\x8b\x08", "a gzip archive"),
    (b"BZh91AY&SY", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"SQLite format 3\x00", "an SQLite database"),
)

_TYPED_LINE_ENDS = re.compile("\r\n?")
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# C0 and C1 controls other than white space and escape (terminal logs have escapes).
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_MAX_CONTROL_SHARE = 0.02
_MAX_TAIL = 3  # bytes of a UTF-8 character that can be missing their last one

# Code points that ordinary text is made of; used to tell UTF-16 from anything else.
_LIKELY = re.compile(
    "[\t\n\r\x20-\x7e\xa0-\u024f\u0370-\u06ff\u0900-\u0dff\u0e00-\u0e7f\u2010-\u2030"
    "\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff9f]"
)
_SAMPLE_BYTES = 262_144
_CUT = "The file ends in the middle of a character; that character was dropped."
_MAX_BAD_SHARE = 0.005  # of a part's characters
# What is read by more than its name says: supersets that are written in their place.
_CODECS = {
    "utf-8-sig": "utf-8",
    "big5": "big5hkscs",
    "euc-kr": "cp949",
    "euc-jp": "euc_jp",
    "shift_jis": "cp932",
}


def decode(data: bytes, *, keep_separators: bool = False) -> Decoded:
    """Decode the whole content of a text file.

    ``keep_separators``: form feeds and the line and paragraph separators of Unicode are no line
    ends. In JSON and CSV they are part of a value.

    Raises:
        NotText: the content is binary.
        UnknownEncoding: no encoding explains the bytes convincingly.
    """
    marked = byte_order_mark(data)
    if marked:
        return _finish(*_decode_marked(data, *marked), keep_separators=keep_separators)
    _refuse_magic(data)
    found = _utf32(data) or (_utf16(data) if b"\0" in data else None)
    found = found or _utf8(data) or _legacy(data)
    return _finish(*found, keep_separators=keep_separators)


def decode_part(data: bytes, encoding: str, *, offset: int = 0, last: bool = True) -> Decoded:
    """Decode a part of a text file whose ``encoding`` (as ``Decoded`` names it) is known.

    ``data`` lies at ``offset`` in the file and begins between characters; only the ``last``
    part may end within one. The texts of the parts together are what ``decode`` makes of the
    whole, as long as none ends between CR and LF.

    Raises:
        NotText: the content is binary.
        UnknownEncoding: more than a few bytes are not in ``encoding``; the first is named.
    """
    decoder = codecs.getincrementaldecoder(codec_of(encoding))()
    try:
        text = decoder.decode(data)
    except UnicodeDecodeError as error:
        return _clean(*_replaced(data, encoding, offset + error.start))
    if not decoder.getstate()[0]:
        return _clean(text, encoding, ())
    if last:
        return _clean(text, encoding, (_CUT,))
    return _clean(*_replaced(data, encoding, offset + len(data)))


def _replaced(data: bytes, encoding: str, place: int) -> _Found:
    """A few wrong bytes are damage; ``place`` is the first one's."""
    text = data.decode(codec_of(encoding), errors="replace")
    if text.count("\ufffd") > max(1, _MAX_BAD_SHARE * len(text)):
        raise UnknownEncoding(
            f"Byte {place:,} and others cannot be read as {encoding}, which the rest of the file "
            "is in. Convert the file to UTF-8."
        )
    return text, encoding, _replacement_warning(text, encoding)


def codec_of(encoding: str) -> str:
    """The Python codec that reads what ``Decoded.encoding`` names."""
    return _CODECS.get(encoding, encoding)


_Found = tuple[str, str, tuple[str, ...]]  # text, encoding, warnings


def byte_order_mark(data: bytes) -> tuple[bytes, str] | None:
    """The mark that ``data`` begins with and the encoding it stands for."""
    return next(((mark, name) for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), None)


def _decode_marked(data: bytes, mark: bytes, encoding: str) -> _Found:
    codec = "utf-8" if encoding == "utf-8-sig" else encoding
    text = data[len(mark) :].decode(codec, errors="replace")
    text, cut = _drop_cut_tail(text) if not _is_strict(data, codec) else (text, ())
    return text, encoding, cut + _replacement_warning(text, encoding)


def _is_strict(data: bytes, codec: str) -> bool:
    try:
        data.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _drop_cut_tail(text: str) -> tuple[str, tuple[str, ...]]:
    if not text.endswith("\ufffd"):
        return text, ()
    return text[:-1], (_CUT,)


def _replacement_warning(text: str, encoding: str) -> tuple[str, ...]:
    count = text.count("\ufffd")
    if not count:
        return ()
    if count * 10 > len(text):
        raise NotText(f"Not readable as {encoding}: more than a tenth of it is no character.")
    noun = "character" if count == 1 else "characters"
    return (f"{count} {noun} could not be read as {encoding} and became \ufffd.",)


def _refuse_magic(data: bytes) -> None:
    for magic, what in _MAGIC:
        if data.startswith(magic):
            raise NotText(f"This is {what}, not a text file; the file name says text.")


def _utf8(data: bytes) -> _Found | None:
    try:
        return data.decode("utf-8"), "utf-8", ()
    except UnicodeDecodeError as error:
        return _utf8_cut(data, error) or _utf8_damaged(data)


def _utf8_cut(data: bytes, error: UnicodeDecodeError) -> _Found | None:
    missing = len(data) - error.start
    is_cut = error.reason == "unexpected end of data" and missing <= _MAX_TAIL
    kept = data[: error.start]
    # One stray byte after plain ASCII is as likely an accented letter of a legacy encoding.
    if not is_cut or (missing == 1 and kept.isascii()):
        return None
    text, warnings = _drop_cut_tail(kept.decode("utf-8") + "\ufffd")
    return text, "utf-8", warnings


def _utf8_damaged(data: bytes) -> _Found | None:
    """A few wrong bytes among many right multi-byte characters are damage, not another encoding."""
    sample = data[:_SAMPLE_BYTES].decode("utf-8", errors="replace")
    bad = sample.count("\ufffd")
    good = sum(char > "\x7f" for char in sample) - bad
    if good < 20 * max(1, bad):
        return None
    text = data.decode("utf-8", errors="replace")
    return text, "utf-8", _replacement_warning(text, "utf-8")


def _utf32(data: bytes) -> _Found | None:
    if len(data) < 8 or len(data) % 4 or data.count(0) * 4 < len(data):
        return None
    for codec in ("utf-32-le", "utf-32-be"):
        if _is_strict(data, codec):
            return data.decode(codec), codec, ()
    return None


def _utf16(data: bytes) -> _Found | None:
    """UTF-16 without a byte order mark: one byte order reads as text and the other does not."""
    if len(data) < 4:
        return None
    even = data[: len(data) // 2 * 2]
    little, big = (_likely_share(even, codec) for codec in ("utf-16-le", "utf-16-be"))
    if max(little, big) < 0.9 or abs(little - big) < 0.2:
        return None
    codec = "utf-16-le" if little > big else "utf-16-be"
    text, warnings = _drop_cut_tail(data.decode(codec, errors="replace"))
    return text, codec, warnings + _replacement_warning(text, codec)


def _likely_share(data: bytes, codec: str) -> float:
    text = data[:_SAMPLE_BYTES].decode(codec, errors="replace")
    return len(_LIKELY.findall(text)) / max(1, len(text))


def _legacy(data: bytes) -> _Found:
    if data.count(0) and len(_CONTROLS.findall(data.decode("latin-1"))) > _MAX_CONTROL_SHARE * len(
        data
    ):
        raise NotText("The content is binary, not text; the file name says text.")
    choice = choose_legacy(data)
    if choice is None:
        raise UnknownEncoding(
            "The character encoding could not be told with certainty. Convert the file to UTF-8."
        )
    text = data.decode(choice.codec, errors="replace")
    cut: tuple[str, ...] = ()
    if choice.is_multibyte:
        text, cut = _drop_cut_tail(text)
    return text, choice.name, choice.warnings + cut + _replacement_warning(text, choice.name)


def _finish(
    text: str, encoding: str, warnings: tuple[str, ...], *, keep_separators: bool
) -> Decoded:
    text = text.removeprefix("\ufeff")
    return _clean(text, encoding, warnings, keep_separators=keep_separators)


def fold_line_ends(text: str) -> str:
    """``text`` with ``\\n`` for whatever ends a line."""
    return _LINE_ENDS.sub("\n", text)


def _clean(
    text: str, encoding: str, warnings: tuple[str, ...], *, keep_separators: bool = False
) -> Decoded:
    controls = len(_CONTROLS.findall(text))
    if controls > _MAX_CONTROL_SHARE * len(text):
        raise NotText("The content is binary, not text; the file name says text.")
    nuls = text.count("\0")
    if nuls:
        noun = "character was" if nuls == 1 else "characters were"
        warnings += (f"{nuls} NUL {noun} removed.",)
    text = _TYPED_LINE_ENDS.sub("\n", text) if keep_separators else fold_line_ends(text)
    return Decoded(without_invisible(text.replace("\0", "")), encoding, warnings)
