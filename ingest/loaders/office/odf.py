"""OpenDocument texts and presentations (.odt, .odp) through lxml."""

from __future__ import annotations

from typing import Final

from lxml import etree

from ingest.loaders.about import about_properties
from ingest.loaders.archive import Parts
from ingest.loaders.builder import TextBuilder
from ingest.loaders.damage import damage_reported
from ingest.loaders.office.document_title import sensible_title
from ingest.loaders.office.odf_body import BodyReader
from ingest.loaders.office.odf_names import DRAW, OFFICE, PRESENTATION, STYLE, TEXT
from ingest.loaders.office.odf_text import InlineReader
from ingest.loaders.office.office_encryption import refuse_encrypted_odf
from ingest.loaders.options import LoadOptions
from ingest.loaders.pdf.running_heads import distinct_lines
from ingest.loaders.safe_xml import parse_xml
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, EmptyFile, NoText

ENGINE: Final = f"lxml {etree.__version__}"
MAX_SLIDES: Final = 20_000
_DC_TITLE: Final = "{http://purl.org/dc/elements/1.1/}title"
_RUNNING: Final = frozenset(
    f"{STYLE}{name}"
    for name in ("header", "header-left", "header-first", "footer", "footer-left", "footer-first")
)


def load_odf(data: bytes, _options: LoadOptions) -> LoadedText:
    """A text's body in order, or a presentation with a page a slide and its speaker notes.

    Notes follow what refers to them, headers and footers stand once at the end. Tracked
    insertions are read, deletions are not; neither are comments and tables of contents.

    Raises:
        EncryptedFile: it needs a password; those of OpenDocument are not tried.
        BrokenFile: damaged, unsafe to unpack, or neither a text nor a presentation.
        NoText: there is no text in it.
    """
    with damage_reported("OpenDocument file"):
        parts = Parts(data)
        refuse_encrypted_odf(parts)
        return _read(parts)


def _read(parts: Parts) -> LoadedText:
    warnings: list[str] = []
    content = parse_xml(parts.read("content.xml"), "content.xml")
    styles = _optional(parts, "styles.xml", warnings)
    builder = TextBuilder()
    reader = BodyReader(parts, builder, content, styles)
    text = content.find(f"{OFFICE}body/{OFFICE}text")
    presentation = content.find(f"{OFFICE}body/{OFFICE}presentation")
    if text is not None:
        reader.read(text)
        for line in distinct_lines(_running_heads(styles)):
            builder.paragraph(line)
    elif presentation is not None:
        _add_slides(builder, reader, presentation)
    else:
        raise BrokenFile("The file is neither an OpenDocument text nor a presentation.")
    if builder.is_blank:
        raise _why_no_text(parts)
    meta = _optional(parts, "meta.xml")
    about = about_properties(meta)
    return builder.build(
        engine=ENGINE, title=_title(meta), warnings=warnings, date=about.date, tags=about.tags
    )


def _optional(parts: Parts, name: str, warnings: list[str] | None = None) -> etree._Element | None:
    """A part that the document can be read without; None where it is missing or damaged."""
    try:
        return parse_xml(parts.read(name), name) if name in parts else None
    except BrokenFile as error:
        if warnings is not None:
            warnings.append(f"Left out: {error}")
        return None


def _add_slides(builder: TextBuilder, reader: BodyReader, presentation: etree._Element) -> None:
    slides = presentation.findall(f"{DRAW}page")
    if len(slides) > MAX_SLIDES:
        raise BrokenFile(f"The file has {len(slides):,} slides; at most {MAX_SLIDES:,} are read.")
    for number, slide in enumerate(slides, start=1):
        builder.start_page(number)
        reader.read_slide(slide, number)
        for notes in slide.iterfind(f"{PRESENTATION}notes"):
            text = reader.notes_text(notes)
            if text:
                builder.paragraph(f"Notes: {text}")


def _running_heads(styles: etree._Element | None) -> list[str]:
    if styles is None:
        return []
    heads = (head for head in styles.iter(*_RUNNING))
    return [
        InlineReader().read(paragraph).text
        for head in heads
        for paragraph in head.iter(f"{TEXT}p", f"{TEXT}h")
    ]


def _why_no_text(parts: Parts) -> NoText:
    pictures = sum(name.startswith("Pictures/") for name in parts.names())
    if pictures:
        return NoText(f"There is no text in the file, only pictures ({pictures}).")
    return EmptyFile("The document is empty.")


def _title(meta: etree._Element | None) -> str:
    named = None if meta is None else next(meta.iter(_DC_TITLE), None)
    return "" if named is None else sensible_title(named.text or "")
