"""PDF through pypdf."""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pypdf
from pypdf import PasswordType, PdfReader
from pypdf.errors import LimitReachedError

from ingest.loaders.pdf_text import Cleaned, clean_page, repair_hyphens
from rag_service.errors import BrokenFile, DocumentError, EncryptedFile, NoText
from rag_service.types import LoadedText, Page

ENGINE = f"pypdf {pypdf.__version__}"
MAX_PAGES = 50_000  # a page tree can name one page a million times
_PAGE_BREAK = "\n\n"
_HEADER_WINDOW = 1024  # readers accept the header anywhere in the first KiB
_GARBLED_SHARE = 0.05  # a few private-use ornaments are not worth a warning
_NOT_A_TITLE = re.compile(
    r"^(untitled|\(anonymous\)|title|document|\S+\.\w{2,4}"
    r"|microsoft (word|powerpoint|excel) - .*|.*[/\\].*"
    r"|.*\.(docx?|pptx?|xlsx?|pdf|tex|dvi|ps|indd|qxd|odt|rtf|wps|html?|txt|eps))\s*\d*$",
    re.IGNORECASE,
)
_MAX_TITLE = 300


@dataclass(frozen=True, slots=True)
class _PageText:
    cleaned: Cleaned
    failure: str = ""
    has_image: bool = False


def load_pdf(data: bytes) -> LoadedText:
    """Extract the text layer, page by page.

    Raises:
        EncryptedFile: the empty password does not open it.
        BrokenFile: no page can be reached.
        NoText: no page holds readable text.
    """
    with _quiet_pypdf():
        try:
            reader = _open(data)
            pages = [_extract(reader, index) for index in range(_count_pages(reader))]
            title = _title(reader)
        except (DocumentError, MemoryError):
            raise
        except LimitReachedError as error:
            raise BrokenFile(f"The PDF exceeds a safety limit: {error}") from error
        except Exception as error:  # pypdf meets damage with nearly any exception
            raise BrokenFile(f"The PDF is damaged: {_describe(error)}") from error
    _refuse_without_text(pages)
    text, spans = _join(repair_hyphens([page.cleaned.text for page in pages]))
    return LoadedText(text, title, spans, engine=ENGINE, warnings=tuple(_page_warnings(pages)))


@contextmanager
def _quiet_pypdf() -> Iterator[None]:
    """Keep pypdf's remarks on damaged files off stderr; what matters becomes our warnings."""
    logger = logging.getLogger("pypdf")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _open(data: bytes) -> PdfReader:
    if b"%PDF-" not in data[:_HEADER_WINDOW]:
        raise BrokenFile("The file is not a PDF: it has no PDF header.")
    reader = PdfReader(io.BytesIO(data), strict=False)
    if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
        raise EncryptedFile("The PDF needs a password. Save a copy without one.")
    return reader


def _count_pages(reader: PdfReader) -> int:
    count = len(reader.pages)
    if count > MAX_PAGES:
        raise BrokenFile(f"The PDF claims {count} pages; at most {MAX_PAGES} are read.")
    if count == 0:
        raise BrokenFile("The PDF has no pages, or its page list is damaged.")
    return count


def _extract(reader: PdfReader, index: int) -> _PageText:
    try:
        page = reader.pages[index]
        cleaned = clean_page(page.extract_text())
        return _PageText(cleaned, has_image=not cleaned.text and _has_image(page))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  one bad page costs that page; it is reported
        return _PageText(Cleaned("", 0, 0), failure=_describe(error))


def _has_image(page: pypdf.PageObject) -> bool:
    try:
        return len(page.images) > 0
    except Exception:  # noqa: BLE001  a damaged image is an image
        return True


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")[:200]


def _title(reader: PdfReader) -> str:
    try:
        title = reader.metadata.title if reader.metadata else None
    except Exception:  # noqa: BLE001  a damaged title is no reason to lose the text
        return ""
    return _real_title(title) if isinstance(title, str) else ""


def _real_title(title: str) -> str:
    """The title if a person could have written it, or ""."""
    title = " ".join(title.replace("\0", "").split())
    is_named = any(char.isalpha() for char in title) and "\ufffd" not in title
    if not is_named or not title.isprintable() or _NOT_A_TITLE.match(title):
        return ""
    return title[:_MAX_TITLE]


def _refuse_without_text(pages: Sequence[_PageText]) -> None:
    failures = [page.failure for page in pages if page.failure]
    if len(failures) == len(pages):
        raise BrokenFile(f"No page of the PDF can be read: {failures[0]}")
    if any(page.cleaned.text for page in pages):
        return
    if any(page.cleaned.garbled for page in pages):
        raise NoText("No readable text: the PDF's fonts do not say which letters they show.")
    if any(page.has_image for page in pages) or failures:
        raise NoText("no text: scanned pages. Run OCR on the PDF first.")
    raise NoText("no text: the pages are blank or scanned as drawings.")


def _join(texts: Sequence[str]) -> tuple[str, tuple[Page, ...]]:
    spans: list[Page] = []
    start = 0
    for number, text in enumerate(texts, start=1):
        spans.append(Page(number, start, start + len(text)))
        start += len(text) + len(_PAGE_BREAK)
    return _PAGE_BREAK.join(texts), tuple(spans)


def _page_warnings(pages: Sequence[_PageText]) -> Iterator[str]:
    numbered = list(enumerate(pages, start=1))
    for number, page in numbered:
        if page.failure:
            yield f"Page {number} could not be read: {page.failure}"
    scanned = [number for number, page in numbered if page.has_image]
    if scanned:
        yield f"No text, only images, on {_page_list(scanned)}."
    garbled = [n for n, p in numbered if p.cleaned.garbled > _GARBLED_SHARE * p.cleaned.characters]
    if garbled:
        places = _page_list(garbled)
        yield f"Text was left out whose font does not say which letters it shows: {places}."


def _page_list(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:10]))
    more = f" and {len(numbers) - 10} more" if len(numbers) > 10 else ""
    return f"page{'s' if len(numbers) > 1 else ''} {shown}{more}"
