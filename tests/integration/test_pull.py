"""Fetching models from a hub, which here is on this machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file
from typer.testing import CliRunner

from rag_service.cli import app
from rag_service.errors import InvalidRequest, NotFound, RemoteServiceError, StorageFull
from rag_service.models.local import Pulled, located
from rag_service.models.pull import pull as pull_shown
from rag_service.retrieval.embedding import open_embeddings
from tests.gguf_models import write_scripted_gguf
from tests.loopback_hub import COMMIT, Hub, serving
from tests.real_parts import settings_for
from tests.tiny_models import write_tiny_model

NAME = "intfloat/multilingual-e5-small"
WORDS = ["query", "passage", ":", "the", "red", "fox", "runs"]


def pull(name: str, models: Path, **options: Any) -> Pulled:
    return pull_shown(name, models, console=Console(quiet=True), **options)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A model as it is published: with other formats, code and pictures beside it."""
    folder = write_tiny_model(tmp_path_factory.mktemp("made") / "model", WORDS)
    found = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    others = {"pytorch_model.bin": b"\x80pickle", "onnx/model.onnx": b"\xff", "run.py": b"1/0"}
    return {path: file.read_bytes() for path, file in found.items()} | others


@pytest.fixture
def hub(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with serving(Hub({NAME: files})) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "data" / "models"


def test_a_fetched_model_is_known_by_its_name_to_the_settings(
    hub: Hub, models: Path, tmp_path: Path
) -> None:
    found = pull(NAME, models)
    assert (found.name, found.revision, found.folder) == (NAME, COMMIT, models / NAME)
    settings = settings_for(tmp_path / "data", embedding={"model": NAME})
    model = open_embeddings(located(settings).embedding)
    assert model.identity.name == NAME
    assert (model.identity.query_prefix, model.identity.passage_prefix) == ("query: ", "passage: ")


def test_nothing_that_could_run_code_is_fetched_nor_what_nothing_reads(
    hub: Hub, models: Path, files: dict[str, bytes]
) -> None:
    pull(NAME, models)
    here = {p.relative_to(models / NAME).as_posix() for p in (models / NAME).rglob("*.*")}
    unwanted = {"pytorch_model.bin", "onnx/model.onnx", "run.py"}
    assert here - {"1_Pooling"} == files.keys() - unwanted | {"pulled.json"}
    assert hub.sent.keys() & unwanted == set()
    assert list((models / ".incoming").iterdir()) == []


def test_what_is_here_is_not_fetched_again(hub: Hub, models: Path) -> None:
    pull(NAME, models)
    hub.sent.clear()
    assert pull(NAME.upper(), models).revision == COMMIT
    assert hub.sent == {}


def test_a_fetch_that_was_cut_off_goes_on_where_it_stopped(
    hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]
) -> None:
    weights = "model.safetensors"
    large = b"\xff" * 3_500_000
    hub.repositories[NAME] = files | {weights: large}
    hub.cut_after = 2_500_000
    monkeypatch.setattr("time.sleep", lambda _: None)  # between the attempts of one command
    with pytest.raises(RemoteServiceError, match="Run the command again to go on"):
        pull(NAME, models)
    assert not (models / NAME).exists()
    hub.back()
    pull(NAME, models)
    assert hub.sent[weights] == [(0, 2_500_000), (2 << 20, 3_500_000)]  # by blocks of 1 MiB
    assert (models / NAME / weights).read_bytes() == large


def test_a_file_that_is_not_what_the_hub_says_is_refused(hub: Hub, models: Path) -> None:
    hub.lies = {"model.safetensors"}
    with pytest.raises(
        RemoteServiceError, match=r"model\.safetensors of .* is not what the hub says"
    ):
        pull(NAME, models)
    assert not (models / NAME).exists()
    hub.lies = set()
    assert pull(NAME, models).revision == COMMIT


def test_weights_published_as_a_pickle_become_safetensors(
    hub: Hub, models: Path, files: dict[str, bytes], tmp_path: Path
) -> None:
    tensors = _tensors(files["model.safetensors"], tmp_path)
    torch.save(tensors, tmp_path / "pytorch_model.bin")
    pickled = {p: data for p, data in files.items() if p != "model.safetensors"}
    pickled["pytorch_model.bin"] = (tmp_path / "pytorch_model.bin").read_bytes()
    hub.repositories["BAAI/bge-m3"] = pickled
    pull("BAAI/bge-m3", models)
    folder = models / "BAAI" / "bge-m3"
    assert not (folder / "pytorch_model.bin").exists()
    converted = load_file(folder / "model.safetensors")
    assert converted.keys() == tensors.keys()
    assert all(torch.equal(converted[name], tensors[name]) for name in tensors)


