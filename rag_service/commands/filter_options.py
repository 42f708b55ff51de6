"""The options that restrict a question to a part of the documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from rag_service.errors import InvalidRequest

if TYPE_CHECKING:
    from rag_service.filters import Filters

Sources = Annotated[
    list[str] | None,
    typer.Option(
        "--source", help="Only documents whose path matches this glob; repeat it for others."
    ),
]
Docs = Annotated[
    list[int] | None,
    typer.Option("--doc", min=1, help="Only the document of this number; repeat it for others."),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", help="Only documents with this tag; repeat it for others."),
]
Since = Annotated[
    str | None,
    typer.Option("--since", help="Only documents of this day, month or year, and later ones."),
]
Until = Annotated[
    str | None,
    typer.Option("--until", help="Only documents of this day, month or year, and earlier ones."),
]
Pages = Annotated[
    str | None,
    typer.Option("--pages", help="Only passages on these pages: 7, 3-7, 3- or -7."),
]


def filters_of(
    *,
    sources: Sequence[str] | None,
    docs: Sequence[int] | None,
    tags: Sequence[str] | None,
    since: str | None,
    until: str | None,
    pages: str | None,
) -> Filters | None:
    """What the options say; None where none is given.

    Raises:
        InvalidRequest: a value is not valid.
    """
    from rag_service.api.filters import make_filters, page_range
    from rag_service.filters import Filters

    try:
        filters = make_filters(
            doc_ids=docs or (),
            sources=sources or (),
            tags=tags or (),
            since=since,
            until=until,
            pages=page_range(pages) if pages is not None else (None, None),
        )
    except ValueError as error:
        raise InvalidRequest(f"The filters do not fit: {error}.") from error
    return None if filters == Filters() else filters
