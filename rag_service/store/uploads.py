"""Files that came over HTTP.

<data>/collections/<name>/uploads/     a folder of documents like any other: the worker mirrors it
<data>/collections/<name>/incoming/    what is still arriving; never looked at by the worker

They lie within the collection, so deleting it takes them along in the same step. The service
alone puts files here, each whole and on disk before it gets its name.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
import unicodedata
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from rag_service.collection_types import DocumentInfo
from rag_service.errors import CollectionNotFound, InvalidFileName, StorageError, StorageFull
from rag_service.store.home import CollectionHome
from rag_service.store.jobs_schema import JobFile

MAX_NAME_BYTES = 200  # file systems allow 255; the rest is for suffixes put on beside
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_STALE_S = 24 * 3600  # nothing arrives for so long; its service has died


def uploads_folder(home: CollectionHome) -> Path:
    return home.folder / "uploads"


def uploads_root(home: CollectionHome) -> str:
    """The same, as the catalog knows it."""
    return str(uploads_folder(home).resolve())


def checked_name(name: str) -> str:
    """The name under which a file is stored: NFC, without surrounding blanks.

    Folders in a name are refused rather than cut off: two files of the same name in different
    folders would otherwise take each other's place.

    Raises:
        InvalidFileName
    """
    kept = unicodedata.normalize("NFC", name).strip()
    if problem := _problem(kept):
        shown = name[:80].encode(errors="backslashreplace").decode()
        raise InvalidFileName(f"A file cannot be named {shown!r}: {problem}.")
    return kept


def _problem(name: str) -> str | None:
    if not name:
        return "the name is empty"
    if "/" in name or "\\" in name:
        return "the name must not hold a folder; send the bare name"
    if name.startswith("."):
        return "names that begin with a dot are hidden, and hidden files are not read"
    if any(_is_hidden(char) for char in name):
        return "it holds control or invisible characters"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"it takes more than {MAX_NAME_BYTES} bytes in UTF-8"
    return None


def _is_hidden(char: str) -> bool:
    # Cc: controls; Cf: invisible, and able to show a name as another; Cs: half a character.
    # The two joiners belong to the spelling of some languages and of emoji.
    return unicodedata.category(char) in _HIDDEN and char not in "\u200c\u200d"


def as_indexed(file: JobFile, document: DocumentInfo) -> JobFile:
    """The file, now that it is in the collection as ``document``."""
    return replace(
        file,
        status="indexed",
        doc_id=document.doc_id,
        pages=document.pages,
        chunks=document.chunks,
    )


class Upload:
    """Some files on their way into a collection; none is put in place before all are here.

    A context manager: leaving it removes whatever was not put in place.

    Raises (every method): StorageFull, StorageError; CollectionNotFound if it was deleted.
    """

    def __init__(self, home: CollectionHome) -> None:
        home.generation()  # a collection that does not exist is said now
        self.collection = home.name
        self._home = home
        self._folder = home.folder / "incoming" / uuid.uuid4().hex
        self._stream: BinaryIO | None = None
        self._name = ""
        self._size = 0
        self._sha256 = hashlib.sha256()
        self.files: list[JobFile] = []

    def __enter__(self) -> Self:
        with self._errors():
            # Not `parents`: a collection just deleted must not come back as an empty folder.
            self._folder.parent.mkdir(exist_ok=True)
            _sweep(self._folder.parent)
            self._folder.mkdir()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stream:
            with suppress(OSError):  # a full disk is told of by the write that met it
                self._stream.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def begin(self, name: str) -> None:
        """The next file starts.

        Raises:
            InvalidFileName: not a name for a file, or that of an earlier one.
        """
        self._name = checked_name(name)
        if any(file.name == self._name for file in self.files):
            raise InvalidFileName(f"Two files of this upload are named {self._name!r}.")
        self._size, self._sha256 = 0, hashlib.sha256()
        with self._errors():
            self._stream = self._part(len(self.files)).open("xb")

    def write(self, data: bytes) -> None:
        """The next bytes of the file."""
        assert self._stream, "a file must have begun"
        with self._errors():
            self._stream.write(data)
        self._sha256.update(data)
        self._size += len(data)

    def end(self) -> None:
        """The file is whole; it is on disk when this returns."""
        assert self._stream, "a file must have begun"
        with self._errors():
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._stream.close()
        self._stream = None
        self.files.append(JobFile(self._name, self._size, self._sha256.hexdigest()))

    def place(self) -> None:
        """Give all files their names, in place of whatever had them."""
        uploads = uploads_folder(self._home)
        with self._errors():
            uploads.mkdir(exist_ok=True)
            for number, file in enumerate(self.files):
                self._part(number).replace(uploads / file.name)
            sync_folder(uploads)
            sync_folder(self._home.folder)

    def _part(self, number: int) -> Path:
        # By number: no name that came over the network is used before it has to be.
        return self._folder / f"{number:06}"

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with upload_errors(self._home):
            yield


def remove_upload(home: CollectionHome, name: str) -> None:
    """Remove an uploaded file; one that is gone already is no error."""
    uploads = uploads_folder(home)
    with upload_errors(home):
        (uploads / checked_name(name)).unlink(missing_ok=True)
        if uploads.is_dir():
            sync_folder(uploads)


@contextmanager
def upload_errors(home: CollectionHome) -> Iterator[None]:
    """Turn what the file system refuses into errors of ours."""
    try:
        yield
    except FileNotFoundError as error:
        home.generation()
        raise CollectionNotFound(
            f"Collection {home.name!r} was deleted while files for it were arriving."
        ) from error
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise (StorageFull if full else StorageError)(
            f"{home.folder} cannot be written: {error.strerror or error}. Nothing was stored."
        ) from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(incoming: Path) -> None:
    """Remove what a service that died has left half arrived."""
    for left in incoming.iterdir():
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE_S:
                shutil.rmtree(left, ignore_errors=True)
