"""Scanned pages: read where the OCR extra is installed, and never silently empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.loaders.options import LoadOptions
from ingest.loaders.pdf import ocr
from ingest.loaders.pdf.pdf import load_pdf
from rag_service.document_types import LoadedText
from rag_service.errors import NoText
from tests import documents

needs_ocr = pytest.mark.skipif(not ocr.is_available(), reason="the ocr extra is not installed")
LETTER = [
    "Every employee has ten days of paid leave.",
    "Unused days expire at the end of the year.",
    "Applications go to the head of department.",
]


def read(path: Path) -> LoadedText:
    return load_pdf(path.read_bytes(), LoadOptions())


@needs_ocr
def test_a_scanned_letter_is_read_offline_and_quietly(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    models = ocr._models()
    before = sorted((path.name, path.stat().st_mtime_ns) for path in models[0].parent.iterdir())
    loaded = read(documents.write_text_image_pdf(tmp_path / "a.pdf", [LETTER]))
    assert loaded.text.splitlines() == LETTER
    assert loaded.engine == ocr.engine()
    assert loaded.warnings == ("Read by OCR, which makes mistakes: page 1.",)
    after = sorted((path.name, path.stat().st_mtime_ns) for path in models[0].parent.iterdir())
    assert after == before
    assert capfd.readouterr() == ("", "")


@needs_ocr
@pytest.mark.parametrize("turn", [1, 2])
def test_a_page_scanned_the_wrong_way_round_is_read_in_order(tmp_path: Path, turn: int) -> None:
    loaded = read(documents.write_text_image_pdf(tmp_path / "a.pdf", [LETTER], turn=turn))
    assert loaded.text.splitlines() == LETTER


@needs_ocr
def test_a_picture_without_text_is_said_to_have_none(tmp_path: Path) -> None:
    path = documents.write_image_pdf(tmp_path / "a.pdf", text_pages=["Cover"])
    loaded = read(path)
    assert loaded.text.strip() == "Cover"
    assert loaded.warnings == ("Nothing could be read as text on page 2.",)
    with pytest.raises(NoText, match=r"^no text: scanned pages, on which OCR could read nothing"):
        read(documents.write_image_pdf(tmp_path / "b.pdf"))


@needs_ocr
def test_pages_beyond_the_time_for_ocr_are_named(tmp_path: Path) -> None:
    path = documents.write_text_image_pdf(tmp_path / "a.pdf", [LETTER])
    with pytest.raises(NoText, match=r"OCR stops after 0 s a file: split the PDF, or raise RAG_"):
        load_pdf(path.read_bytes(), LoadOptions(ocr_seconds=0))


def test_without_the_extra_a_scan_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocr, "_PACKAGES", ("no_such_package",))
    hint = 'Install the OCR extra (pip install "local-rag-service[ocr]") to read them.'
    with pytest.raises(NoText) as caught:
        read(documents.write_image_pdf(tmp_path / "a.pdf"))
    assert str(caught.value) == f"no text: scanned pages. {hint}"
    mixed = read(documents.write_image_pdf(tmp_path / "b.pdf", pages=2, text_pages=["Cover"]))
    assert mixed.warnings == (f"No text, only images, on pages 2, 3. {hint}",)
