"""The SQLite file of jobs: made whole, opened when first needed, one transaction at a time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from rag_service.errors import IndexCorrupt, StorageError, StorageFull
from rag_service.store.home import storage_errors
from rag_service.store.jobs_schema import SCHEMA, SCHEMA_VERSION

Connection = sqlite3.Connection


class JobsFile:
    """Reads of a file that does not exist find nothing; the first write makes it.

    Safe to share between threads: one connection, one lock.

    Raises (every method): StorageError, StorageFull, IndexCorrupt.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._db: Connection | None = None
        self._inode = 0

    def close(self) -> None:
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock, _translated(self._path):
            db = self._connection()
            return db.execute(sql, parameters).fetchall() if db else []

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Durable when the block has ended; nothing has happened if it raises."""
        with self._lock, _translated(self._path):
            db = self._connection() or self._create()
            # IMMEDIATE: a deferred transaction that turns from reading to writing fails at
            # once when another connection holds the lock, whatever the timeout.
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # a full disk has rolled back by itself
                    db.execute("ROLLBACK")
                raise

    def _connection(self) -> Connection | None:
        """The open file, if it is still the one at its path; None while there is none."""
        try:
            inode = self._path.stat().st_ino
        except (FileNotFoundError, NotADirectoryError):
            inode = 0
        if inode != self._inode:
            self.close()
        if self._db is None and inode:
            self._db, self._inode = _open(self._path), inode
        return self._db

    def _create(self) -> Connection:
        # Made beside, whole, and put in place: nobody ever opens half of it. Under a lock,
        # because another process may be doing the same and have put a job in already.
        with storage_errors(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._path.with_name(".jobs.lock")):
                if not self._path.exists():
                    beside = self._path.with_suffix(".new")
                    beside.unlink(missing_ok=True)
                    _make(beside)
                    beside.replace(self._path)
        db = self._connection()
        assert db is not None, "it is there now"
        return db


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
        raise (StorageFull if full else StorageError)(
            f"{path} cannot be read or written: {error}. Is the disk full or read-only?"
        ) from error
    except sqlite3.DatabaseError as error:
        raise IndexCorrupt(
            f"{path} cannot be used: {error}. It holds only the list of jobs: move it away and "
            "upload again what was not done yet."
        ) from error


def _open(path: Path) -> Connection:
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=30,
        isolation_level=None,  # transactions are begun by hand
        check_same_thread=False,
    )
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        db.execute("PRAGMA synchronous = FULL")
        if version != SCHEMA_VERSION:
            raise StorageError(
                f"{path} has format {version}, this version reads {SCHEMA_VERSION}. It holds only "
                "the list of jobs: move it away."
            )
    except BaseException:
        db.close()
        raise
    return db


def _make(path: Path) -> None:
    db = sqlite3.connect(path)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    finally:
        db.close()
