"""Mail headers as people read them, whatever encoding they are in or claim to be in."""

from __future__ import annotations

import binascii
import re
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.policy import Compat32
from email.utils import parsedate_to_datetime

from ingest.loaders.builder import one_line
from ingest.loaders.web.declared import decode_declared
from rag_service.errors import DocumentError


class _RawHeaders(Compat32):
    """Headers as they stand; the default puts "?" for each byte above ASCII."""

    def header_fetch_parse(self, _name: str, value: str) -> str:
        return value


RAW_HEADERS = _RawHeaders()
SHOWN_HEADERS = ("Subject", "From", "To", "Cc", "Date")
_MAX_HEADER = 20_000  # characters; a list of recipients can be long, an attack is longer
_MAX_NAME = 200
# Two encoded words with nothing but white space between them are one text, RFC 2047 section 6.2;
# some writers leave out the white space, and many cut characters of two bytes in half.
_TOUCHING = re.compile(r"\?=(?==\?)")
_ENCODED = "=?"


def header_text(message: Message, name: str) -> str:
    """The value of a header on one line; "" where there is none."""
    value = message.get(name)
    return decoded_words(str(value)) if value is not None else ""


def sent_day(message: Message) -> str:
    """The day of the Date header as its sender's calendar had it, ISO 8601; "" for none."""
    try:
        return parsedate_to_datetime(header_text(message, "Date")).date().isoformat()
    except (TypeError, ValueError, OverflowError):
        return ""


def decoded_words(value: str) -> str:
    """A header's text with its encoded words decoded (RFC 2047), bare bytes as well."""
    value = value[:_MAX_HEADER]
    if _ENCODED not in value:
        return one_line(_bytes_text(_raw(value), ""))
    try:
        chunks = decode_header(_TOUCHING.sub("?= ", value))
    except (HeaderParseError, binascii.Error, ValueError):
        return one_line(_bytes_text(_raw(value), ""))
    return one_line("".join(_chunk_text(chunk, charset or "") for chunk, charset in chunks))


def file_name(part: Message) -> str:
    """The name of an attachment (RFC 2231, RFC 2047 or bare) without folders; "" for none."""
    name = parameter(part, "filename", header="content-disposition")
    return re.split(r"[/\\]", name or parameter(part, "name"))[-1][-_MAX_NAME:]


def parameter(part: Message, name: str, *, header: str = "content-type") -> str:
    """The value of a header's parameter; "" where there is none or it cannot be read."""
    try:
        value = part.get_param(name, header=header)
    except (AttributeError, IndexError, LookupError, TypeError, ValueError):
        return ""  # the parser takes RFC 2231 on trust
    if isinstance(value, tuple):
        charset, _, text = value
        return one_line(_bytes_text(_raw(text or ""), charset or ""))
    return decoded_words(value) if value else ""


def _chunk_text(chunk: bytes | str, charset: str) -> str:
    data = _raw(chunk) if isinstance(chunk, str) else chunk
    return _bytes_text(data, charset)


def _raw(text: str) -> bytes:
    """The bytes that the parser read as ASCII, those above it as surrogates."""
    try:
        return text.encode("ascii", errors="surrogateescape")
    except UnicodeEncodeError:  # decoded from RFC 2231, where each byte is a character
        return text.encode("latin-1", errors="replace")


def _bytes_text(data: bytes, charset: str) -> str:
    try:
        return decode_declared(data, charset).text
    except DocumentError:
        return data.decode("utf-8", errors="replace")
