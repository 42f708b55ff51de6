"""What tells one version of a file from another: its content, and whether its time stamps do."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rag_service.store.catalog_schema import FileStat

# A file written less than this before it is read may change again without its time
# stamp moving (clocks tick in milliseconds, some file systems in seconds).
_SETTLING_NS = 2_000_000_000
_SMALL_FILE = 64 << 10  # bytes


def hash_file(path: Path) -> str:
    """SHA-256 of the content, in hex."""
    with path.open("rb") as stream:
        begin = stream.read(_SMALL_FILE)
        digest = hashlib.sha256(begin)
        if len(begin) == _SMALL_FILE:  # file_digest costs a small file more than its hash does
            digest = hashlib.file_digest(stream, lambda: digest)
    return digest.hexdigest()


def settled(stat: FileStat, read_ns: int) -> FileStat:
    """The stat to remember of a file read at ``read_ns`` (Unix time, or a little before)."""
    if read_ns - max(stat.mtime_ns, stat.ctime_ns) < _SETTLING_NS:
        return unsettled(stat)
    return stat


def unsettled(stat: FileStat) -> FileStat:
    """A stat that matches no file, so that the next run reads the content again."""
    return FileStat(stat.size_bytes, stat.mtime_ns, 0)


def stat_of(path: Path) -> FileStat | None:
    """The file's stat now; None when it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return FileStat(found.st_size, found.st_mtime_ns, found.st_ctime_ns)
