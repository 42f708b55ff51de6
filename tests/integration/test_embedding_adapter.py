"""Any LangChain `Embeddings` in place of a local model: ingested with, searched with."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from ingest.run import Ingestor
from rag_service import AdaptedEmbeddings, open_retriever
from rag_service.bootstrap import open_service
from rag_service.errors import ConfigError, EmbeddingModelError, IndexMismatch, RemoteServiceError
from rag_service.retrieval.embedding import LocalEmbeddings, open_embeddings
from rag_service.retrieval.embedding_adapter import adapted
from rag_service.settings import EmbeddingSettings
from tests.real_parts import settings_for, write_folder
from tests.stored import letters

TEXTS = {
    "fruit.txt": "Apples, pears and plums are kept in the cellar.",
    "音乐.txt": "钢琴每年调音一次。",
}


class Letters(Embeddings):
    """How often each Latin letter occurs; a text without any is a vector of ones."""

    def __init__(self, model: str = "") -> None:
        self.model = model
        self.asked: list[str] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.asked += texts
        return [self._embed(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        self.asked.append(text)
        return self._embed(text)

    def _embed(self, text: str) -> list[float]:
        vector = letters(text)
        return [1.0] * 26 if vector is None else [3 * float(x) for x in vector]


# -- the adapter ----------------------------------------------------------------------


def test_the_dimension_is_tried_out_and_the_name_is_that_of_the_object() -> None:
    assert adapted(DeterministicFakeEmbedding(size=7)).fingerprint() == {
        "embedding_model": "DeterministicFakeEmbedding",
        "weights_sha256": "",
        "dimension": 7,
        "normalised": True,
        "query_prefix": "",
        "passage_prefix": "",
    }
    assert adapted(Letters("abc-26")).identity.name == "Letters:abc-26"


def test_vectors_are_normalised_and_every_text_has_one() -> None:
    model = adapted(DeterministicFakeEmbedding(size=7))
    vectors = model.encode_passages(["one", "二", ""])
    assert model.represents(["one", "二", ""]) == [True, True, True]
    assert [v.dtype for v in vectors if v is not None] == [np.float32] * 3
    assert [float(np.linalg.norm(v)) for v in vectors if v is not None] == pytest.approx([1.0] * 3)
    query = model.encode_query("one")
    assert query is not None
    assert np.array_equal(query, np.asarray(vectors[0]))
    assert model.encode_passages([]) == []


def test_prefixes_go_before_questions_and_passages() -> None:
    letters = Letters()
    model = AdaptedEmbeddings(letters, "named", query_prefix="q: ", passage_prefix="p: ")
    letters.asked.clear()
    model.encode_query("how")
    model.encode_passages(["so", "so"])
    assert letters.asked == ["q: how", "p: so", "p: so"]
    assert model.fingerprint()["query_prefix"] == "q: "
    assert model.max_tokens == 512 - 1


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("word", 2), ("a word of English", 6), ("钢琴调音", 6), ("钢", 2)]
)
def test_tokens_are_estimated_on_the_safe_side(text: str, tokens: int) -> None:
    assert adapted(Letters()).count_tokens([text, text]) == [tokens, tokens]


def test_what_is_a_model_of_the_service_already_stays_as_it_is(
    embeddings: LocalEmbeddings,
) -> None:
    assert adapted(embeddings) is embeddings


class Scripted(Embeddings):
    """Answers with what it is told to."""

    def __init__(self) -> None:
        self.answer: Any = [[1.0, 0.0]]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.embed_query("")  # type: ignore[return-value]

    def embed_query(self, text: str) -> list[float]:
        if isinstance(self.answer, Exception):
            raise self.answer
        found: list[float] = self.answer
        return found


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([[0.0, 0.0]], "a vector without a direction"),
        ([[float("nan"), 1.0]], "a vector without a direction"),
        ([[1.0, 2.0, 3.0]], "3 dimensions, and 2 before"),
        ([], "an array of shape"),
        ([[1.0, 2.0], [1.0, 2.0]], r"an array of shape \(2, 2\) for 1 texts"),
        ([["x", "y"]], "no vectors of one length"),
        ([[1.0], [1.0, 2.0]], "no vectors of one length"),
    ],
)
def test_vectors_that_cannot_be_used_are_refused(answer: Any, message: str) -> None:
    scripted = Scripted()
    model = AdaptedEmbeddings(scripted, "scripted")
    scripted.answer = answer
    with pytest.raises(EmbeddingModelError, match=f"The embedding model scripted gave {message}"):
        model.encode_passages(["text"])


def test_a_model_that_fails_is_an_error_of_ours() -> None:
    scripted = Scripted()
    model = AdaptedEmbeddings(scripted, "scripted")
    scripted.answer = TimeoutError("timed out")
    with pytest.raises(RemoteServiceError, match="scripted failed: timed out"):
        model.encode_query("text")


# -- in the service -------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "documents", TEXTS)


def test_a_collection_is_ingested_and_searched_with_it(folder: Path, tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "data")
    report = Ingestor(settings, embeddings=Letters()).mirror([folder], "default")
    assert report.exit_code() == 0
    with closing(open_service(settings, Letters())) as service:
        assert service.embedding_model == "Letters"
        found = service.search("aaeellppssr", collection="default", top_k=2)
        assert found.hits[0].chunk.source == "fruit.txt"
        assert found.hits[0].dense is not None
        assert found.legs == ("dense",)  # no word of it is in the documents
    with open_retriever(settings=settings, embeddings=Letters()) as retriever:
        chinese = retriever.invoke("钢琴多久调音？", top_k=1)
        assert [document.metadata["source"] for document in chinese] == ["音乐.txt"]


def test_a_collection_of_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "data")
    Ingestor(settings, embeddings=Letters("one")).mirror([folder], "default")
    with (
        pytest.raises(IndexMismatch, match="Letters:one"),
        open_retriever(settings=settings, embeddings=Letters("two")),
    ):
        pass


def test_chunks_longer_than_its_window_are_refused(folder: Path, tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "data", chunking={"max_tokens": 600})
    with pytest.raises(ConfigError, match="reads only 512 tokens"):
        Ingestor(settings, embeddings=Letters()).mirror([folder], "default")
    longer = AdaptedEmbeddings(Letters(), "letters", max_tokens=8192)
    assert Ingestor(settings, embeddings=longer).mirror([folder], "default").exit_code() == 0


# -- providers ------------------------------------------------------------------------


class OpenAICompatible(BaseHTTPRequestHandler):
    """POST /v1/embeddings, as llama.cpp, vLLM, Ollama and others have it."""

    seen: ClassVar[list[tuple[str, str, list[str]]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers["Authorization"].removeprefix("Bearer ")
        self.seen.append((body["model"], key, body["input"]))
        known = body["model"] == "letters"
        vectors = [{"embedding": Letters()._embed(text), "index": 0} for text in body["input"]]
        reply = {"data": vectors} if known else {"error": {"message": "no such model"}}
        answer = json.dumps(reply).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def url() -> Iterator[str]:
    pytest.importorskip("langchain_openai")
    OpenAICompatible.seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), OpenAICompatible) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()
        thread.join()


def test_a_model_behind_an_openai_compatible_url_is_used(
    folder: Path, tmp_path: Path, url: str
) -> None:
    embedding = {"model": "letters", "base_url": url, "api_key": "secret", "query_prefix": "q: "}
    settings = settings_for(tmp_path / "data", embedding=embedding)
    assert Ingestor(settings).mirror([folder], "default").exit_code() == 0
    with open_retriever(settings=settings) as retriever:
        best = retriever.invoke("aaeellppssr", top_k=1)[0]
    assert best.metadata["source"] == "fruit.txt"
    assert best.metadata["cosine"] > 0.5
    models, keys, inputs = zip(*OpenAICompatible.seen, strict=True)
    assert set(models) == {"letters"}
    assert set(keys) == {"secret"}
    assert ["q: aaeellppssr"] in inputs  # texts, not token ids


def test_its_name_is_in_the_fingerprint(url: str) -> None:
    model = open_embeddings(EmbeddingSettings(model="letters", base_url=url))
    assert (model.identity.name, model.dimension) == ("openai:letters", 26)


def test_a_name_with_a_colon_is_the_servers_own(url: str) -> None:
    with pytest.raises(RemoteServiceError, match=r"openai:bge-m3:latest failed: .*no such model"):
        open_embeddings(EmbeddingSettings(model="bge-m3:latest", base_url=url))


def test_a_server_that_does_not_know_the_model_is_told_at_the_start(url: str) -> None:
    with pytest.raises(RemoteServiceError, match=r"openai:other failed: .*no such model"):
        open_embeddings(EmbeddingSettings(model="openai:other", base_url=url))


@pytest.mark.parametrize("model", ["nowhere:letters", "openai:"])
def test_a_provider_that_is_none_says_so(model: str) -> None:
    with pytest.raises(EmbeddingModelError, match=f"Embedding model '{model}' cannot be opened"):
        open_embeddings(EmbeddingSettings(model=model))


def test_a_provider_whose_package_is_missing_is_named() -> None:
    with pytest.raises(EmbeddingModelError, match=r"pip install `?langchain-ollama"):
        open_embeddings(EmbeddingSettings(model="ollama:bge-m3"))
