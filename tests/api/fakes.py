"""A service in memory: planted documents, search by shared words, answers by quoting."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from rag_service.collection_types import CollectionInfo, DocumentInfo, FailedFile, VerifyReport
from rag_service.errors import (
    CollectionExists,
    CollectionNotFound,
    DocumentNotFound,
    InvalidCollectionName,
    NotUploaded,
    RagError,
)
from rag_service.filters import Filters
from rag_service.search_types import (
    CandidateTrace,
    MatchedTerm,
    SearchResult,
    SearchTrace,
    StagePlace,
)
from rag_service.settings import ApiSettings, Settings
from rag_service.store.home import CollectionHome
from rag_service.store.jobs import JobStore
from rag_service.store.jobs_schema import Job, JobFile
from rag_service.store.uploads import Upload, remove_upload
from rag_service.types import (
    Answer,
    AnswerEvent,
    Chunk,
    Citation,
    DoneEvent,
    Hit,
    LegScore,
    QueuedEvent,
    ReasoningEvent,
    SourcesEvent,
    Statement,
    TokenEvent,
    Turn,
    Usage,
)

WARRANTY = "The warranty lasts three years."
LEAVE = "年假为十五天。"
PLANTED = {
    "manuals/car.md": ("Car manual", 1, WARRANTY),
    "规章.txt": ("", None, LEAVE),
}
UPLOADED = "规章.txt"  # the other came from a folder
TEST_HOST = "testserver"  # by which Starlette's test client calls
REFUSAL = "The documents do not answer this."


def _words(text: str) -> set[str]:
    """Latin words, and every other letter by itself."""
    spaced = "".join(c if c.isascii() and c.isalnum() else f" {c} " for c in text.lower())
    return {word for word in spaced.split() if any(c.isalnum() for c in word)}


def _chunk(doc_id: int, source: str) -> Chunk:
    title, page, text = PLANTED[source]
    return Chunk(
        chunk_id=doc_id * 10,
        doc_id=doc_id,
        ordinal=0,
        source=source,
        title=title,
        heading="",
        page=page,
        char_start=0,
        char_end=len(text),
        text=text,
    )


def _document(chunk: Chunk) -> DocumentInfo:
    return DocumentInfo(
        doc_id=chunk.doc_id,
        source=chunk.source,
        title=chunk.title,
        pages=chunk.page or 0,
        chunks=1,
        chars=len(chunk.text),
        size_bytes=len(chunk.text.encode()),
        content_hash=f"{chunk.doc_id:064x}",
        ingested_at="2025-01-02T03:04:05Z",
        date="2024-05-31",
        tags=("HR",),
    )


class FakeService:
    """``default`` holds the planted documents; created collections are empty. Uploads and jobs
    are real, in the settings' data folder; nobody carries them out.

    Attributes for tests to steer and to look at:
        fail_first, fail_later: raised by ``ask`` before its first, after its second event.
        hold: where ``ask`` waits until cancelled: "" (nowhere), "start" or "token".
        pause: while not set, ``ask`` waits before its first token.
        ahead, thoughts: questions ``ask`` tells of before its own; what it thinks.
        entered, closed: ``ask`` has begun to run; its generator has been closed.
        closed_by: name of the thread that closed the generator.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings(api=ApiSettings(allowed_hosts=(TEST_HOST,)))
        self.jobs = JobStore(self.settings.data_dir)
        self.embedding_model = "words"
        self.reranker: str | None = None
        self.chat_model: str | None = "fake"
        self.chat_setup = ""
        self.own_prompts: tuple[str, ...] = ()
        self.chunks = [_chunk(n, source) for n, source in enumerate(PLANTED, start=1)]
        self.names = {"default": self.chunks}
        self.fail_first: Exception | None = None
        self.fail_later: Exception | None = None
        self.search_error: Exception | None = None
        self.score: float | None = None
        self.reasons: list[str] = []
        self.hold = ""
        self.pause = threading.Event()
        self.pause.set()
        self.entered = threading.Event()
        self.closed = threading.Event()
        self.closed_by = ""
        self.asked: dict[str, object] = {}
        self.filtered_by: Filters | None = None
        self.refuse_all = False
        self.ahead = 0
        self.thoughts: Sequence[str] = ()
        self.shut_down = False
        self.answering_at_shut_down = False

    def _chunks_of(self, name: str) -> list[Chunk]:
        if not name or not all(char.isalnum() or char in "-_" for char in name):
            raise InvalidCollectionName(f"{name!r} is not a collection name.")
        if name not in self.names:
            raise CollectionNotFound(f"There is no collection {name!r}.")
        return self.names[name]

    def search(
        self,
        query: str,
        *,
        collection: str,
        top_k: int,
        filters: Filters | None,
        explain: bool = False,
    ) -> SearchResult:
        self.filtered_by = filters
        if self.search_error:
            raise self.search_error
        chosen = [c for c in self._chunks_of(collection) if _passes(c, filters)]
        overlaps = {c.chunk_id: len(_words(query) & _words(c.text)) for c in chosen}
        found = sorted(
            (c for c in chosen if overlaps[c.chunk_id]), key=lambda c: -overlaps[c.chunk_id]
        )
        hits = tuple(
            Hit(
                chunk=chunk,
                score=1 / rank if self.score is None else self.score,
                lexical=LegScore(rank, float(overlaps[chunk.chunk_id])),
            )
            for rank, chunk in enumerate(found[:top_k], start=1)
        )
        notes = ("The embedding model knows no Chinese.",)
        trace = _trace(found, top_k) if explain else None
        return SearchResult(hits, 7, ("lexical",), notes, {"total": 1.5}, trace)

    def ask(
        self,
        question: str,
        *,
        collection: str,
        top_k: int | None,
        filters: Filters | None,
        history: Sequence[Turn],
        max_tokens: int | None,
        temperature: float | None = None,
        seed: int | None = None,
        cancelled: threading.Event,
    ) -> Iterator[AnswerEvent]:
        self.asked = {
            "question": question,
            "top_k": top_k,
            "filters": filters,
            "history": tuple(history),
            "max_tokens": max_tokens,
            "temperature": temperature,
            "seed": seed,
        }
        self.entered.set()
        try:
            if self.fail_first:
                raise self.fail_first
            self._wait_at("start", cancelled)
            found = self.search(question, collection=collection, top_k=top_k or 8, filters=filters)
            yield from (QueuedEvent(ahead, 1.5 * ahead) for ahead in range(self.ahead, 0, -1))
            yield SourcesEvent(found.hits, found.revision)
            yield from map(ReasoningEvent, self.thoughts)
            self._wait_at("token", cancelled)
            self.pause.wait()
            answer = self._answer(collection, found)
            words = answer.answer.split(" ")
            for n, word in enumerate(words):
                yield TokenEvent(word if n == 0 else f" {word}")
                if self.fail_later:
                    raise self.fail_later
            yield DoneEvent(answer)
        finally:
            self.closed_by = threading.current_thread().name
            self.closed.set()

    def _wait_at(self, place: str, cancelled: threading.Event) -> None:
        if self.hold == place:
            cancelled.wait()

    def _answer(self, collection: str, found: SearchResult) -> Answer:
        best = found.hits[0].chunk if found.hits and not self.refuse_all else None
        return Answer(
            answer=f"{best.text} [1]" if best else REFUSAL,
            status="answered" if best else "refused",
            generator="chat",
            confidence=0.75 if best else 0.0,
            citations=(_citation(best),) if best else (),
            sources=found.hits,
            dropped=(99,),
            model="fake",
            collection=collection,
            revision=found.revision,
            usage=Usage(11, 5),
            timings={"total": 2.5},
            notes=found.notes,
            reasoning="".join(self.thoughts),
            statements=(_statement(best),) if best else (),
        )

    def collections(self) -> list[CollectionInfo]:
        return [self.collection(name) for name in sorted(self.names)]

    def collection(self, name: str) -> CollectionInfo:
        chunks = self._chunks_of(name)
        return CollectionInfo(
            name=name,
            documents=len(chunks),
            chunks=len(chunks),
            failed=0,
            revision=7 if chunks else 0,
            pending=0,
            embedding_model="words",
            updated_at="2025-01-02T03:04:05Z" if chunks else None,
        )

    def create_collection(self, name: str) -> CollectionInfo:
        try:
            self._chunks_of(name)
        except CollectionNotFound:
            self.names[name] = []
            return self.collection(name)
        raise CollectionExists(f"There is a collection {name!r} already.")

    def delete_collection(self, name: str) -> None:
        self._chunks_of(name)
        del self.names[name]

    def documents(self, collection: str, *, limit: int, offset: int) -> list[DocumentInfo]:
        return [_document(c) for c in self._chunks_of(collection)[offset : offset + limit]]

    def document(self, collection: str, doc_id: int) -> DocumentInfo:
        for chunk in self._chunks_of(collection):
            if chunk.doc_id == doc_id:
                return _document(chunk)
        raise DocumentNotFound(f"There is no document {doc_id} in {collection!r}.")

    def home(self, collection: str) -> CollectionHome:
        """Where the collection's files lie."""
        self._chunks_of(collection)
        home = CollectionHome(collection, self.settings.data_dir / "collections" / collection)
        home.folder.mkdir(parents=True, exist_ok=True)
        home.current.write_text("g1", encoding="ascii")
        return home

    def upload(self, collection: str) -> Upload:
        return Upload(self.home(collection))

    def accept(self, upload: Upload) -> Job:
        upload.place()
        return self.jobs.add(upload.collection, "upload", upload.files)

    def delete_document(self, collection: str, doc_id: int) -> Job:
        source = self.document(collection, doc_id).source
        if source != UPLOADED:
            raise NotUploaded(f"Document {doc_id} was read from a folder.")
        remove_upload(self.home(collection), source)
        return self.jobs.add(collection, "delete", [JobFile(source, doc_id=doc_id)])

    def job(self, job_id: str) -> Job:
        return self.jobs.get(job_id)

    def readiness(self) -> list[str]:
        return self.reasons

    def close(self) -> None:
        self.jobs.close()
        self.shut_down = True
        self.answering_at_shut_down = self.entered.is_set() and not self.closed.is_set()


