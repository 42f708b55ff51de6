"""A model of every chat family, by its own architecture, vocabulary and template, behind /ask."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rag_service.api.app import create_app
from rag_service.retrieval.embedding import LocalEmbeddings
from tests.gguf_families import FAMILIES, write_family_gguf
from tests.real_parts import ingest_folder, open_service, settings_for, write_folder

QUESTION = "How long is the warranty of the Aldra recorder? 保修期是多久？"
WARRANTY = "The warranty of the Aldra recorder lasts three years 保修期三年 from delivery."
SCRIPT = "The warranty lasts three years, 保修期三年 [1]."


@pytest.fixture(scope="module")
def home(embeddings: LocalEmbeddings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("families")
    write_folder(home / "documents", {"warranty.txt": WARRANTY})
    ingest_folder(home / "documents", settings_for(home / "data"), embeddings)
    return home


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_of_every_family_answers(
    name: str, home: Path, embeddings: LocalEmbeddings
) -> None:
    path = write_family_gguf(home / f"{name}.gguf", FAMILIES[name], SCRIPT)
    assert path.stat().st_size < 2_500_000
    chat = {"model": str(path), "max_tokens": 100}
    settings = settings_for(home / "data", chat=chat, api={"allowed_hosts": ["testserver"]})
    service = open_service(settings, embeddings)
    with TestClient(create_app(lambda: service)) as client:
        reply = client.post("/ask", json={"question": QUESTION}).json()
    assert (reply["answer"], reply["status"], reply["model"]) == (SCRIPT, "answered", name)
    assert [(cited["n"], cited["verified"]) for cited in reply["citations"]] == [(1, True)]
