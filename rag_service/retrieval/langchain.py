"""A collection as a LangChain retriever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
    dispatch_custom_event,
)
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig, run_in_executor

from rag_service.filters import Filters
from rag_service.search_types import SearchResult
from rag_service.types import Hit

NOTES_EVENT = "search_notes"


class CollectionRetriever(BaseRetriever):
    """A collection as a LangChain retriever; it follows new documents.

    Documents carry the chunk's text; their metadata (plain values, fit for JSON) the source,
    title, heading, table header, page, ``char_start`` and ``char_end`` in the extracted text,
    ids, the collection's revision and the scores.

    A call may narrow the search: ``retriever.invoke(question, top_k=3, filters=Filters(...))``,
    and so may ``batch``, ``bind`` and their async forms. What the search has to say, e.g. that
    the embedding model does not know the question's language, reaches callbacks as the custom
    event "search_notes".

    It holds open files and models: share it between threads, but do not pickle it; open one in
    each process.

    Raises (`invoke` and all that rest on it):
        RagError: e.g. CollectionNotFound, IndexMismatch.
    """

    search: Callable[[str, int, Filters | None], SearchResult]
    top_k: int = 8
    filters: Filters | None = None

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        top_k: int | None = None,
        filters: Filters | None = None,
    ) -> list[Document]:
        found = self.search(query, top_k or self.top_k, filters or self.filters)
        if found.notes and run_manager.handlers:
            config = RunnableConfig(callbacks=run_manager.get_child())
            dispatch_custom_event(NOTES_EVENT, list(found.notes), config=config)
        return [_to_document(hit, found.revision) for hit in found.hits]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **options: Any
    ) -> list[Document]:
        # Every step of a search is computing, so it runs in a thread.
        return await run_in_executor(
            None,
            self._get_relevant_documents,
            query,
            run_manager=run_manager.get_sync(),
            **options,
        )


def _to_document(hit: Hit, revision: int) -> Document:
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
            "revision": revision,
            "score": hit.score,
            "cosine": hit.dense.score if hit.dense else None,
            "bm25": hit.lexical.score if hit.lexical else None,
            "coverage": hit.coverage,
            "rerank": hit.rerank,
        },
    )
