"""Private question answering over a folder of documents, with checked citations."""

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag_service.bootstrap import open_retriever, open_service
    from rag_service.filters import Filters
    from rag_service.retrieval.embedding_adapter import AdaptedEmbeddings
    from rag_service.settings import Settings, load_settings

__all__ = [
    "AdaptedEmbeddings",
    "Filters",
    "Settings",
    "load_settings",
    "open_retriever",
    "open_service",
]

# OpenMP's threads spin while they wait, by default: with any other process on the cores,
# torch and FAISS become ten times slower. It is read once, when the first of them loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_HOMES = {
    "AdaptedEmbeddings": "rag_service.retrieval.embedding_adapter",
    "Filters": "rag_service.filters",
    "Settings": "rag_service.settings",
    "load_settings": "rag_service.settings",
    "open_retriever": "rag_service.bootstrap",
    "open_service": "rag_service.bootstrap",
}


if not TYPE_CHECKING:  # a type checker shall see the names above, and no others

    def __getattr__(name: str) -> object:
        # Imported at first use (PEP 562): behind some of these stand torch and FAISS.
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)
