"""Opening and closing models, and those that cannot be opened."""

from __future__ import annotations

import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import llama_cpp
import pytest

from rag_service.errors import ChatModelError, GenerationError
from rag_service.generation.chat_model import open_llama_chat
from rag_service.generation.gguf_file import backends
from rag_service.settings import ChatSettings
from tests.gguf_models import write_gguf_variant, write_random_gguf, write_scripted_gguf
from tests.integration.chat_model.parts import ANSWER, QUESTION, Opener, open_endless, start


def test_closing_twice_is_fine_and_later_calls_are_refused(models: Path, opened: Opener) -> None:
    chat = opened(write_scripted_gguf(models / "closed.gguf", ANSWER))
    chat.close()
    chat.close()
    with pytest.raises(GenerationError, match="closed"):
        chat.invoke(QUESTION)
    with pytest.raises(GenerationError, match="closed"):
        chat.count_tokens("sky")


def test_closing_aborts_the_answer_in_progress(endless_path: Path, opened: Opener) -> None:
    chat = open_endless(opened, endless_path, queue_size=1)
    stream = start(chat)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(chat.invoke, QUESTION)
        chat.close()
        with pytest.raises(GenerationError, match="closed"):
            waiting.result()
    with pytest.raises(GenerationError, match="closed"):
        list(stream)


def test_a_forgotten_model_closes_its_lane(models: Path) -> None:
    path = write_scripted_gguf(models / "forgotten.gguf", ANSWER)
    chat = open_llama_chat(ChatSettings(model=str(path)))
    vocabulary = chat.runtime.vocabulary
    del chat
    gc.collect()
    with pytest.raises(GenerationError, match="closed"):
        vocabulary.count("sky")


def test_a_process_may_end_while_the_model_answers(endless_path: Path) -> None:
    program = (
        "from rag_service.generation.chat_model import open_llama_chat\n"
        "from rag_service.settings import ChatSettings\n"
        f"settings = ChatSettings(model={str(endless_path)!r}, max_tokens=4000)\n"
        "stream = open_llama_chat(settings).stream('?')\n"
        "print(next(stream).content)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "la\n", "")


def test_llama_cpp_writes_nothing_to_the_terminal(
    models: Path, opened: Opener, capfd: pytest.CaptureFixture[str]
) -> None:
    chat = opened(write_scripted_gguf(models / "silent.gguf", ANSWER))
    chat.invoke(QUESTION)
    chat.close()
    (models / "broken.gguf").write_bytes((models / "silent.gguf").read_bytes()[:5000])
    with pytest.raises(ChatModelError):
        opened(models / "broken.gguf")
    assert capfd.readouterr() == ("", "")


def make_broken(folder: Path, fault: str) -> Path:
    path = folder / f"{fault}.gguf"
    match fault:
        case "folder":
            path.mkdir(exist_ok=True)
        case "not-gguf":
            path.write_text("once upon a time")
        case "empty":
            path.touch()
        case "cut-header":
            path.write_bytes(write_gguf_variant(path).read_bytes()[:3000])
        case "cut-weights":
            path.write_bytes(write_gguf_variant(path).read_bytes()[:-5000])
        case "unknown-architecture":
            write_gguf_variant(path, "nosuch")
        case "no-template":
            write_gguf_variant(path, template=None)
        case "bad-template":
            write_gguf_variant(path, template="{% if %}")
        case "embedding":
            write_gguf_variant(path, pooling=1)
    return path


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("missing", "There is no chat model at .*missing.gguf"),
        ("folder", "is a folder"),
        ("not-gguf", "is not a GGUF file"),
        ("empty", "is not a GGUF file"),
        ("cut-header", "damaged, incomplete"),
        ("cut-weights", "damaged, incomplete"),
        ("unknown-architecture", "unknown model architecture: 'nosuch'.*Upgrade"),
        ("no-template", "has no chat template"),
        ("bad-template", "chat template"),
        ("embedding", "embedding or encoder model"),
    ],
)
def test_a_model_that_cannot_be_opened_says_why(tmp_path: Path, fault: str, message: str) -> None:
    settings = ChatSettings(model=str(make_broken(tmp_path, fault)))
    with pytest.raises(ChatModelError, match=message):
        open_llama_chat(settings)


@pytest.mark.skipif(llama_cpp.llama_supports_gpu_offload(), reason="this build has a GPU")
def test_gpu_layers_without_a_gpu_build_are_refused(models: Path) -> None:
    path = write_scripted_gguf(models / "gpu.gguf", ANSWER)
    with pytest.raises(ChatModelError, match="without GPU support"):
        open_llama_chat(ChatSettings(model=str(path), gpu_layers=-1))


def test_a_quantised_cache_gives_the_same_answer_and_is_named(models: Path, opened: Opener) -> None:
    path = write_scripted_gguf(models / "cache.gguf", ANSWER)
    chat = opened(path, kv_cache="q8_0", threads=1, context_tokens=1024)
    assert chat.invoke(QUESTION).content == ANSWER
    assert chat.runtime.setup == (
        f"llama.cpp ({', '.join(backends())}), no layers on a GPU, 1 threads, window of 1024 "
        "tokens, q8_0 cache, flash attention on"
    )
    assert backends()[-1] == "CPU"


def test_a_quantised_cache_without_flash_attention_is_refused(models: Path) -> None:
    path = write_scripted_gguf(models / "no-flash.gguf", ANSWER)
    settings = ChatSettings(model=str(path), kv_cache="q8_0", flash_attention="off")
    with pytest.raises(ChatModelError, match="needs flash attention"):
        open_llama_chat(settings)


def test_no_model_set_says_what_to_set() -> None:
    with pytest.raises(ChatModelError, match="RAG_CHAT__MODEL"):
        open_llama_chat(ChatSettings())


def test_a_vocabulary_that_cannot_take_every_letter_is_refused(
    models: Path, opened: Opener
) -> None:
    path = write_random_gguf(models / "lettered.gguf", "llama", has_bytes=False)
    with pytest.raises(ChatModelError, match="no tokens for single bytes"):
        opened(path)
