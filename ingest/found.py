"""What a look at a folder found: the language of whatever works on files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rag_service.store.catalog_schema import FileStat


@dataclass(frozen=True, slots=True)
class FoundFile:
    """``source`` is the path relative to ``root``, with forward slashes."""

    source: str
    root: Path
    stat: FileStat

    @property
    def path(self) -> Path:
        return self.root / self.source


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something in the folder that is not ingested; ``failed`` when that is a fault.

    ``files`` is how many files that are, for a folder that is left out as a whole; with
    ``more`` it is at least so many.
    """

    source: str
    code: str
    reason: str
    failed: bool = False
    files: int = 1
    more: bool = False


@dataclass(frozen=True, slots=True)
class Discovery:
    files: tuple[FoundFile, ...]
    left_out: tuple[LeftOut, ...]
