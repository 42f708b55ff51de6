"""What routes take from the app they belong to."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from rag_service.api.errors import operations_of, request_id_of
from rag_service.api.ports import Service
from rag_service.api.shapes import MAX_ID
from rag_service.errors import InvalidRequest


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(_service)]
RequestIdDep = Annotated[str, Depends(request_id_of)]


def _refuse_unknown_query(request: Request) -> None:
    """A misspelt parameter would otherwise silently do nothing.

    Raises:
        InvalidRequest
    """
    if not request.query_params:
        return
    operation = operations_of(request).get(request.method.lower(), {})
    known = {item["name"] for item in operation.get("parameters", ()) if item["in"] == "query"}
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        takes = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
        raise InvalidRequest(
            f"{unknown[0][:60]!r} is not a query parameter of this address; {takes}."
        )


# For `dependencies` of a router.
KNOWN_QUERY = [Depends(_refuse_unknown_query)]

CollectionName = Annotated[str, Path(description="Name of the collection.")]
DocId = Annotated[int, Path(ge=1, le=MAX_ID, description="Number of the document.")]
