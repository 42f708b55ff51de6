"""Make the PDF documents of the sample knowledge base from the texts in `pdf_sources/`.

    python examples/make_pdfs.py

A source starts with three lines ``file:``, ``title:`` and ``font:`` and a line ``---``. After
that ``#`` and ``##`` start headings, an empty line ends a paragraph and ``===`` ends a page.
The fonts are ones that every PDF reader brings along, so no font file is embedded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate

HERE = Path(__file__).parent
SOURCES = HERE / "pdf_sources"
KNOWLEDGE = HERE / "knowledge"
CHINESE_FONT = "STSong-Light"
PAGE_END = "==="
MARGIN = 64  # points
HEADING_SIZES = {"# ": 18, "## ": 13}  # points
BODY_SIZE = 11


@dataclass(frozen=True, slots=True)
class Source:
    """One PDF to be: ``blocks[i]`` holds the headings and paragraphs of page ``i + 1``."""

    file: str
    title: str
    font: str
    blocks: tuple[tuple[str, ...], ...]


def read_source(path: Path) -> Source:
    """Parse one text.

    Raises:
        KeyError: a header line is missing.
    """
    head, _, body = path.read_text(encoding="utf-8").partition("\n---\n")
    header = dict(line.split(": ", 1) for line in head.splitlines())
    pages = body.split(f"\n{PAGE_END}\n")
    blocks = tuple(tuple(b.strip() for b in page.split("\n\n") if b.strip()) for page in pages)
    return Source(header["file"], header["title"], header["font"], blocks)


def write_pdf(source: Source, target: Path) -> None:
    """Write one PDF; the same source always gives the same bytes."""
    if source.font == CHINESE_FONT:
        pdfmetrics.registerFont(UnicodeCIDFont(CHINESE_FONT))
    target.parent.mkdir(parents=True, exist_ok=True)
    document = SimpleDocTemplate(
        str(target),
        pagesize=A4,
        title=source.title,
        author="Beicen Instruments",
        invariant=1,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
    )
    document.build(_flowables(source))


def _flowables(source: Source) -> list[Flowable]:
    flowables: list[Flowable] = []
    for page in source.blocks:
        if flowables:
            flowables.append(PageBreak())
        flowables.extend(_paragraph(block, source.font) for block in page)
    return flowables


def _paragraph(block: str, font: str) -> Paragraph:
    marker = next((m for m in HEADING_SIZES if block.startswith(m)), "")
    size = HEADING_SIZES.get(marker, BODY_SIZE)
    style = ParagraphStyle(
        name=f"{font}-{size}",
        fontName=font,
        fontSize=size,
        leading=size * 1.5,
        spaceBefore=size / 2 if marker else 0,
        spaceAfter=size / 2,
        alignment=TA_LEFT,
        wordWrap="CJK" if font == CHINESE_FONT else None,  # Chinese breaks between any characters
    )
    text = block.removeprefix(marker).replace("&", "&amp;").replace("<", "&lt;")
    return Paragraph(text, style)


def main() -> None:
    for path in sorted(SOURCES.glob("*.txt")):
        source = read_source(path)
        write_pdf(source, KNOWLEDGE / source.file)
        print(f"{source.file}: {len(source.blocks)} pages")


if __name__ == "__main__":
    main()
