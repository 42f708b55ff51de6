"""PowerPoint presentations (.pptx, .pptm) through lxml."""

from __future__ import annotations

from typing import Final

from lxml import etree

from ingest.loaders.builder import TextBuilder
from ingest.loaders.damage import damage_reported
from ingest.loaders.office.office_encryption import unlocked
from ingest.loaders.office.ooxml import Package, R
from ingest.loaders.office.pptx_slide import P, SlideReader, notes_text
from ingest.loaders.options import LoadOptions
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, EmptyFile, NoText

ENGINE: Final = f"lxml {etree.__version__}"
MAX_SLIDES: Final = 20_000  # a list can name one slide a million times


def load_pptx(data: bytes, options: LoadOptions) -> LoadedText:
    """A page a slide, hidden ones too: title as heading, shapes in stored order, speaker notes.

    Stored order is the one in which PowerPoint reads a slide aloud.

    Raises:
        EncryptedFile: none of the passwords opens it.
        UnsupportedFormat: a PowerPoint 97-2003 file under this name.
        BrokenFile: damaged, unsafe to unpack, or no presentation.
        NoText: no slide holds text.
    """
    package_bytes = unlocked(data, options.passwords)
    with damage_reported("presentation"):
        return _read(Package(package_bytes))


def _read(package: Package) -> LoadedText:
    slides = _slides(package)
    builder = TextBuilder()
    warnings: list[str] = []
    for number, slide in enumerate(slides, start=1):
        builder.start_page(number)
        try:
            _add_slide(builder, package, slide, number)
        except BrokenFile as error:
            warnings.append(f"Slide {number} was not read whole: {error}")
    if builder.is_blank:
        raise _nothing_read(package, slides, warnings)
    about = package.about()
    return builder.build(
        engine=ENGINE,
        title=package.title(),
        warnings=[*warnings, *package.warnings],
        date=about.date,
        tags=about.tags,
    )


def _slides(package: Package) -> list[str]:
    """The names of the slides' parts in showing order."""
    main = package.main_part("ppt/presentation.xml")
    root = package.xml(main)
    if root.tag != f"{P}presentation":
        raise BrokenFile("The file is not a PowerPoint presentation, whatever its name says.")
    listed = root.findall(f"{P}sldIdLst/{P}sldId")
    if len(listed) > MAX_SLIDES:
        raise BrokenFile(
            f"The file claims {len(listed):,} slides; at most {MAX_SLIDES:,} are read."
        )
    return [package.target(main, slide.get(f"{R}id")) for slide in listed]


def _add_slide(builder: TextBuilder, package: Package, part: str, number: int) -> None:
    root = package.xml(part)
    SlideReader(package, part, builder, number).read(root)
    notes = package.related_xml(part, "notesSlide")
    text = "" if notes is None else notes_text(notes)
    if text:
        builder.paragraph(f"Notes: {text}")


def _nothing_read(package: Package, slides: list[str], warnings: list[str]) -> Exception:
    if warnings:
        return BrokenFile(warnings[0])
    pictures = sum(len(package.related(slide, "image")) for slide in slides)
    if pictures:
        return NoText(f"There is no text in the slides, only pictures ({pictures}).")
    return EmptyFile("The presentation is empty: there is no text in its slides.")
