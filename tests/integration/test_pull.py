"""Fetching models from a hub, which here is on this machine."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from langchain_core.messages import HumanMessage
from rich.console import Console
from safetensors.torch import load_file
from typer.testing import CliRunner

from rag_service.bootstrap import open_chat
from rag_service.cli import app
from rag_service.errors import InvalidRequest, NotFound, RemoteServiceError, StorageFull
from rag_service.generation.backend import CallOptions, whole_reply
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


QUANTISED = ("a-Q4_K_M.gguf", "a-IQ4_XS.gguf", "BF16/a-BF16.gguf", "mmproj-a-F16.gguf")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("some/chat-GGUF:q4_k_m", "a-Q4_K_M.gguf"),
        ("some/chat-GGUF:IQ4_XS", "a-IQ4_XS.gguf"),
        ("some/chat-GGUF:BF16", "BF16/a-BF16.gguf"),
        ("some/chat-GGUF/BF16/a-BF16.gguf", "BF16/a-BF16.gguf"),
    ],
)
def test_the_one_file_that_a_reference_means_is_fetched_and_then_answers(
    hub: Hub, models: Path, tmp_path: Path, name: str, file: str
) -> None:
    chat = write_scripted_gguf(tmp_path / "chat.gguf", "hello").read_bytes()
    hub.repositories["some/chat-GGUF"] = dict.fromkeys(QUANTISED, chat)
    found = pull(name, models)
    here = {path.relative_to(found.folder).as_posix() for path in found.folder.rglob("*.gguf")}
    assert here == {file} == hub.sent.keys()
    answering = open_chat(located(settings_for(tmp_path / "data", chat={"model": name})).chat)
    assert answering is not None
    assert answering.name == Path(file).stem
    answering.close()
    pull(name, models)
    assert hub.sent.keys() == {file}  # no second time


def test_another_file_of_a_model_is_put_beside_the_first(
    hub: Hub, models: Path, tmp_path: Path
) -> None:
    chat = write_scripted_gguf(tmp_path / "chat.gguf", "hello").read_bytes()
    hub.repositories["some/chat-GGUF"] = dict.fromkeys(QUANTISED, chat)
    for tag in ("Q4_K_M", "BF16"):
        folder = pull(f"some/chat-GGUF:{tag}", models).folder
    record = json.loads((folder / "pulled.json").read_text(encoding="utf-8"))
    assert record["files"] == ["BF16/a-BF16.gguf", "a-Q4_K_M.gguf"]
    assert hub.sent.keys() == {"BF16/a-BF16.gguf", "a-Q4_K_M.gguf"}


def test_all_parts_of_a_model_are_fetched_and_it_answers(
    hub: Hub, models: Path, tmp_path: Path
) -> None:
    (tmp_path / "made").mkdir()
    write_scripted_gguf(tmp_path / "made" / "big-Q8_0.gguf", "hello", tensors_per_file=5)
    parts = {path.name: path.read_bytes() for path in (tmp_path / "made").iterdir()}
    assert len(parts) == 3
    hub.repositories["some/big-GGUF"] = parts | {"big-Q2_K.gguf": b"GGUF\xff"}
    hub.cut_after = len(parts["big-Q8_0-00003-of-00003.gguf"]) - 10
    with pytest.raises(RemoteServiceError):
        pull("some/big-GGUF:Q8_0", models)
    hub.back()
    found = pull("some/big-GGUF:Q8_0", models)
    assert {path.name for path in found.folder.glob("*.gguf")} == parts.keys()
    settings = settings_for(tmp_path / "data", chat={"model": "some/big-GGUF:Q8_0"})
    answering = open_chat(located(settings).chat)
    assert answering is not None
    assert answering.name == "big-Q8_0"
    assert whole_reply(answering, [HumanMessage("?")], CallOptions(20)) == "hello"
    answering.close()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "some/chat-GGUF",
            "several GGUF files. Choose one: some/chat-GGUF:BF16, some/chat-GGUF:IQ4_XS, "
            "some/chat-GGUF:Q4_K_M.",
        ),
        ("some/chat-GGUF:Q8_0", "no GGUF file of this name or quantisation. Choose one: some/"),
        ("some/chat-GGUF/b.gguf", "no GGUF file of this name or quantisation. Choose one: some/"),
        ("plain/GGUF", "several GGUF files. Choose one: plain/GGUF/a.gguf, plain/GGUF/b.gguf."),
        ("partial/GGUF", "is not complete: model-00002-of-00002.gguf is missing at the hub."),
    ],
)
def test_a_choice_between_files_is_left_to_the_user(
    hub: Hub, models: Path, name: str, said: str
) -> None:
    hub.repositories["some/chat-GGUF"] = dict.fromkeys(QUANTISED, b"\xff")
    hub.repositories["plain/GGUF"] = {"a.gguf": b"\xff", "b.gguf": b"\xff"}
    hub.repositories["partial/GGUF"] = {"model-00001-of-00002.gguf": b"\xff"}
    with pytest.raises(InvalidRequest, match=re.escape(said)):
        pull(name, models)
    assert hub.sent == {}


def test_names_that_lead_out_of_the_folder_are_not_taken(hub: Hub, models: Path) -> None:
    hub.repositories["evil/GGUF"] = {
        "../../../planted.gguf": b"\xff",
        "/tmp/planted.gguf": b"\xff",
    }
    with pytest.raises(InvalidRequest, match="evil/GGUF has neither a GGUF file nor weights"):
        pull("evil/GGUF", models)
    with pytest.raises(InvalidRequest, match="cannot name a model"):
        pull("evil/GGUF/../planted.gguf", models)


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


def test_chat_models_are_listed_apart_by_the_name_that_the_setting_takes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RAG_CHAT__MODEL", "Qwen/Qwen3-4B-GGUF:Q4_K_M")
    printed = CliRunner().invoke(app, ["models", "list"]).stdout
    embeddings, chat = printed.split("chat model")
    assert "BAAI/bge-m3" in embeddings
    assert "GGUF" not in embeddings
    (line,) = [line for line in chat.splitlines() if "Qwen3-4B" in line]
    assert line.split() == [
        "Qwen/Qwen3-4B-GGUF:Q4_K_M",
        "many",
        "2500",
        "32768",
        "Apache-2.0",
        "-",
        "RAG_CHAT__MODEL",
    ]


class Planted:
    """Unpickled, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def _tensors(weights: bytes, tmp_path: Path) -> dict[str, torch.Tensor]:
    (tmp_path / "weights.safetensors").write_bytes(weights)
    return load_file(tmp_path / "weights.safetensors")
