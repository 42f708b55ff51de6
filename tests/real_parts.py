"""The real service made in this process, around one embedding model loaded once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import ingest.run
from ingest.run import Ingestor
from rag_service import bootstrap
from rag_service.retrieval.embedding_model import EmbeddingModel
from rag_service.service import Service
from rag_service.settings import Settings

EXAMPLES = Path(__file__).parents[1] / "examples"


def settings_for(data: Path, **groups: object) -> Settings:
    """Defaults but for the data folder and ``groups``; reads no environment and no file."""
    return Settings.model_validate({"data_dir": data, "ingest": {"jobs": 1}, **groups})


def write_folder(folder: Path, texts: dict[str, str]) -> Path:
    """A folder of documents, by source."""
    for source, text in texts.items():
        path = folder / source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def ingest_folder(folder: Path, settings: Settings, embeddings: EmbeddingModel) -> None:
    """Everything in ``folder`` becomes the collection "default"."""
    report = Ingestor(settings, embeddings=embeddings).mirror([folder], "default")
    assert report.exit_code() == 0


def open_service(settings: Settings, embeddings: EmbeddingModel) -> Service:
    """The service as `bootstrap` makes it."""
    with using(embeddings):
        return bootstrap.open_service(settings)


@contextmanager
def using(embeddings: EmbeddingModel) -> Iterator[None]:
    """Ingests and services opened in here share a model, because loading one takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingest.run, "open_embeddings", lambda *_, **__: embeddings)
        patch.setattr(bootstrap, "open_embeddings", lambda *_, **__: embeddings)
        yield
