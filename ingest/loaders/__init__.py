"""Files to text: one loader per format, chosen by suffix.

``load`` raises :class:`rag_service.errors.DocumentError` subclasses and nothing else, save
``MemoryError``, which only the one who set the limit can explain.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ingest.loaders.text import load_markdown, load_text
from rag_service.errors import EmptyFile, UnreadableFile, UnsupportedFormat
from rag_service.types import LoadedText

# Stored with every document: a change here means that stored text may differ from what
# would be read today, so raise it when any loader's output changes.
LOADER_VERSION = "1"


def _load_pdf(data: bytes) -> LoadedText:
    # Imported on the first PDF: pypdf takes longer to import than a text file to read.
    from ingest.loaders.pdf import load_pdf

    return load_pdf(data)


_LOADERS: dict[str, Callable[[bytes], LoadedText]] = {
    ".txt": load_text,
    ".text": load_text,
    ".md": load_markdown,
    ".markdown": load_markdown,
    ".pdf": _load_pdf,
}
SUPPORTED_SUFFIXES: frozenset[str] = frozenset(_LOADERS)
_MARKDOWN_SUFFIXES = frozenset({".md", ".markdown"})


def is_markdown(path: Path) -> bool:
    """Whether headings in this file are written ``# like this``."""
    return path.suffix.lower() in _MARKDOWN_SUFFIXES


def load(path: Path) -> LoadedText:
    """Read one file.

    Raises:
        UnsupportedFormat: the suffix is none of ``SUPPORTED_SUFFIXES``.
        UnreadableFile: the operating system refuses to read it.
        EncryptedFile: it needs a password.
        BrokenFile: it is damaged beyond reading.
        NotText, UnknownEncoding: see ``ingest.decoding.decode``.
        EmptyFile: there is nothing in it.
        NoText: what is in it cannot be read as text.
    """
    loader = _LOADERS.get(path.suffix.lower())
    if loader is None:
        supported = ", ".join(sorted(SUPPORTED_SUFFIXES))
        kind = f"{path.suffix} files are" if path.suffix else "Files without a suffix are"
        raise UnsupportedFormat(f"{kind} not supported; supported are {supported}.")
    data = _read(path)
    if not data:
        raise EmptyFile("The file is empty (0 bytes).")
    return loader(data)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"The file cannot be read: {error.strerror or error}.") from error
