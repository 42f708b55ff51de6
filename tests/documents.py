"""Small real files for tests, made on the spot."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from pypdf import PdfReader, PdfWriter
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfgen.canvas import Canvas

CHINESE_FONT = "STSong-Light"
LATIN_FONT = "Helvetica"
_LEFT, _TOP, _LEADING = 72, 760, 16


def pdf_bytes(
    pages: Sequence[Sequence[str]], *, title: str = "", font: str = LATIN_FONT, size: float = 11
) -> bytes:
    """A PDF whose pages hold these lines. Chinese needs ``font=CHINESE_FONT``."""
    if font == CHINESE_FONT:
        registerFont(UnicodeCIDFont(CHINESE_FONT))
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    if title:
        canvas.setTitle(title)
    for lines in pages:
        canvas.setFont(font, size)
        for row, line in enumerate(lines):
            canvas.drawString(_LEFT, _TOP - row * _LEADING, line)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def write_pdf(
    path: Path,
    pages: Sequence[Sequence[str]],
    *,
    title: str = "",
    font: str = LATIN_FONT,
    size: float = 11,
) -> Path:
    path.write_bytes(pdf_bytes(pages, title=title, font=font, size=size))
    return path


def write_encrypted_pdf(path: Path, pages: Sequence[Sequence[str]], *, password: str) -> Path:
    """AES-256; ``password=""`` opens without asking."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_bytes(pages))))
    writer.encrypt(user_password=password, owner_password="owner", algorithm="AES-256")
    writer.write(path)
    return path


def write_image_pdf(path: Path, pages: int = 1, *, text_pages: Sequence[str] = ()) -> Path:
    """Pages that show an image and no text, after ``text_pages`` of one line each."""
    canvas = Canvas(str(path))
    for line in text_pages:
        canvas.drawString(_LEFT, _TOP, line)
        canvas.showPage()
    for _ in range(pages):
        canvas.drawImage(ImageReader(_grey_image()), _LEFT, 400, 200, 200)
        canvas.showPage()
    canvas.save()
    return path


def _grey_image() -> io.BytesIO:
    """A 2 x 2 portable grey map."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("L", (2, 2), 128).save(buffer, "PNG")
    buffer.seek(0)
    return buffer


def write_broken_pdf(path: Path) -> Path:
    """A PDF header with rubbish behind it."""
    path.write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 4)
    return path


def write_pdf_with_broken_page(path: Path, lines: Sequence[str]) -> Path:
    """The first page's content names a filter that does not exist; the second has ``lines``."""
    from pypdf.generic import NameObject, StreamObject

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_bytes([["lost"], lines]))))
    stream = StreamObject()
    stream.set_data(b"no such filter")
    stream[NameObject("/Filter")] = NameObject("/Imaginary")
    writer.pages[0][NameObject("/Contents")] = writer._add_object(stream)
    writer.write(path)
    return path
