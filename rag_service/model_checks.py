"""Trying out a model: what it is, whether it works, and how fast. Behind `rag models check`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag_service.errors import InvalidRequest
from rag_service.generation.gguf_file import check_gguf
from rag_service.models.catalog import Kind
from rag_service.models.local import chat_file, is_provider, kind_of, located, models_folder
from rag_service.retrieval.cross_encoder import open_reranker
from rag_service.retrieval.embedding import open_embeddings
from rag_service.retrieval.embedding_model import EmbeddingModel, Vector
from rag_service.retrieval.gloss_embedding import GLOSS_KEY
from rag_service.settings import Settings
from rag_service.types import Chunk, Hit

_SPEED_TEXTS = 32
_UNIT_WITHIN = 1e-3


@dataclass(frozen=True, slots=True)
class Probe:
    """A question, a passage that answers it in other words, and one about something else."""

    language: str
    question: str
    right: str
    wrong: str


PROBES = (
    Probe(
        "English",
        "How long is the warranty of the recorder?",
        "The guarantee covers repairs for three years from the date of delivery.",
        "The canteen serves soup and fresh bread every day at noon.",
    ),
    Probe(
        "Chinese",
        "记录仪的保修期有多长？",
        "自交货之日起三年内，设备享受免费维修服务。",
        "食堂每天中午供应热汤和新鲜馒头。",
    ),
)


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """What was found: facts by what they are called, and what is wrong."""

    name: str
    kind: Kind
    facts: dict[str, str]
    problems: tuple[str, ...] = ()


def check_model(settings: Settings, name: str) -> ModelCheck:
    """Try out a model by its name, folder or file.

    Raises:
        InvalidRequest: nothing says what kind of model it is.
        ConfigError: it is not here, or cannot be loaded.
    """
    kind = kind_of(name, models_folder(settings.data_dir))
    if kind is None and not Path(name).exists():
        kind = "embedding"  # of the Hugging Face cache, or nowhere: loading it says so
    if kind is None:
        raise InvalidRequest(f"{name} is neither a GGUF file nor a folder with a model in it.")
    return _CHECKS[kind](settings, name)


def configured_models(settings: Settings) -> list[str]:
    """The local models that the settings name."""
    chat = None if settings.chat.base_url else settings.chat.model
    embedding = None if settings.embedding.base_url else settings.embedding.model
    named = (embedding, settings.retrieval.reranker, chat)
    return [name for name in named if name and not is_provider(name)]


# -- embedding models ------------------------------------------------------------------------


def _check_embeddings(settings: Settings, name: str) -> ModelCheck:
    own = {"model": name, "base_url": None}
    if name != settings.embedding.model:
        own |= {"query_prefix": None, "passage_prefix": None}
    chosen = settings.embedding.model_copy(update=own)
    started = time.perf_counter()
    model = open_embeddings(located(settings.model_copy(update={"embedding": chosen})).embedding)
    facts = {
        "loaded in": f"{time.perf_counter() - started:.1f} s",
        "weights (sha256)": model.identity.weights_sha256[:16],
        "dimension": str(model.dimension),
        "longest text": f"{model.max_tokens} tokens",
        "before questions": repr(model.identity.query_prefix),
        "before passages": repr(model.identity.passage_prefix),
        "gloss": _gloss(model),
    }
    problems: list[str] = []
    for probe in PROBES:
        facts[probe.language], problem = _similarity(model, probe)
        problems += problem
    facts |= {"speed": f"{_chunks_per_second(model):.1f} chunks/s", "memory": _peak_memory()}
    if settings.chunking.max_tokens > model.max_tokens:
        problems.append(
            f"it reads {model.max_tokens} tokens, but chunking.max_tokens is "
            f"{settings.chunking.max_tokens}"
        )
    return ModelCheck(model.identity.name, "embedding", facts, tuple(problems))


def _similarity(model: EmbeddingModel, probe: Probe) -> tuple[str, list[str]]:
    """A fact about one language, and what is wrong with it."""
    question = model.encode_query(probe.question)
    right, wrong = model.encode_passages([probe.right, probe.wrong])
    if question is None or right is None or wrong is None:
        return "not known to the model", []
    near, far = float(question @ right), float(question @ wrong)
    problems = [] if near > far else [f"{probe.language}: the wrong passage is the nearer one"]
    if not all(_is_unit(vector) for vector in (question, right, wrong)):
        problems.append("its vectors are not of unit length")
    return f"known; cosine {near:.2f} to the right passage, {far:.2f} to a wrong one", problems


def _gloss(model: EmbeddingModel) -> str:
    version = model.fingerprint().get(GLOSS_KEY)
    if version is None:
        return "not needed, it knows Chinese"
    return f"Chinese is read as English words ({version})" if version else "none"


def _is_unit(vector: Vector) -> bool:
    return abs(float(np.linalg.norm(vector)) - 1) < _UNIT_WITHIN


def _chunks_per_second(model: EmbeddingModel) -> float:
    """Over texts about as long as a chunk."""
    texts = [f"{n}. " + " ".join(probe.right for probe in PROBES[:1]) * 6 for n in range(64)]
    model.encode_passages(texts[:8])
    started = time.perf_counter()
    model.encode_passages(texts[:_SPEED_TEXTS])
    return _SPEED_TEXTS / (time.perf_counter() - started)


def _peak_memory() -> str:
    """Of this process, model and libraries together."""
    if sys.platform == "win32":
        return "not known"
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return f"{peak / (1e6 if sys.platform == 'darwin' else 1e3):.0f} MB"


# -- rerankers ---------------------------------------------------------------------------------


def _check_reranker(settings: Settings, name: str) -> ModelCheck:
    retrieval = settings.retrieval.model_copy(update={"reranker": name})
    started = time.perf_counter()
    reranker = open_reranker(
        located(settings.model_copy(update={"retrieval": retrieval})).retrieval
    )
    assert reranker is not None, "one is named just above; this is a bug"
    facts = {"loaded in": f"{time.perf_counter() - started:.1f} s"}
    problems: list[str] = []
    for probe in PROBES:
        started = time.perf_counter()
        wrong, right = (
            Hit(_chunk(n, text), 0.5) for n, text in ((1, probe.wrong), (2, probe.right))
        )
        hits = reranker.rerank(probe.question, [wrong, right]).hits
        if all(hit.rerank is None for hit in hits):
            facts[probe.language] = "not known to the model"
        elif hits[0].chunk.text != probe.right:
            problems.append(f"{probe.language}: the wrong passage comes first")
        else:
            facts[probe.language] = "known; the right passage comes first"
    facts["memory"] = _peak_memory()
    return ModelCheck(reranker.name, "reranker", facts, tuple(problems))


def _chunk(number: int, text: str) -> Chunk:
    return Chunk(number, number, 0, "probe.txt", "", "", None, 0, len(text), text)


# -- chat models ---------------------------------------------------------------------------------


def _check_chat(settings: Settings, name: str) -> ModelCheck:
    path = chat_file(models_folder(settings.data_dir), name) or Path(name)
    header = check_gguf(path)
    facts = {
        "file": f"{path.name}, {path.stat().st_size / 1e6:.0f} MB",
        "window": f"{header.trained_tokens} tokens",
        "chat template": "found and usable",
    }
    return ModelCheck(name, "chat", facts)


_CHECKS: dict[Kind, Callable[[Settings, str], ModelCheck]] = {
    "embedding": _check_embeddings,
    "reranker": _check_reranker,
    "chat": _check_chat,
}
