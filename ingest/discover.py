"""Finds the files of a folder, and says of everything in it why it is or is not read.

The rules, in the order in which they are tried on a name:

1. *Hidden* names, which begin with a dot, are left out, and so are the lock files, caches
   and waste bins that programs and file systems leave behind (``~$x.docx``, ``Thumbs.db``,
   ``$RECYCLE.BIN``). No pattern takes them back in.
2. *Patterns* leave files out: ``exclude``, then the ``.ragignore`` files from the nearest up
   to the root's, all in the syntax of .gitignore (see ``ingest.ignore``). With ``include``,
   a file is read only if it, or a folder it is in, also matches one of those patterns.
3. *Symbolic links* are not followed. With ``follow_links`` those are that lead to something
   inside the root: one to a file reads as a copy of it, one to a folder as the folder,
   unless the folder is read anyway, so that no file is read twice and no loop is possible.
4. *Special files* (pipes, sockets, devices) are never opened.
5. Names that promise a *format* without a loader are left out.
6. A name that is not UTF-8, a file or folder that may not be read, or a file above the size
   limit is a *failure*: the user wanted it and does not get it.

Every file is in exactly one line of the outcome: it is found, left out by itself, or one of
the files of a folder that is left out as a whole.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from ingest.folders import changed_at, count_files, folder_identity, inside
from ingest.found import Discovery, FoundFile, LeftOut
from ingest.ignore import (
    IGNORE_FILE,
    IgnoreRules,
    PatternSet,
    Verdict,
    read_ignore_file,
)
from ingest.loaders.formats import format_of
from ingest.names import is_hidden, is_utf8, printable, why_unsupported
from rag_service.errors import ConfigError, PathNotFound
from rag_service.store.catalog_schema import FileStat

# A file that is renamed while its folder is listed may be seen under neither name, and would be
# taken for deleted. Looking again is cheap; a folder that never rests is taken as it was seen last.
_LOOKS = 3


@dataclass(frozen=True, slots=True)
class DiscoveryRules:
    """``include`` and ``exclude`` are patterns as in .gitignore, relative to the root.

    ``own_data`` is the folder of the collections, which is never read as documents.
    """

    max_file_bytes: int
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    follow_links: bool = False
    own_data: Path | None = None


def discover(root: Path, rules: DiscoveryRules) -> Discovery:
    """Everything in the folder, in the order of the sources.

    Raises:
        PathNotFound: there is no such folder, it cannot be listed, or it changed places
            with another while it was (a disk that was unmounted).
        ConfigError: a pattern is not valid.
    """
    if not root.is_dir():
        what = "is a file; name the folder that holds it" if root.exists() else "does not exist"
        raise PathNotFound(f"{root} {what}. Nothing was changed.")
    identity = folder_identity(root)
    for _ in range(_LOOKS):
        walk = _Walk(root, rules)
        walk.run()
        if folder_identity(root) != identity:
            raise PathNotFound(
                f"{root} went away while it was being listed. Is the disk mounted? "
                "Nothing was changed."
            )
        if not walk.was_disturbed():
            break
    return Discovery(
        tuple(sorted(walk.files, key=lambda file: file.source)),
        tuple(sorted(walk.left_out, key=lambda item: item.source)),
    )


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to list. ``prefix`` begins the sources of what is in it: "" or "a/b/".

    ``included`` is what the include patterns say of files that no pattern speaks about.
    """

    path: str
    prefix: str
    rules: IgnoreRules | None
    included: bool


