"""What every request passes through: its id, the unexpected-error net, the body limit."""

from __future__ import annotations

import logging
import re
import uuid
from time import perf_counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag_service.api.errors import unexpected_response
from rag_service.api.metrics import Metrics

logger = logging.getLogger(__name__)

REQUEST_ID_HEADER = "X-Request-ID"
# Ids are echoed into a header and the log, so nothing that could forge either is taken.
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# A body over the limit is read and thrown away up to here, because a client that is still
# sending when the connection closes sees a reset instead of the 413.
_DRAIN_BYTES = 64 * 1024 * 1024


def request_id_from(headers: Headers) -> str:
    """The caller's id if it is sane, else a fresh one."""
    given = headers.get(REQUEST_ID_HEADER, "")
    return given if _SANE_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


class RequestContext:
    """Names, times and counts every request, and answers 500 where all else failed."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_from(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id
        started = perf_counter()
        status: int | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            if status is not None:  # too late for another status: the server cuts the body
                logger.exception("request %s: failed while answering", request_id)
                raise
            await unexpected_response(error, request_id)(scope, receive, send_with_id)
        finally:
            self._metrics.request(scope, status, perf_counter() - started)


class BodyLimit:
    """Refuses request bodies over the service's limit with 413, announced or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit: int = scope["app"].state.service.settings.api.max_body_bytes
        size = 0

        async def receive_within_limit() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                await _drain(message, receive, size)
                raise HTTPException(413, f"The body is larger than {limit} bytes.")
            return message

        await self._app(scope, receive_within_limit, send)


async def _drain(message: Message, receive: Receive, size: int) -> None:
    while message.get("more_body", False) and size < _DRAIN_BYTES:
        message = await receive()
        size += len(message.get("body", b""))
