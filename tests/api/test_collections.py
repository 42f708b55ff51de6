"""Collections and documents."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

DEFAULT = {
    "name": "default",
    "documents": 2,
    "chunks": 2,
    "failed": 0,
    "revision": 7,
    "pending": 0,
    "embedding_model": "words",
    "updated_at": "2025-01-02T03:04:05Z",
}
CAR = {
    "doc_id": 1,
    "source": "manuals/car.md",
    "title": "Car manual",
    "pages": 1,
    "chunks": 1,
    "chars": 31,
    "size_bytes": 31,
    "content_hash": "0" * 63 + "1",
    "ingested_at": "2025-01-02T03:04:05Z",
}


def test_a_collection_can_be_read(client: TestClient) -> None:
    assert client.get("/collections").json() == {"collections": [DEFAULT]}
    assert client.get("/collections/default").json() == DEFAULT


def test_a_created_collection_is_listed_until_it_is_deleted(client: TestClient) -> None:
    created = client.post("/collections", json={"name": "资料"})
    assert created.status_code == 201
    assert created.json()["documents"] == 0
    assert created.json()["updated_at"] is None
    location = created.headers["location"]
    assert client.get(location).json() == created.json()
    deleted = client.delete(location)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert client.get(location).status_code == 404


def test_documents_come_in_pages(client: TestClient) -> None:
    page = client.get("/collections/default/documents", params={"limit": 1}).json()
    assert page == {"documents": [CAR], "total": 2, "limit": 1, "offset": 0}
    rest = client.get("/collections/default/documents", params={"offset": 1}).json()
    assert [document["source"] for document in rest["documents"]] == ["规章.txt"]


def test_a_document_can_be_read(client: TestClient) -> None:
    assert client.get("/collections/default/documents/1").json() == CAR


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/collections/nowhere", 404, "collection_not_found"),
        ("DELETE", "/collections/nowhere", 404, "collection_not_found"),
        ("GET", "/collections/nowhere/documents", 404, "collection_not_found"),
        ("GET", "/collections/a%00b", 422, "invalid_collection_name"),
        ("GET", "/collections/%2e%2e", 422, "invalid_collection_name"),
        ("GET", "/collections/default/documents/3", 404, "document_not_found"),
        ("GET", "/collections/default/documents/0", 422, "invalid_request"),
        ("GET", "/collections/default/documents/x", 422, "invalid_request"),
        ("GET", f"/collections/default/documents/{2**63}", 422, "invalid_request"),
        ("GET", f"/collections/default/documents?offset={2**63}", 422, "invalid_request"),
        ("GET", "/collections/default/documents?limit=0", 422, "invalid_request"),
        ("GET", "/collections/default/documents?limit=1001", 422, "invalid_request"),
        ("GET", "/nowhere", 404, "not_found"),
        ("PUT", "/collections/default", 405, "method_not_allowed"),
    ],
)
def test_a_wrong_address_is_refused(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    response = client.request(method, path)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_a_method_not_allowed_says_which_are(client: TestClient) -> None:
    assert client.get("/ask").headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "default"}, 409, "collection_exists"),
        ({"name": "../x"}, 422, "invalid_collection_name"),
        ({}, 422, "invalid_request"),
        ({"name": "a", "colour": 1}, 422, "invalid_request"),
    ],
)
def test_a_collection_that_cannot_be_created_is_refused(
    client: TestClient, body: dict[str, object], status: int, code: str
) -> None:
    response = client.post("/collections", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
