"""The recommended models and those that are on this machine, as `rag models list` shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rag_service.models.catalog import MODELS, KnownModel, known_prefixes
from rag_service.models.local import Pulled, kind_of, models_folder, pulled_models
from rag_service.models.references import parse_reference, tag_of
from rag_service.settings import BUILTIN_EMBEDDING, Settings


@dataclass(frozen=True, slots=True)
class ListedModel:
    """One line. What is not known of a model is 0 or "".

    ``where``: "built in", "fetched", "cache" (of Hugging Face), or "" when it is not here.
    ``used_by``: the collections whose vectors it made, and the settings that name it.
    ``file``: which of a chat model's files is recommended.
    """

    name: str
    kind: str
    languages: str
    dimension: int
    max_tokens: int
    megabytes: int
    licence: str
    query_prefix: str
    passage_prefix: str
    where: str
    revision: str
    used_by: tuple[str, ...]
    note: str
    file: str = ""

    @property
    def reference(self) -> str:
        """The name that `rag models pull` and the settings take, with the quantisation."""
        tag = tag_of(self.file).upper()
        return f"{self.name}:{tag}" if tag else self.name


def inventory(settings: Settings, in_collections: Mapping[str, str]) -> list[ListedModel]:
    """The recommended models, then the others that are here or in use.

    ``in_collections``: the model of each collection, by its name.
    """
    models = models_folder(settings.data_dir)
    fetched = {found.name: found for found in pulled_models(models)}
    uses = _uses(settings, in_collections)
    listed = [_known(known, fetched.get(known.name), uses) for known in MODELS]
    named = {known.name for known in MODELS}
    others = sorted({*fetched, *uses} - named)
    return listed + [_other(name, fetched.get(name), models, uses) for name in others]


def _uses(settings: Settings, in_collections: Mapping[str, str]) -> dict[str, list[str]]:
    uses: dict[str, list[str]] = {}
    for collection, model in in_collections.items():
        uses.setdefault(model, []).append(f"collection {collection}")
    named: Iterable[tuple[str | None, str]] = (
        (settings.embedding.model, "RAG_EMBEDDING__MODEL"),
        (settings.retrieval.reranker, "RAG_RETRIEVAL__RERANKER"),
        (_repository(settings.chat.model), "RAG_CHAT__MODEL"),
    )
    for name, setting in named:
        if name:
            uses.setdefault(name, []).append(setting)
    return uses


def _repository(model: str | None) -> str | None:
    """The listed name of a chat model, whichever of its files is set."""
    reference = parse_reference(model) if model else None
    return reference.repository if reference else model


def _known(known: KnownModel, fetched: Pulled | None, uses: Mapping[str, list[str]]) -> ListedModel:
    prefixes = known_prefixes(known.name)
    return ListedModel(
        name=known.name,
        kind=known.kind,
        languages=known.languages,
        dimension=known.dimension,
        max_tokens=known.max_tokens,
        megabytes=known.megabytes,
        licence=known.licence,
        query_prefix=prefixes.query,
        passage_prefix=prefixes.passage,
        where=_where(known, fetched),
        revision=fetched.revision if fetched else "",
        used_by=tuple(uses.get(known.name, ())),
        note=known.note,
        file=known.file,
    )


def _other(
    name: str, fetched: Pulled | None, models: Path, uses: Mapping[str, list[str]]
) -> ListedModel:
    prefixes = known_prefixes(name)
    return ListedModel(
        name=name,
        kind=kind_of(name, models) or "",
        languages="",
        dimension=0,
        max_tokens=0,
        megabytes=fetched.megabytes if fetched else 0,
        licence="",
        query_prefix=prefixes.query,
        passage_prefix=prefixes.passage,
        where="fetched" if fetched else "",
        revision=fetched.revision if fetched else "",
        used_by=tuple(uses.get(name, ())),
        note="",
    )


def _where(known: KnownModel, fetched: Pulled | None) -> str:
    if known.name == BUILTIN_EMBEDDING:
        return "built in"
    if fetched:
        return "fetched"
    return "cache" if _in_cache(known) else ""


def _in_cache(known: KnownModel) -> bool:
    """Whether another program has fetched it; only looks at files."""
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(known.name, known.file or "config.json"), str)
