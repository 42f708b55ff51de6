"""A folder of documents, mirrored with the built-in embedding model."""

from __future__ import annotations

from pathlib import Path

import pytest

import ingest.run
from rag_service.retrieval.embedding_model import EmbeddingModel
from tests.integration.ingest.parts import Knowledge


@pytest.fixture
def knowledge(
    tmp_path: Path, embeddings: EmbeddingModel, monkeypatch: pytest.MonkeyPatch
) -> Knowledge:
    """Shares one loaded model, because loading it takes seconds."""
    monkeypatch.setattr(ingest.run, "open_embeddings", lambda _: embeddings)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "documents").mkdir()
    return Knowledge(tmp_path / "documents", tmp_path / "data", embeddings)
