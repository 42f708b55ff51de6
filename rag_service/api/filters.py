"""Filters as HTTP and the command line write them."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from rag_service.api.shapes import DocumentId, NotBlank, RequestShape
from rag_service.filters import Filters

MAX_FILTER_IDS = 10_000
MAX_FILTER_VALUES = 100
MAX_PAGE = 1_000_000_000

_DAY = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
_PAGES = re.compile(r"(\d{1,9})|(\d{1,9})?-(\d{1,9})?", re.ASCII)


def first_day(text: str) -> date:
    """The day, or the first day of the month or the year, that ``text`` names.

    Raises:
        ValueError: it is none of ``2024-05-31``, ``2024-05`` and ``2024``.
    """
    year, month, day = _parts(text)
    return _date(text, year, month or 1, day or 1)


def last_day(text: str) -> date:
    """The day, or the last day of the month or the year; see `first_day`."""
    year, month, day = _parts(text)
    first = _date(text, year, month or 12, day or 1)
    return first if day else first.replace(day=monthrange(first.year, first.month)[1])


def _parts(text: str) -> tuple[int, int, int]:
    """Year, month and day; 0 for what is not given."""
    match = _DAY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a date; write 2024-05-31, 2024-05 or 2024")
    year, month, day = (int(part) if part is not None else 0 for part in match.groups())
    if match[2] == "00" or match[3] == "00":
        raise ValueError(f"{text!r} is not a day of any calendar")
    return year, month, day


def _date(text: str, year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a day of any calendar") from error


def page_range(text: str) -> tuple[int | None, int | None]:
    """``7``, ``3-7``, ``3-`` or ``-7`` as first and last page.

    Raises:
        ValueError: it is none of these.
    """
    match = _PAGES.fullmatch(text)
    if match is None or text in ("", "-"):
        raise ValueError(f"{text[:40]!r} is no range of pages; write 7, 3-7, 3- or -7")
    alone, first, last = (int(part) if part else None for part in match.groups())
    return (alone, alone) if alone is not None else (first, last)


def make_filters(
    *,
    doc_ids: Sequence[int] = (),
    sources: Sequence[str] = (),
    tags: Sequence[str] = (),
    since: str | None = None,
    until: str | None = None,
    pages: tuple[int | None, int | None] = (None, None),
) -> Filters:
    """Filters of what was written.

    Raises:
        ValueError: a part of it is not valid.
    """
    return Filters(
        doc_ids=tuple(doc_ids),
        sources=tuple(sources),
        tags=tuple(tags),
        since=first_day(since) if since is not None else None,
        until=last_day(until) if until is not None else None,
        page_from=pages[0],
        page_to=pages[1],
    )


def _is_first_day(text: str) -> str:
    first_day(text)
    return text


def _is_last_day(text: str) -> str:
    last_day(text)
    return text


_Value = Annotated[NotBlank, Field(max_length=1000)]
_Values = Annotated[list[_Value], Field(min_length=1, max_length=MAX_FILTER_VALUES)]
_Page = Annotated[int, Field(ge=1, le=MAX_PAGE)]


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


_ONE_OR_MORE = BeforeValidator(_as_list, json_schema_input_type=str | list[str])


class FiltersIn(RequestShape):
    """Restricts a search. Values of one field are alternatives; all fields given must hold."""

    # An empty list is refused: it could as well be meant to match nothing.
    doc_ids: list[DocumentId] | None = Field(
        None, min_length=1, max_length=MAX_FILTER_IDS, description="Only these documents."
    )
    source: Annotated[_Values, _ONE_OR_MORE] | None = Field(
        None,
        description="Only documents whose path matches this glob, or one of these.",
        examples=["manuals/*.pdf"],
    )
    tags: _Values | None = Field(
        None,
        description="Only documents with one of these tags; case, width and script do not matter.",
        examples=[["hr"]],
    )
    since: Annotated[NotBlank, AfterValidator(_is_first_day)] | None = Field(
        None,
        description="Only documents of this day, month or year, and later ones.",
        examples=["2024-05-31"],
    )
    until: Annotated[NotBlank, AfterValidator(_is_last_day)] | None = Field(
        None,
        description="Only documents of this day, month or year, and earlier ones.",
        examples=["2024"],
    )
    page_from: _Page | None = Field(None, description="Only passages on this page or after it.")
    page_to: _Page | None = Field(None, description="Only passages on this page or before it.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        self.to_filters()
        return self

    def to_filters(self) -> Filters:
        return make_filters(
            doc_ids=self.doc_ids or (),
            sources=self.source or (),
            tags=self.tags or (),
            since=self.since,
            until=self.until,
            pages=(self.page_from, self.page_to),
        )
