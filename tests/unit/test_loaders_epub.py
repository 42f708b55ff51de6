"""E-books through the public ``load_bytes``."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import pytest

from ingest.loaders import load_bytes
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, EncryptedFile, NoText


def marks(loaded: LoadedText) -> list[tuple[str, int, str]]:
    return [
        (mark.kind, mark.level, loaded.text[mark.char_start : mark.char_end])
        for mark in loaded.marks
    ]


CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)


def epub(
    pages: Mapping[str, str], *, ncx: str = "", extra: Mapping[str, str] | None = None
) -> bytes:
    """A book whose pages are read in this order."""
    items = "".join(
        f'<item id="i{n}" href="{name}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(pages)
    )
    spine = "".join(f'<itemref idref="i{n}"/>' for n in range(len(pages)))
    toc = '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>' if ncx else ""
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>故事 Stories</dc:title></metadata>'
        f"<manifest>{items}{toc}</manifest><spine>{spine}</spine></package>"
    )
    files = {"META-INF/container.xml": CONTAINER, "OEBPS/book.opf": package, **(extra or {})}
    files |= {f"OEBPS/{name}": text for name, text in pages.items()}
    files |= {"OEBPS/toc.ncx": ncx} if ncx else {}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def xhtml(body: str) -> str:
    return (
        '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">'
        f"<head><title/></head><body>{body}</body></html>"
    )


def test_the_chapters_of_a_book_come_in_reading_order() -> None:
    book = epub(
        {
            "z.xhtml": xhtml("<h1>一</h1><p>First<a id='x'/> text.</p>"),
            "a.xhtml": xhtml("<h1>二</h1><p>Second.</p>"),
        }
    )
    loaded = load_bytes("a.epub", book)
    assert loaded.text == "一\n\nFirst text.\n\n二\n\nSecond."
    assert loaded.title == "故事 Stories"
    assert marks(loaded) == [("heading", 1, "一"), ("heading", 1, "二")]


def test_a_chapter_without_a_heading_gets_the_one_of_the_table_of_contents() -> None:
    ncx = (
        '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>'
        '<navPoint><navLabel><text>Part</text></navLabel><content src="p.xhtml"/>'
        "<navPoint><navLabel><text>第一章</text></navLabel>"
        '<content src="c%201.xhtml#top"/></navPoint></navPoint></navMap></ncx>'
    )
    book = epub({"p.xhtml": xhtml("<p>Intro.</p>"), "c 1.xhtml": xhtml("<p>Text.</p>")}, ncx=ncx)
    assert marks(load_bytes("a.epub", book)) == [("heading", 1, "Part"), ("heading", 2, "第一章")]


def encryption(uri: str) -> dict[str, str]:
    return {
        "META-INF/encryption.xml": (
            '<encryption xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData>'
            f'<enc:CipherData><enc:CipherReference URI="{uri}"/></enc:CipherData>'
            "</enc:EncryptedData></encryption>"
        )
    }


def test_a_book_under_copy_protection_is_told_from_one_with_obfuscated_fonts() -> None:
    pages = {"a.xhtml": xhtml("<p>Text.</p>")}
    assert load_bytes("a.epub", epub(pages, extra=encryption("OEBPS/f.otf"))).text == "Text."
    with pytest.raises(EncryptedFile, match="copy protection"):
        load_bytes("a.epub", epub(pages, extra=encryption("OEBPS/a.xhtml")))


def test_a_missing_chapter_costs_that_chapter_alone() -> None:
    book = epub({"a.xhtml": xhtml("<p>Here.</p>"), "b.xhtml": xhtml("<p>Gone.</p>")})
    cut = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(cut, "w") as new:
        for name in old.namelist():
            if name != "OEBPS/b.xhtml":
                new.writestr(name, old.read(name))
    loaded = load_bytes("a.epub", cut.getvalue())
    assert loaded.text == "Here."
    assert loaded.warnings == (
        "b.xhtml: The file is incomplete: its part 'OEBPS/b.xhtml' is missing.",
    )


def test_a_book_of_images_and_no_book_at_all_are_told_apart() -> None:
    with pytest.raises(NoText, match="images"):
        load_bytes("a.epub", epub({"a.xhtml": xhtml("<img src='1.jpg'/>")}))
    with pytest.raises(BrokenFile):
        load_bytes("a.epub", b"PK\x03\x04 cut")
