"""Recommended models, and what every known model wants put before its texts.

The one source for both. Facts are those of the models' own cards (sizes in MB of what is
downloaded); a model does not have to be listed here to be used.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["embedding", "reranker", "chat"]


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Text put before every question and every passage, as the model was trained with."""

    query: str = ""
    passage: str = ""


@dataclass(frozen=True, slots=True)
class KnownModel:
    """One recommended model.

    ``languages``: "en", "zh", "zh, en" or "many" (which includes both). ``dimension`` is 0 for
    what makes no vectors; ``max_tokens`` is the longest input the model was made for. ``file``
    is the one file a chat model consists of.
    """

    name: str
    kind: Kind
    languages: str
    megabytes: int
    max_tokens: int
    licence: str
    dimension: int = 0
    file: str = ""
    note: str = ""


_E5 = Prefixes("query: ", "passage: ")
_BGE_ZH = Prefixes(query="为这个句子生成表示以用于检索相关文章：")
_BGE_EN = Prefixes(query="Represent this sentence for searching relevant passages: ")

# By the beginning of a model's own name, so that a local copy and a fine-tuned one are known
# too. The longest beginning counts. Source: the cards of intfloat/e5 and BAAI/bge.
_PREFIXES: dict[str, Prefixes] = {
    "multilingual-e5-": _E5,
    "multilingual-e5-large-instruct": Prefixes(
        query="Instruct: Given a web search query, retrieve relevant passages that answer the "
        "query\nQuery: "
    ),
    "e5-small": _E5,
    "e5-base": _E5,
    "e5-large": _E5,
    "bge-small-zh": _BGE_ZH,
    "bge-base-zh": _BGE_ZH,
    "bge-large-zh": _BGE_ZH,
    "bge-small-en": _BGE_EN,
    "bge-base-en": _BGE_EN,
    "bge-large-en": _BGE_EN,
}

MODELS: tuple[KnownModel, ...] = (
    KnownModel(
        "all-MiniLM-L6-v2",
        "embedding",
        "en",
        91,
        256,
        "Apache-2.0",
        384,
        note="built in: nothing to download",
    ),
    KnownModel("BAAI/bge-small-en-v1.5", "embedding", "en", 134, 512, "MIT", 384),
    KnownModel("BAAI/bge-base-en-v1.5", "embedding", "en", 438, 512, "MIT", 768),
    KnownModel("BAAI/bge-small-zh-v1.5", "embedding", "zh", 96, 512, "MIT", 512),
    KnownModel("BAAI/bge-base-zh-v1.5", "embedding", "zh", 409, 512, "MIT", 768),
    KnownModel(
        "intfloat/multilingual-e5-small",
        "embedding",
        "many",
        490,
        512,
        "MIT",
        384,
        note="the first one to try for Chinese and English together",
    ),
    KnownModel("intfloat/multilingual-e5-base", "embedding", "many", 1130, 512, "MIT", 768),
    KnownModel("intfloat/multilingual-e5-large", "embedding", "many", 2260, 512, "MIT", 1024),
    KnownModel(
        "BAAI/bge-m3",
        "embedding",
        "many",
        2290,
        8192,
        "MIT",
        1024,
        note="weights are published as a pickle and converted on arrival",
    ),
    KnownModel("Qwen/Qwen3-Embedding-0.6B", "embedding", "many", 1200, 32768, "Apache-2.0", 1024),
    KnownModel("cross-encoder/ms-marco-MiniLM-L6-v2", "reranker", "en", 91, 512, "Apache-2.0"),
    KnownModel(
        "cross-encoder/mmarco-mMiniLMv2-L12-H384-v1", "reranker", "many", 490, 512, "Apache-2.0"
    ),
    KnownModel("BAAI/bge-reranker-base", "reranker", "zh, en", 1130, 512, "MIT"),
    KnownModel("BAAI/bge-reranker-v2-m3", "reranker", "many", 2290, 8192, "Apache-2.0"),
    KnownModel(
        "Qwen/Qwen2.5-0.5B-Instruct-GGUF",
        "chat",
        "many",
        491,
        32768,
        "Apache-2.0",
        file="qwen2.5-0.5b-instruct-q4_k_m.gguf",
    ),
    KnownModel(
        "Qwen/Qwen2.5-1.5B-Instruct-GGUF",
        "chat",
        "many",
        1120,
        32768,
        "Apache-2.0",
        file="qwen2.5-1.5b-instruct-q4_k_m.gguf",
    ),
    KnownModel(
        "Qwen/Qwen3-0.6B-GGUF",
        "chat",
        "many",
        639,
        32768,
        "Apache-2.0",
        file="Qwen3-0.6B-Q8_0.gguf",
    ),
    KnownModel(
        "Qwen/Qwen3-1.7B-GGUF",
        "chat",
        "many",
        1834,
        32768,
        "Apache-2.0",
        file="Qwen3-1.7B-Q8_0.gguf",
    ),
    KnownModel(
        "Qwen/Qwen3-4B-GGUF",
        "chat",
        "many",
        2500,
        32768,
        "Apache-2.0",
        file="Qwen3-4B-Q4_K_M.gguf",
    ),
    KnownModel(
        "Qwen/Qwen3-8B-GGUF",
        "chat",
        "many",
        5030,
        32768,
        "Apache-2.0",
        file="Qwen3-8B-Q4_K_M.gguf",
    ),
)

_BY_NAME = {model.name.lower(): model for model in MODELS}


def known_model(name: str) -> KnownModel | None:
    """The recommended model of this name, in whatever case; None for any other."""
    return _BY_NAME.get(name.lower())


def known_prefixes(model: str) -> Prefixes:
    """What the model of this name, or in this folder, is known to want; nothing if unknown."""
    name = own_name(model).lower()
    matching = [start for start in _PREFIXES if name.startswith(start)]
    return _PREFIXES[max(matching, key=len)] if matching else Prefixes()


def own_name(model: str) -> str:
    """The last part of a model's name: of "org/name", of a folder, of a folder in a hub cache.

    A cache keeps the model "org/name" in ``models--org--name/snapshots/REVISION``.
    """
    parts = Path(model).parts
    cached = [part for part in parts if part.startswith("models--")]
    return cached[-1].rpartition("--")[2] if cached else Path(model).name
