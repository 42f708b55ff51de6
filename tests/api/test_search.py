"""POST /search."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest
from fastapi.testclient import TestClient

from rag_service.filters import Filters
from tests.api.fakes import WARRANTY, FakeService

RESULT = {
    "chunk_id": 10,
    "doc_id": 1,
    "source": "manuals/car.md",
    "title": "Car manual",
    "page": 1,
    "char_start": 0,
    "char_end": 31,
    "text": WARRANTY,
    "score": 1.0,
}


def test_a_result_has_exactly_the_published_shape(client: TestClient) -> None:
    response = client.post("/search", json={"query": "warranty"})
    assert response.status_code == 200
    assert response.json() == {
        "results": [RESULT],
        "revision": 7,
        "timings": {"total": 1.5},
        "notes": ["The embedding model knows no Chinese."],
    }


def test_debug_says_why_each_passage_is_or_is_not_a_result(client: TestClient) -> None:
    body = {"query": "warranty 年假", "debug": True, "top_k": 1}
    reply = client.post("/search", json=body).json()
    explained = {
        "legs": {"lexical": {"rank": 2, "score": 2.0}},
        "stages": [{"stage": "fused", "rank": 2, "score": 0.5}],
        "terms": [{"term": "warranti", "idf": 1.5, "in_text": 1, "in_context": 0, "in_gloss": 0}],
    }
    assert [result["source"] for result in reply["results"]] == ["规章.txt"]
    assert reply["terms"] == ["warranti", "last"]
    assert reply["dropped"] == [
        {**explained, "chunk_id": 10, "source": "manuals/car.md", "page": 1, "reason": "below"}
    ]


def test_debug_says_where_each_leg_placed_a_result(client: TestClient) -> None:
    response = client.post("/search", json={"query": "the warranty", "debug": True})
    assert response.json() == {
        "results": [
            {
                **RESULT,
                "dense": None,
                "lexical": {"rank": 1, "score": 2.0},
                "coverage": 0.0,
                "rerank": None,
                "legs": {"lexical": {"rank": 1, "score": 2.0}},
                "stages": [{"stage": "fused", "rank": 1, "score": 1.0}],
                "terms": [
                    {"term": "warranti", "idf": 1.5, "in_text": 1, "in_context": 0, "in_gloss": 0}
                ],
                "highlights": [[4, 12]],
            }
        ],
        "revision": 7,
        "timings": {"total": 1.5},
        "legs": ["lexical"],
        "notes": ["The embedding model knows no Chinese."],
        "terms": ["warranti", "last"],
        "gloss_terms": [],
        "dropped": [],
    }


def test_a_score_that_is_no_number_is_sent_as_null(
    client: TestClient, service: FakeService
) -> None:
    service.score = math.nan
    response = client.post("/search", json={"query": "warranty"})
    assert response.json()["results"][0]["score"] is None


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"query": ""}, 422, "invalid_request"),
        ({"question": "a"}, 422, "invalid_request"),
        ({"query": "a", "top_k": None}, 422, "invalid_request"),
        ({"query": "a", "top_k": 101}, 422, "invalid_request"),
        ({"query": "x" * 8001}, 413, "question_too_long"),
        ({"query": "a", "collection": "nowhere"}, 404, "collection_not_found"),
        ({"query": "a", "collection": "../x"}, 422, "invalid_collection_name"),
    ],
)
def test_a_wrong_query_is_refused(
    client: TestClient, body: dict[str, Any], status: int, code: str
) -> None:
    response = client.post("/search", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_filters_restrict_the_documents_searched(client: TestClient) -> None:
    body = {"query": "warranty 年假", "filters": {"source": "*.txt"}}
    results = client.post("/search", json=body).json()["results"]
    assert [result["source"] for result in results] == ["规章.txt"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"source": "manuals/*"}, Filters(sources=("manuals/*",))),
        ({"source": ["manuals/*", "*.md"]}, Filters(sources=("manuals/*", "*.md"))),
        ({"doc_ids": [1, 2], "tags": ["财务"]}, Filters(doc_ids=(1, 2), tags=("财务",))),
        (
            {"since": "2024-02-28", "until": "2024-02-29"},
            Filters(since=date(2024, 2, 28), until=date(2024, 2, 29)),
        ),
        (
            {"since": "2024-02", "until": "2024-02"},
            Filters(since=date(2024, 2, 1), until=date(2024, 2, 29)),
        ),
        (
            {"since": "2023", "until": "2024"},
            Filters(since=date(2023, 1, 1), until=date(2024, 12, 31)),
        ),
        ({"page_from": 3, "page_to": 3}, Filters(page_from=3, page_to=3)),
        ({}, Filters()),
    ],
)
def test_filters_mean_what_they_say(
    client: TestClient, service: FakeService, written: dict[str, object], meant: Filters
) -> None:
    response = client.post("/search", json={"query": "warranty", "filters": written})
    assert (response.status_code, service.filtered_by) == (200, meant)
