"""Opening a GGUF chat model, or saying in plain words why it cannot be opened."""

from __future__ import annotations

import ctypes
import logging
import os
import re
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp

from rag_service.errors import ChatModelError
from rag_service.generation.chat_template import ChatTemplate, ChatTurn
from rag_service.generation.llama_vocab import token_text
from rag_service.models.references import lacks_organisation, parse_reference, parts_of
from rag_service.settings import ChatSettings

MAGIC = b"GGUF"
LOG_LEVEL_ERROR = 4  # GGML_LOG_LEVEL_ERROR of ggml.h
WINDOW_STEP = 256  # llama.cpp rounds n_ctx up to this; the Python arrays beside it do not
# llama.cpp notices an abort between two operations of one micro-batch, so its size bounds
# how long a cancelled prompt keeps the thread, and only whole batches are kept for reuse.
# Measured on a model of 6 layers x 1024 (296 MB), one thread: 1,000 tokens were read in
# 3.4 to 3.9 s whether in batches of 128, 256 or 512, and an abort took 7 to 23, 9 to 30 and
# 13 to 57 ms; larger models take longer in proportion.
CPU_BATCH_TOKENS = 128
CACHE_TYPES = {"f16": llama_cpp.GGML_TYPE_F16, "q8_0": llama_cpp.GGML_TYPE_Q8_0}
BACKEND_NAME = re.compile(r"(?:^|\|)\s*(\w+) :")  # "CUDA : ARCHS = 900 | … | CPU : SSE3 = 1 | …"
GPU_BATCH_TOKENS = 512  # llama.cpp's default: a GPU needs wide batches and asks about no abort

logger = logging.getLogger(__name__)
# While it loads a quiet model llama-cpp-python points file descriptors 1 and 2 of the whole
# process at /dev/null. Two loads at once could restore each other's null device for good.
_loading = threading.Lock()
_recent_errors: deque[str] = deque(maxlen=8)


@dataclass(frozen=True, slots=True)
class ModelHeader:
    """What a model file says of itself. ``trained_tokens`` is the window it was trained for."""

    trained_tokens: int
    template: ChatTemplate


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """``window``: tokens that prompt and answer share. ``setup``: a line for people."""

    llama: Any  # llama_cpp.Llama, which has no type stubs
    template: ChatTemplate
    window: int
    setup: str


def check_gguf(path: Path) -> ModelHeader:
    """Read what a chat model says of itself, without loading its weights.

    Raises:
        ChatModelError: as `load_gguf`, as far as the header tells.
    """
    _require_gguf(path)
    with _loading, _errors_of(path):
        return _read_header(path, thinking=False)


