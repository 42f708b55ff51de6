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
    "date": "2024-05-31",
    "tags": ["HR"],
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


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/ask", "POST"),
        ("HEAD", "/ask", "POST"),
        ("PUT", "/collections", "GET, HEAD, POST"),
        ("POST", "/collections/default", "DELETE, GET, HEAD"),
        ("PATCH", "/collections/default/documents", "GET, HEAD, POST"),
        ("POST", "/collections/default/documents/1", "DELETE, GET, HEAD"),
        ("DELETE", "/jobs/1", "GET, HEAD"),
        ("DELETE", "/openapi.json", "GET, HEAD"),
    ],
)
def test_a_method_not_allowed_says_which_are(
    client: TestClient, method: str, path: str, allowed: str
) -> None:
    response = client.request(method, path)
    assert response.status_code == 405
    assert sorted(response.headers["allow"].split(", ")) == allowed.split(", ")


@pytest.mark.parametrize(
    "path", ["/collections", "/collections/default/documents/1", "/healthz", "/metrics", "/docs"]
)
def test_head_is_answered_as_get_without_the_body(client: TestClient, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    # The length of the metrics grows with every request.
    names = {"content-type"} if path == "/metrics" else {"content-type", "content-length"}
    assert {n: head.headers[n] for n in names} == {n: get.headers[n] for n in names}


def test_head_of_what_is_not_there_has_the_status_of_get(client: TestClient) -> None:
    head = client.head("/collections/nowhere")
    assert (head.status_code, head.content) == (404, b"")


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        (
            "GET",
            "/collections/default/documents?limt=5",
            "'limt' is not a query parameter of this address; it takes limit, offset.",
        ),
        (
            "GET",
            "/jobs?status=done",
            "'status' is not a query parameter of this address; it takes collection, limit.",
        ),
        ("GET", "/collections?a=1", "'a' is not a query parameter of this address; it takes none."),
        (
            "DELETE",
            "/collections/default?force",
            "'force' is not a query parameter of this address; it takes none.",
        ),
    ],
)
def test_a_query_parameter_that_is_none_is_refused_rather_than_ignored(
    client: TestClient, method: str, path: str, message: str
) -> None:
    response = client.request(method, path)
    assert response.status_code == 422
    assert response.json()["error"]["message"] == message
    assert client.get("/collections/default").status_code == 200


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
