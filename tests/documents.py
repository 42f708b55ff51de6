"""Small real files for tests, made on the spot."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
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


def write_text_image_pdf(path: Path, pages: Sequence[Sequence[str]], *, turn: int = 0) -> Path:
    """Scanned pages: pictures of these lines, turned by quarters counter-clockwise."""
    canvas = Canvas(str(path), pagesize=(612, 792))
    for lines in pages:
        canvas.drawImage(ImageReader(_picture(lines, turn)), 0, 0, 612, 792)
        canvas.showPage()
    canvas.save()
    return path


def _picture(lines: Sequence[str], turn: int) -> io.BytesIO:
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("L", (1700, 2200), 255)
    font = ImageFont.load_default(44)
    for row, line in enumerate(lines):
        ImageDraw.Draw(image).text((150, 200 + 90 * row), line, fill=0, font=font)
    buffer = io.BytesIO()
    image.rotate(90 * turn, expand=True).save(buffer, "PNG")
    buffer.seek(0)
    return buffer


def drawn_pdf(*pages: Callable[[Canvas], object]) -> bytes:
    """A PDF of 595 x 842 points a page, each drawn by one of ``pages``."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def draw_table(canvas: Canvas, rows: Sequence[Sequence[str]], *, by_column: bool = False) -> None:
    """Cells at fixed places, written row by row or column by column."""
    cells = [(row, column) for row in range(len(rows)) for column in range(len(rows[0]))]
    if by_column:
        cells.sort(key=lambda cell: cell[1])
    for row, column in cells:
        canvas.drawString(_LEFT + 110 * column, _TOP - _LEADING * row, rows[row][column])


def draw_lines(canvas: Canvas, lines: Sequence[str], *, top: float = _TOP) -> None:
    for row, line in enumerate(lines):
        canvas.drawString(_LEFT, top - _LEADING * row, line)


def raw_pdf(*objects: bytes) -> bytes:
    """A PDF of these objects, numbered from 1, which is the catalog."""
    data = b"%PDF-1.5\n"
    offsets: list[int] = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    entries = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    table = b"xref\n0 %d\n0000000000 65535 f \n%b" % (size, entries)
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (size, len(data))
    return data + table + trailer


def raw_page_pdf(
    content: bytes, *more: bytes, resources: bytes = b"", filters: bytes = b""
) -> bytes:
    """One page that draws ``content``; ``more`` are the objects from number 5 on."""
    return raw_pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 4 0 R"
        b" /Resources << %b >> >>" % resources,
        raw_stream(content, filters),
        *more,
    )


def raw_stream(content: bytes, entries: bytes = b"") -> bytes:
    head = b"<< /Length %d %b >>" % (len(content), entries)
    return head + b"\nstream\n" + content + b"\nendstream"


def japanese_pdf_without_unicode(text: str) -> bytes:
    """A font whose encoding pypdf does not know: it reads rubbish where pdfium reads ``text``."""
    return raw_page_pdf(
        b"BT /F1 12 Tf 20 100 Td <%b> Tj ET" % text.encode("euc_jp").hex().encode(),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Ryumin-Light /Encoding /EUC-H"
        b" /DescendantFonts [6 0 R] >>",
        b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /Ryumin-Light /FontDescriptor 7 0 R"
        b" /CIDSystemInfo << /Registry (Adobe) /Ordering (Japan1) /Supplement 2 >> >>",
        b"<< /Type /FontDescriptor /FontName /Ryumin-Light /Flags 4 /ItalicAngle 0 /StemV 80"
        b" /Ascent 723 /Descent -241 /CapHeight 709 /FontBBox [-170 -331 1024 903] >>",
        resources=b"/Font << /F1 5 0 R >>",
    )
