"""Files to text: one loader per format, chosen by name.

``load`` raises :class:`rag_service.errors.DocumentError` subclasses and nothing else, save
``MemoryError``, which only the one who set the limit can explain.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePath
from typing import cast

from ingest.loaders.formats import format_of, loader_version
from ingest.loaders.messages import presentable, presentable_warnings
from ingest.loaders.options import LoadOptions
from ingest.names import why_unsupported
from rag_service.document_types import LoadedText
from rag_service.errors import (
    BrokenFile,
    DocumentError,
    EmptyFile,
    UnreadableFile,
    UnsupportedFormat,
)

__all__ = [
    "LoadOptions",
    "format_of",
    "load",
    "load_bytes",
    "loader_version",
]

# A whole document is held in memory while it is chunked. Plain text beyond this is read in
# parts; no other format that is not an attack comes near it.
MAX_TEXT_CHARS = 64_000_000

Loader = Callable[[bytes, LoadOptions], LoadedText]
_DEFAULT = LoadOptions()


def load(path: Path, options: LoadOptions = _DEFAULT) -> LoadedText:
    """Read one file.

    Raises:
        UnsupportedFormat: no loader reads files of this name.
        UnreadableFile: the operating system refuses to read it.
        EncryptedFile: it needs a password.
        BrokenFile: it is damaged beyond reading, or unreasonably large once unpacked.
        NotText, UnknownEncoding: see ``ingest.decoding.decode``.
        EmptyFile: there is nothing in it.
        NoText: what is in it cannot be read as text.
    """
    started = time.perf_counter()
    loaded = _load_with(_loader(path), _read(path), options)
    return replace(loaded, seconds=time.perf_counter() - started)


def load_bytes(name: str, data: bytes, options: LoadOptions = _DEFAULT) -> LoadedText:
    """Read a file that is held in memory, such as the attachment of a mail; see ``load``."""
    return _load_with(_loader(PurePath(name)), data, options)


def _load_with(loader: Loader, data: bytes, options: LoadOptions) -> LoadedText:
    if not data:
        raise EmptyFile("The file is empty (0 bytes).")
    try:
        loaded = loader(data, options)
    except DocumentError as error:
        error.args = (presentable(str(error)),)
        raise
    if len(loaded.text) > MAX_TEXT_CHARS:
        raise BrokenFile(
            f"The file unpacks to {len(loaded.text):,} characters; at most {MAX_TEXT_CHARS:,} "
            "are read. Split it."
        )
    return replace(loaded, warnings=presentable_warnings(loaded.warnings))


def _loader(path: PurePath) -> Loader:
    found = format_of(path)
    if found is None:
        raise UnsupportedFormat(f"{why_unsupported(path.name)}.")
    module, function = found.loader.split(":")
    return cast(Loader, getattr(importlib.import_module(module), function))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"The file cannot be read: {error.strerror or error}.") from error
