"""Other settings, lost indexes, and building a collection anew."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rag_service.errors import ConfigError, Conflict, IndexMismatch, PathNotFound
from tests.integration.ingest.parts import RETURNS, STORAGE, WARRANTY, Knowledge, statuses


def test_other_settings_are_refused_until_the_collection_is_rebuilt(knowledge: Knowledge) -> None:
    knowledge.write("a.txt", STORAGE * 6)
    before = knowledge.ingest()
    with pytest.raises(
        IndexMismatch, match=r"chunk_tokens 128 → 32.*--collection manuals --rebuild"
    ):
        knowledge.ingest(max_tokens=32)
    assert len(knowledge.find("sensor")) == before.files[0].chunks
    rebuilt = knowledge.ingest(max_tokens=32, rebuild=True)
    assert statuses(rebuilt) == {"a.txt": "added"}
    assert rebuilt.files[0].chunks > before.files[0].chunks
    assert knowledge.texts() == {"a.txt": STORAGE * 6}
    assert knowledge.ingest(max_tokens=32).embedded == 0
    knowledge.check()


def test_chunks_longer_than_the_model_reads_are_refused(knowledge: Knowledge) -> None:
    with pytest.raises(ConfigError, match="is 255, but the embedding model reads only 254 tokens"):
        knowledge.ingest(max_tokens=255)
    assert not knowledge.data.exists()


def test_a_lost_index_is_made_again_by_the_next_run(knowledge: Knowledge) -> None:
    knowledge.write("a.txt", WARRANTY)
    knowledge.ingest()
    shutil.rmtree(knowledge.opened().generation / "lexical")
    report = knowledge.ingest()
    assert report.embedded == 0
    assert knowledge.find("warranty") == ["a.txt"]
    knowledge.check()


def test_a_rebuild_of_an_emptied_folder_is_refused_and_loses_nothing(knowledge: Knowledge) -> None:
    path = knowledge.write("storage.txt", STORAGE)
    knowledge.ingest()
    path.unlink()
    with pytest.raises(PathNotFound, match="--prune"):
        knowledge.ingest(rebuild=True)
    assert knowledge.library().info("manuals").documents == 1


def test_a_rebuild_that_would_lose_a_last_good_version_is_not_put_into_use(
    knowledge: Knowledge,
) -> None:
    knowledge.write("storage.txt", STORAGE)
    path = knowledge.write("returns.txt", RETURNS)
    knowledge.ingest()
    path.write_bytes(bytes(range(256)) * 20)
    with pytest.raises(Conflict, match=r"returns\.txt"):
        knowledge.ingest(rebuild=True)
    assert knowledge.library().info("manuals").documents == 2
    assert knowledge.ingest(rebuild=True, prune=True).documents == 1


def test_a_rebuild_takes_in_every_folder_the_collection_came_from(
    knowledge: Knowledge, tmp_path: Path
) -> None:
    knowledge.write("storage.txt", STORAGE)
    knowledge.ingest()
    other = replace(knowledge, folder=tmp_path / "other")
    other.write("returns.txt", RETURNS)
    other.ingest()
    assert other.ingest(rebuild=True, max_tokens=64).documents == 2
    assert knowledge.library().verify("manuals").problems == ()