def load_gguf(path: Path, settings: ChatSettings) -> LoadedModel:
    """Load a chat model into memory, as ``settings`` say.

    Raises:
        ChatModelError: no such file, not a GGUF, damaged, an architecture this llama.cpp
            does not know, no chat template, not a chat model, not enough memory, or GPU
            layers asked of a build without GPU support.
    """
    _require_gguf(path)
    if settings.gpu_layers and not llama_cpp.llama_supports_gpu_offload():
        raise ChatModelError(
            "RAG_CHAT__GPU_LAYERS is set, but this llama-cpp-python was built without GPU "
            "support. Reinstall it with a GPU backend, or set it to 0."
        )
    with _loading, _errors_of(path):
        header = _read_header(path, thinking=settings.thinking)
        window = min(settings.context_tokens, header.trained_tokens)
        threads = settings.threads or default_threads()
        batch = GPU_BATCH_TOKENS if settings.gpu_layers else CPU_BATCH_TOKENS
        cache = CACHE_TYPES[settings.kv_cache]
        llama = llama_cpp.Llama(
            str(path),
            n_ctx=-(-window // WINDOW_STEP) * WINDOW_STEP,
            n_batch=batch,
            n_ubatch=batch,
            n_threads=threads,
            n_threads_batch=threads,
            n_gpu_layers=settings.gpu_layers,
            type_k=cache,
            type_v=cache,
            flash_attn=_flash_attention(settings),
            verbose=False,
        )  # swa_full stays on: without it reused prefixes gave wrong text on gemma3
    window = min(llama.n_ctx(), header.trained_tokens)
    return LoadedModel(llama, header.template, window, _setup(settings, window, threads))


def backends() -> tuple[str, ...]:
    """What this build of llama.cpp computes with: "CPU", "CUDA", "Metal" …"""
    said = llama_cpp.llama_print_system_info().decode("utf-8", "replace")
    return tuple(dict.fromkeys(BACKEND_NAME.findall(said))) or ("CPU",)


def _setup(settings: ChatSettings, window: int, threads: int) -> str:
    layers = {0: "no layers on a GPU", -1: "all layers on the GPU"}.get(
        settings.gpu_layers, f"{settings.gpu_layers} layers on the GPU"
    )
    return (
        f"llama.cpp ({', '.join(backends())}), {layers}, {threads} threads, window of {window} "
        f"tokens, {settings.kv_cache} cache, flash attention "
        f"{'on' if _flash_attention(settings) else 'off'}"
    )


def _flash_attention(settings: ChatSettings) -> bool:
    """Raises ChatModelError for a combination that llama.cpp cannot run."""
    if settings.flash_attention != "auto":
        wanted = settings.flash_attention == "on"
        if settings.kv_cache != "f16" and not wanted:
            raise ChatModelError(
                f"A {settings.kv_cache} cache needs flash attention: set "
                "RAG_CHAT__FLASH_ATTENTION to auto, or RAG_CHAT__KV_CACHE to f16."
            )
        return wanted
    return settings.kv_cache != "f16" or settings.gpu_layers != 0


def default_threads() -> int:
    """All usable cores but one.

    The compute threads wait for each other after every operation: with one busy thread
    more than cores, decoding on two cores became about ten times slower.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (cores or 1) - 1)


def _require_gguf(path: Path) -> None:
    if path.is_dir():
        raise ChatModelError(f"{path} is a folder. Set RAG_CHAT__MODEL to the .gguf file itself.")
    try:
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
    except FileNotFoundError:
        raise ChatModelError(_not_here(path)) from None
    except OSError as error:
        raise ChatModelError(f"The chat model {path} cannot be read: {error.strerror}.") from error
    if magic != MAGIC:
        raise ChatModelError(
            f"{path} is not a GGUF file. Use a model in GGUF format (its name usually ends "
            "in .gguf), or convert this one with llama.cpp's convert_hf_to_gguf.py."
        )
    _require_parts(path)


def _not_here(path: Path) -> str:
    name = path.as_posix()
    reference = parse_reference(name)
    if lacks_organisation(name):
        return (
            f"{name!r} does not say whose model it is. Write organisation/name:quantisation, as in "
            "Qwen/Qwen3-4B-GGUF:Q4_K_M, and fetch that first with rag models pull; or the path of "
            f"a GGUF file. For a model that Ollama runs, set RAG_CHAT__MODEL={name} and "
            "RAG_CHAT__BASE_URL=http://127.0.0.1:11434/v1."
        )
    if reference is None:
        return (
            f"There is no chat model at {path}. Set RAG_CHAT__MODEL to a GGUF file, or leave "
            "it unset for extractive answers."
        )
    return (
        f"{reference} is neither a file nor a chat model that was fetched. Fetch it with: "
        f"rag models pull {reference}"
    )


def _require_parts(path: Path) -> None:
    """A model in several files is opened by its first, and llama.cpp finds the others."""
    parts = parts_of(path.name)
    if path.name != parts[0]:
        raise ChatModelError(
            f"{path} is one of {len(parts)} parts of a model. Set RAG_CHAT__MODEL to the first: "
            f"{path.with_name(parts[0])}"
        )
    for part in parts:
        if not path.with_name(part).is_file():
            raise ChatModelError(f"Of the chat model {path} the part {part} is missing.")


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    """Turn whatever loading raises into a ChatModelError that carries llama.cpp's reason."""
    _recent_errors.clear()
    llama_cpp.llama_log_set(_LOG_CALLBACK, None)
    try:
        yield
    except ChatModelError:
        raise
    except Exception as error:
        raise ChatModelError(_explain(path, [*_recent_errors, str(error)])) from error


def _explain(path: Path, reasons: list[str]) -> str:
    # The first error is the cause, the others follow from it.
    said = reasons[0].removeprefix("llama_model_load: error loading model: ")
    if any("unknown model architecture" in reason for reason in reasons):
        advice = "Upgrade llama-cpp-python, or use a model of an older family."
    elif any("cache type" in reason for reason in reasons):
        advice = "Set RAG_CHAT__KV_CACHE to f16."
    elif any("llama_context" in reason or "allocate" in reason for reason in reasons):
        advice = "Lower RAG_CHAT__CONTEXT_TOKENS, or use a smaller model."
    else:
        advice = "The file is damaged, incomplete or too old: download it again."
    return f"The chat model {path} cannot be loaded ({said}). {advice}"


def _read_header(path: Path, *, thinking: bool) -> ModelHeader:
    """Read the metadata alone, so that a wrong model is refused before gigabytes are read."""
    params = llama_cpp.llama_model_default_params()
    params.vocab_only = True
    model = llama_cpp.llama_model_load_from_file(os.fsencode(path), params)
    if not model:
        raise ValueError("its header cannot be read")
    try:
        architecture = _metadata(model, "general.architecture")
        _require_chat_model(path, model, architecture)
        return ModelHeader(
            int(_metadata(model, f"{architecture}.context_length") or WINDOW_STEP),
            _require_template(path, model, thinking=thinking),
        )
    finally:
        llama_cpp.llama_model_free(model)


def _require_chat_model(path: Path, model: object, architecture: str) -> None:
    pooled = _metadata(model, f"{architecture}.pooling_type") not in ("", "0")
    bidirectional = _metadata(model, f"{architecture}.attention.causal") == "false"
    encoder = _metadata(model, f"{architecture}.decoder_start_token_id") != ""
    if pooled or bidirectional or encoder:
        raise ChatModelError(
            f"{path} ({architecture}) is an embedding or encoder model and cannot chat. Set "
            "RAG_CHAT__MODEL to an instruction-tuned chat model."
        )


def _require_template(path: Path, model: object, *, thinking: bool) -> ChatTemplate:
    source: bytes | None = llama_cpp.llama_model_chat_template(model, None)
    if not source:
        raise ChatModelError(
            f"{path} has no chat template in its metadata, so it is probably not tuned for "
            "chat. Use the model's instruct or chat version."
        )
    vocab = llama_cpp.llama_model_get_vocab(model)
    try:
        template = ChatTemplate(
            source.decode("utf-8", "replace"),
            bos_token=token_text(vocab, llama_cpp.llama_vocab_bos(vocab)),
            eos_token=token_text(vocab, llama_cpp.llama_vocab_eos(vocab)),
            thinking=thinking,
        )
        template.render([ChatTurn("user", "?")])
    except Exception as error:  # a template is foreign code
        raise ChatModelError(
            f"The chat template in {path} cannot be used ({error}). Use another model file."
        ) from error
    return template


def _metadata(model: object, key: str) -> str:
    """A metadata value as text; "" when the file has none."""
    buffer = ctypes.create_string_buffer(256)
    length = llama_cpp.llama_model_meta_val_str(model, key.encode(), buffer, len(buffer))
    return buffer.value.decode("utf-8", "replace") if length > 0 else ""


def _log(level: int, text: bytes, _data: object) -> None:
    """Keep llama.cpp off stderr: what matters is raised, the rest is for debugging."""
    line = text.decode("utf-8", "replace").strip()
    if level == LOG_LEVEL_ERROR:
        _recent_errors.append(line)
    logger.debug("%s", line)


_LOG_CALLBACK = llama_cpp.llama_log_callback(_log)  # module level: llama.cpp keeps the pointer
