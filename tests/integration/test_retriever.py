"""Hybrid retrieval behind LangChain's interface, over a small ingested folder."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from rag_service.errors import CollectionNotFound
from rag_service.filters import Filters
from rag_service.retrieval.embedding import LocalEmbeddings
from rag_service.search_types import SearchResult
from rag_service.service import Service
from tests import documents
from tests.real_parts import ingest_folder, open_service, settings_for, write_folder

WARRANTY = "The warranty of the Aldra recorder lasts three years from the date of delivery."
STORAGE = "Store the sensor in a dry room. Keep it away from magnets and from direct sunlight."
LEAVE = "正式员工每年享有十五天带薪年假。病假需要提交医院证明，并由直属主管批准。"
RETURNS = "客戶收到商品後七天內可以申請退貨。退貨時請附上發票與保固書。"
TEXTS = {
    "policy/warranty.md": f"# Warranty\n\n## Duration\n\n{WARRANTY}",
    "policy/storage.txt": STORAGE,
    "人事/假期.txt": LEAVE,
    "人事/退貨.txt": RETURNS,
}


@pytest.fixture(scope="module")
def service(
    embeddings: LocalEmbeddings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    folder = write_folder(tmp_path_factory.mktemp("documents"), TEXTS)
    pages = [["Page one speaks of pumps."], ["The pump runs at nine bar."]]
    documents.write_pdf(folder / "pump.pdf", pages)
    settings = settings_for(tmp_path_factory.mktemp("data"))
    ingest_folder(folder, settings, embeddings)
    with closing(open_service(settings, embeddings)) as service:
        yield service


@pytest.fixture
def retriever(service: Service) -> BaseRetriever:
    return service.retriever("default", top_k=3)


def search(service: Service, query: str, **filters: object) -> SearchResult:
    narrowed = Filters(**filters) if filters else None  # type: ignore[arg-type]
    return service.search(query, collection="default", top_k=3, filters=narrowed)


def sources(result: SearchResult) -> list[str]:
    return [hit.chunk.source for hit in result.hits]


def test_a_retriever_is_langchains_and_gives_its_documents(retriever: BaseRetriever) -> None:
    assert isinstance(retriever, BaseRetriever)
    found = retriever.invoke("How long is the warranty of the recorder?")
    assert all(isinstance(document, Document) for document in found)
    assert len(found) == 3
    assert found[0].page_content.endswith(WARRANTY)


def test_a_passage_of_a_pdf_has_its_page(retriever: BaseRetriever) -> None:
    metadata = retriever.invoke("At how many bar does the pump run?")[0].metadata
    assert (metadata["source"], metadata["page"]) == ("pump.pdf", 2)


def test_scores_fall(retriever: BaseRetriever) -> None:
    scores = [document.metadata["score"] for document in retriever.invoke("dry room sensor")]
    assert scores == sorted(scores, reverse=True)


def test_invoke_ainvoke_and_batch_find_the_same(retriever: BaseRetriever) -> None:
    questions = ["Where is the sensor stored?", "年假有几天？", "How long is the warranty?"]
    one_by_one = [retriever.invoke(question) for question in questions]
    assert retriever.batch(questions) == one_by_one  # in threads, which share the model
    assert [asyncio.run(retriever.ainvoke(question)) for question in questions] == one_by_one
    assert [found[0].metadata["source"] for found in one_by_one] == [
        "policy/storage.txt",
        "人事/假期.txt",
        "policy/warranty.md",
    ]


def test_a_retriever_without_top_k_takes_the_setting(sample_service: Service) -> None:
    found = sample_service.retriever("default").invoke("instrument")
    assert len(found) == sample_service.settings.retrieval.top_k == 8


def test_a_retriever_of_no_collection_says_so_when_asked(service: Service) -> None:
    with pytest.raises(CollectionNotFound):
        service.retriever("nowhere").invoke("warranty")


@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("申请退货要附上什么？", "人事/退貨.txt"),  # Simplified asks, Traditional answers
        ("申請退貨要附上什麼？", "人事/退貨.txt"),
        ("病假要經過誰批准？", "人事/假期.txt"),  # Traditional asks, Simplified answers
        ("病假要经过谁批准？", "人事/假期.txt"),
    ],
)
def test_simplified_and_traditional_find_each_other(
    service: Service, question: str, source: str
) -> None:
    assert sources(search(service, question))[0] == source


def test_both_scripts_ask_the_same_question(service: Service) -> None:
    simplified = search(service, "退货时请附上发票")
    traditional = search(service, "退貨時請附上發票")
    assert [(hit.chunk, hit.score) for hit in simplified.hits] == [
        (hit.chunk, hit.score) for hit in traditional.hits
    ]
    assert simplified.hits[0].coverage == 1.0


def test_an_english_question_among_english_passages_has_both_legs_and_no_note(
    service: Service,
) -> None:
    result = search(service, "How long is the warranty of the recorder?", sources=("policy/*",))
    assert (result.legs, result.notes) == (("dense", "lexical"), ())
    best = result.hits[0]
    assert best.dense is not None
    assert best.lexical is not None
    assert (best.dense.rank, best.lexical.rank) == (1, 1)
    assert 0.5 < best.dense.score < 1


def test_a_chinese_question_among_both_languages_has_both_legs(service: Service) -> None:
    result = search(service, "年假有几天？")
    assert result.legs == ("dense", "lexical")
    assert sources(result)[0] == "人事/假期.txt"
    assert result.hits[0].crossed is False


def test_meaning_finds_what_shares_no_word(service: Service) -> None:
    result = search(service, "humidity damage precautions")
    assert (result.legs, sources(result)[0]) == (("dense",), "policy/storage.txt")


@pytest.mark.parametrize(
    ("glob", "found"),
    [
        ("policy/*", {"policy/warranty.md", "policy/storage.txt"}),
        ("*.pdf", {"pump.pdf"}),
        ("人事/*", {"人事/假期.txt", "人事/退貨.txt"}),
        ("nothing/*", set()),
    ],
)
def test_a_source_filter_leaves_out_everything_else(
    service: Service, glob: str, found: set[str]
) -> None:
    result = search(service, "warranty sensor pump 年假 退货", sources=(glob,))
    assert set(sources(result)) == found


def test_a_document_filter_leaves_out_everything_else(service: Service) -> None:
    wanted = search(service, "sensor").hits[0].chunk
    result = search(service, "How long is the warranty?", doc_ids=(wanted.doc_id,))
    assert sources(result) == [wanted.source]


def test_a_retriever_may_carry_filters(service: Service) -> None:
    narrowed = service.retriever("default").model_copy(
        update={"filters": Filters(sources=("policy/*",))}
    )
    found = {document.metadata["source"] for document in narrowed.invoke("pump warranty")}
    assert found == {"policy/warranty.md", "policy/storage.txt"}


def test_punctuation_finds_nothing_by_words_and_does_not_fail(service: Service) -> None:
    assert "lexical" not in search(service, "？！……").legs


def test_a_result_tells_how_long_each_step_took(service: Service) -> None:
    timings = search(service, "warranty").timings
    stages = ["analyse", "embed", "dense", "lexical", "join", "rerank"]
    assert list(timings) == [f"{stage}_ms" for stage in stages]


def test_an_explanation_has_what_a_misspelled_word_was_taken_for(service: Service) -> None:
    result = service.search("magnetts", collection="default", top_k=3, explain=True)
    assert result.trace is not None
    assert result.trace.terms == ("magnett", "magnet")
    assert [matched.term for matched in result.trace.results[0].terms] == ["magnet"]


def test_a_misspelled_word_finds_what_was_meant_and_says_so(service: Service) -> None:
    result = search(service, "magnetts")
    assert result.hits[0].chunk.source == "policy/storage.txt"
    assert result.hits[0].lexical is not None
    assert (
        "No document has the word “magnetts”: words on “magnet” were searched for in its place."
    ) in result.notes
