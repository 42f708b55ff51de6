"""Changing the documents of a collection over HTTP: what is asked becomes a job."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from rag_service.api.conversion import job_out
from rag_service.api.dependencies import KNOWN_QUERY, CollectionName, DocId, ServiceDep
from rag_service.api.job_schemas import JobOut
from rag_service.api.middleware import DRAIN_BYTES
from rag_service.api.multipart import MultipartReceiver, boundary_of
from rag_service.api.schemas import ErrorResponse
from rag_service.errors import Cancelled, RagError
from rag_service.store.jobs_schema import Job
from rag_service.store.uploads import Upload

router = APIRouter(prefix="/collections", tags=["documents"], dependencies=KNOWN_QUERY)

_FILES_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "files": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                        }
                    },
                    "required": ["files"],
                }
            }
        },
    }
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    413: {"model": ErrorResponse, "description": "Larger than setting api.max_upload_mb."},
    415: {"model": ErrorResponse, "description": "A file of a kind that is not read."},
    507: {"model": ErrorResponse, "description": "The disk is full; nothing was stored."},
}


@router.post(
    "/{collection}/documents",
    status_code=202,
    summary="Upload documents",
    description="Files of a multipart/form-data body, one or several. A file takes the place of "
    "an earlier upload of the same name. Names are bare: a name with a folder in it is refused. "
    "The reply is a job; GET /jobs/{job_id} tells what became of each file.",
    openapi_extra=_FILES_BODY,
    responses=_REFUSALS,
)
async def upload_documents(
    collection: CollectionName, request: Request, service: ServiceDep, response: Response
) -> JobOut:
    boundary = boundary_of(request.headers.get("content-type", ""))
    if boundary is None:
        raise HTTPException(415, "Send the files as multipart/form-data with a boundary.")
    upload = await run_in_threadpool(service.upload, collection)
    with upload:
        await _receive(request, boundary, upload)
        job = await run_in_threadpool(service.accept, upload)
    return _accepted(job, response)


async def _receive(request: Request, boundary: bytes, upload: Upload) -> None:
    receiver = MultipartReceiver(boundary, upload, request.app.state.check_name)
    body = request.stream()
    try:
        try:
            async for data in body:
                await run_in_threadpool(receiver.feed, data)
        except RagError:
            await _throw_away(body)
            raise
    except ClientDisconnect:
        raise Cancelled("The caller went away before the upload was whole.") from None
    receiver.close()


async def _throw_away(body: AsyncIterator[bytes]) -> None:
    """What is still sent: a caller that is cut off while sending never reads why."""
    size = 0
    async for data in body:
        size += len(data)
        if size > DRAIN_BYTES:
            return


@router.delete(
    "/{collection}/documents/{doc_id}",
    status_code=202,
    summary="Delete an uploaded document",
    description="Only for documents that were uploaded. One that was read from a folder on the "
    "service's machine is deleted there, and gone after the next `rag ingest`.",
    responses={409: {"model": ErrorResponse, "description": "It was not uploaded."}},
)
def delete_document(
    collection: CollectionName, doc_id: DocId, service: ServiceDep, response: Response
) -> JobOut:
    return _accepted(service.delete_document(collection, doc_id), response)


def _accepted(job: Job, response: Response) -> JobOut:
    response.headers["Location"] = f"/jobs/{quote(job.job_id)}"
    return job_out(job)
