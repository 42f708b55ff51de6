"""Settings: where they come from, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rag_service.errors import ConfigError
from rag_service.setting_names import environment_name, field_names
from rag_service.settings import BUILTIN_EMBEDDING, Settings, load_settings


@pytest.fixture(autouse=True)
def clean_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable and no rag.toml of the developer's."""
    for name in os.environ:
        if name.upper().startswith("RAG_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_without_any_setting_everything_is_local_and_extractive() -> None:
    settings = load_settings()
    assert settings.data_dir == Path("data")
    assert settings.embedding.model == BUILTIN_EMBEDDING
    assert settings.chat.model is None
    assert settings.api.host == "127.0.0.1"


def test_an_environment_variable_reaches_into_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_CHAT__MAX_TOKENS", "77")
    monkeypatch.setenv("RAG_DATA_DIR", "/srv/知识库")
    settings = load_settings()
    assert settings.chat.max_tokens == 77
    assert settings.data_dir == Path("/srv/知识库")
    assert settings.chat.context_tokens == 4096


def test_a_whole_group_can_be_one_json_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_RETRIEVAL", '{"top_k": 3, "candidates": 10}')
    settings = load_settings()
    assert (settings.retrieval.top_k, settings.retrieval.candidates) == (3, 10)


@pytest.mark.parametrize("value", ["{", "{'top_k': 3}"])
def test_a_group_that_is_not_json_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("RAG_RETRIEVAL", value)
    with pytest.raises(ConfigError, match="retrieval"):
        load_settings()


def refusal() -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings()
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("RAG_CHAT__MODLE", "RAG_CHAT__MODEL"),
        ("RAG_CHATMODEL", "RAG_CHAT__MODEL"),
        ("RAG_CHAT_MODEL", "RAG_CHAT__MODEL"),
        ("rag_chat_model", "RAG_CHAT__MODEL"),
        ("RAG_LLM__MODEL", "RAG_EMBEDDING__MODEL or RAG_CHAT__MODEL"),
        ("RAG_TOPK", "RAG_RETRIEVAL__TOP_K"),
        ("RAG_DATADIR", "RAG_DATA_DIR"),
        ("RAG_CHATS", "RAG_CHAT"),
    ],
)
def test_a_misspelt_variable_is_refused_with_what_may_be_meant(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    monkeypatch.setenv(name, "1")
    assert refusal() == f"Unknown setting {name} in the environment: did you mean {meant}?"


def test_a_variable_like_no_setting_is_refused_with_all_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAG_Q", "1")
    said = refusal()
    assert said.startswith("Unknown setting RAG_Q in the environment. Known settings: RAG_ANSWER, ")
    assert all(environment_name(name) in said for name in field_names(Settings))


def test_every_misspelt_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_API__PROT", "1")
    monkeypatch.setenv("RAG_CHAT__SEDE", "1")
    assert refusal() == (
        "Unknown setting RAG_API__PROT in the environment: did you mean RAG_API__PORT? "
        "Unknown setting RAG_CHAT__SEDE in the environment: did you mean RAG_CHAT__SEED?"
    )


def test_variables_of_other_programs_are_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGTIME", "1")
    assert load_settings() == Settings()


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_CHAT__MODEL", "")
    monkeypatch.setenv("RAG_API__PORT", "")
    monkeypatch.setenv("RAG_CONFIG", "")
    settings = load_settings()
    assert settings.chat.model is None
    assert settings.api.port == 8000


def test_a_toml_file_in_the_working_directory_is_read(tmp_path: Path) -> None:
    (tmp_path / "rag.toml").write_text('data_dir = "kb"\n[chat]\nmodel = "m.gguf"\n', "utf-8")
    settings = load_settings()
    assert (settings.data_dir, settings.chat.model) == (Path("kb"), "m.gguf")


def test_rag_config_names_another_toml_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rag.toml").write_text("[api]\nport = 1\n", "utf-8")
    (tmp_path / "other.toml").write_text("[api]\nport = 2\n", "utf-8")
    monkeypatch.setenv("RAG_CONFIG", str(tmp_path / "other.toml"))
    assert load_settings().api.port == 2


def test_the_environment_comes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rag.toml").write_text('[api]\nport = 1\nhost = "::1"\n', "utf-8")
    monkeypatch.setenv("RAG_API__PORT", "2")
    settings = load_settings()
    assert (settings.api.port, settings.api.host) == (2, "::1")


def test_a_named_file_that_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(ConfigError, match=r"RAG_CONFIG names .*none\.toml, which is not a file"):
        load_settings()


@pytest.mark.parametrize(
    ("toml", "key", "meant"),
    [
        ("[chat]\nmodle = 'x'\n", "chat.modle", "chat.model"),
        ("[caht]\nmodel = 'x'\n", "caht", "chat"),
        ("model = 'x'\n", "model", "embedding.model or chat.model"),
        ("datadir = 'x'\n", "datadir", "data_dir"),
    ],
)
def test_an_unknown_key_of_the_file_is_refused_with_what_may_be_meant(
    tmp_path: Path, toml: str, key: str, meant: str
) -> None:
    (tmp_path / "rag.toml").write_text(toml, "utf-8")
    assert refusal() == f"Unknown setting {key} in rag.toml: did you mean {meant}?"


def test_an_unknown_key_is_said_to_be_in_the_file_that_rag_config_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "other.toml"
    file.write_text("[api]\nhots = '::1'\nport = 'x'\n", "utf-8")
    monkeypatch.setenv("RAG_CONFIG", str(file))
    assert refusal().startswith(
        f"Unknown setting api.hots in {file}: did you mean api.host? "
        "Settings do not fit: api.port: "
    )


def test_an_unknown_key_is_said_to_be_in_the_variable_that_holds_its_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rag.toml").write_text("[retrieval]\ncandidates = 9\n", "utf-8")
    monkeypatch.setenv("RAG_RETRIEVAL", '{"topk": 3}')
    assert refusal() == (
        "Unknown setting retrieval.topk in RAG_RETRIEVAL: did you mean retrieval.top_k?"
    )


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rag.toml").write_text("[chat\n", "utf-8")
    with pytest.raises(ConfigError, match="Settings cannot be read"):
        load_settings()


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rag.toml").write_bytes('data_dir = "资料"\n'.encode("gbk"))
    with pytest.raises(ConfigError, match="Settings cannot be read"):
        load_settings()


def test_every_value_that_does_not_fit_is_named_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAG_API__PORT", "eight")
    monkeypatch.setenv("RAG_RETRIEVAL__TOP_K", "0")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert str(caught.value) == (
        "Settings do not fit: "
        "retrieval.top_k: Input should be greater than or equal to 1; "
        "api.port: Input should be a valid integer, unable to parse string as an integer"
    )


def test_settings_cannot_be_changed_after_they_are_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().chat.max_tokens = 1  # type: ignore[misc]


def test_the_key_of_a_chat_server_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_CHAT__API_KEY", "secret-123")
    assert "secret-123" not in repr(load_settings())


@pytest.mark.parametrize(("name", "description"), field_names(Settings).items())
def test_every_setting_is_described_in_a_sentence(name: str, description: str) -> None:
    assert len(description) > 15, name
    assert description.endswith("."), name


def test_setting_names_turn_into_variable_names() -> None:
    assert environment_name("chat.model") == "RAG_CHAT__MODEL"
    assert environment_name("data_dir") == "RAG_DATA_DIR"
    assert {"data_dir", "chat.model", "ingest.parse_timeout_s"} <= field_names(Settings).keys()
