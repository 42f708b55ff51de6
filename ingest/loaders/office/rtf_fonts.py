"""RTF's font table: by its font, a byte is of one code page or another, or a sign."""

from __future__ import annotations

import codecs
from typing import Final

from ingest.loaders.office.symbol_fonts import is_symbol_font, symbol

# By \fcharset: the code page that a font's bytes are of. 0 (ANSI) and 1 are the document's own.
_CHARSETS: Final = {
    77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gb18030", 136: "cp950",
    161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257",
    204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
_CODE_PAGES: Final = {936: "gb18030", 54936: "gb18030", 65001: "utf-8", 10000: "mac_roman"}
_PRIVATE: Final = range(0xF000, 0xF100)  # where Word puts the signs of symbol fonts


class Fonts:
    """``document_codec`` is what ``\\ansicpg`` names; ``default`` the font of plain text."""

    def __init__(self) -> None:
        self.document_codec = "cp1252"
        self.default = 0
        self._codecs: dict[int, str] = {}
        self._symbols: dict[int, str] = {}

    def set_document_code_page(self, number: int) -> None:
        self.document_codec = _code_page(number)

    def set_charset(self, font: int, charset: int) -> None:
        if charset in _CHARSETS:
            self._codecs[font] = _CHARSETS[charset]

    def set_code_page(self, font: int, number: int) -> None:
        self._codecs[font] = _code_page(number)

    def set_name(self, font: int, name: str) -> None:
        if is_symbol_font(name):
            self._symbols[font] = name

    def text(self, font: int, data: bytes) -> str:
        """``data`` in the font's code page, in the document's where that fits better."""
        if font in self._symbols:
            return "".join(symbol(byte, self._symbols[font]) for byte in data)
        own = self._codecs.get(font, self.document_codec)
        for codec in (own, self.document_codec):
            try:
                return data.decode(codec)
            except UnicodeDecodeError:
                continue
        return data.decode(own, errors="replace")

    def character(self, font: int, code: int) -> str:
        """The character of a ``\\u``: a UTF-16 code unit."""
        if font in self._symbols and code in _PRIVATE:
            return symbol(code, self._symbols[font])
        return chr(code)


def _code_page(number: int) -> str:
    """The codec of a Windows code page; cp1252 for one that Python does not know."""
    try:
        return codecs.lookup(_CODE_PAGES.get(number, f"cp{number}")).name
    except LookupError:
        return "cp1252"
