"""A collection as a LangChain retriever."""

from __future__ import annotations

from collections.abc import Callable

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from rag_service.types import Filters, Hit, SearchResult


class CollectionRetriever(BaseRetriever):
    """A collection as a LangChain retriever.

    Documents carry the chunk's text; their metadata the source, title, heading, table header, page,
    ``char_start`` and ``char_end`` in the extracted text, ids and the fused score.
    """

    search: Callable[[str, int, Filters | None], SearchResult]
    top_k: int = 8
    filters: Filters | None = None

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        del run_manager  # LangChain reports the run; there is nothing to add to it
        return [_to_document(hit) for hit in self.search(query, self.top_k, self.filters).hits]


def _to_document(hit: Hit) -> Document:
    chunk = hit.chunk
    return Document(
        id=str(chunk.chunk_id),
        page_content=chunk.text,
        metadata={
            "source": chunk.source,
            "title": chunk.title,
            "heading": chunk.heading,
            "table_header": chunk.table_header,
            "page": chunk.page,
            "char_start": chunk.char_start,
            "char_end": chunk.char_end,
            "doc_id": chunk.doc_id,
            "chunk_id": chunk.chunk_id,
            "score": hit.score,
        },
    )
