"""The table of models, what they want before their texts, and where they are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag_service.bootstrap import open_chat
from rag_service.errors import ChatModelError
from rag_service.models.catalog import MODELS, Prefixes, known_model, known_prefixes
from rag_service.models.inventory import inventory
from rag_service.models.local import chat_file, folder_of, is_provider, kind_of, located
from rag_service.models.references import Reference, parse_reference, parts_of
from rag_service.settings import ChatSettings
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
    for file in ("loud/gguf/A-Q4_0.GGUF", "deep/gguf/a/b/a-Q4_0.gguf"):
        (models / file).parent.mkdir(parents=True)
        (models / file).write_bytes(b"GGUF")
        organisation = file.partition("/")[0]
        assert chat_file(models, f"{organisation}/gguf") == models / file
        assert chat_file(models, f"{organisation}/gguf:Q4_0") == models / file
        assert kind_of(f"{organisation}/gguf", models) == "chat"
    assert kind_of("two/gguf", models) == "chat"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("some/chat", None),  # there are several
        ("some/chat:Q4_K_M", "a-Q4_K_M.gguf"),
        ("some/chat:q4_k_m", "a-Q4_K_M.gguf"),
        ("some/chat:Q8_0", "Q8_0/a-Q8_0.gguf"),
        ("chat:Q8_0", "Q8_0/a-Q8_0.gguf"),  # no other organisation has one of this name
        ("some/chat/Q8_0/a-Q8_0.gguf", "Q8_0/a-Q8_0.gguf"),
        ("some/chat:Q6_K", "a-Q6_K-00001-of-00002.gguf"),
        ("some/chat:Q5_K_M", None),  # a part is missing
        ("some/chat:Q4_K", None),
        ("some/chat:Q5_K_S", "a-UD-Q5_K_S.gguf"),
        ("some/chat:F16", None),  # sees pictures only
        ("nobody/chat:Q8_0", None),
    ],
)
def test_a_quantisation_or_a_file_says_which_is_meant(
    models: Path, name: str, found: str | None
) -> None:
    for file in (
        "a-Q4_K_M.gguf",
        "Q8_0/a-Q8_0.gguf",
        "a-Q6_K-00001-of-00002.gguf",
        "a-Q6_K-00002-of-00002.gguf",
        "a-Q5_K_M-00001-of-00002.gguf",
        "a-UD-Q5_K_S.gguf",
        "mmproj-F16.gguf",
    ):
        (models / "some" / "chat" / file).parent.mkdir(parents=True, exist_ok=True)
        (models / "some" / "chat" / file).write_bytes(b"GGUF")
    assert chat_file(models, name) == (models / "some" / "chat" / found if found else None)


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("a/b", Reference("a/b")),
        ("a/b:Q4_K_M", Reference("a/b", tag="Q4_K_M")),
        ("a/b/c.gguf", Reference("a/b", file="c.gguf")),
        ("a/b/d/c.gguf", Reference("a/b", file="d/c.gguf")),
        ("a/b.gguf", None),
        ("openai:qwen3", None),
        ("a/b/c", None),
        ("a/b/c.gguf:Q8_0", None),
        ("a/b:", None),
        ("../b", None),
        ("a/../c.gguf", None),
        ("a/b/../c.gguf", None),
        ("/a/b", None),
        ("a", None),
        ("", None),
    ],
)
def test_what_can_name_a_model_of_a_hub(text: str, reference: Reference | None) -> None:
    assert parse_reference(text) == reference
    assert reference is None or str(reference) == text


def test_a_chat_model_that_was_not_fetched_is_told_with_the_command_that_does() -> None:
    for name in ("nobody/chat-GGUF:Q8_0", "nobody/chat-GGUF/a.gguf", "nobody/chat-GGUF"):
        with pytest.raises(ChatModelError, match=f"Fetch it with: rag models pull {name}$"):
            open_chat(ChatSettings(model=name))


@pytest.mark.parametrize(
    "name", ["qwen3:4b", "llama3.1:8b-instruct-q4_0", "mixtral:8x7b", "gemma:latest", "a-GGUF:Q8_0"]
)
def test_a_model_without_its_organisation_is_told_what_to_write_instead(name: str) -> None:
    with pytest.raises(ChatModelError) as caught:
        open_chat(ChatSettings(model=name))
    assert str(caught.value) == (
        f"{name!r} does not say whose model it is. Write organisation/name:quantisation, as in "
        "Qwen/Qwen3-4B-GGUF:Q4_K_M, and fetch that first with rag models pull; or the path of a "
        f"GGUF file. For a model that Ollama runs, set RAG_CHAT__MODEL={name} and "
        "RAG_CHAT__BASE_URL=http://127.0.0.1:11434/v1."
    )


def test_only_the_first_part_of_a_model_is_opened_and_only_if_none_is_missing(
    tmp_path: Path,
) -> None:
    for number in (1, 2):
        (tmp_path / f"m-0000{number}-of-00003.gguf").write_bytes(b"GGUF")
    first, second = (tmp_path / f"m-0000{number}-of-00003.gguf" for number in (1, 2))
    with pytest.raises(ChatModelError, match=f"Set RAG_CHAT__MODEL to the first: {first}"):
        open_chat(ChatSettings(model=str(second)))
    with pytest.raises(ChatModelError, match=r"the part m-00003-of-00003\.gguf is missing"):
        open_chat(ChatSettings(model=str(first)))


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


def test_a_number_of_a_part_that_cannot_be_one_is_only_a_name() -> None:
    assert parts_of("a-00001-of-00000.gguf") == ["a-00001-of-00000.gguf"]


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("openai:qwen3", True),
        ("ollama:qwen3:4b", True),
        ("openai:gpt-4o", True),
        ("C:\\models\\a.gguf", False),
        ("a/b:Q4_0", False),
        ("a.gguf", False),
        ("qwen3:4b", False),
        ("Qwen3-4B-GGUF:Q4_K_M", False),
    ],
)
def test_a_provider_is_told_from_a_path_and_a_reference(model: str, provider: bool) -> None:
    assert is_provider(model) is provider
