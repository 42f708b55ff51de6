"""Health, readiness, metrics, the API page, and the life of the service."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from rag_service.api.app import create_app
from rag_service.errors import ChatModelError
from tests.api.fakes import FakeService

READY = {
    "ready": True,
    "reasons": [],
    "jobs_queued": 0,
    "jobs_running": 0,
    "worker_alive": False,
}


def samples(client: TestClient, name: str) -> dict[tuple[str, ...], float]:
    """The samples called ``name``, by their labels' values in the order of their names."""
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
        if sample.name == name
    }


def test_the_process_says_it_is_alive(client: TestClient) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_a_ready_service_says_so(client: TestClient) -> None:
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (200, READY)


def test_a_service_that_is_not_ready_says_why(client: TestClient, service: FakeService) -> None:
    service.reasons = ["The collection default was built with another model."]
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == READY | {"ready": False, "reasons": service.reasons}


def test_requests_are_counted_by_route_and_never_by_path(client: TestClient) -> None:
    client.get("/collections/default")
    client.head("/collections/default")
    client.get("/collections/secret-name")
    client.get("/secret/path")
    client.request("SECRET", "/healthz")
    counted = samples(client, "rag_http_requests_total")
    assert counted[("GET", "/collections/{collection}", "200")] == 1
    assert counted[("HEAD", "/collections/{collection}", "200")] == 1
    assert counted[("GET", "/collections/{collection}", "404")] == 1
    assert counted[("GET", "unmatched", "404")] == 1
    assert counted[("OTHER", "/healthz", "405")] == 1
    assert "secret" not in client.get("/metrics").text.lower()


def test_answers_and_tokens_are_counted(client: TestClient) -> None:
    for question in ("warranty", "zebra"):
        client.post("/ask", json={"question": question})
    client.post("/ask", json={"question": "warranty", "stream": True})
    assert samples(client, "rag_answers_total") == {
        ("chat", "answered"): 2,
        ("chat", "refused"): 1,
    }
    assert samples(client, "rag_tokens_total") == {("prompt",): 33, ("completion",): 15}
    assert samples(client, "rag_http_request_seconds_count")[("/ask",)] == 3


def test_two_applications_count_apart(client: TestClient) -> None:
    client.get("/healthz")
    with TestClient(create_app(FakeService)) as other:
        assert samples(other, "rag_http_requests_total") == {}


def test_the_api_page_and_all_it_loads_come_from_this_service(client: TestClient) -> None:
    page = client.get("/docs").text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(loaded) == 3
    assert not re.search(r"https?://", page)
    for address in loaded:
        assert client.get(address).status_code == 200


def test_the_api_description_shows_our_errors_and_describes_every_field(
    client: TestClient,
) -> None:
    document = client.get("/openapi.json").json()
    shapes = document["components"]["schemas"]
    assert "HTTPValidationError" not in shapes
    undescribed = [
        f"{shape}.{name}"
        for shape, schema in shapes.items()
        for name, field in schema.get("properties", {}).items()
        if "description" not in field
    ]
    assert undescribed == []


def test_the_service_is_opened_at_start_and_closed_at_the_end() -> None:
    service = FakeService()
    with TestClient(create_app(lambda: service)) as client:
        assert client.get("/healthz").status_code == 200
        assert not service.shut_down
    assert service.shut_down


def test_a_service_that_cannot_be_opened_stops_the_start() -> None:
    def fail() -> FakeService:
        raise ChatModelError("No such file.")

    with pytest.raises(ChatModelError, match="No such file"), TestClient(create_app(fail)):
        pass
