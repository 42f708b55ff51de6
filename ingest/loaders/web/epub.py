"""E-books in EPUB 2 and 3: https://www.w3.org/TR/epub-33/."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from lxml.etree import _Element as Element

from ingest.loaders.about import NOTHING_STATED, About, about_properties
from ingest.loaders.archive import Parts
from ingest.loaders.builder import TextBuilder
from ingest.loaders.options import LoadOptions
from ingest.loaders.safe_xml import parse_xml
from ingest.loaders.web.declared import decode_declared
from ingest.loaders.web.html import ENGINE, declared_charset
from ingest.loaders.web.html_text import flat_text
from ingest.loaders.web.html_tree import parse_html
from ingest.loaders.web.html_writer import write_html
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, DocumentError, EncryptedFile, NoText

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PAGE_TYPES = frozenset({"application/xhtml+xml", "text/html", "text/x-oeb1-document"})
_PAGE_SUFFIXES = (".xhtml", ".html", ".htm")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the table of contents says of a page."""

    title: str
    level: int


@dataclass(frozen=True, slots=True)
class _Book:
    """``pages`` are names of parts in reading order, the table of contents not among them."""

    title: str
    pages: tuple[str, ...]
    contents: dict[str, _Entry] = field(default_factory=dict)
    about: About = NOTHING_STATED


def load_epub(data: bytes, _options: LoadOptions) -> LoadedText:
    """The chapters in reading order. One that cannot be read is named in the warnings.

    Raises:
        BrokenFile: no EPUB container, damaged, or a decompression bomb.
        EncryptedFile: the chapters are under copy protection.
        NoText: the book holds no text, e.g. images of pages.
    """
    parts = Parts(data)
    book = _book(parts)
    _refuse_protected(parts, book)
    builder, warnings = TextBuilder(), []
    for page in book.pages:
        try:
            warnings += _add_page(parts, page, book.contents.get(page), builder)
        except DocumentError as error:
            warnings.append(f"{posixpath.basename(page)}: {error}")
    if builder.is_blank:
        raise _reason(warnings)
    return builder.build(
        engine=ENGINE,
        title=book.title,
        warnings=warnings,
        date=book.about.date,
        tags=book.about.tags,
    )


def _add_page(parts: Parts, page: str, entry: _Entry | None, builder: TextBuilder) -> list[str]:
    data = parts.read(page)
    decoded = decode_declared(data, declared_charset(data))
    tree = parse_html(decoded.text)
    if tree.root is not None:
        if entry and next(tree.root.iter(_HEADINGS), None) is None and _has_text(tree.root):
            builder.heading(entry.title, entry.level)
        write_html(tree.root, builder)
    return [f"{posixpath.basename(page)}: {said}" for said in (*decoded.warnings, *tree.warnings)]


def _has_text(root: Element) -> bool:
    body = root.find("body")
    return body is not None and bool(flat_text(body))


def _reason(warnings: list[str]) -> DocumentError:
    if warnings:
        return BrokenFile(f"No chapter of the book can be read. {warnings[0]}")
    return NoText("There is no text in the book; its pages may be images.")


def _book(parts: Parts) -> _Book:
    name = _package_name(parts)
    if name is None:
        pages = sorted(part for part in parts.names() if part.lower().endswith(_PAGE_SUFFIXES))
        if not pages:
            raise BrokenFile("The file is no e-book: it has neither a table of parts nor pages.")
        return _Book("", tuple(pages))
    package = parse_xml(parts.read(name), name)
    items = {item.get("id", ""): item for item in package.iter("{*}item")}
    pages = [_resolved(name, item) for item in _in_reading_order(package, items)]
    title = next((found.text for found in package.iter("{*}title") if found.text), "")
    # A page that is named again and again is read once.
    return _Book(
        title,
        tuple(dict.fromkeys(pages)),
        _contents(parts, name, items),
        about_properties(package, tags=("subject",)),
    )


def _package_name(parts: Parts) -> str | None:
    if _CONTAINER in parts:
        container = parse_xml(parts.read(_CONTAINER), _CONTAINER)
        for rootfile in container.iter("{*}rootfile"):
            if (path := rootfile.get("full-path", "")) in parts:
                return str(path)
    return next((name for name in parts.names() if name.lower().endswith(".opf")), None)


def _in_reading_order(package: Element, items: dict[str, Element]) -> Iterator[Element]:
    named = (items.get(item.get("idref", "")) for item in package.iter("{*}itemref"))
    spine = [item for item in named if item is not None]
    for item in spine or items.values():
        is_contents = "nav" in item.get("properties", "").split()
        if item.get("media-type", "") in _PAGE_TYPES and not is_contents:
            yield item


def _resolved(base: str, item: Element, attribute: str = "href") -> str:
    """The name of the part that a reference in the part ``base`` points at."""
    path = unquote(item.get(attribute, "").partition("#")[0])
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), path))


def _contents(parts: Parts, package: str, items: dict[str, Element]) -> dict[str, _Entry]:
    """Titles by page, from the table of contents of EPUB 2, else of EPUB 3; best effort."""
    for item in items.values():
        name = _resolved(package, item)
        is_ncx = item.get("media-type") == "application/x-dtbncx+xml"
        is_nav = "nav" in item.get("properties", "").split()
        if name in parts and (is_ncx or is_nav):
            try:
                root = parse_xml(parts.read(name), name)
            except BrokenFile:
                continue
            return _first_entries(_ncx_entries(root, name) if is_ncx else _nav_entries(root, name))
    return {}


def _first_entries(entries: Iterator[tuple[str, _Entry]]) -> dict[str, _Entry]:
    first: dict[str, _Entry] = {}
    for page, entry in entries:
        first.setdefault(page, entry)
    return first


def _ncx_entries(root: Element, base: str) -> Iterator[tuple[str, _Entry]]:
    for point in root.iter("{*}navPoint"):
        content, label = point.find("{*}content"), point.find("{*}navLabel")
        if content is not None and label is not None:
            level = 1 + sum(1 for _ in point.iterancestors("{*}navPoint"))
            yield _resolved(base, content, "src"), _Entry(_text(label), level)


def _nav_entries(root: Element, base: str) -> Iterator[tuple[str, _Entry]]:
    for link in root.iter("{*}a"):
        level = sum(1 for _ in link.iterancestors("{*}ol"))
        yield _resolved(base, link), _Entry(_text(link), max(1, level))


def _text(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _refuse_protected(parts: Parts, book: _Book) -> None:
    """Fonts are often obfuscated by the same means; only encrypted pages cannot be read."""
    if _ENCRYPTION not in parts:
        return
    root = parse_xml(parts.read(_ENCRYPTION), _ENCRYPTION)
    encrypted = {unquote(found.get("URI", "")) for found in root.iter("{*}CipherReference")}
    if not encrypted.isdisjoint(book.pages):
        raise EncryptedFile(
            "The book is under copy protection (DRM). Add a copy without it, if you have one."
        )
