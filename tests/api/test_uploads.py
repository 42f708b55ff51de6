"""Uploads, deletions and the jobs they become. Carried out by nobody here: see test_worker."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient

from rag_service.api.app import create_app
from rag_service.errors import StorageFull, UnsupportedFormat
from rag_service.settings import ApiSettings, Settings
from rag_service.store.jobs import INTERRUPTED
from rag_service.store.jobs_schema import JobFile
from tests.api.conftest import served
from tests.api.fakes import TEST_HOST, UPLOADED, FakeService

DOCUMENTS = "/collections/default/documents"
BOUNDARY = "----b"
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@pytest.fixture
def folder(service: FakeService) -> Path:
    """Where uploads to "default" are kept."""
    return service.settings.data_dir / "collections" / "default" / "uploads"


def stored(folder: Path) -> dict[str, bytes]:
    """Every file anywhere near the uploads, by name."""
    files = [path for path in folder.parent.rglob("*") if path.is_file()]
    return {path.name: path.read_bytes() for path in files if path.name != "current"}


def send(client: TestClient, *files: tuple[str, bytes], to: str = DOCUMENTS) -> Any:
    return client.post(to, files=[("files", file) for file in files])


def part(name: bytes, content: bytes, headers: bytes = b"") -> bytes:
    disposition = b'Content-Disposition: form-data; name="files"; filename="' + name + b'"\r\n'
    return b"------b\r\n" + disposition + headers + b"\r\n" + content + b"\r\n"


END = b"------b--\r\n"


def error_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_an_upload_is_stored_and_answered_with_a_job(client: TestClient, folder: Path) -> None:
    content = "保修期为三年。".encode()
    response = send(client, ("手册.txt", content), ("b.pdf", b"%PDF"))
    assert response.status_code == 202
    job = response.json()
    assert response.headers["location"] == f"/jobs/{job['job_id']}"
    assert client.get(response.headers["location"]).json() == job
    assert job | {"job_id": "", "created_at": ""} == {
        "job_id": "",
        "collection": "default",
        "kind": "upload",
        "status": "queued",
        "note": "",
        "error": None,
        "files": [waiting("手册.txt", content), waiting("b.pdf", b"%PDF")],
        "files_done": 0,
        "revision": None,
        "created_at": "",
        "started_at": None,
        "finished_at": None,
    }
    assert stored(folder) == {"手册.txt": content, "b.pdf": b"%PDF"}


def waiting(name: str, content: bytes) -> dict[str, Any]:
    return {
        "name": name,
        "size_bytes": len(content),
        "content_hash": hashlib.sha256(content).hexdigest(),
        "status": "waiting",
        "code": "",
        "message": "",
        "doc_id": None,
        "pages": 0,
        "chunks": 0,
        "warnings": [],
    }


def test_an_upload_of_the_same_name_takes_the_place_of_the_earlier(
    client: TestClient, folder: Path
) -> None:
    send(client, ("a.txt", b"old"))
    send(client, ("a.txt", b"new"))
    assert stored(folder) == {"a.txt": b"new"}
    assert len(client.get("/jobs").json()["jobs"]) == 2


def test_bytes_that_look_like_a_boundary_arrive_as_they_are(
    client: TestClient, folder: Path
) -> None:
    content = b"\r\n------\r\n------a--\r\n--\r\n\x00\xff" * 1000
    client.post(DOCUMENTS, content=part(b"a.txt", content) + END, headers=MULTIPART)
    assert stored(folder) == {"a.txt": content}


@pytest.mark.parametrize("name", ["../../x.txt", "manuals/car.md", ".hidden.txt", "a\u202eb.txt"])
def test_a_name_that_could_do_harm_is_refused(client: TestClient, folder: Path, name: str) -> None:
    body = part(b"good.txt", b"1") + part(name.encode(), b"2") + END
    response = client.post(DOCUMENTS, content=body, headers=MULTIPART)
    assert error_of(response) == (422, "invalid_file_name")
    assert stored(folder) == {}
    assert client.get("/jobs").json() == {"jobs": []}


def test_a_name_in_another_encoding_is_refused_rather_than_garbled(client: TestClient) -> None:
    body = part("手册.txt".encode("gbk"), b"1") + END
    response = client.post(DOCUMENTS, content=body, headers=MULTIPART)
    assert error_of(response) == (422, "invalid_file_name")
    assert "is not UTF-8" in response.json()["error"]["message"]


FIELD = b'------b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nx\r\n'
EMPTY = b'------b\r\nContent-Disposition: form-data; name="files"; filename=""\r\n\r\n\r\n'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "breaks off"),
        (part(b"a.txt", b"1"), "breaks off"),
        (part(b"a.txt", b"1")[:-20], "breaks off"),
        (END, "holds no file"),
        (b'{"files": []}', "cannot be read"),
        (part(b"a.txt", b"1") + FIELD + END, "'purpose' is not a file"),
        (EMPTY + END, "holds no file"),
        (part(b"a.txt", b"MQ==", b"Content-Transfer-Encoding: base64\r\n") + END, "send the bytes"),
        (part(b"a.txt", b"1") * 2 + END, "Two files"),
    ],
)
def test_a_body_that_is_not_whole_files_is_refused(
    client: TestClient, folder: Path, body: bytes, message: str
) -> None:
    response = client.post(DOCUMENTS, content=body, headers=MULTIPART)
    assert response.status_code == 422
    assert message in response.json()["error"]["message"]
    assert stored(folder) == {}


@pytest.mark.parametrize(
    "headers",
    [{"Content-Type": "application/json"}, {"Content-Type": "multipart/form-data"}, {}],
)
def test_anything_but_multipart_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    response = client.post(DOCUMENTS, content=b"{}", headers=headers)
    assert response.status_code == 415
    assert "multipart/form-data" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("collection", "status", "code"),
    [("nowhere", 404, "collection_not_found"), ("%2e%2e", 422, "invalid_collection_name")],
)
def test_a_collection_must_exist_before_it_is_sent_anything(
    client: TestClient, service: FakeService, collection: str, status: int, code: str
) -> None:
    response = send(client, ("a.txt", b"1"), to=f"/collections/{collection}/documents")
    assert error_of(response) == (status, code)
    assert not service.settings.data_dir.exists()


def test_a_format_that_no_loader_reads_is_refused_before_it_is_stored(
    service: FakeService, folder: Path
) -> None:
    def check_name(name: str) -> None:
        if name.endswith(".exe"):
            raise UnsupportedFormat(f"{name} is not read.")

    with TestClient(create_app(lambda: service, check_name=check_name)) as client:
        response = send(client, ("a.txt", b"1"), ("b.exe", b"MZ"))
        assert error_of(response) == (415, "unsupported_format")
        assert stored(folder) == {}
        assert send(client, ("a.txt", b"1")).status_code == 202


def test_a_full_disk_is_507(
    client: TestClient, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_collection: str) -> None:
        raise StorageFull("The disk is full. Nothing was stored.")

    monkeypatch.setattr(service, "upload", fail)
    assert error_of(send(client, ("a.txt", b"1"))) == (507, "storage_full")


# --- size ----------------------------------------------------------------------------------


@pytest.fixture
def small() -> FakeService:
    """Takes uploads of 1 MB, and other bodies of 2 kB."""
    api = ApiSettings(max_upload_mb=1, max_body_bytes=2000, allowed_hosts=(TEST_HOST,))
    return FakeService(Settings(api=api))


@pytest.fixture
def small_folder(small: FakeService) -> Path:
    return small.settings.data_dir / "collections" / "default" / "uploads"


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "in pieces"])
def test_an_upload_over_the_limit_is_refused_and_leaves_nothing(
    small: FakeService, small_folder: Path, announced: bool
) -> None:
    body = part(b"a.txt", b"x" * (1 << 20)) + END
    pieces = iter([body[:1000], body[1000:500_000], body[500_000:]])
    with TestClient(create_app(lambda: small)) as client:
        content = body if announced else pieces
        response = client.post(DOCUMENTS, content=content, headers=MULTIPART)
        assert error_of(response) == (413, "body_too_large")
        assert response.json()["error"]["message"] == "The body is larger than 1048576 bytes."
        assert client.get("/jobs").json() == {"jobs": []}
    assert stored(small_folder) == {}


def test_an_upload_at_the_limit_is_taken(small: FakeService, small_folder: Path) -> None:
    frame = len(part(b"a.txt", b"") + END)
    content = b"x" * ((1 << 20) - frame)
    with TestClient(create_app(lambda: small)) as client:
        body = part(b"a.txt", content) + END
        assert client.post(DOCUMENTS, content=body, headers=MULTIPART).status_code == 202
    assert stored(small_folder) == {"a.txt": content}


def test_the_limit_of_uploads_is_not_that_of_other_requests(small: FakeService) -> None:
    with TestClient(create_app(lambda: small)) as client:
        response = client.post("/search", json={"query": "x" * 3000})
        assert error_of(response) == (413, "body_too_large")


def test_a_caller_who_asks_first_is_refused_before_it_sends_anything(small: FakeService) -> None:
    with served(create_app(lambda: small)) as url:
        address = urlsplit(url)
        with socket.create_connection((str(address.hostname), int(address.port or 0))) as caller:
            caller.sendall(
                f"POST {DOCUMENTS} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
                f"Content-Type: {MULTIPART['Content-Type']}\r\n"
                "Content-Length: 999999999999\r\n\r\n".encode()
            )
            assert caller.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_a_caller_who_leaves_in_the_middle_leaves_nothing_behind(
    small: FakeService, small_folder: Path
) -> None:
    with served(create_app(lambda: small)) as url:
        address = urlsplit(url)
        with socket.create_connection((str(address.hostname), int(address.port or 0))) as caller:
            caller.sendall(
                f"POST {DOCUMENTS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
                f"Content-Type: {MULTIPART['Content-Type']}\r\n\r\n".encode()
                + part(b"a.txt", b"x" * 10_000)
            )
            while not any(small_folder.parent.glob("incoming/*/*")):
                pass
    assert stored(small_folder) == {}
    assert small.jobs.recent() == []


# --- deletion ------------------------------------------------------------------------------


def test_an_uploaded_document_is_deleted_by_a_job(
    client: TestClient, service: FakeService, folder: Path
) -> None:
    send(client, (UPLOADED, b"1"))
    response = client.delete(f"{DOCUMENTS}/2")
    job = response.json()
    assert (response.status_code, job["kind"], job["status"]) == (202, "delete", "queued")
    assert [(file["name"], file["doc_id"]) for file in job["files"]] == [(UPLOADED, 2)]
    assert client.get(response.headers["location"]).json() == job
    assert stored(folder) == {}


@pytest.mark.parametrize(
    ("doc_id", "status", "code"),
    [("1", 409, "not_uploaded"), ("3", 404, "document_not_found"), ("0", 422, "invalid_request")],
)
def test_other_documents_cannot_be_deleted(
    client: TestClient, doc_id: str, status: int, code: str
) -> None:
    assert error_of(client.delete(f"{DOCUMENTS}/{doc_id}")) == (status, code)


# --- jobs ----------------------------------------------------------------------------------


def test_a_job_says_what_became_of_each_file(client: TestClient, service: FakeService) -> None:
    address = send(client, ("a.pdf", b"1"), ("b.pdf", b"2")).headers["location"]
    good = JobFile("a.pdf", 1, "0a", "indexed", doc_id=3, pages=2, chunks=5, warnings=("Tilted.",))
    bad = JobFile("b.pdf", 1, "0b", "failed", "broken_file", "It is damaged.")
    (claimed,) = service.jobs.claim("default", "")
    service.jobs.finish(claimed, [good, bad], revision=8)
    job = client.get(address).json()
    assert (job["status"], job["error"], job["revision"], job["files_done"]) == ("done", None, 8, 2)
    assert [file["status"] for file in job["files"]] == ["indexed", "failed"]
    assert job["files"][0]["warnings"] == ["Tilted."]
    assert job["files"][1]["message"] == "It is damaged."
    assert job["started_at"] <= job["finished_at"]


def test_a_job_that_failed_says_why(client: TestClient, service: FakeService) -> None:
    address = send(client, ("a.pdf", b"1")).headers["location"]
    service.jobs.fail(service.jobs.claim("default", ""), "index_mismatch", "Rebuild it.")
    job = client.get(address).json()
    assert job["status"] == "failed"
    assert job["error"] == {"code": "index_mismatch", "message": "Rebuild it."}


def test_a_job_is_running_only_while_its_worker_lives(
    client: TestClient, service: FakeService
) -> None:
    address = send(client, ("a.pdf", b"1")).headers["location"]
    with service.jobs.working():
        service.jobs.claim("default", "")
        assert client.get(address).json()["status"] == "running"
    job = client.get(address).json()
    assert (job["status"], job["note"]) == ("queued", INTERRUPTED)


def test_a_job_that_is_none_is_404(client: TestClient) -> None:
    assert error_of(client.get("/jobs/0123")) == (404, "job_not_found")


def test_jobs_are_listed_newest_first_by_collection(client: TestClient) -> None:
    client.post("/collections", json={"name": "资料"})
    first = send(client, ("a.txt", b"1")).json()
    second = send(client, ("b.txt", b"2"), to="/collections/资料/documents").json()
    assert client.get("/jobs").json() == {"jobs": [second, first]}
    assert client.get("/jobs", params={"collection": "资料"}).json() == {"jobs": [second]}
    assert client.get("/jobs", params={"limit": 1}).json() == {"jobs": [second]}
    assert error_of(client.get("/jobs", params={"limit": 0})) == (422, "invalid_request")


@pytest.fixture
def scraped(client: TestClient, service: FakeService) -> Iterator[str]:
    """`/metrics` of a service with one job queued, one running, one failed."""
    for collection in ("a", "b", "c"):
        service.jobs.add(collection, "upload", [])
    with service.jobs.working():
        service.jobs.claim("a", "")
        service.jobs.fail(service.jobs.claim("b", ""), "x", "y")
        yield client.get("/metrics").text


def test_jobs_and_the_worker_are_in_the_metrics(scraped: str) -> None:
    shown = {line for line in scraped.splitlines() if line.startswith(("rag_jobs", "rag_worker"))}
    assert shown == {
        'rag_jobs{status="queued"} 1.0',
        'rag_jobs{status="running"} 1.0',
        'rag_jobs_ended_total{status="done"} 0.0',
        'rag_jobs_ended_total{status="failed"} 1.0',
        "rag_worker_alive 1.0",
    }


def test_readiness_tells_of_jobs_and_is_not_affected_by_them(
    client: TestClient, service: FakeService
) -> None:
    service.jobs.add("default", "upload", [])
    response = client.get("/readyz")
    assert response.status_code == 200
    reply = response.json()
    assert (reply["jobs_queued"], reply["jobs_running"], reply["worker_alive"]) == (1, 0, False)
