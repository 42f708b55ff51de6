"""Damaged and hostile PDF files: each costs itself alone, quickly, and says why."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.loaders.options import LoadOptions
from ingest.loaders.pdf import pdf_pages, pdf_pdfium, pdf_pypdf
from ingest.loaders.pdf.pdf import load_pdf
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, NoText
from tests import documents

CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
HELLO = b"BT /F1 12 Tf 10 100 Td (hello) Tj ET"
WITH_FONT = b"/Font << /F1 5 0 R >>"
FLATE = b"/Filter /FlateDecode"


def read(data: bytes) -> LoadedText:
    return load_pdf(data, LoadOptions(ocr=False))


def _rubbish(path: Path) -> bytes:
    return documents.write_broken_pdf(path).read_bytes()


def _not_pdf(_path: Path) -> bytes:
    return b"just text"


def _cut_off(_path: Path) -> bytes:
    return documents.pdf_bytes([["x"]])[:120]


def _page_cycle(_path: Path) -> bytes:
    return documents.raw_pdf(CATALOG, b"<< /Type /Pages /Count 1 /Kids [2 0 R] >>")


@pytest.mark.parametrize("made", [_rubbish, _not_pdf, _cut_off, _page_cycle])
def test_a_damaged_pdf_is_broken_and_nothing_reaches_stderr(
    tmp_path: Path, made: Callable[[Path], bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BrokenFile, match="PDF"):
        read(made(tmp_path / "a.pdf"))
    assert capfd.readouterr() == ("", "")


def test_a_truncated_pdf_never_raises_anything_foreign() -> None:
    data = documents.pdf_bytes([["some text"]], title="t")
    for end in range(0, len(data), 97):
        try:
            read(data[:end])
        except (BrokenFile, NoText):
            continue


def test_what_pypdf_cannot_open_the_second_engine_may() -> None:
    data = documents.raw_pdf(
        CATALOG,
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] /Deep " + b"[" * 9999 + b"]" * 9999 + b" >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        documents.raw_stream(HELLO),
        FONT,
    )
    loaded = read(data)
    assert (loaded.text, loaded.engine) == ("hello", pdf_pdfium.ENGINE)
    assert loaded.warnings[0].startswith("pypdf could not open the PDF (")


def test_a_wrong_page_count_does_not_matter() -> None:
    page = documents.raw_page_pdf(HELLO, FONT, resources=WITH_FONT)
    assert len(read(page.replace(b"/Count 1", b"/Count 1000000000")).pages) == 1


def test_a_million_pages_are_refused() -> None:
    data = documents.raw_pdf(
        CATALOG,
        b"<< /Type /Pages /Count 1000000 /Kids [%b] >>" % (b"3 0 R " * 1_000_000),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>",
    )
    with pytest.raises(BrokenFile, match="exceeds a safety limit"):
        read(data)


def test_more_pages_than_any_book_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_pages, "MAX_PAGES", 3)
    assert len(read(documents.pdf_bytes([["x"]] * 3)).pages) == 3
    with pytest.raises(BrokenFile, match="claims 4 pages; at most 3 are read"):
        read(documents.pdf_bytes([["x"]] * 4))


def test_a_page_tree_that_doubles_and_doubles_is_refused() -> None:
    levels = 24
    trees = [
        b"<< /Type /Pages /Count 9 /Kids [%d 0 R %d 0 R] >>" % (number, number)
        for number in range(3, 3 + levels)
    ]
    page = b"<< /Type /Page /MediaBox [0 0 9 9] >>"
    with pytest.raises(BrokenFile, match="exceeds a safety limit"):
        read(documents.raw_pdf(CATALOG, *trees, page))


def test_a_page_that_unpacks_without_end_costs_that_page() -> None:
    packed = zlib.compress(zlib.compress(b" " * 100_000_000, 1), 1)
    filters = b"/Filter [/FlateDecode /FlateDecode]"
    with pytest.raises(BrokenFile, match="Limit reached"):
        read(documents.raw_page_pdf(packed, filters=filters))


def test_a_page_of_too_many_steps_costs_that_page() -> None:
    packed = zlib.compress(b"q " * 10_000_000)
    with pytest.raises(BrokenFile, match="more steps than any paper shows"):
        read(documents.raw_page_pdf(packed, filters=FLATE))


@pytest.mark.parametrize("depth", [0, 12])
def test_drawings_that_call_one_another_without_end_cost_that_page(depth: int) -> None:
    """With ``depth`` 0 the drawing calls itself."""
    forms = [
        documents.raw_stream(
            b"/X Do " * 10,
            b"/Type /XObject /Subtype /Form /BBox [0 0 9 9]"
            b" /Resources << /XObject << /X %d 0 R >> >>" % (number + bool(depth)),
        )
        for number in range(5, 6 + depth)
    ]
    last = documents.raw_stream(b"", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9]")
    data = documents.raw_page_pdf(b"/X Do", *forms, last, resources=b"/XObject << /X 5 0 R >>")
    with pytest.raises(BrokenFile, match="more steps than any paper shows"):
        read(data)


def test_an_image_too_large_to_unpack_is_left_alone() -> None:
    image = documents.raw_stream(
        zlib.compress(b"\0" * 1_000_000),
        b"/Type /XObject /Subtype /Image /Width 60000 /Height 60000"
        b" /ColorSpace /DeviceGray /BitsPerComponent 8 " + FLATE,
    )
    content = b"200 0 0 200 0 0 cm /X Do"
    data = documents.raw_page_pdf(content, image, resources=b"/XObject << /X 5 0 R >>")
    with pytest.raises(NoText, match="images too large"):
        read(data)


def test_a_page_with_much_drawing_is_left_to_the_faster_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pdf_pages, "_PYPDF_PAGE_BYTES", 1000)
    content = HELLO + b"\n9 9 m 99 9 l S" * 100
    loaded = read(documents.raw_page_pdf(content, FONT, resources=WITH_FONT))
    assert (loaded.text, loaded.engine, loaded.warnings) == ("hello", pdf_pdfium.ENGINE, ())


def test_a_circle_of_bookmarks_ends() -> None:
    data = documents.raw_pdf(
        b"<< /Type /Catalog /Pages 2 0 R /Outlines 6 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        documents.raw_stream(HELLO),
        FONT,
        b"<< /First 7 0 R /Last 7 0 R >>",
        b"<< /Title (hello) /Next 7 0 R /First 7 0 R /Parent 6 0 R /Dest [3 0 R /Fit] >>",
    )
    assert read(data).text == "hello"


def test_a_long_document_is_left_to_the_faster_engine_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pdf_pages, "_PYPDF_DOCUMENT_BYTES", 200)
    loaded = read(documents.pdf_bytes([[f"Page {number}"] for number in range(6)]))
    assert loaded.engine == f"{pdf_pypdf.ENGINE} + {pdf_pdfium.ENGINE}"
    assert loaded.text.split("\n\n") == [f"Page {number}" for number in range(6)]
    assert loaded.warnings == ()
