"""Filters and explanations from files on disk to HTTP, with all real parts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from ingest.run import Ingestor, MirrorOptions
from rag_service.api.app import create_app
from rag_service.retrieval.embedding_model import EmbeddingModel
from rag_service.retrieval.retriever import NOTHING_ALLOWED
from rag_service.settings import ApiSettings, Settings
from tests.documents import write_pdf
from tests.real_parts import open_service, write_folder

TEXTS = {
    "policy/leave.md": "---\ntags: [HR, leave]\ndate: 2024-05-31\n---\n# Leave\n\n"
    "Every employee has fifteen days of paid annual leave.",
    "policy/travel.md": "---\ntags:\n  - travel\ndate: 2023-11-02\n---\n# Travel\n\n"
    "An employee who travels may spend ninety euros a day on annual conferences.",
    "人事/年假.txt": "正式員工每年享有十五天帶薪年假，年假應當在當年用完。",
    "notes.txt": "An employee asked about annual leave in the meeting.",
}
LONG = "The valve of the pump opens when the pressure in the pipe rises above nine bar"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    data = tmp_path_factory.mktemp("data")
    api = ApiSettings(allowed_hosts=("testserver",))
    return Settings(data_dir=data, api=api)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_folder(tmp_path_factory.mktemp("documents"), TEXTS)
    # The sentence on the valve begins on page 2 and ends on page 3.
    pages = [["The pump is blue."], ["The pump is loud.", LONG], ["or falls below two bar."]]
    write_pdf(folder / "pump.pdf", pages)
    day = datetime(2022, 2, 22, tzinfo=UTC).timestamp()
    for name in ("notes.txt", "人事/年假.txt"):
        os.utime(folder / name, (day, day))
    return folder


@pytest.fixture(scope="module")
def client(folder: Path, settings: Settings, embeddings: EmbeddingModel) -> Iterator[TestClient]:
    Ingestor(settings, embeddings=embeddings).mirror([folder], "default")
    with (
        closing(open_service(settings, embeddings)) as service,
        TestClient(create_app(lambda: service)) as client,
    ):
        yield client


def search(client: TestClient, query: str, **filters: Any) -> Any:
    reply = client.post("/search", json={"query": query, "filters": filters, "debug": True})
    assert reply.status_code == 200, reply.text
    return reply.json()


@pytest.mark.parametrize(
    ("filters", "sources"),
    [
        ({"tags": ["hr"]}, {"policy/leave.md"}),
        ({"tags": ["ＬＥＡＶＥ", "Travel"]}, {"policy/leave.md", "policy/travel.md"}),
        ({"since": "2024"}, {"policy/leave.md", "pump.pdf"}),
        ({"since": "2023", "until": "2023"}, {"policy/travel.md"}),
        ({"until": "2022-02-22"}, {"notes.txt", "人事/年假.txt"}),
        ({"until": "2022-02-21"}, set()),
        ({"source": ["人事/*", "*.pdf"]}, {"人事/年假.txt", "pump.pdf"}),
        ({"source": "policy/*", "until": "2023-12"}, {"policy/travel.md"}),
        ({"page_from": 1}, {"pump.pdf"}),
    ],
)
def test_a_filter_on_what_files_state_lets_those_alone_through(
    client: TestClient, filters: dict[str, Any], sources: set[str]
) -> None:
    found = search(client, "annual leave of an employee, 年假, pump valve", **filters)
    assert {result["source"] for result in found["results"]} == sources
    assert {dropped["source"] for dropped in found["dropped"]} <= sources


def test_a_passage_that_runs_over_the_page_is_on_both_pages(client: TestClient) -> None:
    for page, texts in (
        (1, ["The pump is blue."]),
        (3, [f"{LONG} or falls below two bar."]),
    ):
        found = search(client, "pump valve pressure", page_from=page, page_to=page)
        shown = [" ".join(result["text"].split()) for result in found["results"]]
        assert len(shown) == 1
        assert texts[0] in shown[0]


def test_filters_that_let_nothing_through_say_so(client: TestClient) -> None:
    found = search(client, "annual leave", tags=["finance"])
    assert (found["results"], found["notes"], found["legs"]) == ([], [NOTHING_ALLOWED], [])
    assert found["dropped"] == []


def test_a_question_to_nothing_is_refused_and_told_why(client: TestClient) -> None:
    question = "How many days of annual leave does an employee have?"
    asked = client.post("/ask", json={"question": question}).json()
    assert asked["status"] == "answered"
    refused = client.post("/ask", json={"question": question, "filters": {"tags": ["x"]}}).json()
    assert (refused["status"], refused["sources"]) == ("refused", [])
    assert NOTHING_ALLOWED in refused["notes"]


def test_a_document_is_listed_with_its_date_and_tags(client: TestClient) -> None:
    listed = client.get("/collections/default/documents").json()["documents"]
    by_source = {document["source"]: (document["date"], document["tags"]) for document in listed}
    assert by_source["policy/leave.md"] == ("2024-05-31", ["HR", "leave"])
    assert by_source["notes.txt"] == ("2022-02-22", [])


def test_debug_explains_each_result_and_each_candidate_that_is_none(client: TestClient) -> None:
    body = {"query": "annual leave of an employee", "top_k": 1, "debug": True}
    found = client.post("/search", json=body).json()
    best = found["results"][0]
    assert best["source"] == "policy/leave.md"
    assert best["legs"]["lexical"] == best["lexical"]
    assert best["legs"]["dense"] == best["dense"]
    assert [place["stage"] for place in best["stages"]][:2] == ["fused", "coverage"]
    assert best["stages"][-1] == {**best["stages"][-1], "rank": 1, "score": best["score"]}
    assert {term["term"] for term in best["terms"]} == {"annual", "leav", "employe"}
    marked = [best["text"][start:end] for start, end in best["highlights"]]
    assert marked == ["Leave", "employee", "annual", "leave"]
    assert found["terms"] == ["annual", "leav", "employe"]
    assert len(found["dropped"]) >= 2
    first = found["dropped"][0]
    assert first["reason"] == "below the first 1, which were asked for"
    shown = {best["chunk_id"], *(each["chunk_id"] for each in found["dropped"])}
    assert len(shown) == 1 + len(found["dropped"])


def test_simplified_words_are_marked_in_a_traditional_passage(client: TestClient) -> None:
    found = search(client, "带薪年假", source="人事/*")
    (best,) = found["results"]
    assert [best["text"][a:b] for a, b in best["highlights"]] == ["帶薪年假", "年假"]
    assert best["terms"][0]["in_text"] >= 1


def test_the_tags_of_a_run_are_kept_by_later_runs_and_by_a_rebuild(
    folder: Path, settings: Settings, embeddings: EmbeddingModel
) -> None:
    ingestor = Ingestor(settings, embeddings=embeddings)

    def tags() -> tuple[str, ...]:
        with closing(open_service(settings, embeddings)) as service:
            listed = service.documents("tagged", limit=10, offset=0)
            return next(info.tags for info in listed if info.source == "notes.txt")

    ingestor.mirror([folder], "tagged", MirrorOptions(tags=("Handbook", "v2")))
    assert tags() == ("Handbook", "v2")
    ingestor.mirror([folder], "tagged")
    ingestor.mirror([folder], "tagged", MirrorOptions(rebuild=True))
    assert tags() == ("Handbook", "v2")
    ingestor.mirror([folder], "tagged", MirrorOptions(tags=()))
    assert tags() == ()
