"""The folder of one collection: what is in it, who may write to it, which generation is in use.

<data>/collections/<name>/current        names the generation in use, e.g. "g1"
<data>/collections/<name>/.writer.lock   held by the one process that writes
<data>/collections/<name>/.reembed.lock  held by the one process that embeds it anew
<data>/collections/<name>/g1/catalog.sqlite, dense/, lexical/
<data>/collections/<name>/r2/…           the same documents embedded by another model

Generations are numbered in the order in which they came to be. An "r" with a number beyond
that of the generation in use is still being filled.
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

_GENERATION = re.compile(r"[gr]\d+")


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
        with self._held(self.lock, "is writing to"):
            yield

    @contextmanager
    def reembedding(self) -> Iterator[None]:
        """Hold the lock of those who embed the collection anew, beside its writers.

        Raises:
            CollectionBusy: another process has it.
        """
        with self._held(self.folder / ".reembed.lock", "is re-embedding"):
            yield

    @contextmanager
    def _held(self, path: Path, what: str) -> Iterator[None]:
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise CollectionBusy(
                f"Another process {what} collection {self.name!r}. Wait until it has "
                "finished, then try again."
            ) from None
        except OSError as error:
            raise StorageError(f"{path} cannot be made: {error.strerror}.") from error
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
    found = [path for path in home.folder.glob("[gr]*") if _GENERATION.fullmatch(path.name)]
    return sorted(found, key=_number)


def _number(generation: Path) -> int:
    return int(generation.name[1:])


def _next_number(home: CollectionHome) -> int:
    return max(map(_number, _generations(home)), default=0) + 1


def _unfinished(home: CollectionHome, kind: str) -> Path | None:
    """The newest generation of a kind that has not been put into use yet."""
    used = _number(home.generation()) if home.current.exists() else 0
    newer = [p for p in _generations(home) if p.name[0] == kind and _number(p) > used]
    return newer[-1] if newer else None


def generation_to_write(home: CollectionHome, *, rebuild: bool) -> Path:
    """The generation a writer opens: the one in use, or for a rebuild the one after it."""
    if not rebuild:
        return home.generation() if home.current.exists() else home.folder / "g1"
    # A newer generation than the one in use is a rebuild that was interrupted.
    return _unfinished(home, "g") or home.folder / f"g{_next_number(home)}"


def generation_to_reembed(home: CollectionHome) -> Path:
    """Where another model's vectors are gathered, begun or not."""
    return _unfinished(home, "r") or home.folder / f"r{_next_number(home)}"


def drop_other_generations(home: CollectionHome, keep: Path) -> None:
    """Remove what ``keep`` has replaced, but not what is being re-embedded beside it."""
    for path in _generations(home):
        being_filled = path.name[0] == "r" and _number(path) > _number(keep)
        if path != keep and not being_filled:
            shutil.rmtree(path, ignore_errors=True)