class _Walk:
    """One walk over a tree, without recursion: trees may be deeper than Python's stack."""

    def __init__(self, root: Path, rules: DiscoveryRules) -> None:
        self.files: list[FoundFile] = []
        self.left_out: list[LeftOut] = []
        self._root = root
        self._max_file_bytes = rules.max_file_bytes
        self._follow_links = rules.follow_links
        self._exclude = PatternSet(rules.exclude, "the exclude patterns")
        self._include = PatternSet(rules.include, "the include patterns")
        self._own_data = inside(root, rules.own_data) if rules.own_data else None
        self._folders = [_Folder(str(root), "", None, included=not rules.include)]
        self._visited: set[tuple[int, int]] = set()
        self._listed: list[tuple[str, int | None]] = []  # folders, and when each had changed last
        self._links: list[tuple[str, _Folder]] = []  # to folders, a heap by source

    def run(self) -> None:
        # Links come after all real folders: whether one is there must not change what the
        # documents in the folder it leads to are called.
        while self._folders or self._links:
            if self._folders:
                self._list(self._folders.pop())
            else:
                self._list(heapq.heappop(self._links)[1])

    def was_disturbed(self) -> bool:
        """Whether files came, went or changed names in a folder since it was listed."""
        return any(changed_at(path) != before for path, before in self._listed)

    def _list(self, folder: _Folder) -> None:
        self._listed.append((folder.path, changed_at(folder.path)))
        if self._follow_links:
            identity = folder_identity(folder.path)
            if identity in self._visited:
                self._skip_link(folder.prefix[:-1], "leads to a folder that is read already")
                return
            if identity is not None:
                self._visited.add(identity)
        try:
            with os.scandir(folder.path) as listing:
                entries = list(listing)
            rules = _rules_within(folder, entries)
        except (OSError, ConfigError) as error:
            self._cannot_list(folder, error)
            return
        if rules is not folder.rules:
            folder = _Folder(folder.path, folder.prefix, rules, folder.included)
        for entry in entries:
            try:
                self._judge(entry, folder)
            except FileNotFoundError:
                pass  # it went away since the folder was listed
            except OSError as error:
                self._fail(folder.prefix + entry.name, "unreadable_file", _words(error))

    def _cannot_list(self, folder: _Folder, error: OSError | ConfigError) -> None:
        if not folder.prefix:
            if isinstance(error, ConfigError):
                raise error
            raise PathNotFound(f"{self._root} cannot be listed: {_words(error)}.") from error
        # One that has just gone may have gone with its disk, so it is not taken for deleted.
        self._fail(folder.prefix[:-1], "unreadable_folder", _words(error))

    def _judge(self, entry: os.DirEntry[str], folder: _Folder) -> None:
        """File, skip or enter one entry of a folder."""
        source = folder.prefix + entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        if is_hidden(entry.name):
            dotted = entry.name.startswith(".")
            reason = "hidden" if dotted else "left behind by a program, not a document"
            self._skip(entry, source, "hidden", reason, is_folder)
            return
        path = f"{source}/" if is_folder else source
        verdict = self._ignored_by(path, folder)
        if verdict is not None:
            reason = f'matches "{verdict.pattern}" of {verdict.origin}'
            self._skip(entry, source, "ignored", reason, is_folder)
        elif source == self._own_data:
            self._skip(entry, source, "ignored", "the folder of the collections", is_folder)
        elif is_folder:
            included = self._included(path, folder)
            self._folders.append(_Folder(entry.path, path, folder.rules, included))
        elif entry.is_symlink():
            self._judge_link(entry, source, folder)
        else:
            self._judge_file(entry, source, self._included(path, folder))

    def _ignored_by(self, path: str, folder: _Folder) -> Verdict | None:
        verdict = self._exclude.decide(path)
        if verdict is None and folder.rules is not None:
            verdict = folder.rules.decide(path)
        return verdict if verdict is not None and verdict.matched else None

    def _included(self, path: str, folder: _Folder) -> bool:
        verdict = self._include.decide(path)
        return folder.included if verdict is None else verdict.matched

    def _judge_link(self, entry: os.DirEntry[str], source: str, folder: _Folder) -> None:
        if not self._follow_links:
            self._skip_link(source, "symbolic links are not followed")
        elif inside(self._root, entry.path) is None:
            self._skip_link(source, "leads out of the folder")
        elif not os.path.exists(entry.path):  # noqa: PTH110
            self._skip_link(source, "leads nowhere")
        elif not entry.is_dir():
            self._judge_file(entry, source, self._included(source, folder))
        elif self._ignored_by(f"{source}/", folder):  # a pattern for folders, "drafts/"
            self._leave(source, "ignored", "matches a pattern that leaves folders out")
        else:
            included = self._included(f"{source}/", folder)
            target = _Folder(entry.path, f"{source}/", folder.rules, included)
            heapq.heappush(self._links, (source, target))

    def _judge_file(self, entry: os.DirEntry[str], source: str, included: bool) -> None:
        if not included:
            self._leave(source, "not_included", "matches none of the include patterns")
        elif not entry.is_file():
            self._leave(source, "special_file", "not a regular file")
        elif format_of(entry.name) is None:
            self._leave(source, "unsupported_format", why_unsupported(entry.name))
        elif not is_utf8(source):
            self._fail(source, "bad_file_name", "the file name is not UTF-8; rename it")
        else:
            self._take(entry, source)

    def _take(self, entry: os.DirEntry[str], source: str) -> None:
        found = entry.stat()
        if not S_ISREG(found.st_mode):  # replaced since the folder was listed
            self._leave(source, "special_file", "not a regular file")
        elif found.st_size > self._max_file_bytes:
            limit = self._max_file_bytes >> 20
            reason = f"larger than {limit} MB; raise RAG_INGEST__MAX_FILE_MB or split it"
            self._fail(source, "file_too_large", reason)
        else:
            stat = FileStat(found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            self.files.append(FoundFile(source, self._root, stat))

    def _skip(
        self, entry: os.DirEntry[str], source: str, code: str, reason: str, is_folder: bool
    ) -> None:
        if not is_folder:
            self._leave(source, code, reason)
            return
        files, more = count_files(entry.path)
        if files or more:
            self.left_out.append(LeftOut(printable(source), code, reason, files=files, more=more))

    def _skip_link(self, source: str, reason: str) -> None:
        self._leave(source, "symbolic_link", reason)

    def _leave(self, source: str, code: str, reason: str) -> None:
        self.left_out.append(LeftOut(printable(source), code, reason))

    def _fail(self, source: str, code: str, reason: str) -> None:
        self.left_out.append(LeftOut(printable(source), code, reason, failed=True))


def _rules_within(folder: _Folder, entries: Sequence[os.DirEntry[str]]) -> IgnoreRules | None:
    if any(entry.name == IGNORE_FILE and not entry.is_dir() for entry in entries):
        return read_ignore_file(folder.path, folder.prefix, folder.rules)
    return folder.rules


def _words(error: OSError | ConfigError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
