"""A collection in the hands of a LangChain user who knows nothing of the service."""

from __future__ import annotations

import asyncio
import json
import pickle
import runpy
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.runnables import (
    ConfigurableField,
    Runnable,
    RunnableConfig,
    RunnablePassthrough,
)

import rag_service
from rag_service import Filters, open_retriever
from rag_service.errors import CollectionNotFound
from rag_service.retrieval.embedding import LocalEmbeddings
from rag_service.retrieval.langchain import CollectionRetriever
from rag_service.retrieval.retriever import NOTHING_ALLOWED
from tests.real_parts import EXAMPLES, settings_for, using

QUESTION = "What restocking fee is kept back when unused goods are returned?"
CHINESE = "甲类城市的住宿费上限是多少？"
POLICY = "policies/warranty-and-returns.md"
NOWHERE = Filters(sources=("nowhere/*",))
TRAVEL = "policies/差旅报销制度.txt"


@pytest.fixture(scope="module")
def retriever(sample_data: Path, embeddings: LocalEmbeddings) -> Iterator[CollectionRetriever]:
    settings = settings_for(sample_data)
    with open_retriever(settings=settings, embeddings=embeddings, top_k=3) as opened:
        yield opened


def sources(found: Sequence[Document]) -> list[str]:
    return [document.metadata["source"] for document in found]


# -- a call ---------------------------------------------------------------------------


def test_documents_carry_plain_metadata_of_place_and_scores(
    retriever: CollectionRetriever,
) -> None:
    first = retriever.invoke(QUESTION)[0]
    metadata = first.metadata
    assert json.loads(json.dumps(metadata)) == metadata
    text = (EXAMPLES / "knowledge" / POLICY).read_text(encoding="utf-8")
    assert text[metadata["char_start"] : metadata["char_end"]] == first.page_content
    assert first.id == str(metadata["chunk_id"])
    assert metadata["revision"] > 0
    assert metadata.keys() == {
        *("source", "title", "heading", "table_header", "page", "char_start", "char_end"),
        *("doc_id", "chunk_id", "revision", "score", "cosine", "bm25", "coverage", "rerank"),
    }
    assert 0 < metadata["cosine"] < 1 < metadata["bm25"]
    assert metadata["rerank"] is None  # there is no cross-encoder


def test_a_call_may_ask_for_more_or_fewer_documents(retriever: CollectionRetriever) -> None:
    assert [len(retriever.invoke(QUESTION, top_k=k)) for k in (1, 5)] == [1, 5]
    assert len(asyncio.run(retriever.ainvoke(QUESTION, top_k=1))) == 1
    assert [len(found) for found in retriever.batch([QUESTION, CHINESE], top_k=2)] == [2, 2]
    assert len(retriever.bind(top_k=4).invoke(QUESTION)) == 4
    assert len(retriever.invoke(QUESTION)) == 3  # as it was opened


def test_a_call_may_narrow_the_search(retriever: CollectionRetriever) -> None:
    manuals = Filters(sources=("products/*",))
    for found in (
        retriever.invoke(QUESTION, filters=manuals),
        asyncio.run(retriever.ainvoke(QUESTION, filters=manuals)),
        retriever.bind(filters=manuals).invoke(QUESTION),
    ):
        assert len(found) == 3
        assert all(source.startswith("products/") for source in sources(found))


def test_a_misspelt_option_is_an_error(retriever: CollectionRetriever) -> None:
    with pytest.raises(TypeError, match="filter"):
        retriever.invoke(QUESTION, filter=Filters())


def test_a_retriever_may_be_opened_with_filters(
    sample_data: Path, embeddings: LocalEmbeddings
) -> None:
    with open_retriever(
        settings=settings_for(sample_data),
        embeddings=embeddings,
        filters=Filters(sources=("policies/*",)),
    ) as narrowed:
        assert narrowed.top_k == 8  # the setting retrieval.top_k
        found = sources(narrowed.invoke("instrument"))
        assert found
        assert all(source.startswith("policies/") for source in found)


def test_an_option_may_be_made_configurable(retriever: CollectionRetriever) -> None:
    configurable = retriever.configurable_fields(top_k=ConfigurableField(id="k"))
    assert len(configurable.with_config(configurable={"k": 2}).invoke(QUESTION)) == 2


# -- async ----------------------------------------------------------------------------


def test_many_questions_at_once_find_what_each_finds_alone(
    retriever: CollectionRetriever,
) -> None:
    async def at_once() -> list[list[Document]]:
        return await asyncio.gather(*(retriever.ainvoke(q) for q in [QUESTION, CHINESE] * 4))

    alone = [retriever.invoke(QUESTION), retriever.invoke(CHINESE)]
    assert asyncio.run(at_once()) == alone * 4
    assert asyncio.run(retriever.abatch([QUESTION, CHINESE])) == alone


def test_a_search_leaves_the_event_loop_free(retriever: CollectionRetriever) -> None:
    async def turns_during_a_search() -> int:
        search, turns = asyncio.create_task(retriever.ainvoke(QUESTION)), 0
        while not search.done():
            await asyncio.sleep(0)
            turns += 1
        return turns

    assert asyncio.run(turns_during_a_search()) > 10


