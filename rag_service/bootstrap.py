"""The composition root: the only place that chooses real parts from settings.

What takes long to import and is not always needed is imported where it is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings

from rag_service.errors import ChatModelError
from rag_service.filters import Filters
from rag_service.generation.backend import ChatBackend, LlamaBackend
from rag_service.generation.prompts import PromptLibrary
from rag_service.models.local import is_provider, located, models_folder
from rag_service.retrieval.cross_encoder import open_reranker
from rag_service.retrieval.embedding import open_embeddings
from rag_service.retrieval.embedding_adapter import adapted
from rag_service.retrieval.embedding_model import EmbeddingModel
from rag_service.retrieval.model_shelf import ModelShelf
from rag_service.retrieval.retriever import HybridSearch
from rag_service.retrieval.served import ServedCollections
from rag_service.search_types import SearchResult
from rag_service.service import Service
from rag_service.settings import ChatSettings, EmbeddingSettings, Settings, load_settings
from rag_service.store.library import Library
from rag_service.text.analysis import analyze_query
from rag_service.text.language import detect_language

if TYPE_CHECKING:
    from rag_service.retrieval.langchain import CollectionRetriever

log = logging.getLogger(__name__)


def open_library(settings: Settings) -> Library:
    """Collections without models: for status and verification."""
    return Library(settings.data_dir)


def open_service(
    settings: Settings, embeddings: Embeddings | EmbeddingModel | None = None
) -> Service:
    """Load the models and open the collections; takes seconds.

    ``embeddings`` takes the place of the model that the settings name; the collections must
    have been ingested with it.

    Raises:
        ConfigError: a model or prompt cannot be used.
    """
    settings = located(settings)
    prompts = open_prompts(settings)
    chat = open_chat(settings.chat)  # first: a wrong path is told at once
    _require_room_for_prompts(chat, settings.chat, prompts)
    search = _open_search(settings, embeddings)
    library = Library(settings.data_dir)
    served = _served(settings, library, search.embeddings)
    return Service(settings, library, served, search, prompts, chat)


def open_prompts(settings: Settings) -> PromptLibrary:
    """The prompt files, built in or the user's.

    Raises:
        PromptError: one of them cannot be used; the message names file and line.
    """
    answer = settings.answer
    return PromptLibrary.load(
        settings.prompts_dir, style=answer.style, show_examples=answer.examples
    )


@contextmanager
def open_retriever(
    collection: str = "default",
    *,
    top_k: int | None = None,
    filters: Filters | None = None,
    settings: Settings | None = None,
    embeddings: Embeddings | EmbeddingModel | None = None,
) -> Iterator[CollectionRetriever]:
    """One collection as a LangChain retriever, without a service around it.

    ``settings``: as `load_settings` reads them, if not given. ``embeddings``: see
    `open_service`. Loading the models takes seconds. To be used in a ``with`` statement, at
    whose end the files are closed.

    Raises:
        CollectionNotFound, IndexMismatch: the collection cannot be searched with this model.
        ConfigError: a model or a setting cannot be used.
    """
    from rag_service.retrieval.langchain import CollectionRetriever

    settings = located(settings or load_settings())
    hybrid = _open_search(settings, embeddings)
    with closing(Library(settings.data_dir)) as library:
        served = _served(settings, library, hybrid.embeddings)
        served.open(collection)  # what is wrong with it is told now

        def search(query: str, k: int, narrowed: Filters | None) -> SearchResult:
            model, view = served.view(collection)
            bound = replace(hybrid, embeddings=model)
            return bound.search(view, query, top_k=k, filters=narrowed)

        yield CollectionRetriever(
            search=search, top_k=top_k or settings.retrieval.top_k, filters=filters
        )


def _open_search(settings: Settings, given: Embeddings | EmbeddingModel | None) -> HybridSearch:
    embeddings = adapted(given) if given else _open_model(settings.embedding)
    _warm_up(embeddings)
    return HybridSearch(embeddings, settings.retrieval, open_reranker(settings.retrieval))


def _open_model(settings: EmbeddingSettings) -> EmbeddingModel:
    # A question is a few tokens: more threads would only wait for each other.
    return open_embeddings(settings, threads=1)


def _served(settings: Settings, library: Library, configured: EmbeddingModel) -> ServedCollections:
    models = models_folder(settings.data_dir)
    shelf = ModelShelf(settings.embedding, models, _open_model, configured)
    return ServedCollections(library, shelf)


def _warm_up(embeddings: EmbeddingModel) -> None:
    """Pay here for what is made at first use: a second, which no question should wait for."""
    embeddings.encode_passages(["warm up"])
    analyze_query("預熱 warm up")
    detect_language("預熱")


def open_chat(settings: ChatSettings) -> ChatBackend | None:
    """The chat model that the settings name, if any; loading one may take seconds.

    Raises:
        ChatModelError: it cannot be used.
    """
    if settings.base_url and not settings.model:
        raise ChatModelError(
            "RAG_CHAT__BASE_URL is set, but not RAG_CHAT__MODEL: name the model of that server."
        )
    if not settings.model:
        log.info("No chat model is set: answers are extractive.")
        return None
    if settings.base_url:
        return _open_provider(settings, settings.model, model_provider="openai")
    if is_provider(settings.model):
        return _open_provider(settings, settings.model)
    from rag_service.generation.chat_model import open_llama_chat

    return LlamaBackend(open_llama_chat(settings))


def _require_room_for_prompts(
    chat: ChatBackend | None, settings: ChatSettings, prompts: PromptLibrary
) -> None:
    if chat is None:
        return
    window = chat.context_tokens
    if settings.max_tokens >= window:
        chat.close()
        raise ChatModelError(
            f"chat.max_tokens is {settings.max_tokens}, but the model's window holds {window} "
            "tokens for prompt and answer together. Lower RAG_CHAT__MAX_TOKENS, or raise "
            "RAG_CHAT__CONTEXT_TOKENS if the model allows."
        )
    longest = max(map(chat.count, prompts.frames()))
    if prompts.show_examples and longest + settings.max_tokens >= window:
        chat.close()
        raise ChatModelError(
            f"The examples of the prompts leave no room in the model's window of {window} tokens, "
            f"of which {settings.max_tokens} are kept for the answer. Turn RAG_ANSWER__EXAMPLES "
            "off, or raise RAG_CHAT__CONTEXT_TOKENS if the model allows."
        )


def _open_provider(settings: ChatSettings, model: str, **options: Any) -> ChatBackend:
    from langchain.chat_models import init_chat_model

    from rag_service.generation.remote import LangChainBackend

    if settings.base_url:
        options |= {"base_url": settings.base_url, "api_key": settings.api_key or "none"}
        options["stream_usage"] = True  # off by itself for servers that are not OpenAI's
    if settings.seed is not None:  # not every provider knows it
        options["seed"] = settings.seed
    try:
        chat = init_chat_model(model, temperature=settings.temperature, **options)
    except Exception as error:  # of every provider's own kind, as for a key that is not set
        raise ChatModelError(
            f"Chat model {model!r} cannot be opened: {error} (For an OpenAI-compatible server: "
            "pip install 'local-rag-service[openai]'.)"
        ) from error
    where = settings.base_url or "LangChain"
    return LangChainBackend(chat, model, settings.context_tokens, f"{model} at {where}")
