"""Finds the files of a folder.

The rules: hidden files and folders (names starting with a dot) are left out, symbolic
links are not followed, and formats without a loader are skipped. Whatever is left out,
other than hidden names, is reported.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest.loaders import SUPPORTED_SUFFIXES
from rag_service.errors import PathNotFound
from rag_service.store.catalog_schema import FileStat


@dataclass(frozen=True, slots=True)
class FoundFile:
    """``source`` is the path relative to the folder, with forward slashes."""

    source: str
    path: Path
    stat: FileStat


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something in the folder that is not ingested; ``failed`` when that is a fault."""

    source: str
    code: str
    reason: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Discovery:
    files: tuple[FoundFile, ...]
    left_out: tuple[LeftOut, ...]


def discover(root: Path, *, max_file_bytes: int) -> Discovery:
    """Everything in the folder, in the order of the sources.

    Raises:
        PathNotFound: there is no such folder, or it cannot be listed.
    """
    if not root.is_dir():
        what = "is a file; name the folder that holds it" if root.exists() else "does not exist"
        raise PathNotFound(f"{root} {what}. Nothing was changed.")
    files: list[FoundFile] = []
    left_out: list[LeftOut] = []
    for item in _walk(root, root, max_file_bytes):
        (files if isinstance(item, FoundFile) else left_out).append(item)  # type: ignore[arg-type]
    return Discovery(
        tuple(sorted(files, key=lambda f: f.source)),
        tuple(sorted(left_out, key=lambda item: item.source)),
    )


def _walk(root: Path, folder: Path, max_file_bytes: int) -> Iterator[FoundFile | LeftOut]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        if folder == root:
            raise PathNotFound(f"{root} cannot be listed: {error.strerror}.") from error
        source = _printable(_source(root, folder))
        yield LeftOut(source, "unreadable_folder", _words(error), failed=True)
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(root, path, max_file_bytes)
        else:
            yield _classify(_source(root, path), path, max_file_bytes)


def _classify(source: str, path: Path, max_file_bytes: int) -> FoundFile | LeftOut:
    try:
        source.encode()
    except UnicodeEncodeError:
        reason = "the file name is not UTF-8; rename it"
        return LeftOut(_printable(source), "bad_file_name", reason, failed=True)
    try:
        found = path.lstat()
    except OSError as error:
        return LeftOut(source, "unreadable_file", _words(error), failed=True)
    if stat.S_ISLNK(found.st_mode):
        return LeftOut(source, "symbolic_link", "symbolic links are not followed")
    if not stat.S_ISREG(found.st_mode):
        return LeftOut(source, "special_file", "not a regular file")
    if path.suffix.lower() not in SUPPORTED_SUFFIXES:
        known = ", ".join(sorted(SUPPORTED_SUFFIXES))
        return LeftOut(
            source, "unsupported_format", f"{path.suffix or 'no suffix'}: only {known} are read"
        )
    if found.st_size > max_file_bytes:
        limit = max_file_bytes >> 20
        reason = f"larger than {limit} MB; raise RAG_INGEST__MAX_FILE_MB or split it"
        return LeftOut(source, "file_too_large", reason, failed=True)
    return FoundFile(source, path, FileStat(found.st_size, found.st_mtime_ns, found.st_ctime_ns))


def _source(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _printable(source: str) -> str:
    return source.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _words(error: OSError) -> str:
    return error.strerror or str(error)
