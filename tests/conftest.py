"""What every test stands on: nobody's settings, no network, and one loaded embedding model.

Light to import; the heavy parts are imported by the fixtures that need them.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.loopback_only import NetworkRefused, raise_refused, refuse_network

if TYPE_CHECKING:
    from rag_service.retrieval.embedding_model import EmbeddingModel
    from rag_service.service import Service

refuse_network(raise_refused)  # for fixtures of every scope, so before any of them


@pytest.fixture(autouse=True, scope="session")
def refused_network() -> None:
    """Proves before the first test that the refusal works."""
    with pytest.raises(NetworkRefused), socket.socket() as outgoing:
        outgoing.connect(("192.0.2.1", 80))  # an address of nobody, RFC 5737
    with pytest.raises(NetworkRefused):
        socket.getaddrinfo("example.org", 80)


@pytest.fixture(autouse=True)
def settings_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's settings and data are out of reach."""
    for name in [name for name in os.environ if name.upper().startswith("RAG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RAG_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture(scope="session")
def embeddings() -> EmbeddingModel:
    """The built-in model; loading it takes seconds."""
    from rag_service.retrieval.embedding import open_embeddings
    from rag_service.settings import EmbeddingSettings

    return open_embeddings(EmbeddingSettings())


@pytest.fixture(scope="session")
def sample_data(embeddings: EmbeddingModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data folder whose collection "default" holds the sample knowledge base."""
    from tests.real_parts import EXAMPLES, ingest_folder, settings_for

    data = tmp_path_factory.mktemp("sample")
    ingest_folder(EXAMPLES / "knowledge", settings_for(data), embeddings)
    return data


@pytest.fixture(scope="session")
def sample_service(sample_data: Path, embeddings: EmbeddingModel) -> Iterator[Service]:
    """Answers from the sample knowledge base with the default configuration."""
    from tests.real_parts import open_service, settings_for

    with closing(open_service(settings_for(sample_data), embeddings)) as service:
        yield service
