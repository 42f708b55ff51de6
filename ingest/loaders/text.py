"""Plain text and Markdown."""

from __future__ import annotations

import re

from ingest.decoding import Decoded, decode
from ingest.loaders.front_matter import read_front_matter
from ingest.loaders.options import LoadOptions
from rag_service.document_types import LoadedText
from rag_service.errors import EmptyFile

_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_HEADING = re.compile(r"^ {0,3}#[ \t]+(.+?)[ \t]*#*[ \t]*$")
_MAX_TITLE = 300


def load_text(data: bytes, _options: LoadOptions) -> LoadedText:
    """Raises what ``decode`` raises, and EmptyFile for a blank file."""
    decoded = _decode_not_blank(data)
    return LoadedText(
        decoded.text, encoding=decoded.encoding, engine="text", warnings=decoded.warnings
    )


def load_markdown(data: bytes, _options: LoadOptions) -> LoadedText:
    """Like ``load_text``; the title is the front matter's or the first ``#`` heading."""
    decoded = _decode_not_blank(data)
    about = read_front_matter(decoded.text).about
    return LoadedText(
        decoded.text,
        title=markdown_title(decoded.text),
        syntax="markdown",
        encoding=decoded.encoding,
        engine="text",
        warnings=decoded.warnings,
        date=about.date,
        tags=about.tags,
    )


def _decode_not_blank(data: bytes) -> Decoded:
    decoded = decode(data)
    if not decoded.text.strip():
        raise EmptyFile("The file is empty: it holds nothing but white space.")
    return decoded


def markdown_title(text: str) -> str:
    """The title a Markdown text gives itself, or ""."""
    front = read_front_matter(text)
    return (front.title or _first_heading(text[front.end :]))[:_MAX_TITLE]


def _first_heading(text: str) -> str:
    in_code = False
    for line in text.split("\n"):
        in_code ^= bool(_FENCE.match(line))
        heading = None if in_code else _HEADING.match(line)
        if heading:
            return heading.group(1)
    return ""
