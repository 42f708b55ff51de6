"""What the file system says of a folder."""

from __future__ import annotations

import os
from pathlib import Path

# Files and folders looked at to count what is in a folder that is left out: some have
# millions, and listing them would take longer than the work.
MAX_COUNTED = 100_000


def folder_identity(folder: str | Path) -> tuple[int, int] | None:
    """What a folder keeps as long as it is the same (device, inode); None when it is gone."""
    try:
        found = os.stat(folder)  # noqa: PTH116
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


def changed_at(folder: str) -> int | None:
    """When something last came, went or changed its name in a folder (ns); None when it is gone."""
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116
    except OSError:
        return None


def count_files(folder: str) -> tuple[int, bool]:
    """How many files a folder and those in it hold, and whether there may be more."""
    files, looked_at, more = 0, 0, False
    folders = [folder]
    while folders and not more:
        try:
            with os.scandir(folders.pop()) as listing:
                for entry in listing:
                    looked_at += 1
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        files += 1
        except OSError:
            more = True
        more = more or looked_at > MAX_COUNTED
    return files, more


def inside(root: Path, path: Path | str) -> str | None:
    """The path relative to the root, all links resolved; None for one outside it."""
    resolved = Path(os.path.realpath(path))
    top = Path(os.path.realpath(root))
    return resolved.relative_to(top).as_posix() if resolved.is_relative_to(top) else None