def test_a_stream_of_a_chain_brings_what_the_call_brings(retriever: CollectionRetriever) -> None:
    chain: Any = {"found": retriever | sources, "question": RunnablePassthrough()}
    streaming: Runnable[str, dict[str, Any]] = RunnablePassthrough() | chain

    async def streamed() -> dict[str, Any]:
        whole: dict[str, Any] = {}
        async for piece in streaming.astream(CHINESE):
            whole |= piece
        return whole

    assert asyncio.run(streamed()) == streaming.invoke(CHINESE)
    assert streaming.invoke(CHINESE)["found"][0] == TRAVEL


# -- callbacks ------------------------------------------------------------------------


class Heard:
    """What callbacks were told."""

    def __init__(self) -> None:
        self.tags: list[str] = []
        self.documents: list[Document] = []
        self.notes: list[str] = []
        self.errors: list[BaseException] = []


class Listener(Heard, BaseCallbackHandler):
    def on_retriever_start(
        self, serialized: Any, query: str, *, tags: list[str] | None = None, **_: Any
    ) -> None:
        self.tags += tags or []

    def on_retriever_end(self, documents: Sequence[Document], **_: Any) -> None:
        self.documents += documents

    def on_retriever_error(self, error: BaseException, **_: Any) -> None:
        self.errors.append(error)

    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **_: Any) -> None:
        self.notes += data if name == "search_notes" else []


class AsyncListener(Heard, AsyncCallbackHandler):
    async def on_retriever_start(
        self, serialized: Any, query: str, *, tags: list[str] | None = None, **_: Any
    ) -> None:
        self.tags += tags or []

    async def on_retriever_end(self, documents: Sequence[Document], **_: Any) -> None:
        self.documents += documents

    async def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **_: Any) -> None:
        self.notes += data if name == "search_notes" else []


def heard_by(listener: BaseCallbackHandler) -> RunnableConfig:
    return RunnableConfig(callbacks=[listener], tags=["mine"])


def test_callbacks_hear_of_a_search_its_tags_and_its_notes(
    retriever: CollectionRetriever,
) -> None:
    listener = Listener()
    tagged = retriever.model_copy(update={"tags": ["policies"]})
    found = tagged.invoke(QUESTION, config=heard_by(listener))
    assert sorted(listener.tags) == ["mine", "policies"]
    assert listener.documents == found
    assert tagged.invoke(QUESTION, config=heard_by(listener), filters=NOWHERE) == []
    assert listener.notes == [NOTHING_ALLOWED]


def test_async_callbacks_hear_the_same(retriever: CollectionRetriever) -> None:
    listener = AsyncListener()
    found = asyncio.run(retriever.ainvoke(QUESTION, config=heard_by(listener)))
    assert (listener.tags, listener.documents) == (["mine"], found)
    asyncio.run(retriever.ainvoke(QUESTION, config=heard_by(listener), filters=NOWHERE))
    assert listener.notes == [NOTHING_ALLOWED]


def test_callbacks_hear_of_an_error(retriever: CollectionRetriever) -> None:
    listener = Listener()

    def lost(*_: object) -> Any:
        raise CollectionNotFound("There is no collection 'lost'.")

    with pytest.raises(CollectionNotFound):
        CollectionRetriever(search=lost).invoke(QUESTION, config=heard_by(listener))
    assert [str(error) for error in listener.errors] == ["There is no collection 'lost'."]


# -- opening --------------------------------------------------------------------------


def test_a_collection_that_is_not_there_is_told_when_it_is_opened(
    sample_data: Path, embeddings: LocalEmbeddings
) -> None:
    settings = settings_for(sample_data)
    with (
        pytest.raises(CollectionNotFound, match="nowhere"),
        open_retriever("nowhere", settings=settings, embeddings=embeddings),
    ):
        pass


def test_a_retriever_is_not_for_pickling(retriever: CollectionRetriever) -> None:
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        pickle.dumps(retriever)


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'faiss', 'tantivy', 'langchain_core', 'pydantic'}"
    code = f"import sys, rag_service; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_everything_the_package_offers_is_there() -> None:
    assert all(hasattr(rag_service, name) for name in rag_service.__all__)
    with pytest.raises(AttributeError, match="no attribute 'open_retrevier'"):
        _ = rag_service.open_retrevier  # type: ignore[attr-defined]


def test_the_example_chain_of_a_langchain_user_runs(
    sample_data: Path,
    embeddings: LocalEmbeddings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RAG_DATA_DIR", str(sample_data))
    with using(embeddings):
        runpy.run_path(str(EXAMPLES / "langchain_chain.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    said = dict(line.strip().split(": ", 1) for line in lines)
    assert said["found"].startswith(POLICY)
    assert said["invoke"].startswith(f"{POLICY}: ")
    assert "12 %" in said["invoke"]
    assert said["astream"].startswith(f"{TRAVEL}: ")
    assert "480 元" in said["astream"]
    assert said["filtered"].startswith("products/")
