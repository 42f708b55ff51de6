"""All collections of one data folder."""

from __future__ import annotations

import re
import shutil
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rag_service.collection_types import CollectionInfo, FailedFile, VerifyReport
from rag_service.errors import (
    CollectionExists,
    CollectionNotFound,
    IndexCorrupt,
    InvalidCollectionName,
)
from rag_service.store.collection import Collection
from rag_service.store.collection_writer import CollectionWriter, check_fingerprint
from rag_service.store.home import CollectionHome, storage_errors
from rag_service.store.verify import verify_collection

# Letters of any script, so that a Chinese name works; nothing that means anything in a
# path. File systems allow 255 bytes, and a name takes up to 4 bytes a character.
_NAME = re.compile(r"[^\W_][\w-]{0,59}")

_DELETED = ".deleted-"


class Library:
    """Opens, lists, makes and deletes collections by name.

    Raises (every method that takes a name): InvalidCollectionName, CollectionNotFound.
    """

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "collections"
        self._open: dict[str, Collection] = {}
        self._lock = threading.Lock()

    def home(self, name: str) -> CollectionHome:
        if not _NAME.fullmatch(name):
            raise InvalidCollectionName(
                f"{name[:80]!r} cannot name a collection: use 1 to 60 letters, digits, '-' or '_', "
                "starting with a letter or digit."
            )
        return CollectionHome(name, self._folder / name)

    def names(self) -> list[str]:
        found = (path.parent.name for path in self._folder.glob("*/current"))
        return sorted(name for name in found if _NAME.fullmatch(name))

    def open(self, name: str, fingerprint: Mapping[str, Any] | None = None) -> Collection:
        """The reader of a collection, kept open and renewed when it was rebuilt.

        Raises:
            IndexMismatch: it does not fit ``fingerprint``.
        """
        home = self.home(name)
        with self._lock:
            held = self._open.get(name)
            try:
                generation = home.generation()
            except CollectionNotFound:
                if held:
                    self._open.pop(name).close()
                raise
            if held is None or held.generation != generation or not held.is_current():
                # The old reader is not closed here: another thread may be using it.
                held = self._open[name] = _newest(home)
        if fingerprint is not None:
            check_fingerprint(name, held.catalog.fingerprint, fingerprint)
        return held

    def info(self, name: str) -> CollectionInfo:
        return self.open(name).info()

    def failed_files(self, name: str) -> list[FailedFile]:
        """The files that could not be read, by folder and source."""
        return [FailedFile(name, *row) for row in self.open(name).catalog.failures()]

    def verify(self, name: str) -> VerifyReport:
        home = self.home(name)
        home.generation()  # a name that does not exist is an error, not a finding
        return verify_collection(home)

    def create(self, name: str, fingerprint: Mapping[str, Any]) -> CollectionInfo:
        """An empty collection.

        Raises:
            CollectionExists, CollectionBusy
        """
        home = self.home(name)
        if home.current.exists():
            raise CollectionExists(f"Collection {name!r} exists already.")
        with CollectionWriter(home, fingerprint) as writer:
            if writer.catalog.revision():
                raise CollectionExists(f"Collection {name!r} exists already.")
        return self.info(name)

    def delete(self, name: str) -> None:
        """Remove a collection and everything in it.

        Raises:
            CollectionBusy: an ingest is writing to it.
        """
        home = self.home(name)
        home.generation()
        with home.locked():
            doomed = home.folder.with_name(f"{_DELETED}{uuid.uuid4()}")
            with storage_errors(home.folder):
                home.folder.rename(doomed)  # one step: a kill leaves all of it or none
        with self._lock:
            self._open.pop(name, None)  # not closed: another thread may be using it
        for left in self._folder.glob(f"{_DELETED}*"):
            shutil.rmtree(left, ignore_errors=True)

    def close(self) -> None:
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()


def _newest(home: CollectionHome) -> Collection:
    """A reader of the generation in use, also when it changes while it is being opened."""
    generation = home.generation()
    try:
        return Collection(home)
    except IndexCorrupt:
        if home.generation() == generation:
            raise
        return Collection(home)
