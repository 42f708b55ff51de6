"""What calamine does not tell of an .xlsx file: how far sheets reach, percentages, the title."""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from ingest.loaders.about import About, about_properties
from ingest.loaders.office.ooxml import Package, R
from rag_service.errors import BrokenFile, EmptyFile, NoText

S: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_DC_TITLE: Final = "{http://purl.org/dc/elements/1.1/}title"
_ROW: Final = re.compile(rb'\br="[A-Z]{0,3}(\d{1,12})"')  # of a row or of a cell
_FAR_CELL: Final = re.compile(rb'\br="([A-Z]{2,3})\d')
_STYLED_CELL: Final = re.compile(rb'<c r="([A-Z]{1,3})(\d{1,12})" s="(\d{1,5})"')
_MAX_COLUMNS: Final = 16_384
_FEW_ROWS: Final = 1_000  # no sheet of fewer rows is too large, whatever its columns
_COUNT: Final = re.compile(rb'[cC]ount="(\d{1,20})"')
_HEAD: Final = 4096  # bytes of a part in which its root element stands
_TAIL: Final = 1 << 20  # bytes at a sheet's end, where its last rows stand
# Built-in formats 9 and 10 are 0% and 0.00% (ECMA-376 part 1, 18.8.30).
_BUILT_IN: Final = {"9": 0, "10": 2}
_QUOTED: Final = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
_PERCENT: Final = re.compile(r"(?:\.([0#?]+))?\s*%")

Place = tuple[int, int]  # row and column, from 0


class XlsxSheets:
    """The sheets of an .xlsx package by name; says nothing of other formats."""

    def __init__(self, data: bytes) -> None:
        self._package: Package | None = None
        self._parts: dict[str, str] = {}
        self._decimals: dict[bytes, int] = {}
        self._shared_strings: list[str] = []
        if data.startswith(b"PK"):
            self._package = Package(data)
            self._read_workbook(self._package)

    def refuse_false_counts(self) -> None:
        """Calamine makes room for as many shared strings as the file says that it has.

        Raises:
            BrokenFile: it says more than can be in it.
        """
        for part in self._shared_strings:
            data = self._package.read(part) if self._package else b""
            if max(map(int, _COUNT.findall(data[:_HEAD])), default=0) > len(data):
                raise BrokenFile("The spreadsheet is damaged: its table of texts is not whole.")

    def title(self) -> str:
        if self._package is None:
            return ""
        meta = self._package.optional_xml("meta.xml")  # OpenDocument
        if meta is not None:
            return str(next(meta.iter(_DC_TITLE), meta).text or "")
        return self._package.title()

    def about(self) -> About:
        """The date of its last change and its keywords."""
        if self._package is None:
            return About()
        meta = self._package.optional_xml("meta.xml")  # OpenDocument
        return self._package.about() if meta is None else about_properties(meta)

    def why_no_text(self) -> NoText:
        names = [] if self._package is None else self._package.names()
        pictures = sum("/media/" in name for name in names)
        if pictures:
            return NoText(f"There is no filled cell in the file, only pictures ({pictures}).")
        return EmptyFile("The file is empty: there is no filled cell in it.")

    def cells_spanned(self, sheet: str) -> int:
        """At most how many cells the sheet's outermost ones span; 0 for unknown."""
        xml = self._xml(sheet)
        rows = max(map(int, _ROW.findall(xml[-_TAIL:])), default=0)
        if rows <= _FEW_ROWS:
            return 0
        return rows * (1 + max(map(_column, set(_FAR_CELL.findall(xml))), default=25))

    def percent_cells(self, sheet: str) -> dict[Place, int]:
        """The cells shown as percentages, with their number of decimals."""
        if not self._decimals:
            return {}
        return {
            (int(row) - 1, _column(column)): self._decimals[style]
            for column, row, style in _STYLED_CELL.findall(self._xml(sheet))
            if style in self._decimals
        }

    def _xml(self, sheet: str) -> bytes:
        part = self._parts.get(sheet)
        return self._package.read(part) if self._package and part else b""

    def _read_workbook(self, package: Package) -> None:
        if "xl/workbook.xml" not in package and not package.related("", "officeDocument"):
            return
        try:
            main = package.main_part("xl/workbook.xml")
            root = package.xml(main)
        except BrokenFile:  # calamine decides what can be read; .xlsb has no XML here
            return
        for sheet in root.iter(f"{S}sheet"):
            part = package.target(main, sheet.get(f"{R}id"))
            if part in package:
                self._parts[str(sheet.get("name", ""))] = part
        named = package.related(main, "sharedStrings")
        self._shared_strings = [part for part in named if part in package]
        styles = package.related_xml(main, "styles")
        if styles is not None:
            self._decimals = _percent_styles(styles)


def _percent_styles(styles: etree._Element) -> dict[bytes, int]:
    """Which cell styles show a percentage, and with how many decimals."""
    formats = dict(_BUILT_IN)
    for custom in styles.iter(f"{S}numFmt"):
        percent = _PERCENT.search(_QUOTED.sub("", custom.get("formatCode", "")))
        if percent:
            formats[custom.get("numFmtId", "")] = len(percent.group(1) or "")
    applied = styles.findall(f"{S}cellXfs/{S}xf")
    return {
        str(index).encode(): formats[style.get("numFmtId", "")]
        for index, style in enumerate(applied)
        if style.get("numFmtId") in formats
    }


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return min(number, _MAX_COLUMNS) - 1
