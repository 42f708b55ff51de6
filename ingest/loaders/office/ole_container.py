"""OLE containers (MS-CFB): what streams one has, and whether its sector chains end."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import olefile

from ingest.loaders.damage import damage_reported
from rag_service.errors import BrokenFile

OLE_MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def streams(data: bytes) -> set[str]:
    """The names at the container's top level.

    Raises:
        BrokenFile: it is damaged, or a chain of sectors runs in a circle: a reader that
            follows it fills the memory.
    """
    with damage_reported("Office file"), olefile.OleFileIO(io.BytesIO(data)) as ole:
        ole.loadminifat()
        if _has_circle(ole.fat) or _has_circle(ole.minifat):
            raise BrokenFile("The Office file is damaged: its parts run in circles.")
        return {path[0] for path in ole.listdir()}


def _has_circle(following: Sequence[int]) -> bool:
    """Whether some chain ``n -> following[n]`` never ends; numbers beyond the last end it."""
    walks = [0] * len(following)  # by which walk a sector was first reached
    for walk, start in enumerate(range(len(following)), start=1):
        sector = start
        while sector < len(following) and not walks[sector]:
            walks[sector] = walk
            sector = following[sector]
        if sector < len(following) and walks[sector] == walk:
            return True
    return False
