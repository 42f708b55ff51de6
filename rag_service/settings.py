"""Settings: read once, typed, passed in.

Order of precedence: ``RAG_`` environment variables (nested with ``__``, e.g.
``RAG_CHAT__MODEL``), then ``rag.toml`` in the working directory (or the file named by
``RAG_CONFIG``), then the defaults below. Unknown keys are refused in both places.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from rag_service.errors import ConfigError
from rag_service.setting_names import ENV_PREFIX, unknown_key, unknown_variables

CONFIG_VARIABLE = "RAG_CONFIG"
# What becomes of a sentence that no source supports.
Unsupported = Literal["mark", "remove", "refuse"]
BUILTIN_EMBEDDING = "all-MiniLM-L6-v2"

AnswerStyle = Literal["plain", "steps"]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EmbeddingSettings(_Group):
    model: str = Field(
        BUILTIN_EMBEDDING,
        description="Embedding model: the built-in name, a folder in sentence-transformers "
        "format, the name of a model already in the local Hugging Face cache, or provider:name "
        "for LangChain's init_embeddings (e.g. ollama:bge-m3).",
    )
    base_url: str | None = Field(
        None, description="URL of an OpenAI-compatible server; `model` is then its model name."
    )
    api_key: str | None = Field(None, description="Key for that server.", repr=False)
    max_tokens: int | None = Field(
        None,
        ge=64,
        description="Longest text a provider's model reads, in tokens; unset: 512. "
        "Local models know theirs.",
    )
    query_prefix: str | None = Field(
        None, description="Text put before every question; unset: what the model is known to want."
    )
    passage_prefix: str | None = Field(
        None, description="Text put before every passage; unset: what the model is known to want."
    )
    gloss: Literal["auto", "off"] = Field(
        "auto",
        description="Read Chinese through a Chinese-English dictionary, so that questions and "
        "documents of the two languages find each other: auto (where the model knows no Chinese) "
        "or off.",
    )
    device: str = Field("cpu", description="torch device: cpu, cuda, cuda:0, mps.")
    threads: int | None = Field(
        None, ge=1, description="CPU threads; unset: all cores to ingest, one for a question."
    )
    batch_size: int = Field(16, ge=1, le=1024, description="Texts per forward pass.")


class ChatSettings(_Group):
    model: str | None = Field(
        None,
        description="Chat model: path of a GGUF file, the name of one that `rag models pull` has "
        "fetched (e.g. Qwen/Qwen3-4B-GGUF:Q4_K_M), or provider:name for LangChain's "
        "init_chat_model (e.g. openai:qwen3). Unset: answers are extractive.",
    )
    base_url: str | None = Field(
        None, description="URL of an OpenAI-compatible server; `model` is then its model name."
    )
    api_key: str | None = Field(None, description="Key for that server.", repr=False)
    context_tokens: int = Field(
        4096, ge=512, le=1_048_576, description="Context window for a GGUF model, in tokens."
    )
    max_tokens: int = Field(512, ge=1, description="Longest answer, in tokens.")
    temperature: float = Field(0.0, ge=0, le=2, description="0: the same answer every time.")
    seed: int | None = Field(
        None,
        ge=0,
        le=2**32 - 2,
        description="With a temperature above 0: the same seed gives the same answer; unset: "
        "another one every time.",
    )
    thinking: bool = Field(
        False,
        description="Let a GGUF model think first, if its template has a switch for that (Qwen3). "
        "Takes time and tokens, which count towards max_tokens.",
    )
    threads: int | None = Field(
        None, ge=1, description="CPU threads for the GGUF model; unset: all cores but one."
    )
    gpu_layers: int = Field(0, ge=-1, description="Model layers put on the GPU; -1: all.")
    kv_cache: Literal["f16", "q8_0"] = Field(
        "f16",
        description="How the GGUF model's memory of the context is stored: q8_0 takes half the "
        "room, and turns flash attention on.",
    )
    flash_attention: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Flash attention of llama.cpp; auto: with layers on a GPU or a q8_0 cache.",
    )
    prefix_cache_mb: int = Field(
        256,
        ge=0,
        description="Memory for what a GGUF model has computed of its instructions, so that "
        "questions and rewritten follow-ups that take turns need not read them again; 0: none.",
    )
    unsupported: Unsupported = Field(
        "mark",
        description="What happens to sentences of the chat model that no source supports: mark "
        "(they are shown, and named as such), remove, or refuse (the whole answer). Other than "
        "with mark, an answer is streamed only when all of it has been checked. Sentences that "
        "could not be verified, because the sources are in another language, stay.",
    )
    deadline_s: float = Field(
        600.0,
        gt=0,
        description="Longest time the chat model may take for one request, waiting included, in "
        "seconds; then the answer is stopped and the request fails with 504.",
    )
    queue_size: int = Field(
        8,
        ge=0,
        description="Questions allowed to wait for the GGUF model; more are refused at once "
        "with 503, because a long queue only turns into timeouts.",
    )


class ChunkSettings(_Group):
    max_tokens: int = Field(
        128, ge=16, le=8192, description="Longest chunk, in tokens of the embedding model."
    )


class RetrievalSettings(_Group):
    top_k: int = Field(8, ge=1, le=100, description="Passages handed to the answer.")
    candidates: int = Field(120, ge=1, le=1000, description="Candidates taken from each leg.")
    dense_weight: float = Field(1.86, ge=0, description="Weight of the embedding leg.")
    lexical_weight: float = Field(1.0, ge=0, description="Weight of the BM25 leg.")
    reranked: int = Field(
        20, ge=5, le=1000, description="Best candidates whose texts are read to reorder them."
    )
    coverage_weight: float = Field(
        0.2,
        ge=0,
        description="Weight, beside the fused score of 1, of how much of the question one "
        "sentence covers.",
    )
    answer_kind_weight: float = Field(
        0.15,
        ge=0,
        description="Weight of holding the kind of answer asked for (a date, a number, a name).",
    )
    reranker: str | None = Field(
        None,
        description="Cross-encoder that reads the question and each candidate together: a folder "
        "in sentence-transformers format, or the name of a model already in the local Hugging "
        "Face cache. Unset: none.",
    )
    reranker_budget_ms: int = Field(
        1000,
        ge=1,
        description="Time the cross-encoder may take for a question, in milliseconds; candidates "
        "beyond it keep their places below.",
    )
    reranker_device: str = Field("cpu", description="torch device: cpu, cuda, cuda:0, mps.")
    reranker_threads: int | None = Field(
        None, ge=1, description="CPU threads for the cross-encoder; unset: all cores."
    )


class AnswerSettings(_Group):
    min_confidence: float = Field(
        0.35,
        ge=0,
        le=1,
        description="Below this probability that the passages hold the answer, the answer is a "
        "refusal.",
    )
    style: AnswerStyle = Field(
        "plain",
        description="How the chat model answers: plain, or steps (first the numbered steps that "
        "lead to the answer, which takes more tokens).",
    )
    examples: bool = Field(
        False,
        description="Show the chat model the worked examples from the prompt folder before the "
        "question; helps small models, takes some hundred tokens of the window.",
    )


class IngestSettings(_Group):
    jobs: int | None = Field(
        None, ge=1, le=64, description="Parser processes; unset: one per core, at most four."
    )
    parse_timeout_s: float = Field(
        300.0, gt=0, description="Longest time one file may parse, in seconds, OCR included."
    )
    parse_memory_mb: int = Field(2048, ge=256, description="Most memory one parser may take.")
    max_file_mb: int = Field(4096, ge=1, description="Larger files are reported, not read.")
    include: tuple[str, ...] = Field(
        (), description="Only files that match one of these patterns (as in .gitignore) are read."
    )
    exclude: tuple[str, ...] = Field(
        (), description="Files that match one of these patterns (as in .gitignore) are left out."
    )
    follow_links: bool = Field(
        False, description="Follow symbolic links that stay within the ingested folder."
    )
    passwords: tuple[str, ...] = Field(
        (), description="Passwords tried on encrypted files.", repr=False
    )
    ocr: bool = Field(True, description="Read scanned pages, where the `ocr` extra is installed.")
    worker: Literal["auto", "external"] = Field(
        "auto",
        description="Who starts the worker that takes in uploads: auto (`rag serve`, when there "
        "is something to do) or external (you run `rag worker`).",
    )


class ApiSettings(_Group):
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on.")
    max_question_chars: int = Field(
        8000, ge=1, description="Longest question or query accepted, in characters."
    )
    max_body_bytes: int = Field(4_194_304, ge=1024, description="Largest request body accepted.")
    max_upload_mb: int = Field(
        200, ge=1, description="Largest upload accepted: one request, all its files together."
    )
    shutdown_s: float = Field(
        5.0,
        ge=0,
        le=3600,
        description="When the service is told to stop, answers in progress get so many seconds to "
        "end; then their streams end with an error event.",
    )
    allowed_hosts: tuple[str, ...] = Field(
        (),
        description="Names by which the service may be called, besides localhost, `api.host` and "
        "IP addresses: *.example.org for all below, * for any.",
    )


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,  # compose passes unset variables as empty ones
        extra="forbid",
        frozen=True,
    )

    data_dir: Path = Field(Path("data"), description="Folder that holds all collections.")
    prompts_dir: Path | None = Field(
        None,
        description="Folder of your own prompt templates; files missing there are taken "
        "from the built-in set.",
    )
    embedding: EmbeddingSettings = EmbeddingSettings()
    chat: ChatSettings = ChatSettings()
    chunking: ChunkSettings = ChunkSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    answer: AnswerSettings = AnswerSettings()
    ingest: IngestSettings = IngestSettings()
    api: ApiSettings = ApiSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = TomlConfigSettingsSource(settings_cls, _config_file())
        return init_settings, env_settings, toml


def _config_file() -> Path:
    return Path(os.environ.get(CONFIG_VARIABLE) or "rag.toml")


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; ``overrides`` take the place of what is read.

    Raises:
        ConfigError: an unknown name, a value that does not fit, or an unreadable file.
    """
    # pydantic-settings ignores environment variables that match no field, so a
    # misspelt one would silently do nothing.
    unknown = unknown_variables(os.environ, Settings, CONFIG_VARIABLE)
    if unknown:
        raise ConfigError(" ".join(unknown))
    if os.environ.get(CONFIG_VARIABLE) and not _config_file().is_file():
        raise ConfigError(f"{CONFIG_VARIABLE} names {_config_file()}, which is not a file.")
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise ConfigError(_problems(error)) from error
    except ValueError as error:  # a rag.toml that is not TOML, a nested value that is not JSON
        raise ConfigError(f"Settings cannot be read: {error}") from error


def _problems(error: ValidationError) -> str:
    unknown: list[str] = []
    unfit: list[str] = []
    for item in error.errors():
        path = [str(part) for part in item["loc"]]
        if item["type"] == "extra_forbidden":
            unknown.append(unknown_key(path, Settings, os.environ, str(_config_file())))
        else:
            unfit.append(f"{'.'.join(path)}: {item['msg']}")
    return " ".join([*unknown, *([f"Settings do not fit: {'; '.join(unfit)}"] if unfit else [])])
