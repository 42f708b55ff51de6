"""Reading the lexical index while another process writes it."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import weakref
from pathlib import Path

import tantivy

from rag_service.store.lexical import LexicalView, open_index, view_of

log = logging.getLogger(__name__)


class LexicalReader:
    """Follows what a writer in another process commits."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._links: _Links | None = None
        self._index: tantivy.Index | None = None
        self._inode = 0

    def refresh(self) -> LexicalView | None:
        """The newest committed state; None before the first commit."""
        try:
            inode = self._folder.stat().st_ino
            if self._index is None or inode != self._inode:
                if not (self._folder / "meta.json").exists():
                    return None
                self._index, self._inode = open_index(self._readable()), inode
                self._index.config_reader(reload_policy="manual")
            if self._links:
                self._links.renew()
            self._index.reload()
        except (FileNotFoundError, ValueError) as error:
            # Not written yet, or a rebuilt one is being switched in: the next call sees it.
            log.info("The lexical index %s is not readable now: %s", self._folder, error)
            self._index = None
            return None
        return view_of(self._index)

    def _readable(self) -> Path:
        """The folder, or one in its place where tantivy can open it."""
        if os.access(self._folder, os.W_OK):
            self._links = None
            return self._folder
        self._links = _Links(self._folder)
        self._links.renew()
        return self._links.path


class _Links:
    """A folder of links to an index that lies where this process may not write.

    tantivy makes a lock file where it reads, so that no writer removes what is being opened.
    Here the lock protects nothing; opening fails in that case, and is done again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = Path(tempfile.mkdtemp(prefix="rag-lexical-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def renew(self) -> None:
        """Link what is new, and forget what is gone."""
        for link in self.path.iterdir():
            if link.is_symlink() and not link.exists():
                link.unlink()
        for path in self._folder.iterdir():
            link = self.path / path.name
            if path.suffix != ".lock" and not link.is_symlink():
                link.symlink_to(path.absolute())
