"""The SQLite file of a catalog: opened, read row by row, written one transaction at a time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from rag_service.errors import IndexCorrupt, StorageError

if sqlite3.sqlite_version_info < (3, 37):  # STRICT tables
    raise ImportError(f"SQLite 3.37 or newer is needed; this Python has {sqlite3.sqlite_version}")

Connection = sqlite3.Connection

_MAY_NOT_WRITE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)  # primary result codes
_BATCH = 500  # below SQLite's limit of bound variables in every build
_FETCHED_AT_ONCE = 1000


class CatalogFile:
    """Safe to share between threads: one connection, one lock.

    Raises (every method): StorageError, IndexCorrupt.
    """

    def __init__(self, path: Path, mode: Literal["ro", "rw"]) -> None:
        self.path = path
        self._mode = mode
        self._lock = threading.RLock()
        self._frozen: tuple[int, int] | None = None  # the file's stamp, if it cannot change
        self._db = self._opened()

    def _opened(self) -> Connection:
        stamp, db = _stamp(self.path), _open(self.path, self._mode)
        try:
            db.execute("SELECT 1 FROM sqlite_schema LIMIT 1")
        except sqlite3.DatabaseError as error:
            # Reading means making files beside this one if no writer has, and on a disk that is
            # read-only nobody can; but then nobody changes it either.
            unable = (error.sqlite_errorcode & 0xFF) in _MAY_NOT_WRITE
            if unable and self._mode == "ro" and stamp and not _log(self.path).exists():
                db.close()
                self._frozen, db = stamp, _open(self.path, "ro&immutable=1")
        return db

    def is_outdated(self) -> bool:
        """Whether the file was taken for one that cannot change, and did, or is about to."""
        held = self._frozen
        return held is not None and (held != _stamp(self.path) or _log(self.path).exists())

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock, _translated(self.path):
            return self._db.execute(sql, parameters).fetchall()

    def batches(self, sql: str, parameters: Sequence[Any]) -> Iterator[list[tuple[Any, ...]]]:
        """The rows as they come, however many there are."""
        with self._lock, _translated(self.path):
            cursor = self._db.execute(sql, parameters)
            rows = cursor.fetchmany(_FETCHED_AT_ONCE)
        while rows:
            yield rows
            with self._lock, _translated(self.path):
                rows = cursor.fetchmany(_FETCHED_AT_ONCE)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Whatever is read within sees the state of its first read."""
        with self._lock, _translated(self.path):
            self._db.execute("BEGIN")
        try:
            yield
        finally:
            with self._lock, _translated(self.path):
                self._db.execute("ROLLBACK")

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Durable when the block has ended; nothing has happened if it raises."""
        with self._lock, _translated(self.path):
            # IMMEDIATE: a deferred transaction that turns from reading to writing fails
            # at once when another connection holds the lock, whatever the timeout.
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk has rolled back by itself
                    self._db.execute("ROLLBACK")
                raise


@contextmanager
def connect(path: Path, mode: str) -> Iterator[Connection]:
    """A short-lived connection, for making the tables."""
    db = _open(path, mode)
    try:
        with _translated(path):
            yield db
    finally:
        db.close()


def in_parts(values: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
    """As many values as one statement may hold, with the question marks for them."""
    for start in range(0, len(values), _BATCH):
        part = values[start : start + _BATCH]
        yield ",".join("?" * len(part)), part


def _open(path: Path, mode: str) -> Connection:
    with _translated(path):
        db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=30,
            isolation_level=None,  # transactions are begun by hand
            check_same_thread=False,
        )
        db.execute("PRAGMA foreign_keys = ON")
    return db


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StorageError(
            f"{path} cannot be read or written: {error}. Is the disk full or read-only?"
        ) from error
    except sqlite3.DatabaseError as error:
        raise IndexCorrupt(
            f"{path} cannot be used: {error}. Restore the collection's folder from a backup, or "
            "delete it and ingest again."
        ) from error


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns)


def _log(path: Path) -> Path:
    """The write-ahead log, which is there while somebody writes or has been killed at it."""
    return path.with_name(f"{path.name}-wal")
