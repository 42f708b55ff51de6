"""What the user decides about reading files; every loader gets it."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """``passwords`` are tried in turn on encrypted files, after the empty one.

    ``ocr``: read scanned pages where an OCR engine is installed. ``depth``: how many files
    this one is nested in (the attachment of a mail: 1).
    """

    passwords: tuple[str, ...] = ()
    ocr: bool = True
    depth: int = 0

    def nested(self) -> LoadOptions:
        return replace(self, depth=self.depth + 1)
