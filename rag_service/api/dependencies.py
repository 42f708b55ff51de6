"""What routes take from the app they belong to."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from rag_service.api.errors import request_id_of
from rag_service.api.ports import Service


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(_service)]
RequestIdDep = Annotated[str, Depends(request_id_of)]
CollectionName = Annotated[str, Path(description="Name of the collection.")]
