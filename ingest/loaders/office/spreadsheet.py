"""Spreadsheets (.xlsx, .xlsm, .xlsb, .xls, .ods) through calamine."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from typing import Final

from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from ingest.loaders import load_bytes
from ingest.loaders.archive import Parts
from ingest.loaders.builder import TextBuilder
from ingest.loaders.damage import damage_reported, quiet_stderr
from ingest.loaders.office.document_title import sensible_title
from ingest.loaders.office.office_encryption import (
    decrypted,
    is_encrypted,
    refuse_encrypted_odf,
    what_it_is,
)
from ingest.loaders.office.ole_container import OLE_MAGIC, streams
from ingest.loaders.office.sheet_tables import CharBudget, add_sheet, shown
from ingest.loaders.office.xlsx_sheets import XlsxSheets
from ingest.loaders.options import LoadOptions
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, UnsupportedFormat

ENGINE: Final = f"python-calamine {version('python-calamine')}"
MAX_CHARS: Final = 60_000_000  # of text; what a million rows of eight columns need
MAX_CELLS: Final = 30_000_000  # that a sheet spans; calamine holds 32 bytes for each
_ZIP_MAGIC: Final = b"PK"
_BARE_BIFF: Final = (b"\x09\x00", b"\x09\x02", b"\x09\x04")  # Excel 2 to 4, in no container
_OTHER_DOCUMENTS: Final = frozenset({"WordDocument", "PowerPoint Document"})


def load_spreadsheet(data: bytes, options: LoadOptions) -> LoadedText:
    """A page a sheet, hidden ones too: its name as heading, its cells as tables.

    Cells show as a person sees them: formulas' last results, ISO dates, percentages. Merged
    cells stand in their first place. Pictures, charts and comments are not read.

    Raises:
        EncryptedFile: none of the passwords opens it.
        BrokenFile: damaged, unsafe to unpack, or too large to be held.
        UnsupportedFormat: another kind of file under this name.
        NoText: there is no filled cell.
    """
    if data.startswith(OLE_MAGIC):
        data = _out_of_ole(data, options)
    if data.startswith(_ZIP_MAGIC):
        refuse_encrypted_odf(Parts(data))
    elif not data.startswith((OLE_MAGIC, *_BARE_BIFF)):
        return _load_disguised(data, options)
    with damage_reported("spreadsheet"), quiet_stderr():
        return _read(data)


def _out_of_ole(data: bytes, options: LoadOptions) -> bytes:
    """The workbook decrypted if need be: in its container, or as the ZIP container inside."""
    names = streams(data)
    if names & _OTHER_DOCUMENTS:
        raise UnsupportedFormat(what_it_is(names))
    return decrypted(data, options.passwords) if is_encrypted(data) else data


def _load_disguised(data: bytes, options: LoadOptions) -> LoadedText:
    """Web pages and text that call themselves .xls, as many programs export them."""
    start = data[:2048].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    kind, suffix = "text", ".tsv"
    if b"<html" in start or b"<table" in start:
        kind, suffix = "a web page", ".html"
    elif start.startswith(b"<"):
        kind, suffix = "XML", ".xml"
    loaded = load_bytes(f"disguised{suffix}", data, options)
    warning = f"The file is {kind} under the name of a spreadsheet; it was read as that."
    return replace(loaded, warnings=(warning, *loaded.warnings))


def _read(data: bytes) -> LoadedText:
    parts = XlsxSheets(data)
    parts.refuse_false_counts()
    workbook = _open(data)
    builder = TextBuilder()
    budget = CharBudget(MAX_CHARS)
    warnings: list[str] = []
    for page, sheet in enumerate(workbook.sheets_metadata, start=1):
        builder.start_page(page)
        cells = parts.cells_spanned(sheet.name)
        if cells > MAX_CELLS:
            warnings.append(f"Sheet {sheet.name!r} spans {cells:,} cells and was not read.")
            continue
        is_hidden = sheet.visible != SheetVisibleEnum.Visible
        if _add(builder, workbook, sheet.name, parts, budget) and is_hidden:
            warnings.append(f"Sheet {sheet.name!r} is hidden; it was read as well.")
    if budget.is_spent:
        warnings.append(f"Only the first {MAX_CHARS:,} characters of the file were read.")
    if builder.is_blank:
        raise BrokenFile(warnings[0]) if warnings else parts.why_no_text()
    about = parts.about()
    return builder.build(
        engine=ENGINE,
        title=sensible_title(parts.title()),
        warnings=warnings,
        date=about.date,
        tags=about.tags,
    )


def _open(data: bytes) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_filelike(io.BytesIO(data))
    except CalamineError as error:
        raise BrokenFile(f"The spreadsheet is damaged, or of another kind: {error}") from error


def _add(
    builder: TextBuilder,
    workbook: CalamineWorkbook,
    name: str,
    parts: XlsxSheets,
    budget: CharBudget,
) -> bool:
    """Add one sheet; False for a blank one."""
    sheet = workbook.get_sheet_by_name(name)
    if sheet.start is None or sheet.height == 0:
        return False
    percent = parts.percent_cells(name)
    first_column = sheet.start[1]  # calamine's rows begin there, but with the sheet's first row

    def rows() -> Iterator[list[str]]:
        for row, cells in enumerate(sheet.iter_rows()):
            yield [
                shown(cell, percent.get((row, column)) if percent else None)
                for column, cell in enumerate(cells, start=first_column)
            ]

    return add_sheet(builder, name, rows, height=sheet.height, budget=budget)
