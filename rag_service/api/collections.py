"""Collections and the documents in them."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Response

from rag_service.api.collection_schemas import (
    CollectionOut,
    CollectionsResponse,
    CreateCollectionRequest,
    DocumentOut,
    DocumentsResponse,
)
from rag_service.api.conversion import collection_out, document_out
from rag_service.api.dependencies import KNOWN_QUERY, CollectionName, DocId, ServiceDep
from rag_service.api.shapes import MAX_ID

router = APIRouter(prefix="/collections", tags=["collections"], dependencies=KNOWN_QUERY)

Limit = Annotated[int, Query(ge=1, le=1000, description="Most documents to return.")]
Offset = Annotated[int, Query(ge=0, le=MAX_ID, description="Documents to skip.")]


@router.get("", summary="All collections")
def list_collections(service: ServiceDep) -> CollectionsResponse:
    return CollectionsResponse(collections=[collection_out(c) for c in service.collections()])


@router.post("", status_code=201, summary="Create an empty collection")
def create_collection(
    body: CreateCollectionRequest, service: ServiceDep, response: Response
) -> CollectionOut:
    created = collection_out(service.create_collection(body.name))
    response.headers["Location"] = f"/collections/{quote(created.name, safe='')}"
    return created


@router.get("/{collection}", summary="One collection")
def get_collection(collection: CollectionName, service: ServiceDep) -> CollectionOut:
    return collection_out(service.collection(collection))


@router.delete("/{collection}", status_code=204, summary="Delete a collection and its uploads")
def delete_collection(collection: CollectionName, service: ServiceDep) -> None:
    service.delete_collection(collection)


@router.get("/{collection}/documents", summary="Documents of a collection")
def list_documents(
    collection: CollectionName, service: ServiceDep, limit: Limit = 100, offset: Offset = 0
) -> DocumentsResponse:
    documents = service.documents(collection, limit=limit, offset=offset)
    return DocumentsResponse(
        documents=[document_out(document) for document in documents],
        total=service.collection(collection).documents,
        limit=limit,
        offset=offset,
    )


@router.get("/{collection}/documents/{doc_id}", summary="One document")
def get_document(collection: CollectionName, doc_id: DocId, service: ServiceDep) -> DocumentOut:
    return document_out(service.document(collection, doc_id))
