"""PDF: text, pages, headings and tables, with the truth about what could not be read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from pypdf import PdfReader

from ingest.loaders.about import About
from ingest.loaders.options import LoadOptions
from ingest.loaders.pdf import ocr, pdf_pdfium, pdf_pypdf
from ingest.loaders.pdf.pdf_pages import PageText, PdfSource, open_pdf, read_page
from ingest.loaders.pdf.pdf_structure import marks_of
from ingest.loaders.pdf.pdf_text import clean_lines, join_lines, repair_hyphens
from ingest.loaders.pdf.running_lines import remove_running_lines
from rag_service.document_types import LoadedText, Page
from rag_service.errors import BrokenFile, NoText

_PAGE_BREAK = "\n\n"
_HEADER_WINDOW = 1024  # readers accept the header anywhere in the first KiB
_MAX_TEXT_CHARS = 64_000_000
_SHOWN = 10  # pages or names in a warning
_INSTALL = 'Install the OCR extra (pip install "local-rag-service[ocr]") to read them.'


def load_pdf(data: bytes, options: LoadOptions) -> LoadedText:
    """Read a PDF page by page.

    Raises:
        EncryptedFile: neither the empty password opens it nor one of ``options.passwords``.
        BrokenFile: no page can be reached.
        NoText: no page holds readable text.
    """
    if b"%PDF-" not in data[:_HEADER_WINDOW]:
        raise BrokenFile("The file is not a PDF: it has no PDF header.")
    with pdf_pypdf.quiet(), closing(open_pdf(data, options.passwords)) as source:
        pages = list(_read_pages(source, _ocr_seconds(options)))
        hint = _ocr_hint(options)
        _refuse_without_text(pages, hint)
        title, bookmarks, remarks = _described(source)
        about = pdf_pypdf.about(source.reader) if source.reader else About()
    text, spans = _join(_page_texts(pages))
    marks = marks_of(text, spans, bookmarks)
    return LoadedText(
        text,
        title,
        spans,
        engine=_engine(pages),
        warnings=(*remarks, *_page_warnings(pages, hint)),
        syntax="plain" if marks is None else "marked",
        marks=marks or (),
        date=about.date,
        tags=about.tags,
    )


def _ocr_seconds(options: LoadOptions) -> float:
    # Whoever starts this process also ends it after a time, and then nothing of the file is
    # kept; so stop before, and say what was not read.
    return options.ocr_seconds if options.ocr and ocr.is_available() else 0.0


def _read_pages(source: PdfSource, ocr_seconds: float) -> Iterator[PageText]:
    total = 0
    started = time.monotonic()
    for index in range(source.page_count):
        has_time = time.monotonic() - started < ocr_seconds
        page = read_page(source, index, use_ocr=has_time)
        total += len(page.raw)
        if total > _MAX_TEXT_CHARS:
            raise BrokenFile(f"The PDF unpacks to more than {_MAX_TEXT_CHARS:,} characters.")
        yield page


def _described(source: PdfSource) -> tuple[str, list[pdf_pypdf.Bookmark], list[str]]:
    """Title, outline, and warnings that concern the whole file."""
    reader = source.reader
    if reader is None:
        remark = f"pypdf could not open the PDF ({source.failure}); pypdfium2 read it."
        return "", [], [remark]
    return pdf_pypdf.title(reader), pdf_pypdf.bookmarks(reader), list(_remarks(reader))


def _remarks(reader: PdfReader) -> Iterator[str]:
    names = pdf_pypdf.attached_files(reader)
    if names:
        yield f"Files attached to the PDF were not read: {_listed(names)}."
    if pdf_pypdf.is_dynamic_form(reader):
        yield "The PDF is an XFA form: what is shown in it is not in its pages and was not read."


def _page_texts(pages: Sequence[PageText]) -> list[str]:
    lines = remove_running_lines([clean_lines(page.raw) for page in pages])
    texts = [
        "\n".join(filter(None, [join_lines(kept), *map(_clean, page.notes)]))
        for kept, page in zip(lines, pages, strict=True)
    ]
    return repair_hyphens(texts)


def _clean(note: str) -> str:
    return join_lines(clean_lines(note))


def _join(texts: Sequence[str]) -> tuple[str, tuple[Page, ...]]:
    spans: list[Page] = []
    start = 0
    for number, text in enumerate(texts, start=1):
        spans.append(Page(number, start, start + len(text)))
        start += len(text) + len(_PAGE_BREAK)
    return _PAGE_BREAK.join(texts), tuple(spans)


def _engine(pages: Sequence[PageText]) -> str:
    used = {page.engine for page in pages} | {pdf_pypdf.ENGINE for page in pages if page.notes}
    return " + ".join(
        name for name in (pdf_pypdf.ENGINE, pdf_pdfium.ENGINE, ocr.engine()) if name in used
    )


def _ocr_hint(options: LoadOptions) -> str:
    """Why a page has not been read by OCR, or how it can be."""
    if not options.ocr:
        return "OCR is switched off."
    if not ocr.is_available():
        return _INSTALL
    return (
        f"OCR stops after {options.ocr_seconds:.0f} s a file: split the PDF, or raise "
        "RAG_INGEST__PARSE_TIMEOUT_S."
    )


def _refuse_without_text(pages: Sequence[PageText], hint: str) -> None:
    if any(page.raw or page.notes for page in pages):
        return
    failures = [page.failure for page in pages if page.failure]
    if len(failures) == len(pages):
        raise BrokenFile(f"No page of the PDF can be read: {failures[0]}")
    states = {page.state for page in pages}
    if "scanned" in states:
        raise NoText(f"no text: scanned pages. {hint}")
    if "too large" in states:
        raise NoText("no text: scanned pages, with images too large to be read.")
    if any(page.omits for page in pages):
        raise NoText("No readable text: the PDF's fonts do not say which letters they show.")
    if "unread" in states or failures:
        raise NoText("no text: scanned pages, on which OCR could read nothing.")
    raise NoText("no text: the pages are blank.")


def _page_warnings(pages: Sequence[PageText], hint: str) -> Iterator[str]:
    numbered = list(enumerate(pages, start=1))
    failed = [(number, page.failure) for number, page in numbered if page.failure]
    for number, failure in failed[:_SHOWN]:
        yield f"Page {number} could not be read: {failure}"
    if len(failed) > _SHOWN:
        yield f"{len(failed) - _SHOWN} more pages could not be read."
    for has_happened, sentence in _REMARKS:
        numbers = [number for number, page in numbered if has_happened(page)]
        if numbers:
            yield sentence.format(_page_list(numbers), hint).strip()


_REMARKS: tuple[tuple[Callable[[PageText], bool], str], ...] = (
    (
        lambda page: page.rescued,
        f"{pdf_pdfium.ENGINE} was used where pypdf's text was missing, garbled or doubled: {{0}}.",
    ),
    (lambda page: page.engine == ocr.engine(), "Read by OCR, which makes mistakes: {0}."),
    (lambda page: page.state == "scanned", "No text, only images, on {0}. {1}"),
    (lambda page: page.state == "unread", "Nothing could be read as text on {0}."),
    (lambda page: page.state == "too large", "The images are too large to be read on {0}."),
    (
        lambda page: page.omits,
        "Text was left out whose font does not say which letters it shows: {0}.",
    ),
)


def _page_list(numbers: Sequence[int]) -> str:
    return f"page{'s' if len(numbers) > 1 else ''} {_listed(list(map(str, numbers)))}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
