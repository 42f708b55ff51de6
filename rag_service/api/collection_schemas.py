"""The JSON shapes of collections and the documents in them; see `schemas.py`."""

from __future__ import annotations

from pydantic import Field

from rag_service.api.shapes import RequestShape, Shape, Text


class CreateCollectionRequest(RequestShape):
    """A new, empty collection."""

    name: Text = Field(description="Name of the collection.", examples=["manuals"])


class CollectionOut(Shape):
    """One collection."""

    name: str = Field(description="Its name.")
    documents: int = Field(description="Documents in it.")
    chunks: int = Field(description="Passages in it.")
    failed: int = Field(description="Files of the folder that could not be read.")
    revision: int = Field(description="Grows with every change.")
    pending: int = Field(description="Committed changes that searches do not see yet.")
    embedding_model: str = Field(description="The model its vectors were made with.")
    updated_at: str | None = Field(description="Last change, ISO 8601, UTC; null: never.")


class CollectionsResponse(Shape):
    """All collections, by name."""

    collections: list[CollectionOut] = Field(description="All collections, by name.")


class DocumentOut(Shape):
    """One document."""

    doc_id: int = Field(description="Its number; never reused.")
    source: str = Field(description="Path relative to the ingested folder, forward slashes.")
    title: str = Field(description='Its title, "" if it has none.')
    pages: int = Field(description="Number of pages; 0 for formats without pages.")
    chunks: int = Field(description="Number of passages.")
    chars: int = Field(description="Characters of extracted text.")
    size_bytes: int = Field(description="Size of the file.")
    content_hash: str = Field(description="SHA-256 of the file, hexadecimal.")
    ingested_at: str = Field(description="ISO 8601, UTC.")
    date: str = Field(
        description="The date it states itself, else that of the file's last change; ISO 8601."
    )
    tags: list[str] = Field(description="Its own tags, and those of its folder.")


class DocumentsResponse(Shape):
    """One page of a collection's documents."""

    documents: list[DocumentOut] = Field(description="At most `limit` documents.")
    total: int = Field(description="Documents in the collection.")
    limit: int = Field(description="As asked.")
    offset: int = Field(description="As asked.")
