"""The folder of one collection: what is in it, who may write to it, which generation is in use.

<data>/collections/<name>/current        names the generation in use, e.g. "g1"
<data>/collections/<name>/.writer.lock   held by the one process that writes
<data>/collections/<name>/g1/catalog.sqlite, dense/, lexical/
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from rag_service.errors import CollectionBusy, CollectionNotFound, IndexCorrupt, StorageError

_GENERATION = re.compile(r"g\d+")


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into a StorageError."""
    try:
        yield
    except (OSError, ValueError) as error:  # tantivy reports its OSErrors as ValueError
        raise StorageError(
            f"{path} cannot be written: {error}. Is the disk full or read-only, or does the "
            "folder belong to somebody else?"
        ) from error


@dataclass(frozen=True, slots=True)
class CollectionHome:
    """The folder of one collection and the names of what is in it."""

    name: str
    folder: Path

    @property
    def current(self) -> Path:
        return self.folder / "current"

    @property
    def lock(self) -> Path:
        return self.folder / ".writer.lock"

    def generation(self) -> Path:
        """The generation in use.

        Raises:
            CollectionNotFound: there is none.
        """
        try:
            name = self.current.read_text(encoding="ascii", errors="replace").strip()
        except (FileNotFoundError, NotADirectoryError):
            raise CollectionNotFound(
                f"There is no collection {self.name!r}. Make it with: "
                f"rag ingest FOLDER --collection {self.name}"
            ) from None
        if not _GENERATION.fullmatch(name):
            raise IndexCorrupt(f"{self.current} is damaged; it should name one of the folders g1 …")
        return self.folder / name

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the collection's write lock.

        Raises:
            CollectionBusy: another process has it.
        """
        lock = FileLock(self.lock)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise CollectionBusy(
                f"Another process is writing to collection {self.name!r}. Wait until it has "
                "finished, then try again."
            ) from None
        except OSError as error:
            raise StorageError(f"{self.lock} cannot be made: {error.strerror}.") from error
        try:
            yield
        finally:
            lock.release()

    def use(self, generation: Path) -> None:
        """Switch readers to another generation, atomically."""
        beside = self.current.with_suffix(".tmp")
        with beside.open("w", encoding="ascii") as stream:
            stream.write(generation.name)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(self.current)


def _generations(home: CollectionHome) -> list[Path]:
    found = [p for p in home.folder.glob("g*") if p.name[1:].isdigit()]
    return sorted(found, key=lambda path: int(path.name[1:]))


def generation_to_write(home: CollectionHome, *, rebuild: bool) -> Path:
    """The generation a writer opens: the one in use, or for a rebuild the one after it."""
    found = _generations(home)
    if not rebuild:
        return home.generation() if home.current.exists() else home.folder / "g1"
    if not home.current.exists():
        return found[-1] if found else home.folder / "g1"
    # A newer generation than the one in use is a rebuild that was interrupted.
    used = home.generation()
    newest = found[-1] if found else used
    return newest if newest != used else home.folder / f"g{int(used.name[1:]) + 1}"


def drop_other_generations(home: CollectionHome, keep: Path) -> None:
    """Remove what a rebuild has replaced."""
    for path in _generations(home):
        if path != keep:
            shutil.rmtree(path, ignore_errors=True)
