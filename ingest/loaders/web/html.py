"""Web pages."""

from __future__ import annotations

import re

from lxml import etree

from ingest.decoding import Decoded
from ingest.loaders.builder import TextBuilder
from ingest.loaders.options import LoadOptions
from ingest.loaders.web.declared import decode_declared
from ingest.loaders.web.html_tree import page_about, page_title, parse_html
from ingest.loaders.web.html_writer import write_html
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, NoText

ENGINE = f"lxml {etree.__version__}"

_LOOKED_AT = 4_096  # bytes; browsers look for the declaration in 1,024, writers are less careful
_CHARSET = re.compile(
    rb"<meta\b[^>]{0,300}?\bcharset\s*=\s*[\"']?\s*([\w.:-]{1,40})"
    rb"|\A\s*<\?xml\b[^>]{0,100}?\bencoding\s*=\s*[\"']([\w.:-]{1,40})",
    re.IGNORECASE,
)


def load_html(data: bytes, _options: LoadOptions) -> LoadedText:
    """Visible text with headings, lists, tables and code; navigation is left out.

    Raises:
        NotText, UnknownEncoding: see ``ingest.decoding.decode``.
        BrokenFile: nested too deeply.
        NoText: nothing on the page is visible text.
    """
    decoded = decode_declared(data, declared_charset(data))
    return html_document(decoded)


def declared_charset(data: bytes) -> str:
    """The encoding that a page or an XML document names in its first lines; "" for none."""
    found = _CHARSET.search(data[:_LOOKED_AT])
    return (found[1] or found[2]).decode("ascii") if found else ""


def html_document(decoded: Decoded) -> LoadedText:
    """A page that is text already; see ``load_html``."""
    builder = TextBuilder()
    tree = parse_html(decoded.text)
    if tree.root is not None and not write_html(tree.root, builder):
        write_html(tree.root, builder, whole_page=True)
    if builder.is_blank and tree.warnings:
        raise BrokenFile("The page is nested too deeply to be read.")
    if tree.root is None or builder.is_blank:
        raise NoText("There is no visible text on the page.")
    about = page_about(tree.root)
    return builder.build(
        engine=ENGINE,
        title=page_title(tree.root),
        encoding=decoded.encoding,
        warnings=(*decoded.warnings, *tree.warnings),
        date=about.date,
        tags=about.tags,
    )
