"""POST /search."""

from __future__ import annotations

import math
from typing import Any

import pytest
from fastapi.testclient import TestClient

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


def test_debug_says_where_each_leg_placed_a_result(client: TestClient) -> None:
    response = client.post("/search", json={"query": "the warranty", "debug": True})
    assert response.json() == {
        "results": [
            {**RESULT, "dense": None, "lexical": {"rank": 1, "score": 2.0}, "coverage": 0.0}
        ],
        "revision": 7,
        "timings": {"total": 1.5},
        "legs": ["lexical"],
        "notes": ["The embedding model knows no Chinese."],
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
