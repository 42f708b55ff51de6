"""The formats that can be read, and what reads each.

Loaders are named here and imported on the first file of their kind: some libraries take
longer to import than a text file to read.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import PurePath


@dataclass(frozen=True, slots=True)
class Format:
    """``loader`` is "module:function", a ``Callable[[bytes, LoadOptions], LoadedText]``.

    ``version`` is stored with every document: raise it when the loader's output changes, and
    the files of this format are read again. ``in_parts`` says that a very large file may be
    cut at line ends and read part by part.
    """

    name: str
    suffixes: tuple[str, ...]
    loader: str
    version: int = 1
    in_parts: bool = False


_CODE = """
.py .pyi .js .mjs .cjs .jsx .ts .tsx .java .kt .scala .groovy .c .h .cc .cpp .cxx .hpp .cs
.go .rs .swift .m .php .rb .pl .lua .r .jl .sh .bash .zsh .ps1 .bat .sql .proto .css .scss
.vue .svelte .toml .yaml .yml .ini .cfg .conf .properties .dockerfile .cmake .gradle .tex
"""

_LOADERS = "ingest.loaders."
FORMATS: tuple[Format, ...] = (
    Format("text", (".txt", ".text", ".log"), _LOADERS + "text:load_text", in_parts=True),
    Format("markdown", (".md", ".markdown"), _LOADERS + "text:load_markdown", in_parts=True),
    Format("subtitles", (".srt", ".vtt"), _LOADERS + "text:load_text"),
    Format("org", (".org",), _LOADERS + "text:load_text"),
    Format("pdf", (".pdf",), _LOADERS + "pdf.pdf:load_pdf"),
    Format("docx", (".docx", ".docm"), _LOADERS + "office.docx:load_docx"),
    Format("pptx", (".pptx", ".pptm"), _LOADERS + "office.pptx:load_pptx"),
    Format(
        "spreadsheet",
        (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"),
        _LOADERS + "office.spreadsheet:load_spreadsheet",
    ),
    Format("odf", (".odt", ".odp"), _LOADERS + "office.odf:load_odf"),
    Format("rtf", (".rtf",), _LOADERS + "office.rtf:load_rtf"),
    Format("csv", (".csv",), _LOADERS + "data.delimited:load_csv", in_parts=True),
    Format("tsv", (".tsv",), _LOADERS + "data.delimited:load_tsv", in_parts=True),
    Format("html", (".html", ".htm", ".xhtml"), _LOADERS + "web.html:load_html"),
    Format("epub", (".epub",), _LOADERS + "web.epub:load_epub"),
    Format("rst", (".rst",), _LOADERS + "data.rst:load_rst"),
    Format("json", (".json",), _LOADERS + "data.json_data:load_json"),
    Format("jsonl", (".jsonl", ".ndjson"), _LOADERS + "data.json_data:load_jsonl", in_parts=True),
    Format("notebook", (".ipynb",), _LOADERS + "data.notebook:load_notebook"),
    Format("xml", (".xml",), _LOADERS + "data.xml_data:load_xml"),
    Format("mail", (".eml",), _LOADERS + "mail.mail:load_eml"),
    Format("mhtml", (".mhtml", ".mht"), _LOADERS + "mail.mail:load_mhtml"),
    Format("msg", (".msg",), _LOADERS + "mail.msg:load_msg"),
    Format("code", tuple(_CODE.split()), _LOADERS + "data.code:load_code", in_parts=True),
)

# Files that go by a name rather than a suffix.
_NAMED: dict[str, str] = {
    "readme": ".txt",
    "license": ".txt",
    "changelog": ".txt",
    "makefile": ".sh",
    "dockerfile": ".dockerfile",
}
_BY_SUFFIX = {suffix: known for known in FORMATS for suffix in known.suffixes}
SUPPORTED_SUFFIXES: frozenset[str] = frozenset(_BY_SUFFIX)


def format_of(name: str | PurePath) -> Format | None:
    """The format that a file's name promises; None for one that is not read."""
    stem, suffix = os.path.splitext(os.path.basename(name))  # noqa: PTH119, PTH122  (5 x faster)
    return _BY_SUFFIX.get(suffix.lower() or _NAMED.get(stem.lower(), ""))


def loader_version(name: str | PurePath) -> str:
    """What would read a file of this name, e.g. "pdf/1"; "" where nothing would."""
    found = format_of(name)
    if found is None:
        return ""
    return f"{found.name}/{found.version}{_ocr() if found.name == 'pdf' else ''}"


@cache
def _ocr() -> str:
    """With an OCR engine installed, scans that failed before are worth another try."""
    return "+ocr" if find_spec("rapidocr") else ""
