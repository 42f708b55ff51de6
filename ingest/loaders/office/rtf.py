"""Rich Text Format, by its control words (specification 1.9.1)."""

from __future__ import annotations

from ingest.loaders.builder import TextBuilder
from ingest.loaders.damage import damage_reported
from ingest.loaders.office.document_title import sensible_title
from ingest.loaders.office.rtf_reader import RtfReader
from ingest.loaders.options import LoadOptions
from ingest.loaders.pdf.running_heads import distinct_lines
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, EmptyFile, NoText

ENGINE = "rtf"
_MAGIC = b"{\\rtf"
_PICTURE = b"\\pict"


def load_rtf(data: bytes, _options: LoadOptions) -> LoadedText:
    """Headings, lists, tables and notes in order; headers and footers once at the end.

    Raises:
        BrokenFile: it is no RTF file, or damaged beyond reading.
        NoText: there is no text in it.
    """
    start = data.find(_MAGIC, 0, 1024)
    if start < 0:
        raise BrokenFile("The file is not an RTF document: it has no RTF header.")
    builder = TextBuilder()
    with damage_reported("RTF document"):
        reader = RtfReader(builder)
        reader.read(data[start:])
    for line in distinct_lines(reader.running_heads):
        builder.paragraph(line)
    if builder.is_blank:
        raise _why_no_text(data)
    return builder.build(
        engine=ENGINE,
        title=sensible_title(reader.title),
        encoding=reader.fonts.document_codec,
        warnings=reader.warnings,
    )


def _why_no_text(data: bytes) -> NoText:
    if _PICTURE in data:
        return NoText("There is no text in the document, only pictures.")
    return EmptyFile("The document is empty.")
