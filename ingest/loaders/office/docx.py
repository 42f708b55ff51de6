"""Word documents (.docx, .docm) through lxml."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml import etree

from ingest.loaders.builder import TextBuilder
from ingest.loaders.damage import damage_reported
from ingest.loaders.office.docx_body import BodyReader
from ingest.loaders.office.docx_inline import InlineReader
from ingest.loaders.office.office_encryption import unlocked
from ingest.loaders.office.ooxml import Package, W
from ingest.loaders.options import LoadOptions
from ingest.loaders.pdf.running_heads import distinct_lines
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, EmptyFile, NoText

ENGINE: Final = f"lxml {etree.__version__}"


def load_docx(data: bytes, options: LoadOptions) -> LoadedText:
    """The body in order, notes after what refers to them, headers and footers once at the end.

    Tracked insertions are read, deletions and hidden text are not; neither are comments and
    tables of contents. There are no pages: a Word file does not know where they end.

    Raises:
        EncryptedFile: none of the passwords opens it.
        UnsupportedFormat: a Word 97-2003 file under this name.
        BrokenFile: damaged, unsafe to unpack, or no Word document.
        NoText: there is no text in it.
    """
    package_bytes = unlocked(data, options.passwords)
    with damage_reported("Word document"):
        return _read(Package(package_bytes))


def _read(package: Package) -> LoadedText:
    part = package.main_part("word/document.xml")
    root = package.xml(part)
    body = root.find(f"{W}body")
    if body is None:
        raise BrokenFile("The file is not a Word document, whatever its name says.")
    builder = TextBuilder()
    reader = BodyReader(package, part, builder)
    reader.read(body)
    for text in distinct_lines(_headers_and_footers(package, part)):
        builder.paragraph(text)
    if builder.is_blank:
        raise _why_no_text(package, part)
    about = package.about()
    return builder.build(
        engine=ENGINE,
        title=package.title(),
        date=about.date,
        tags=about.tags,
        warnings=[*package.warnings, *_warnings(reader.foreign_parts)],
    )


def _headers_and_footers(package: Package, part: str) -> Iterator[str]:
    names = [*package.related(part, "header"), *package.related(part, "footer")]
    for root in map(package.optional_xml, names):
        if root is not None:
            for paragraph in root.iter(f"{W}p"):
                yield InlineReader().read(paragraph).text


def _why_no_text(package: Package, part: str) -> NoText:
    pictures = len(package.related(part, "image"))
    if pictures:
        return NoText(f"There is no text in the document, only pictures ({pictures}).")
    return EmptyFile("The document is empty.")


def _warnings(foreign_parts: int) -> list[str]:
    if not foreign_parts:
        return []
    return [f"{foreign_parts} embedded document(s) within the document were not read."]