def test_a_pickle_that_would_run_code_is_refused(
    hub: Hub, models: Path, files: dict[str, bytes], tmp_path: Path
) -> None:
    torch.save({"a": Planted(tmp_path / "ran")}, tmp_path / "pytorch_model.bin")
    pickled = {p: data for p, data in files.items() if p != "model.safetensors"}
    pickled["pytorch_model.bin"] = (tmp_path / "pytorch_model.bin").read_bytes()
    hub.repositories["evil/model"] = pickled
    with pytest.raises(InvalidRequest, match="evil/model cannot be converted"):
        pull("evil/model", models)
    assert not (tmp_path / "ran").exists()
    assert not (models / "evil" / "model").exists()


def test_the_recommended_file_of_a_chat_model_is_fetched_and_others_beside_it(
    hub: Hub, models: Path, tmp_path: Path
) -> None:
    chat = write_scripted_gguf(tmp_path / "chat.gguf", "hello").read_bytes()
    recommended = "Qwen3-0.6B-Q8_0.gguf"
    hub.repositories["Qwen/Qwen3-0.6B-GGUF"] = {recommended: chat, "other.gguf": chat}
    found = pull("Qwen/Qwen3-0.6B-GGUF", models)
    assert [path.name for path in found.folder.glob("*.gguf")] == [recommended]
    named = settings_for(tmp_path / "data", chat={"model": "Qwen/Qwen3-0.6B-GGUF"})
    assert located(named).chat.model == str(found.folder / recommended)
    pull("Qwen/Qwen3-0.6B-GGUF", models, file="other.gguf")
    assert sorted(p.name for p in found.folder.glob("*.gguf")) == [recommended, "other.gguf"]
    assert located(named).chat.model == str(found.folder / recommended)


def test_a_choice_between_files_is_left_to_the_user(hub: Hub, models: Path) -> None:
    hub.repositories["some/chat-GGUF"] = {"a.gguf": b"\xff", "b.gguf": b"\xff"}
    with pytest.raises(InvalidRequest, match=r"Choose one with --file: a\.gguf, b\.gguf"):
        pull("some/chat-GGUF", models)


def test_names_that_lead_out_of_the_folder_and_parts_of_files_are_not_taken(
    hub: Hub, models: Path
) -> None:
    hub.repositories["evil/GGUF"] = {
        "../../../planted.gguf": b"\xff",
        "/tmp/planted.gguf": b"\xff",
        "model-00001-of-00002.gguf": b"\xff",
    }
    with pytest.raises(InvalidRequest, match="Choose one with --file: none"):
        pull("evil/GGUF", models)


@pytest.mark.parametrize(
    ("name", "revision", "error", "said"),
    [
        ("nobody/nothing", None, NotFound, "has no model nobody/nothing"),
        (NAME, "no-such-branch", NotFound, "or not this revision of it"),
        ("nobody/code", None, InvalidRequest, "neither a GGUF file nor weights as safetensors"),
        ("no-organisation", None, InvalidRequest, "models are named organisation/name"),
        ("../outside", None, InvalidRequest, "models are named organisation/name"),
        ("all-MiniLM-L6-v2", None, InvalidRequest, "is built in"),
    ],
)
def test_what_cannot_be_fetched_is_told(
    hub: Hub, models: Path, name: str, revision: str | None, error: type[Exception], said: str
) -> None:
    hub.repositories["nobody/code"] = {"run.py": b"1/0"}
    with pytest.raises(error, match=said):
        pull(name, models, revision=revision)


def test_without_a_network_it_says_so_and_names_the_mirror_setting(
    hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # discard: nobody listens
    with pytest.raises(RemoteServiceError, match=r"127\.0\.0\.1:9 cannot be reached.*HF_ENDPOINT"):
        pull(NAME, models)


def test_nothing_is_fetched_where_the_hub_is_switched_off(
    hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(RemoteServiceError, match="HF_HUB_OFFLINE is set"):
        pull(NAME, models)
    assert hub.sent == {}


def test_a_disk_without_room_is_told_before_anything_is_fetched(
    hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10_000_000))
    with pytest.raises(StorageFull, match=r"needs \d+ MB, and .* has 10 MB left"):
        pull(NAME, models)
    assert hub.sent == {}


def rag(*arguments: str) -> Any:
    """Run `rag models …`; the JSON that it prints."""
    result = CliRunner().invoke(app, ["models", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_commands_fetch_and_list_a_model(
    hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = rag("pull", NAME)
    assert (fetched["name"], fetched["revision"]) == (NAME, COMMIT)
    assert Path(fetched["folder"]) == models / NAME
    monkeypatch.setenv("RAG_EMBEDDING__MODEL", NAME)
    (listed,) = [model for model in rag("list")["models"] if model["name"] == NAME]
    assert (listed["where"], listed["used_by"]) == ("fetched", ["RAG_EMBEDDING__MODEL"])
    assert (listed["dimension"], listed["query_prefix"]) == (384, "query: ")


class Planted:
    """Unpickled, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def _tensors(weights: bytes, tmp_path: Path) -> dict[str, torch.Tensor]:
    (tmp_path / "weights.safetensors").write_bytes(weights)
    return load_file(tmp_path / "weights.safetensors")
