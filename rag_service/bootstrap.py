"""The composition root: the only place that chooses real parts from settings."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

from langchain.chat_models import init_chat_model
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever

from rag_service.answering import Answerer, Corpus, Question
from rag_service.errors import ChatModelError, NotUploaded, RagError
from rag_service.generation.backend import ChatBackend, LlamaBackend
from rag_service.generation.chat_model import open_llama_chat
from rag_service.generation.nearness import nearness_of
from rag_service.generation.prompts import PromptLibrary
from rag_service.generation.remote import LangChainBackend
from rag_service.models.local import is_provider, located, models_folder
from rag_service.retrieval.calibration_file import Calibrations
from rag_service.retrieval.cross_encoder import open_reranker
from rag_service.retrieval.embedding import open_embeddings
from rag_service.retrieval.embedding_adapter import adapted
from rag_service.retrieval.embedding_model import EmbeddingModel
from rag_service.retrieval.langchain import CollectionRetriever
from rag_service.retrieval.model_shelf import ModelShelf
from rag_service.retrieval.retriever import HybridSearch
from rag_service.retrieval.served import ServedCollections
from rag_service.settings import ChatSettings, EmbeddingSettings, Settings, load_settings
from rag_service.store.catalog import Catalog
from rag_service.store.collection import CollectionView
from rag_service.store.jobs import JobStore
from rag_service.store.jobs_schema import Job, JobFile
from rag_service.store.library import Library
from rag_service.store.uploads import Upload, as_indexed, remove_upload, uploads_root
from rag_service.text.analysis import analyze_query
from rag_service.text.language import detect_language
from rag_service.types import (
    AnswerEvent,
    CollectionInfo,
    DocumentInfo,
    Filters,
    SearchResult,
    Turn,
)

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
    return Service(settings, Library(settings.data_dir), search, prompts, chat)


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


class Service:
    """Searching and answering over the collections of one data folder.

    Safe to share between threads. Every method raises `RagError`.
    """

    def __init__(
        self,
        settings: Settings,
        library: Library,
        search: HybridSearch,
        prompts: PromptLibrary,
        chat: ChatBackend | None,
    ) -> None:
        self.settings = settings
        self.jobs = JobStore(settings.data_dir)
        self._library = library
        self._fingerprint = search.embeddings.fingerprint()
        self._hybrid = search
        self._served = _served(settings, library, search.embeddings)
        self._prompts = prompts
        self._calibrations = Calibrations()
        self._answerer = Answerer(
            prompts, chat, settings.answer.min_confidence, settings.chat.unsupported
        )
        self._chat = chat

    @property
    def embedding_model(self) -> str:
        return str(self._fingerprint["embedding_model"])

    @property
    def reranker(self) -> str | None:
        return self._hybrid.reranker.name if self._hybrid.reranker else None

    @property
    def chat_model(self) -> str | None:
        return self._chat.name if self._chat else None

    @property
    def own_prompts(self) -> tuple[str, ...]:
        """The prompt files that are the user's own."""
        return self._prompts.files.own

    @property
    def chat_setup(self) -> str:
        """What runs the chat model, and how; "" without one."""
        return self._chat.setup if self._chat else ""

    def search(
        self,
        query: str,
        *,
        collection: str,
        top_k: int,
        filters: Filters | None = None,
        explain: bool = False,
    ) -> SearchResult:
        """The best passages, best first; ``explain``: with a trace of how they were found."""
        hybrid, view = self._opened(collection)
        return hybrid.search(view, query, top_k=top_k, filters=filters, explain=explain)

    def ask(
        self,
        question: str,
        *,
        collection: str,
        top_k: int | None = None,
        filters: Filters | None = None,
        history: Sequence[Turn] = (),
        max_tokens: int | None = None,
        temperature: float | None = None,
        seed: int | None = None,
        cancelled: threading.Event | None = None,
    ) -> Iterator[AnswerEvent]:
        """One SourcesEvent, TokenEvents, one DoneEvent; `Answerer.ask` tells of the others."""
        hybrid, view = self._opened(collection)
        limit = self.settings.chat.max_tokens
        asked = Question(
            text=question,
            collection=collection,
            top_k=top_k or self.settings.retrieval.top_k,
            max_tokens=min(max_tokens or limit, limit),
            filters=filters,
            history=tuple(history),
            temperature=temperature,
            seed=seed,
            deadline=time.monotonic() + self.settings.chat.deadline_s,
            cancelled=cancelled or threading.Event(),
        )
        yield from self._answerer.ask(asked, self._corpus(hybrid, view, collection))

    def retriever(self, collection: str, *, top_k: int | None = None) -> BaseRetriever:
        """A LangChain retriever over one collection; it follows new documents."""

        def search(query: str, k: int, filters: Filters | None) -> SearchResult:
            return self.search(query, collection=collection, top_k=k, filters=filters)

        return CollectionRetriever(search=search, top_k=top_k or self.settings.retrieval.top_k)

    def collections(self) -> list[CollectionInfo]:
        """Those that can be opened; `readiness` says what is wrong with the others."""
        found: list[CollectionInfo] = []
        for name in self._library.names():
            try:
                found.append(self._library.info(name))
            except RagError as error:
                log.warning("Collection %s cannot be listed: %s", name, error)
        return found

    def collection(self, name: str) -> CollectionInfo:
        return self._library.info(name)

    def create_collection(self, name: str) -> CollectionInfo:
        return self._library.create(name, self._fingerprint)

    def delete_collection(self, name: str) -> None:
        self._library.delete(name)  # the uploads lie within, and go with it
        self._served.forget(name)
        self.jobs.abandon(name)

    def documents(self, collection: str, *, limit: int, offset: int) -> list[DocumentInfo]:
        return self._library.open(collection).catalog.documents(limit=limit, offset=offset)

    def document(self, collection: str, doc_id: int) -> DocumentInfo:
        return self._library.open(collection).catalog.document(doc_id)

    def upload(self, collection: str) -> Upload:
        return Upload(self._library.home(collection))

    def accept(self, upload: Upload) -> Job:
        """Put what has arrived in place, and ask the worker to take it in."""
        upload.place()
        return self.jobs.add(upload.collection, "upload", upload.files)

    def delete_document(self, collection: str, doc_id: int) -> Job:
        """Remove an uploaded file, and ask the worker to take it out."""
        home, catalog = self._library.home(collection), self._library.open(collection).catalog
        source = catalog.document(doc_id).source
        uploaded = catalog.known_documents(uploads_root(home)).get(source)
        if uploaded is None or uploaded.doc_id != doc_id:
            raise NotUploaded(
                f"Document {doc_id} ({source}) was read from a folder on this machine, which the "
                "collection mirrors. Remove the file there and run rag ingest again."
            )
        remove_upload(home, source)
        return self.jobs.add(collection, "delete", [JobFile(source, doc_id=doc_id)])

    def job(self, job_id: str) -> Job:
        """One job; of one that is running, also what is in the collection already."""
        job = self.jobs.get(job_id)
        if job.status != "running" or job.kind != "upload":
            return job
        try:
            home = self._library.home(job.collection)
            catalog = self._library.open(job.collection).catalog
            files = tuple(_as_it_stands(job.files, catalog, uploads_root(home)))
        except RagError:  # the job will end with it
            return job
        return replace(job, files=files)

    def readiness(self) -> list[str]:
        """Why a question might not be answered now; empty when all is well."""
        reasons: list[str] = []
        for name in self._library.names():
            try:
                info, (_, view) = self._library.info(name), self._opened(name)
            except RagError as error:
                reasons.append(str(error))
                continue
            if info.documents and not view.revision:
                reasons.append(f"Collection {name!r} is not indexed: run rag ingest again.")
        return reasons

    def close(self) -> None:
        if self._chat:
            self._chat.close()
        self._library.close()
        self.jobs.close()

    def _opened(self, collection: str) -> tuple[HybridSearch, CollectionView]:
        """A collection at one moment, and the search with the model it was built with."""
        model, view = self._served.view(collection)
        return replace(self._hybrid, embeddings=model), view

    def _corpus(self, hybrid: HybridSearch, view: CollectionView, collection: str) -> Corpus:
        def search(query: str, top_k: int, filters: Filters | None) -> SearchResult:
            return hybrid.search(view, query, top_k=top_k, filters=filters)

        home = self._library.home(collection)
        used = self._calibrations.of(home, view.catalog.fingerprint)
        return Corpus(
            search,
            view.idf,
            view.idf_in_english,
            view.occurs,
            used.calibration,
            (used.note,) if used.note else (),
            embed=hybrid.embeddings.encode_passages,
            nearness=nearness_of(hybrid.embeddings),
        )


def _as_it_stands(files: Sequence[JobFile], catalog: Catalog, root: str) -> Iterator[JobFile]:
    """The files, and which of them are in the collection with just this content."""
    known = catalog.known_documents(root)
    for file in files:
        held = known.get(file.name)
        if held is not None and held.content_hash == file.content_hash:
            file = as_indexed(file, catalog.document(held.doc_id))
        yield file


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
    if settings.base_url:
        options |= {"base_url": settings.base_url, "api_key": settings.api_key or "none"}
        options["stream_usage"] = True  # off by itself for servers that are not OpenAI's
    if settings.seed is not None:  # not every provider knows it
        options["seed"] = settings.seed
    try:
        chat = init_chat_model(model, temperature=settings.temperature, **options)
    except (ImportError, ValueError) as error:
        raise ChatModelError(
            f"Chat model {model!r} cannot be opened: {error} (For an OpenAI-compatible server: "
            "pip install 'local-rag-service[openai]'.)"
        ) from error
    where = settings.base_url or "LangChain"
    return LangChainBackend(chat, model, settings.context_tokens, f"{model} at {where}")
