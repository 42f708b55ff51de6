"""One PDF page at a time, by whichever of pypdf, pypdfium2 and OCR reads it.

pypdf is asked first. pdfium is asked as well, because it costs a tenth: it takes over where
pypdf's text has a fault, and where there are tables, whose rows it keeps together.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Literal

from pypdf import PdfReader
from pypdf.errors import LimitReachedError
from pypdfium2 import PdfDocument, PdfiumError, PdfPage

from ingest.loaders.messages import password_refusal
from ingest.loaders.pdf import ocr, pdf_pdfium, pdf_pypdf
from ingest.loaders.pdf.pdf_pdfium import PlacedText
from ingest.loaders.pdf.pdf_quality import assess, is_better
from rag_service.errors import BrokenFile, EncryptedFile

# A page tree can name one page a million times.
MAX_PAGES = 50_000
# pypdf reads 0.3 to 1.3 MB of drawing instructions a second, pdfium ten times as much. A page
# of text has 10 to 100 kB, a map many MB. What is beyond is left to pdfium.
_PYPDF_PAGE_BYTES = 4_000_000
_PYPDF_DOCUMENT_BYTES = 20_000_000
_MAX_PAGE_BYTES = 16_000_000  # pdfium takes some 100 bytes of memory for each of these

_SAME_LETTERS = 0.9
_TWICE = 2  # as much text, and pypdf has missed most of it
_MIN_MISSED = 100  # letters
_MAX_OFF_PAGE = 0.2  # share of letters beyond the page's edge
_FEW_LETTERS = 40  # a stamp or a page number on a scan
_SCAN_COVER = 0.5  # of the page, by images
_MAX_OMITTED = 0.05  # share of letters; a few ornaments are not worth a warning

# "scanned": OCR was not run; "unread": it found nothing; "too large": to be rendered.
State = Literal["", "blank", "scanned", "unread", "too large"]


@dataclass(frozen=True, slots=True)
class PageText:
    """``engine`` is what ``raw`` comes from, "" where nothing was read.

    ``rescued``: another engine than pypdf had to read it. ``omits``: some of its letters are
    in fonts that do not say what they show. ``notes`` are form values and annotations.
    ``harmful``: no other engine should try; pdfium ends the process where memory does.
    """

    raw: str = ""
    engine: str = ""
    rescued: bool = False
    omits: bool = False
    state: State = ""
    failure: str = ""
    notes: tuple[str, ...] = ()
    harmful: bool = False


@dataclass(slots=True)
class PdfSource:
    """An opened PDF. At least one of ``reader`` and ``document`` is there.

    ``failure`` says why pypdf could not open it.
    """

    reader: PdfReader | None
    document: PdfDocument | None
    failure: str
    page_count: int
    pypdf_bytes: int = 0

    def close(self) -> None:
        if self.document is not None:
            self.document.close()


def open_pdf(data: bytes, passwords: Sequence[str]) -> PdfSource:
    """Open with both engines, or with the one that can.

    Raises:
        EncryptedFile: none of ``passwords`` opens it, nor the empty one.
        BrokenFile: neither engine can reach a page, or there are too many.
    """
    reader, password, failure, count = _open_with_pypdf(data, passwords)
    document = _open_with_pdfium(data, [password] if reader else ["", *passwords], failure)
    if document is not None and reader is None:
        count = len(document)
    if count > MAX_PAGES:
        raise BrokenFile(f"The PDF claims {count:,} pages; at most {MAX_PAGES:,} are read.")
    if count == 0:
        raise BrokenFile("The PDF has no pages, or its page list is damaged.")
    return PdfSource(reader, document, failure, count)


def _open_with_pypdf(
    data: bytes, passwords: Sequence[str]
) -> tuple[PdfReader | None, str, str, int]:
    try:
        reader, password = pdf_pypdf.open_reader(data, passwords)
        return reader, password, "", len(reader.pages)
    except (EncryptedFile, MemoryError):
        raise
    except LimitReachedError as error:
        raise BrokenFile(f"The PDF exceeds a safety limit: {error}") from error
    except Exception as error:  # noqa: BLE001  pypdf meets damage with nearly any exception
        return None, "", describe(error), 0


def _open_with_pdfium(data: bytes, passwords: Sequence[str], failure: str) -> PdfDocument | None:
    """``failure`` says that this is the last engine: then what stops it is raised."""
    error: PdfiumError | None = None
    for password in passwords:
        try:
            return pdf_pdfium.open_document(data, password)
        except PdfiumError as caught:
            error = caught
    if not failure:
        return None
    if error is not None and pdf_pdfium.needs_password(error):
        raise EncryptedFile(password_refusal("PDF", given=len(passwords) > 1)) from error
    raise BrokenFile(f"The PDF is damaged: {failure}") from error


def read_page(source: PdfSource, index: int, *, use_ocr: bool) -> PageText:
    """Whatever can be read of one page; a page that fails is a result, too."""
    read = _with_pypdf(source, index)
    page = None if read.harmful else _pdfium_page(source, index)
    if page is None:
        read = _without_rubbish(read)
        is_told = read.raw or read.failure
        return read if is_told else replace(read, failure="pypdfium2 cannot reach it")
    with closing(page):
        try:
            read = _without_rubbish(_with_pdfium(read, page))
            return _with_ocr(read, page, use_ocr=use_ocr)
        except PdfiumError as error:
            read = _without_rubbish(read)
            failure = read.failure or describe(error)
            return replace(read, failure="" if read.raw else failure)


def _with_pypdf(source: PdfSource, index: int) -> PageText:
    if source.reader is None:
        return PageText()
    try:
        page = source.reader.pages[index]
        notes = tuple(pdf_pypdf.notes(page))
        size = pdf_pypdf.content_bytes(page)
        source.pypdf_bytes += size
        if size > _MAX_PAGE_BYTES or pdf_pypdf.form_calls(page) == pdf_pypdf.MAX_FORM_CALLS:
            failure = "it is drawn in more steps than any paper shows"
            return PageText(failure=failure, notes=notes, harmful=True)
        if size > _PYPDF_PAGE_BYTES or source.pypdf_bytes > _PYPDF_DOCUMENT_BYTES:
            return PageText(notes=notes)
        return PageText(page.extract_text(), pdf_pypdf.ENGINE, notes=notes)
    except MemoryError:
        raise
    except LimitReachedError as error:
        return PageText(failure=describe(error), harmful=True)
    except Exception as error:  # noqa: BLE001  one bad page costs that page; it is reported
        return PageText(failure=describe(error))


def _pdfium_page(source: PdfSource, index: int) -> PdfPage | None:
    if source.document is None:
        return None
    try:
        return source.document[index]
    except (PdfiumError, IndexError):
        return None


def _with_pdfium(read: PageText, page: PdfPage) -> PageText:
    """``read``, or what pdfium reads where that is better."""
    placed = pdf_pdfium.page_text(page)
    first, second = assess(read.raw), assess(placed.text)
    has_missed = second.readable > _TWICE * first.readable + _MIN_MISSED and not second.fault
    is_rescue = has_missed or is_better(second, first) or _is_beyond_edge(read.raw, placed)
    if is_rescue or (placed.has_tables and _has_same_letters(read.raw, placed.text)):
        was_tried = bool(read.engine or read.failure)
        return replace(
            read,
            raw=placed.text,
            engine=pdf_pdfium.ENGINE,
            rescued=is_rescue and was_tried,
            failure="",
        )
    return read


def _without_rubbish(read: PageText) -> PageText:
    """``read`` without text that is none, and with a note of what was left out."""
    quality = assess(read.raw)
    omits = quality.garbled > _MAX_OMITTED * quality.characters
    if quality.readable:
        return replace(read, omits=omits)
    return replace(read, raw="", engine="", rescued=False, omits=omits)


def _is_beyond_edge(raw: str, placed: PlacedText) -> bool:
    """Whether much of ``raw`` stands where the page cannot be seen, e.g. on its other half."""
    inside = _letters(placed.text).total()
    off_page = placed.off_page
    is_much = off_page > _MAX_OFF_PAGE * (inside + off_page)
    return is_much and _letters(raw).total() > inside + off_page / 2


def _has_same_letters(one: str, other: str) -> bool:
    first, second = _letters(one), _letters(other)
    return (first & second).total() >= _SAME_LETTERS * max(first.total(), second.total())


def _letters(text: str) -> Counter[str]:
    return Counter(char for char in unicodedata.normalize("NFKC", text) if char.isalnum())


def _with_ocr(read: PageText, page: PdfPage, *, use_ocr: bool) -> PageText:
    """``read``, or what OCR reads where the page is a picture or its letters are unknown."""
    letters = assess(read.raw).readable
    if letters >= _FEW_LETTERS or (letters and pdf_pdfium.image_cover(page) < _SCAN_COVER):
        return read
    if pdf_pdfium.largest_image(page) > pdf_pdfium.MAX_IMAGE_PIXELS:
        return replace(read, state="too large")
    if not letters and pdf_pdfium.is_blank(page):
        return replace(read, state="" if read.omits else "blank")
    if not use_ocr:
        return replace(read, state="scanned")
    try:
        picture = pdf_pdfium.render(page, dpi=ocr.DPI, max_side=ocr.MAX_SIDE)
        return _with_picture(read, ocr.read_page(picture).text, letters)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  onnxruntime has errors of its own; all are told
        return replace(read, failure=f"OCR failed: {describe(error)}")


def _with_picture(read: PageText, found: str, letters: int) -> PageText:
    """``read`` with the text ``found`` in the picture of its page."""
    if len(_folded(found)) <= letters:
        return read if letters else replace(read, state="unread")
    seen = _folded(found)
    layer = [line for line in read.raw.splitlines() if _folded(line) not in seen]
    raw = "\n".join([found, *layer])
    return replace(read, raw=raw, engine=ocr.engine(), rescued=False, omits=False, failure="")


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")[:200]
