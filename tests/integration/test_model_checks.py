"""`rag models check` and `rag models use`: real models tried out and changed to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rag_service.cli import app
from tests.cross_encoders import write_cross_encoder
from tests.gguf_models import write_scripted_gguf
from tests.real_parts import write_folder
from tests.tiny_models import write_tiny_model


def rag(*arguments: str, code: int = 0) -> Any:
    """Run a command of `rag`; the JSON that it prints."""
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def facts(check: Any) -> dict[str, str]:
    (model,) = check["models"]
    found: dict[str, str] = model["facts"]
    return found


def test_the_built_in_model_is_in_order() -> None:
    checked = rag("models", "check")
    (model,) = checked["models"]
    assert (model["name"], model["kind"]) == ("all-MiniLM-L6-v2", "embedding")
    assert model["problems"] == []
    assert facts(checked)["dimension"] == "384"
    assert facts(checked)["longest text"] == "254 tokens"
    assert facts(checked)["weights (sha256)"] == "53aa51172d142c89"
    assert facts(checked)["English"].startswith("known; cosine 0.47 to the right passage")
    assert facts(checked)["speed"].endswith("chunks/s")


def test_a_model_that_cannot_tell_right_from_wrong_fails_the_check(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "noise", ["the", "of"], max_tokens=64)
    (model,) = rag("models", "check", str(folder), code=1)["models"]
    assert model["name"] == "noise"
    assert "it reads 62 tokens, but chunking.max_tokens is 128" in model["problems"]


def test_a_reranker_is_asked_which_passage_is_the_right_one(tmp_path: Path) -> None:
    folder = write_cross_encoder(
        tmp_path / "counting", ["the", "recorder", "warranty", "guarantee"]
    )
    (model,) = rag("models", "check", str(folder))["models"]
    assert (model["name"], model["kind"]) == ("counting", "reranker")
    assert model["facts"]["Chinese"] == "not known to the model"


def test_a_chat_model_is_judged_by_its_header(tmp_path: Path) -> None:
    path = write_scripted_gguf(tmp_path / "scripted.gguf", "hello", n_ctx_train=2048)
    checked = rag("models", "check", str(path))
    assert facts(checked)["window"] == "2048 tokens"
    assert facts(checked)["file"].startswith("scripted.gguf, ")


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"GGUF and then nothing", "cannot be loaded"), (b"a text", "is not a GGUF file")],
)
def test_a_damaged_chat_model_is_told(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "broken.gguf").write_bytes(content)
    result = CliRunner().invoke(app, ["models", "check", str(tmp_path / "broken.gguf")])
    assert result.exit_code == 1
    assert said in result.stderr


@pytest.mark.parametrize("name", ["nobody/nothing", "no-such-folder"])
def test_a_model_that_is_not_here_is_told_and_not_fetched(name: str) -> None:
    result = CliRunner().invoke(app, ["models", "check", name])
    assert result.exit_code == 1
    assert "nothing is downloaded by itself" in result.stderr


def test_the_command_changes_a_collection_to_another_model(tmp_path: Path) -> None:
    texts = {"a.txt": "The red fox runs.", "b.txt": "The grey owl runs."}
    folder = write_folder(tmp_path / "documents", texts)
    assert CliRunner().invoke(app, ["ingest", str(folder)]).exit_code == 0
    model = write_tiny_model(tmp_path / "tiny", ["the", "red", "grey", "fox", "owl", "runs", "."])
    report = rag("models", "use", str(model))
    assert (report["model_before"], report["model"]) == ("all-MiniLM-L6-v2", "tiny")
    assert (report["documents"], report["embedded"]) == (2, 2)
    assert [use["used_by"] for use in rag("models", "list")["models"] if use["name"] == "tiny"] == [
        ["collection default"]
    ]
    again = CliRunner().invoke(app, ["models", "use", str(model)])
    assert again.stdout == "Collection 'default' is embedded with tiny already.\n"
    found = rag("search", "red fox")
    assert [hit["source"] for hit in found["results"]][:1] == ["a.txt"]


def test_a_collection_that_is_not_there_is_told_before_a_model_is_loaded() -> None:
    result = CliRunner().invoke(app, ["models", "use", "no-such-model", "-c", "nowhere"])
    assert result.exit_code == 2
    assert "There is no collection 'nowhere'" in result.stderr
