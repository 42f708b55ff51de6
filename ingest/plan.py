"""What is to be done to make a collection the mirror of a folder."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.found import FoundFile, LeftOut
from ingest.renames import Move
from rag_service.store.catalog_schema import KnownDocument, KnownFailure


@dataclass(frozen=True, slots=True)
class ToLoad:
    """A file whose content is new; ``known`` is what its name held before."""

    file: FoundFile
    content_hash: str
    known: KnownDocument | None


@dataclass(frozen=True, slots=True)
class Removal:
    """``why`` is set when the file, or a folder it is in, is there but may not be read."""

    known: KnownDocument
    why: LeftOut | None = None


@dataclass(slots=True)
class Plan:
    """What makes the collection a mirror of the folder.

    The moves are to be made all at once: some are names exchanged among documents.
    """

    load: list[ToLoad] = field(default_factory=list)
    move: list[Move] = field(default_factory=list)
    touch: list[Move] = field(default_factory=list)  # same name and content, new time stamp
    unchanged: list[KnownDocument] = field(default_factory=list)
    delete: list[Removal] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    quarantined: list[KnownFailure] = field(default_factory=list)  # not tried again
    kept: list[KnownDocument] = field(default_factory=list)  # of files that cannot be read now
    came_and_went: bool = False  # a file under a new name was gone when it was to be read
