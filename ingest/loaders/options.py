"""What the user decides about reading files; every loader gets it."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """``passwords`` are tried in turn on encrypted files, after the empty one.

    ``ocr``: read scanned pages where an OCR engine is installed, for as long as
    ``ocr_seconds``; the pages left over are named in a warning. ``depth``: how many files
    this one is nested in (the attachment of a mail: 1).
    """

    passwords: tuple[str, ...] = ()
    ocr: bool = True
    ocr_seconds: float = 90.0
    depth: int = 0

    def nested(self) -> LoadOptions:
        return replace(self, depth=self.depth + 1)
