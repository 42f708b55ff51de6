"""What a search can be restricted to. No heavy imports."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

_CHARACTER_SET = re.compile(r"\[[!^]?\]?[^]]*\]")  # of a glob: [a-z], [!0-9], []]


@dataclass(frozen=True, slots=True)
class Filters:
    """Restricts a search. Values of one field are alternatives, all fields must hold, and
    empty ones restrict nothing.

    ``sources`` are globs over the path relative to the ingested folder; ``*`` also matches
    "/". ``tags`` match whatever their case, width or script. ``since`` and ``until`` are the
    first and the last day of a document's date. A passage is let through if it touches a page
    from ``page_from`` to ``page_to``; one without pages never is.

    Raises:
        ValueError: it could match nothing in any collection.
    """

    doc_ids: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    page_from: int | None = None
    page_to: int | None = None

    def __post_init__(self) -> None:
        for glob in self.sources:
            _check_glob(glob)
        if not all(tag.strip() for tag in self.tags):
            raise ValueError("a tag must not be empty")
        if self.since and self.until and self.since > self.until:
            raise ValueError(f"since {self.since} is after until {self.until}")
        first, last = self.page_from, self.page_to
        if (first is not None and first < 1) or (last is not None and last < 1):
            raise ValueError("pages are counted from 1")
        if first is not None and last is not None and first > last:
            raise ValueError(f"page {first} is after page {last}")

    @property
    def by_page(self) -> bool:
        return self.page_from is not None or self.page_to is not None


def _check_glob(glob: str) -> None:
    if not glob:
        raise ValueError("a source glob must not be empty")
    if "[" in _CHARACTER_SET.sub("", glob):
        raise ValueError(f"the source glob {glob!r} has a [ without its ]")
    if glob.startswith(("/", "./", "../")):
        raise ValueError(
            f"the source glob {glob!r} can match nothing: paths are relative to the ingested "
            "folder, such as manuals/*.pdf"
        )
