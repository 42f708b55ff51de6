"""Where the models of one data folder lie, and which files a name stands for.

<data>/models/<organisation>/<name>/    what `rag models pull` fetched, with ``pulled.json``
<data>/models/.incoming/…               what it has not finished fetching

Only looks at files; loads nothing and reaches no network.
"""

from __future__ import annotations

import glob
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag_service.models.catalog import Kind, known_model
from rag_service.models.references import (
    GGUF,
    Reference,
    first_parts,
    is_repository_name,
    lacks_organisation,
    matching,
    parse_reference,
    parts_of,
)
from rag_service.settings import EmbeddingSettings, Settings

RECORD = "pulled.json"
INCOMING = ".incoming"


@dataclass(frozen=True, slots=True)
class Pulled:
    """A model that was fetched. ``revision`` is the commit it was fetched at."""

    name: str
    revision: str
    folder: Path
    megabytes: int


def models_folder(data_dir: Path) -> Path:
    """Where a data folder keeps its models."""
    return data_dir / "models"


def folder_of(models: Path, name: str) -> Path | None:
    """The folder of a model that was fetched, or copied there by hand; None if it is not there.

    The organisation may be left out where that leaves no choice.
    """
    if is_repository_name(name):
        folder = models / name
        return folder if folder.is_dir() else None
    if "/" in name or name in ("", ".", ".."):
        return None
    found = list(models.glob(f"[!.]*/{glob.escape(name)}"))
    return found[0] if len(found) == 1 and found[0].is_dir() else None


def chat_file(models: Path, name: str) -> Path | None:
    """The GGUF file of a chat model that was fetched; of one in parts, the first.

    The one recommended where ``name`` leaves a choice; None where it still does, or where a
    part is missing.
    """
    reference = parse_reference(name) or Reference(*name.partition(":")[::2])
    folder = folder_of(models, reference.repository)
    if folder is None:
        return None
    here = [path for path in first_parts(gguf_files(folder)) if _is_whole(folder, path)]
    known = known_model(reference.repository)
    if known and known.file in here and not (reference.tag or reference.file):
        return folder / known.file
    found = matching(reference, here)
    return folder / found[0] if len(found) == 1 else None


def _is_whole(folder: Path, path: str) -> bool:
    return all((folder / part).is_file() for part in parts_of(path))


def gguf_files(folder: Path) -> list[str]:
    """Paths within the folder of a model, as deep as a repository may keep them."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() == GGUF)
    return [path.relative_to(folder).as_posix() for path in found]


def kind_of(model: str, models: Path) -> Kind | None:
    """What a model is for, by its name or by what is in its folder or file; None if unknown."""
    reference = parse_reference(model)
    known = known_model(reference.repository if reference else model)
    if known:
        return known.kind
    if lacks_organisation(model) or (reference and (reference.tag or reference.file)):
        return "chat"
    folder = folder_of(models, model) or Path(model)
    if folder.suffix.lower() == GGUF or gguf_files(folder):
        return "chat"
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "embedding" if (folder / "modules.json").is_file() else None
    names = config.get("architectures") or [""]
    return "reranker" if str(names[0]).endswith("ForSequenceClassification") else "embedding"


def pulled_models(models: Path) -> list[Pulled]:
    """Everything that was fetched, or copied there by hand (then without a revision)."""
    folders = (folder for folder in models.glob("[!.]*/*") if folder.is_dir())
    return [pulled_model(models, folder) for folder in sorted(folders)]


def pulled_model(models: Path, folder: Path) -> Pulled:
    """What is known of one model's folder."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    name = folder.relative_to(models).as_posix()
    return Pulled(name, str(_record(folder).get("revision", "")), folder, round(size / 1e6))


def recorded_name(folder: Path) -> str | None:
    """The name a fetched model's folder says it has; None for any other folder."""
    return str(_record(folder).get("name", "")) or None


def is_provider(model: str) -> bool:
    """Whether a setting names a LangChain provider, as openai:qwen3, and not a file or a hub's."""
    provider, colon, _ = model.partition(":")
    drive = len(provider) == 1  # C:\models\a.gguf
    if not colon or drive or "/" in provider or lacks_organisation(model):
        return False
    return not Path(model).exists()


def located(settings: Settings) -> Settings:
    """The settings with the folders and files of fetched models in place of their names."""
    models = models_folder(settings.data_dir)
    embedding, reranker = settings.embedding, settings.retrieval.reranker
    update: dict[str, Any] = {"embedding": located_embedding(embedding, models)}
    if reranker and (folder := folder_of(models, reranker)):
        retrieval = settings.retrieval.model_copy(update={"reranker": str(folder)})
        update["retrieval"] = retrieval
    chat = settings.chat
    if chat.model and not chat.base_url and (file := chat_file(models, chat.model)):
        update["chat"] = chat.model_copy(update={"model": str(file)})
    return settings.model_copy(update=update)


def located_embedding(settings: EmbeddingSettings, models: Path) -> EmbeddingSettings:
    """The same for the embedding model alone."""
    folder = None if settings.base_url else folder_of(models, settings.model)
    return settings.model_copy(update={"model": str(folder)}) if folder else settings


def _record(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # copied by hand
        return {}
    return found if isinstance(found, dict) else {}
