"""The table of models, what they want before their texts, and where they are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag_service.models.catalog import MODELS, Prefixes, known_model, known_prefixes
from rag_service.models.inventory import inventory
from rag_service.models.local import chat_file, folder_of, kind_of, located
from tests.real_parts import settings_for

BGE_ZH = Prefixes(query="为这个句子生成表示以用于检索相关文章：")


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        ("intfloat/multilingual-e5-small", Prefixes("query: ", "passage: ")),
        ("/models/multilingual-e5-small", Prefixes("query: ", "passage: ")),
        ("/models/Multilingual-E5-base-finetuned", Prefixes("query: ", "passage: ")),
        ("intfloat/e5-base-v2", Prefixes("query: ", "passage: ")),
        ("BAAI/bge-small-zh-v1.5", BGE_ZH),
        ("/cache/models--BAAI--bge-small-zh-v1.5/snapshots/7999e1d3359715c5", BGE_ZH),
        ("BAAI/bge-m3", Prefixes()),
        ("all-MiniLM-L6-v2", Prefixes()),
        ("e5-mistral-7b-instruct", Prefixes()),
        ("my-e5-small", Prefixes()),
    ],
)
def test_a_model_is_given_the_prefixes_of_its_family(model: str, wanted: Prefixes) -> None:
    assert known_prefixes(model) == wanted


def test_the_instruct_model_of_a_family_is_not_taken_for_its_sibling() -> None:
    prefixes = known_prefixes("intfloat/multilingual-e5-large-instruct")
    assert prefixes.passage == ""
    assert prefixes.query.endswith("\nQuery: ")


def test_every_recommended_model_says_what_its_kind_has() -> None:
    assert len({model.name for model in MODELS}) == len(MODELS)
    for model in MODELS:
        assert (model.dimension > 0) == (model.kind == "embedding"), model
        assert bool(model.file) == (model.kind == "chat"), model
        assert min(model.megabytes, model.max_tokens) > 0, model
        assert model.licence in ("MIT", "Apache-2.0"), model
        assert known_model(model.name.upper()) is model


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Folders as `rag models pull` and people make them."""
    found = tmp_path / "data" / "models"
    for name in ("intfloat/multilingual-e5-small", "mine/tuned", "yours/tuned", ".incoming/x"):
        (found / name).mkdir(parents=True)
    for file in ("one/gguf/a.gguf", "two/gguf/a.gguf", "two/gguf/b.gguf"):
        (found / file).parent.mkdir(parents=True, exist_ok=True)
        (found / file).write_bytes(b"GGUF")
    return found


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("intfloat/multilingual-e5-small", "intfloat/multilingual-e5-small"),
        ("multilingual-e5-small", "intfloat/multilingual-e5-small"),
        ("mine/tuned", "mine/tuned"),
        ("tuned", None),  # there are two
        ("intfloat", None),
        ("nobody/nothing", None),
        ("../models/mine", None),
        (".incoming/x", None),
        ("x", None),
        ("", None),
    ],
)
def test_a_fetched_model_is_found_by_its_name(models: Path, name: str, found: str | None) -> None:
    assert folder_of(models, name) == (models / found if found else None)


def test_the_one_file_of_a_chat_model_is_found_and_a_choice_is_not_made(models: Path) -> None:
    assert chat_file(models, "one/gguf") == models / "one" / "gguf" / "a.gguf"
    assert chat_file(models, "two/gguf") is None
    assert kind_of("two/gguf", models) == "chat"


def test_the_settings_take_names_of_fetched_models_and_leave_others_alone(
    models: Path, tmp_path: Path
) -> None:
    named = settings_for(
        tmp_path / "data",
        embedding={"model": "intfloat/multilingual-e5-small"},
        retrieval={"reranker": "mine/tuned"},
        chat={"model": "one/gguf"},
    )
    found = located(named)
    assert found.embedding.model == str(models / "intfloat" / "multilingual-e5-small")
    assert found.retrieval.reranker == str(models / "mine" / "tuned")
    assert found.chat.model == str(models / "one" / "gguf" / "a.gguf")
    assert located(settings_for(tmp_path / "data")) == settings_for(tmp_path / "data")


def test_a_model_of_a_server_is_not_looked_for_here(models: Path, tmp_path: Path) -> None:
    remote = {"model": "mine/tuned", "base_url": "http://127.0.0.1:1/v1"}
    named = settings_for(tmp_path / "data", embedding=remote, chat=remote)
    assert located(named) == named


def test_the_list_says_where_models_are_and_what_uses_them(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    settings = settings_for(tmp_path / "data", embedding={"model": "mine/tuned"})
    collections = {"papers": "intfloat/multilingual-e5-small", "old": "all-MiniLM-L6-v2"}
    listed = {model.name: model for model in inventory(settings, collections)}
    assert list(listed)[: len(MODELS)] == [model.name for model in MODELS]
    assert listed["all-MiniLM-L6-v2"].where == "built in"
    assert listed["all-MiniLM-L6-v2"].used_by == ("collection old",)
    assert listed["intfloat/multilingual-e5-small"].where == "fetched"
    assert listed["intfloat/multilingual-e5-small"].used_by == ("collection papers",)
    assert listed["mine/tuned"].used_by == ("RAG_EMBEDDING__MODEL",)
    assert listed["two/gguf"].kind == "chat"
    assert listed["BAAI/bge-base-zh-v1.5"].where == ""
