"""Bytes to text where the file itself says, rightly or wrongly, what encoding it is in."""

from __future__ import annotations

import codecs
import re
from dataclasses import replace

from ingest.decoding import Decoded, decode
from ingest.invisible import without_invisible
from ingest.legacy_encodings import choose_legacy
from rag_service.errors import UnknownEncoding

# What Python calls an encoding -> what reads it. As browsers do, an encoding is read with the
# superset that everybody writes in its place: https://encoding.spec.whatwg.org/#names-and-labels
_CODECS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "utf-8": "utf-8",
    "utf-8-sig": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "big5": "big5hkscs",
    "big5hkscs": "big5hkscs",
    "cp950": "big5hkscs",
    "shift_jis": "cp932",
    "cp932": "cp932",
    "euc_kr": "cp949",
    "cp949": "cp949",
}
_CODECS |= {
    name: name
    for name in (  # noqa: SIM905
        "euc_jp hz iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_kr iso8859-2 iso8859-3 iso8859-4 "
        "iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-9 iso8859-10 iso8859-13 iso8859-14 "
        "iso8859-15 iso8859-16 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 "
        "cp874 cp437 cp850 cp852 cp866 koi8-r koi8-u mac-roman mac-cyrillic tis-620"
    ).split()
}
# Labels in use that Python does not know.
_ALIASES = {
    "x-sjis": "cp932",
    "x-gbk": "gbk",
    "cn-gb": "gbk",
    "gb_2312-80": "gbk",
    "x-x-big5": "big5",
    "cn-big5": "big5",
    "x-euc-jp": "euc_jp",
    "unicode-1-1-utf-8": "utf-8",
    "windows-874": "cp874",
}
_LABEL = re.compile(r"[A-Za-z0-9_.:-]{1,40}")
_NAMES = {"big5hkscs": "big5", "cp932": "shift_jis", "cp949": "euc-kr", "euc_jp": "euc-jp"}
_WESTERN = frozenset({"cp1252", "iso8859-15", "mac-roman"})
_SHIFTING = re.compile(rb"\x1b\$[@B]|\x1b\([BJ]")  # ISO-2022-JP: plain bytes, told by its escapes
_SHIFTING_CODECS = frozenset({"hz", "iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_kr"})
_JAPANESE_SHIFTING = "iso2022_jp_2"
# Two bytes of Chinese in GBK pass for one character of UTF-8 about once in six; eight in a row
# about once in a million.
_CONVINCING_UTF8 = 8
_MAX_BAD_SHARE = 0.01  # of the characters, where nothing better than the declaration is known


def decode_declared(data: bytes, charset: str) -> Decoded:
    """Decode with the declared ``charset`` ("" for none) unless the bytes contradict it.

    A declaration that is wrong is named in the warnings.

    Raises:
        NotText, UnknownEncoding: see ``ingest.decoding.decode``.
    """
    codec = codec_of(charset)
    found = _escaped(data, codec) or _as_declared(data, codec)
    if found is not None:
        return found
    try:
        guessed = decode(data)
    except UnknownEncoding:
        return _damaged(data, codec)
    if not charset or data.isascii() or _has_mark(data) or _agrees(guessed.encoding, charset):
        return guessed
    return _contradicted(guessed, charset)


def codec_of(charset: str) -> str:
    """The Python codec for a declared ``charset``; "" for none, an unknown one, UTF-16 and -32.

    UTF-16 shows in the bytes: a page that says so in ASCII letters is not in UTF-16.
    """
    label = charset.strip().strip("\"'").lower()
    if not _LABEL.fullmatch(label):
        return ""
    try:
        return _CODECS.get(codecs.lookup(_ALIASES.get(label, label)).name, "")
    except LookupError:
        return ""


def _escaped(data: bytes, codec: str) -> Decoded | None:
    if b"\x1b" not in data and codec not in _SHIFTING_CODECS:
        return None
    wanted = codec if codec in _SHIFTING_CODECS else _JAPANESE_SHIFTING
    if wanted == codec or _SHIFTING.search(data):
        text = _strictly(data, wanted)
        if text is not None:
            return Decoded(_lines(text), wanted.replace("_", "-"))
    return None


def _as_declared(data: bytes, codec: str) -> Decoded | None:
    """None where the bytes say something else than the declaration."""
    if not codec or codec == "utf-8" or _has_mark(data) or b"\0" in data:
        return None
    text = _strictly(data, codec)
    if text is None or _is_utf8(data) or _reads_otherwise(data, codec):
        return None
    return Decoded(_lines(text), _NAMES.get(codec, codec))


def _has_mark(data: bytes) -> bool:
    return data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def _agrees(encoding: str, charset: str) -> bool:
    return codec_of(encoding) == codec_of(charset) != "" or encoding[:6] == charset[:6].lower()


def _is_utf8(data: bytes) -> bool:
    text = _strictly(data, "utf-8")
    return text is not None and sum(char > "\x7f" for char in text) >= _CONVINCING_UTF8


def _reads_otherwise(data: bytes, codec: str) -> bool:
    """Whether the letters speak for another encoding: nearly any bytes decode in most."""
    choice = None if data.isascii() else choose_legacy(data)
    if choice is None or choice.codec == codec:
        return False
    return choice.is_multibyte or (codec in _WESTERN and choice.codec not in _WESTERN)


def _damaged(data: bytes, codec: str) -> Decoded:
    """A few wrong bytes in what is otherwise as declared."""
    if not codec:
        raise UnknownEncoding(
            "The character encoding could not be told with certainty. Convert the file to UTF-8."
        )
    text = data.decode(codec, errors="replace")
    bad = text.count("\ufffd")
    if bad > _MAX_BAD_SHARE * len(text):
        raise UnknownEncoding(
            f"The file says it is in {codec}, and is not. Convert the file to UTF-8."
        )
    noun = "character" if bad == 1 else "characters"
    warning = f"{bad} {noun} could not be read as {codec} and became \ufffd."
    return Decoded(_lines(text), _NAMES.get(codec, codec), (warning,))


def _contradicted(guessed: Decoded, charset: str) -> Decoded:
    warning = f"The file says its encoding is {charset.strip()}; it was read as {guessed.encoding}."
    # That it was inferred is said already.
    others = tuple(said for said in guessed.warnings if "was inferred from" not in said)
    return replace(guessed, warnings=(warning, *others))


def _strictly(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (UnicodeDecodeError, LookupError):
        return None


def _lines(text: str) -> str:
    return without_invisible(text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", ""))
