"""The HTTP application: routers, middleware and the life of the service behind them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI
from starlette.middleware import Middleware

from rag_service.api import ask, collections, health, jobs, metrics, openai, search, uploads
from rag_service.api.docs import add_docs
from rag_service.api.errors import DOCUMENTED_ERRORS, add_error_handlers
from rag_service.api.hosts import TrustedHosts
from rag_service.api.lane import AnswerLane
from rag_service.api.metrics import Metrics
from rag_service.api.middleware import BodyLimit, HeadRequests, RequestContext
from rag_service.api.ports import Service

_TITLE = "Local knowledge-base question answering"
_DESCRIPTION = (
    "Answers questions from your own documents, Chinese or English, with citations that were "
    "checked against their text. Unknown fields and unknown query parameters are refused."
)


def _version() -> str:
    try:
        return version("local-rag-service")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "0"


def _lifespan(
    open_service: Callable[[], Service],
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.service = await asyncio.to_thread(open_service)
        app.state.lane = AnswerLane()
        app.state.metrics.watch_jobs(app.state.service.jobs.backlog)
        try:
            yield
        finally:
            await app.state.lane.close()
            await asyncio.to_thread(app.state.service.close)

    return lifespan


def _accept_any(_name: str) -> None:
    """The worker reports what it cannot read."""


def create_app(
    open_service: Callable[[], Service],
    *,
    keep_alive_s: float = 10.0,
    check_name: Callable[[str], None] = _accept_any,
) -> FastAPI:
    """The application over the service that ``open_service`` returns.

    ``open_service`` is called once, at start-up, and the service is closed at shutdown.
    ``keep_alive_s``: a stream that has been silent for so long gets a comment line.
    ``check_name`` raises `UnsupportedFormat` for the name of an upload that no loader reads.
    """
    counters = Metrics()
    app = FastAPI(
        title=_TITLE,
        description=_DESCRIPTION,
        version=_version(),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=DOCUMENTED_ERRORS,
        middleware=[
            Middleware(RequestContext, metrics=counters),
            Middleware(TrustedHosts),
            Middleware(HeadRequests),
            Middleware(BodyLimit),
        ],
        lifespan=_lifespan(open_service),
        # Nothing leaves: no exporter may be switched on through the environment.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.metrics = counters
    app.state.keep_alive_s = keep_alive_s
    app.state.check_name = check_name
    add_error_handlers(app)
    for module in (ask, openai, search, collections, uploads, jobs, health, metrics):
        app.include_router(module.router)
    add_docs(app)
    return app
