"""The table of statuses, and what happens when something fails unexpectedly."""

from __future__ import annotations

import logging

import pytest
from fastapi.testclient import TestClient

from rag_service import errors
from rag_service.api.app import create_app
from rag_service.api.errors import STATUS, status_of
from rag_service.settings import ApiSettings, Settings
from tests.api.fakes import TEST_HOST, FakeService


def every_error(kind: type[errors.RagError] = errors.RagError) -> list[type[errors.RagError]]:
    below = [error for child in kind.__subclasses__() for error in every_error(child)]
    return [kind, *below] if kind.__module__ == errors.__name__ else below


def test_every_error_is_in_the_table_and_nothing_else() -> None:
    assert set(STATUS) == set(every_error())


def test_an_error_that_is_not_in_the_table_has_its_parents_status() -> None:
    class Newcomer(errors.CollectionNotFound):
        pass

    assert status_of(Newcomer("x")) == 404


@pytest.mark.parametrize("kind", every_error())
def test_every_error_reaches_the_caller_with_its_code_and_text(
    kind: type[errors.RagError], client: TestClient, service: FakeService
) -> None:
    overloaded = kind is errors.Overloaded
    service.search_error = errors.Overloaded("Why.", 3) if overloaded else kind("Why.")
    response = client.post("/search", json={"query": "a"}, headers={"X-Request-ID": "r"})
    assert response.status_code == STATUS[kind]
    assert response.json() == {"error": {"code": kind.code, "message": "Why.", "request_id": "r"}}


@pytest.mark.parametrize("path", ["/search", "/ask"])
def test_an_unexpected_error_tells_the_log_everything_and_the_caller_nothing(
    path: str, client: TestClient, service: FakeService, caplog: pytest.LogCaptureFixture
) -> None:
    service.search_error = ZeroDivisionError("secret of the house")
    body = {"query" if path == "/search" else "question": "a"}
    with caplog.at_level(logging.ERROR):
        response = client.post(path, json=body, headers={"X-Request-ID": "r-1"})
    assert response.status_code == 500
    assert response.headers["x-request-id"] == "r-1"
    assert response.json()["error"] == {
        "code": "internal_error",
        "message": "The service failed in a way it should not. Its log says more.",
        "request_id": "r-1",
    }
    assert "request r-1: unexpected error" in caplog.text
    assert "secret of the house" in caplog.text


def test_a_message_that_is_not_valid_unicode_is_sent_all_the_same(
    client: TestClient, service: FakeService
) -> None:
    service.search_error = errors.InvalidRequest("odd: \ud800")
    response = client.post("/search", json={"query": "a"})
    assert (response.status_code, response.json()["error"]["message"]) == (422, "odd: ?")


@pytest.mark.parametrize("given", ["abc-1.2_3", "x" * 64])
def test_a_sane_request_id_is_kept(client: TestClient, given: str) -> None:
    response = client.get("/healthz", headers={"X-Request-ID": given})
    assert response.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", 'a"b', "a;b"])
def test_any_other_request_id_is_replaced_by_a_fresh_one(client: TestClient, given: str) -> None:
    first, second = (client.get("/healthz", headers={"X-Request-ID": given}) for _ in range(2))
    ids = {first.headers["x-request-id"], second.headers["x-request-id"]}
    assert len(ids) == 2
    assert all(len(fresh) == 32 for fresh in ids)


@pytest.fixture
def small() -> FakeService:
    return FakeService(Settings(api=ApiSettings(max_body_bytes=2000, allowed_hosts=(TEST_HOST,))))


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "in pieces"])
def test_a_body_over_the_limit_is_refused(small: FakeService, announced: bool) -> None:
    body = b'{"question": "' + b"x" * 3000 + b'"}'
    pieces = iter([body[:1000], body[1000:2500], body[2500:]])
    with TestClient(create_app(lambda: small)) as client:
        response = client.post(
            "/ask",
            content=body if announced else pieces,
            headers={"Content-Type": "application/json"},
        )
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "body_too_large"
    assert response.json()["error"]["message"] == "The body is larger than 2000 bytes."


def test_a_body_at_the_limit_is_read(small: FakeService) -> None:
    start, end = b'{"question": "warranty', b'"}'
    body = start + b" " * (2000 - len(start) - len(end)) + end
    with TestClient(create_app(lambda: small)) as client:
        response = client.post("/ask", content=body, headers={"Content-Type": "application/json"})
    assert (len(body), response.status_code) == (2000, 200)
