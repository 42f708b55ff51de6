"""What questions are put to: a collection in this process, or one behind a service's URL."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from rag_service.collection_types import CollectionInfo, DocumentInfo
from rag_service.errors import InvalidRequest, RemoteServiceError
from rag_service.filters import Filters
from rag_service.search_types import SearchResult
from rag_service.settings import Settings
from rag_service.types import AnswerEvent, DoneEvent, Turn

_PAGE = 1000  # documents of one request: the most that the service gives
_TIMEOUT_S = 600.0  # a chat model on a CPU may take minutes
_DESCRIBED = ("embedding_model", "documents", "chunks", "revision")
_SETTINGS = {"chunking", "retrieval", "answer"}  # what two runs may differ by; holds no secrets
# No proxy: the service is the user's own, and questions are nobody else's business.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class DocumentName:
    """How questions may name a document."""

    source: str
    title: str


@dataclass(frozen=True, slots=True)
class Passage:
    """One search result. ``page`` is None for formats without pages."""

    source: str
    title: str
    page: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What is judged of an answer."""

    refused: bool
    confidence: float


class Target(Protocol):
    """One collection, wherever it is. Every method raises `RagError`."""

    def describe(self) -> dict[str, Any]:
        """What a run was made on, for whoever reads it later; fit for JSON."""

    def documents(self) -> Sequence[DocumentName]:
        """Every document of the collection."""

    def search(self, query: str, top_k: int) -> Sequence[Passage]:
        """The best passages, best first."""

    def ask(self, question: str) -> Reply: ...


class Service(Protocol):
    """What is needed of `rag_service.service.Service`."""

    settings: Settings

    @property
    def chat_model(self) -> str | None: ...

    def collection(self, name: str) -> CollectionInfo: ...

    def documents(self, collection: str, *, limit: int, offset: int) -> list[DocumentInfo]: ...

    def search(
        self, query: str, *, collection: str, top_k: int, filters: Filters | None
    ) -> SearchResult: ...

    def ask(
        self,
        question: str,
        *,
        collection: str,
        top_k: int | None,
        filters: Filters | None,
        history: Sequence[Turn],
        max_tokens: int | None,
        cancelled: threading.Event,
    ) -> Iterator[AnswerEvent]: ...


@dataclass(frozen=True, slots=True)
class LocalTarget:
    """A collection of a service in this process."""

    service: Service
    collection: str = "default"

    def describe(self) -> dict[str, Any]:
        info = asdict(self.service.collection(self.collection))
        return {
            "collection": self.collection,
            **{name: info[name] for name in _DESCRIBED},
            "chat_model": self.service.chat_model,
            "settings": self.service.settings.model_dump(mode="json", include=_SETTINGS),
        }

    def documents(self) -> list[DocumentName]:
        found = self.service.documents(self.collection, limit=2**31, offset=0)
        return [DocumentName(document.source, document.title) for document in found]

    def search(self, query: str, top_k: int) -> list[Passage]:
        found = self.service.search(query, collection=self.collection, top_k=top_k, filters=None)
        chunks = [hit.chunk for hit in found.hits]
        return [Passage(chunk.source, chunk.title, chunk.page, chunk.text) for chunk in chunks]

    def find(self, question: str) -> SearchResult:
        """What an answer to the question would be made from."""
        top_k = self.service.settings.retrieval.top_k
        return self.service.search(question, collection=self.collection, top_k=top_k, filters=None)

    def ask(self, question: str) -> Reply:
        events = self.service.ask(
            question,
            collection=self.collection,
            top_k=None,
            filters=None,
            history=(),
            max_tokens=None,
            cancelled=threading.Event(),
        )
        with closing(events):  # type: ignore[type-var]  # it is a generator
            for event in events:
                if isinstance(event, DoneEvent):
                    return Reply(event.answer.status == "refused", event.answer.confidence)
        raise RuntimeError("The answer ended without a DoneEvent. This is a bug.")


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """A collection of a running service, through its HTTP interface.

    Raises (every method): RemoteServiceError, when the service cannot be reached or refuses.
    """

    url: str
    collection: str = "default"

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise InvalidRequest(f"{self.url!r} is no address; it looks like http://127.0.0.1:8000")

    def describe(self) -> dict[str, Any]:
        info = self._call(f"/collections/{quote(self.collection, safe='')}")
        described = {name: info[name] for name in _DESCRIBED}
        return {"url": self.url, "collection": self.collection, **described}

    def documents(self) -> list[DocumentName]:
        path = f"/collections/{quote(self.collection, safe='')}/documents"
        found: list[DocumentName] = []
        while True:
            page = self._call(f"{path}?{urlencode({'limit': _PAGE, 'offset': len(found)})}")
            found += [DocumentName(item["source"], item["title"]) for item in page["documents"]]
            if not page["documents"] or len(found) >= page["total"]:
                return found

    def search(self, query: str, top_k: int) -> list[Passage]:
        body = {"query": query, "collection": self.collection, "top_k": top_k}
        names = ("source", "title", "page", "text")
        results = self._call("/search", body)["results"]
        return [Passage(**{name: result[name] for name in names}) for result in results]

    def ask(self, question: str) -> Reply:
        answer = self._call("/ask", {"question": question, "collection": self.collection})
        return Reply(answer["status"] == "refused", answer["confidence"])

    def _call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310  # http or https, see __post_init__
            self.url.rstrip("/") + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with _OPENER.open(request, timeout=_TIMEOUT_S) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            raise RemoteServiceError(f"{self.url}: {_message_of(error)}") from error
        except (OSError, ValueError) as error:
            raise RemoteServiceError(
                f"The service at {self.url} cannot be used: {error}. Is `rag serve` running there?"
            ) from error


def _message_of(error: urllib.error.HTTPError) -> str:
    """What the service says of it, or the status where something else replied."""
    try:
        return str(json.load(error)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"replied {error.code} {error.reason}."
