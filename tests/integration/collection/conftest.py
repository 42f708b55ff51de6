"""A data folder, and a collection in it that is written to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag_service.store.collection_writer import CollectionWriter
from rag_service.store.library import Library
from tests.stored import FINGERPRINT


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    opened = Library(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def writer(library: Library) -> Iterator[CollectionWriter]:
    with CollectionWriter(library.home("fruit"), FINGERPRINT) as opened:
        yield opened