def _passes(chunk: Chunk, filters: Filters | None) -> bool:
    if filters is None:
        return True
    if filters.doc_ids and chunk.doc_id not in filters.doc_ids:
        return False
    return not filters.sources or any(fnmatchcase(chunk.source, g) for g in filters.sources)


def _trace(found: Sequence[Chunk], top_k: int) -> SearchTrace:
    traced = [
        CandidateTrace(
            chunk_id=chunk.chunk_id,
            chunk=chunk,
            legs={"lexical": LegScore(rank, 2.0)},
            stages=(StagePlace("fused", rank, 1 / rank),),
            terms=(MatchedTerm("warranti", 1.5, 1, 0),),
            reason="" if rank <= top_k else "below",
        )
        for rank, chunk in enumerate(found, start=1)
    ]
    return SearchTrace(("warranti", "last"), tuple(traced[:top_k]), tuple(traced[top_k:]))


def _statement(chunk: Chunk) -> Statement:
    return Statement(0, len(chunk.text) + len(" [1]"), "supported", 0.75, (0,))


def _citation(chunk: Chunk) -> Citation:
    return Citation(
        n=1,
        chunk_id=chunk.chunk_id,
        doc_id=chunk.doc_id,
        source=chunk.source,
        page=chunk.page,
        char_start=chunk.char_start,
        char_end=chunk.char_end,
        quote=chunk.text,
        verified=True,
    )


class FakeLibrary:
    """The collections of a ``FakeService``, without models.

    ``problems`` are what ``verify`` finds; ``broken`` collections cannot be opened at all.
    """

    def __init__(self, service: FakeService) -> None:
        self._service = service
        self.problems: dict[str, tuple[str, ...]] = {}
        self.broken: dict[str, RagError] = {}
        self.failed: list[FailedFile] = []

    def failed_files(self, name: str) -> list[FailedFile]:
        return [file for file in self.failed if file.collection == name]

    def names(self) -> list[str]:
        return sorted({*self._service.names, *self.broken})

    def info(self, name: str) -> CollectionInfo:
        if name in self.broken:
            raise self.broken[name]
        return self._service.collection(name)

    def verify(self, name: str) -> VerifyReport:
        info = self.info(name)
        problems = self.problems.get(name, ())
        return VerifyReport(name, problems, info.documents, info.chunks, info.chunks, info.revision)
