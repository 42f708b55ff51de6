"""The application over a service in memory: in process, and behind a real server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from rag_service.api.app import create_app
from tests.api.fakes import FakeService


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def client(service: FakeService) -> Iterator[TestClient]:
    app = create_app(lambda: service)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@contextmanager
def served(app: FastAPI, *, grace_s: int = 5) -> Iterator[str]:
    """The URL of ``app`` behind a real server on a free port."""
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, lifespan="on", log_level="critical", timeout_graceful_shutdown=grace_s
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    try:
        while not server.started:
            sleep(0.01)
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        bound.close()


@pytest.fixture
def url(service: FakeService) -> Iterator[str]:
    with served(create_app(lambda: service, keep_alive_s=0.02)) as url:
        yield url
