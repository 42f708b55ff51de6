"""What every request passes through: its id, the unexpected-error net, HEAD, the body limit."""

from __future__ import annotations

import logging
import re
import uuid
from time import perf_counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag_service.api.errors import unexpected_reply
from rag_service.api.metrics import Metrics
from rag_service.settings import ApiSettings

logger = logging.getLogger(__name__)

REQUEST_ID_HEADER = "X-Request-ID"
# Ids are echoed into a header and the log, so nothing that could forge either is taken.
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_UPLOAD_PATH = re.compile(r"/collections/[^/]+/documents$")
# What comes after a refusal is thrown away up to here, because a client that is still sending
# when the connection closes sees a reset instead of the 413.
DRAIN_BYTES = 64 * 1024 * 1024


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
            await unexpected_reply(error, scope)(scope, receive, send_with_id)
        finally:
            self._metrics.request(scope, status, perf_counter() - started)


class HeadRequests:
    """Answers HEAD as GET would be answered, without the body (RFC 9110, 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        # The server goes by the original: it knows that a HEAD has no body.
        as_get = {**scope, "method": "GET"}
        try:
            await self._app(as_get, receive, send_without_body)
        finally:
            if "route" in as_get:  # for the metrics
                scope["route"] = as_get["route"]


class BodyLimit:
    """Refuses request bodies over the service's limit with 413, announced or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = _body_limit(scope, scope["app"].state.service.settings.api)
        headers = Headers(scope=scope)
        announced = _announced(headers)
        size = 0

        async def receive_within_limit() -> Message:
            nonlocal size
            if announced > limit:
                # A caller who asks first sends nothing once it is told no.
                await _drain(receive, 0 if "expect" in headers else DRAIN_BYTES)
                raise _too_large(limit)
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                await _drain(receive, DRAIN_BYTES if message.get("more_body") else 0)
                raise _too_large(limit)
            return message

        await self._app(scope, receive_within_limit, send)


def _body_limit(scope: Scope, settings: ApiSettings) -> int:
    """In bytes."""
    if scope["method"] == "POST" and _UPLOAD_PATH.search(scope["path"]):
        return settings.max_upload_mb << 20
    return settings.max_body_bytes


def _announced(headers: Headers) -> int:
    """The bytes that a body is said to have; 0 where nothing is said."""
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else 0


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"The body is larger than {limit} bytes.")


async def _drain(receive: Receive, at_most: int) -> None:
    """Throw away what is still sent, up to about so many bytes."""
    size = 0
    while size < at_most:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body", False):
            return
