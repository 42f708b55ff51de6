"""Jupyter notebooks: https://nbformat.readthedocs.io/en/latest/format_description.html."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ingest.decoding import decode
from ingest.loaders.builder import clean_text
from ingest.loaders.data.json_data import InvalidJson, parse_json
from ingest.loaders.options import LoadOptions
from ingest.loaders.text import markdown_title
from rag_service.errors import BrokenFile, EmptyFile, NoText
from rag_service.document_types import LoadedText

ENGINE = "notebook"
_FENCES = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)
_BACKTICKS = re.compile("`{3,}")
_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_OVERWRITTEN = re.compile(r"[^\n]*\r(?!\n)")  # a progress bar writes its line again and again


def load_notebook(data: bytes, _options: LoadOptions) -> LoadedText:
    """Markdown cells as they are, code and text outputs fenced; images are left out.

    Raises:
        BrokenFile: no JSON, or no notebook.
        EmptyFile, NoText: no cell holds text.
        NotText, UnknownEncoding: see ``ingest.decoding.decode``.
    """
    decoded = decode(data, keep_separators=True)
    if not decoded.text.strip():
        raise EmptyFile("The file is empty: it holds nothing but white space.")
    try:
        notebook = parse_json(decoded.text)
    except InvalidJson as error:
        raise BrokenFile(f"The notebook is damaged: {error}.") from error
    language = _language(notebook)
    parts = [part for cell in _cells(notebook) for part in _cell_parts(cell, language)]
    text = "\n\n".join(clean_text(part).strip("\n") for part in parts if part.strip())
    if not text:
        raise NoText("No cell of the notebook holds any text.")
    return LoadedText(
        text,
        title=_named_title(notebook) or markdown_title(text),
        encoding=decoded.encoding,
        engine=ENGINE,
        warnings=decoded.warnings,
        syntax="markdown",
    )


def _cells(notebook: Any) -> list[dict[str, Any]]:
    """The cells; of a notebook of version 3 those of its worksheets."""
    holders = [notebook, *_listed(notebook, "worksheets")]
    if not any(isinstance(_get(holder, "cells"), list) for holder in holders):
        raise BrokenFile("The file is no notebook: it has no list of cells.")
    return [cell for holder in holders for cell in _listed(holder, "cells")]


def _cell_parts(cell: dict[str, Any], language: str) -> Iterator[str]:
    source = _joined(cell.get("source", cell.get("input", "")))
    if cell.get("cell_type") == "code":
        yield _fenced(source, language)
        for output in _listed(cell, "outputs"):
            yield _fenced(_output_text(output))
    elif cell.get("cell_type") == "heading":
        yield f"{'#' * min(6, _digit(cell.get('level')))} {source}"
    else:
        yield _closed(source)


def _output_text(output: dict[str, Any]) -> str:
    if output.get("output_type") in {"error", "pyerr"}:
        text = f"{_joined(output.get('ename'))}: {_joined(output.get('evalue'))}"
    else:
        shown = _get(output, "data")
        text = _joined(output.get("text")) or _joined(_get(shown, "text/plain"))
    return _OVERWRITTEN.sub("", _TERMINAL.sub("", text))


def _fenced(code: str, language: str = "") -> str:
    if not code.strip():
        return ""
    longest = max(map(len, _BACKTICKS.findall(code)), default=2)
    fence = "`" * (longest + 1)
    body = code.strip("\n")
    return f"{fence}{language}\n{body}\n{fence}"


def _closed(markdown: str) -> str:
    """A fence that a cell leaves open would take in the cells after it."""
    fence = ""
    for match in _FENCES.finditer(markdown):
        if not fence:
            fence = match[1]
        elif match[1].startswith(fence):
            fence = ""
    return f"{markdown}\n{fence}" if fence else markdown


def _language(notebook: Any) -> str:
    named = _get(_get(_get(notebook, "metadata"), "language_info"), "name")
    return named if isinstance(named, str) and re.fullmatch(r"[\w+#-]{1,20}", named) else ""


def _named_title(notebook: Any) -> str:
    title = _get(_get(notebook, "metadata"), "title")
    return " ".join(title.split())[:300] if isinstance(title, str) else ""


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _listed(value: Any, key: str) -> list[dict[str, Any]]:
    found = _get(value, key)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _joined(text: Any) -> str:
    """Text is written as a string or as a list of lines."""
    if isinstance(text, list):
        return "".join(part for part in text if isinstance(part, str))
    return text if isinstance(text, str) else ""


def _digit(value: Any) -> int:
    return int(value) if isinstance(value, str) and re.fullmatch("[1-9]", value) else 1
