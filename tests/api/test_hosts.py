"""Pages of other sites that its user's browser shows cannot use the service."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from rag_service.api.app import create_app
from rag_service.settings import ApiSettings, Settings
from tests.api.fakes import FakeService

UPLOAD = {"files": ("a.txt", b"1")}


def client_of(*allowed: str, host: str = "127.0.0.1") -> TestClient:
    api = ApiSettings(allowed_hosts=allowed, host=host)
    return TestClient(create_app(lambda: FakeService(Settings(api=api))))


def get(client: TestClient, host: str) -> Any:
    with client:
        return client.get("/collections", headers={"Host": host})


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8000",
        "kb.localhost:8000",
        "localhost.",
        "127.0.0.1:8000",
        "192.168.1.20",
        "[::1]:8000",
        "",
    ],
)
def test_without_settings_it_goes_by_localhost_and_addresses(host: str) -> None:
    assert get(client_of(), host).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["attacker.example", "localhost.attacker.example", "127.0.0.1.attacker.example", "[bad", "a b"],
)
def test_a_name_that_was_made_to_point_here_is_refused(host: str) -> None:
    response = get(client_of(), host)
    assert response.status_code == 403
    error = response.json()["error"]
    assert error["code"] == "host_not_allowed"
    assert "RAG_API__ALLOWED_HOSTS" in error["message"]
    assert response.headers["x-request-id"] == error["request_id"]


@pytest.mark.parametrize(
    ("allowed", "host", "status"),
    [
        ("kb.example.org", "KB.example.org:8443", 200),
        ("kb.example.org", "example.org", 403),
        ("*.example.org", "a.b.example.org", 200),
        ("*.example.org", "example.org", 403),
        ("*.example.org", "badexample.org", 403),
        ("*", "anything.example", 200),
    ],
)
def test_other_names_can_be_allowed(allowed: str, host: str, status: int) -> None:
    assert get(client_of("other.example", allowed), host).status_code == status


def test_the_name_it_listens_on_needs_no_setting() -> None:
    assert get(client_of(host="nas.lan"), "nas.lan:8000").status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 202),
        ("http://localhost:8000", 202),
        ("https://front.example.org", 202),
        ("http://localhost:3000", 403),
        ("http://attacker.example", 403),
        ("http://203.0.113.5", 403),
        ("http://localhost:8000.attacker.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_only_pages_of_its_own_or_allowed_ones_can_change_anything(
    origin: str | None, status: int
) -> None:
    headers = {"Host": "localhost:8000"} | ({} if origin is None else {"Origin": origin})
    with client_of("front.example.org") as client:
        response = client.post("/collections/default/documents", files=UPLOAD, headers=headers)
        jobs = client.get("/jobs", headers={"Host": "localhost"}).json()["jobs"]
    assert response.status_code == status
    assert len(jobs) == (status == 202)
    if status == 403:
        assert response.json()["error"]["code"] == "origin_not_allowed"


def test_any_page_may_be_allowed_to_ask() -> None:
    with client_of("*") as client:
        headers = {"Origin": "http://anything.example"}
        assert client.delete("/collections/default", headers=headers).status_code == 204
