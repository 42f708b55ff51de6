"""Another model's vectors for a collection, made from what its catalog holds.

No document is read again: texts and chunks are in the catalog. The vectors are gathered in a
generation beside the one in use, while that is searched and added to. Only the change at the
end, without any embedding but of what came in last, keeps writers waiting.

Nothing needs to be remembered between runs: what has been embedded is what has a vector.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from ingest.prepare import Preparer, collection_fingerprint, embedded_title, vector_key
from ingest.progress import Progress
from ingest.run import model_folder_of
from ingest.steps import Embedder
from rag_service.collection_types import ReembedReport
from rag_service.document_types import ChunkSpan
from rag_service.errors import CollectionBusy, Conflict, IndexCorrupt
from rag_service.models.local import located
from rag_service.retrieval.embedding import open_embeddings
from rag_service.retrieval.embedding_model import EmbeddingModel
from rag_service.settings import Settings
from rag_service.store.catalog import Catalog
from rag_service.store.catalog_writer import CatalogWriter
from rag_service.store.collection_writer import CollectionWriter
from rag_service.store.home import CollectionHome, generation_to_reembed
from rag_service.store.library import Library
from rag_service.store.verify import verify_collection
from rag_service.types import Chunk

# Texts put together before they are embedded: enough to sort by length into even batches.
_GROUP_TEXTS = 1024
_BUSY_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class _Text:
    """What is embedded for one chunk."""

    chunk_id: int
    key: bytes
    text: str


def use_model(
    settings: Settings, collection: str, model: str | None, console: Console
) -> ReembedReport:
    """Bring a collection to the model of this name or folder; None: that of the settings.

    Raises: see `Reembedding`; EmbeddingModelError: the model cannot be loaded.
    """
    home = Library(settings.data_dir).home(collection)
    home.generation()  # before the model is loaded, which takes seconds
    chosen = located(settings if model is None else _with_model(settings, model))
    embeddings = open_embeddings(chosen.embedding)
    with Progress(console, enabled=console.is_terminal and not console.quiet) as progress:
        return Reembedding(home, embeddings, chosen, progress, model_folder_of(chosen)).run()


def _with_model(settings: Settings, model: str) -> Settings:
    """The settings with another model, and nothing of what they say of their own."""
    if model == settings.embedding.model:
        return settings
    own = {"base_url": None, "query_prefix": None, "passage_prefix": None}
    embedding = settings.embedding.model_copy(update={**own, "model": model})
    return settings.model_copy(update={"embedding": embedding})


class Reembedding:
    """Brings one collection to another embedding model.

    Raises:
        CollectionNotFound: there is none.
        CollectionBusy: another process re-embeds it.
        Conflict: the model cannot take its chunks; it has to be rebuilt from its documents.
        IndexCorrupt: what was made does not hold what it should, and is not put into use.
    """

    def __init__(
        self,
        home: CollectionHome,
        embeddings: EmbeddingModel,
        settings: Settings,
        progress: Progress,
        model_folder: str = "",
    ) -> None:
        """``model_folder``: where the model lies, if it is not known by its name."""
        self._home = home
        self._embeddings = embeddings
        self._settings = settings
        self._progress = progress
        self._model_folder = model_folder
        self._preparer = Preparer(embeddings, settings.chunking.max_tokens)

    def run(self) -> ReembedReport:
        """Embed what is not yet, and put the result into use."""
        started = time.perf_counter()
        with closing(self._live()) as live:
            before = live.fingerprint
        wanted = self._fingerprint(before)
        embedded = reused = 0
        with self._home.reembedding():
            if wanted != before:
                embedded, reused = self._gather(wanted)
                embedded += self._switch(wanted)
            else:  # what may have been begun for yet another model is given up
                shutil.rmtree(generation_to_reembed(self._home), ignore_errors=True)
        with closing(self._live()) as live:
            counts = live.counts()
        return ReembedReport(
            collection=self._home.name,
            model_before=str(before.get("embedding_model")),
            model=self._embeddings.identity.name,
            documents=counts["documents"],
            chunks=counts["chunks"],
            embedded=embedded,
            reused=reused,
            seconds=round(time.perf_counter() - started, 2),
        )

    def _live(self) -> Catalog:
        return Catalog(self._home.generation() / "catalog.sqlite")

    def _fingerprint(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """That of the collection with the new model; its chunks stay as they are."""
        kept = {key: before[key] for key in ("chunker", "chunk_tokens") if key in before}
        return {**collection_fingerprint(self._embeddings, self._settings), **kept}

    # -- beside the collection in use ------------------------------------------

    def _gather(self, wanted: Mapping[str, Any]) -> tuple[int, int]:
        """Embed all there is; returns how many texts, and how many were embedded before."""
        generation = generation_to_reembed(self._home)
        if not _is_begun(generation / "catalog.sqlite", wanted):
            shutil.rmtree(generation, ignore_errors=True)
        generation.mkdir(exist_ok=True)
        with CatalogWriter(generation / "catalog.sqlite", wanted) as gathered:
            self._check_fits(wanted)
            before = gathered.texts_embedded()
            embedder = Embedder(self._embeddings, gathered, self._progress)
            with closing(self._live()) as live:
                todo, reused = self._unseen(live, embedder)
                self._progress.start("Embedding", len(todo), unit="chunks")
                self._embed(live, sorted(set(todo.values())), embedder)
            return gathered.texts_embedded() - before, reused

    def _check_fits(self, wanted: Mapping[str, Any]) -> None:
        """Chunks that the model would read only in part could not be found by the rest."""
        limit = self._embeddings.max_tokens
        longest = int(wanted.get("chunk_tokens", 0))
        if longest <= limit:
            with closing(self._live()) as live:
                longest = max(map(self._longest, _documents(live)), default=0)
        if longest > limit:
            raise Conflict(
                f"{self._embeddings.identity.name} reads {limit} tokens, but collection "
                f"{self._home.name!r} holds chunks of {longest}. Cut it anew from its documents: "
                f"RAG_CHUNKING__MAX_TOKENS={limit} RAG_EMBEDDING__MODEL=… rag ingest FOLDER "
                f"--collection {self._home.name} --rebuild"
            )

    def _longest(self, chunks: Sequence[Chunk]) -> int:
        return max(self._embeddings.count_tokens([chunk.text for chunk in chunks]))

    def _unseen(self, live: Catalog, embedder: Embedder) -> tuple[dict[bytes, int], int]:
        """Texts without a vector, as ``{vector key: a document with it}``; how many have one."""
        todo: dict[bytes, int] = {}
        seen: set[bytes] = set()
        for chunks in self._counted("Reading", live):
            texts = {text.key: text.text for text in self._texts(chunks)}
            unseen = embedder.unseen(texts)
            todo |= dict.fromkeys(unseen, chunks[0].doc_id)
            seen |= texts.keys() - unseen.keys()
        return todo, len(seen)

    def _embed(self, live: Catalog, doc_ids: Sequence[int], embedder: Embedder) -> None:
        group: dict[bytes, str] = {}
        for doc_id in doc_ids:
            group |= {text.key: text.text for text in self._texts(live.chunks_of(doc_id))}
            if len(group) >= _GROUP_TEXTS:
                embedder.embed_all(group)
                group = {}
        embedder.embed_all(group)

    def _texts(self, chunks: Sequence[Chunk]) -> list[_Text]:
        """What is embedded for the chunks of one document."""
        if not chunks:  # removed meanwhile
            return []
        title = embedded_title(chunks[0].title, chunks[0].source)
        texts = self._preparer.inputs(title, [_span(chunk) for chunk in chunks])
        return [
            _Text(chunk.chunk_id, vector_key(text), text)
            for chunk, text in zip(chunks, texts, strict=True)
        ]

    # -- the change ---------------------------------------------------------------

    def _switch(self, wanted: Mapping[str, Any]) -> int:
        """Take over the documents and put the result into use; returns what it had to embed."""
        generation = generation_to_reembed(self._home)
        if not (generation / "catalog.sqlite").exists():
            raise Conflict(
                f"Collection {self._home.name!r} was rebuilt or deleted meanwhile. Run the command "
                "again."
            )
        with self._writer(wanted, generation) as writer, closing(self._live()) as live:
            before = writer.catalog.texts_embedded()
            embedder = Embedder(self._embeddings, writer.catalog, self._progress)
            keys: list[tuple[int, bytes]] = []
            # Those that came in since the vectors were gathered are embedded here.
            for chunks in self._counted("Taking over", live):
                texts = self._texts(chunks)
                embedder.embed_all({text.key: text.text for text in texts})
                keys += [(text.chunk_id, text.key) for text in texts]
            writer.catalog.take_over(live.path, keys)
            writer.catalog.note_model_folder(self._model_folder)
            writer.publish()
            self._check(live, writer)
            writer.finish()
            return writer.catalog.texts_embedded() - before

    def _writer(self, wanted: Mapping[str, Any], generation: Path) -> CollectionWriter:
        """Access to the collection, as soon as nobody else is writing to it."""
        while True:
            try:
                return CollectionWriter(self._home, wanted, beside=generation)
            except CollectionBusy:
                self._progress.doing("waiting for another process that writes to the collection")
                time.sleep(_BUSY_PAUSE_S)

    def _counted(self, phase: str, live: Catalog) -> Iterator[list[Chunk]]:
        """The documents, shown as a phase of their own."""
        self._progress.start(phase, live.counts()["documents"])
        for chunks in _documents(live):
            yield chunks
            self._progress.advance()

    def _check(self, live: Catalog, writer: CollectionWriter) -> None:
        report = verify_collection(self._home, generation=writer.generation)
        counts = live.counts()
        problems = list(report.problems)
        if (report.documents, report.chunks) != (counts["documents"], counts["chunks"]):
            problems.append("documents or chunks are missing")
        if problems:
            raise IndexCorrupt(
                f"The re-embedded collection {self._home.name!r} is not put into use: "
                f"{'; '.join(problems[:3])}. See: rag verify --collection {self._home.name}"
            )


def _is_begun(catalog: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether an earlier run has begun just this."""
    if not catalog.exists():
        return False
    with Catalog(catalog) as begun:
        return begun.fingerprint == dict(wanted)


def _documents(catalog: Catalog) -> Iterator[list[Chunk]]:
    """The chunks of each document that has any."""
    for doc_id in catalog.document_ids():
        if chunks := catalog.chunks_of(doc_id):
            yield chunks


def _span(chunk: Chunk) -> ChunkSpan:
    return ChunkSpan(
        ordinal=chunk.ordinal,
        char_start=chunk.char_start,
        char_end=chunk.char_end,
        text=chunk.text,
        page=chunk.page,
        heading=chunk.heading,
        table_header=chunk.table_header,
    )
