"""Chat models made on the spot, for real llama.cpp."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rag_service.generation.chat_model import LlamaCppChat, open_llama_chat
from rag_service.settings import ChatSettings
from tests.gguf_models import write_scripted_gguf
from tests.integration.chat_model.parts import ANSWER, Opener

REFRAIN = "la-li-lo "


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Opens models and closes them after the test."""
    chats: list[LlamaCppChat] = []

    def open_model(path: Path, **settings: Any) -> LlamaCppChat:
        chats.append(open_llama_chat(ChatSettings(model=str(path), **settings)))
        return chats[-1]

    yield open_model
    for chat in chats:
        chat.close()


@pytest.fixture(scope="session")
def chat(models: Path) -> Iterator[LlamaCppChat]:
    """Answers everything with ANSWER."""
    path = write_scripted_gguf(models / "scripted.gguf", ANSWER)
    model = open_llama_chat(ChatSettings(model=str(path)))
    yield model
    model.close()


@pytest.fixture(scope="session")
def endless_path(models: Path) -> Path:
    return write_scripted_gguf(models / "endless.gguf", REFRAIN, repeat=True)
