"""Who may talk to the service through a browser.

Two attacks reach a service that listens on this machine alone, both from a page that its user
happens to open. DNS rebinding: a name of the attacker's suddenly resolves to 127.0.0.1, so the
page reads the service as its own; told by the Host header, which still holds that name. And
forged requests: a form of the page posts an upload here; told by the Origin header.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from rag_service.api.errors import error_reply
from rag_service.settings import ApiSettings

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def _name_of(netloc: str) -> str:
    """``Example.org:80`` → ``example.org``, ``[::1]:80`` → ``::1``; "" if it is neither."""
    try:
        return (urlsplit(f"//{netloc}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_listed(name: str, patterns: Sequence[str]) -> bool:
    wanted = [pattern.lower() for pattern in patterns]
    return any(
        pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:]))
        for pattern in wanted
    )


def host_problem(host: str | None, settings: ApiSettings) -> str | None:
    """Why a request with this Host header is refused; None if it is not.

    An address is always good, because only names can be made to point elsewhere. So is no
    header at all, which no browser sends.
    """
    name = _name_of(host or "")
    if not host or _is_address(name) or name == "localhost" or name.endswith(".localhost"):
        return None
    if _is_listed(name, [settings.host, *settings.allowed_hosts]):
        return None
    return (
        f"This service does not go by the name {name[:80]!r}. If it should, add the name to the "
        "setting api.allowed_hosts (RAG_API__ALLOWED_HOSTS)."
    )


def origin_problem(origin: str | None, host: str | None, settings: ApiSettings) -> str | None:
    """Why a page of this origin may not change anything; None if it may."""
    if origin is None:
        return None
    netloc = urlsplit(origin).netloc if origin != "null" else ""
    if netloc and (netloc == host or _is_listed(_name_of(netloc), settings.allowed_hosts)):
        return None
    return (
        f"A page of {origin[:80]!r} may not change anything here. If it should, add its name to "
        "the setting api.allowed_hosts (RAG_API__ALLOWED_HOSTS)."
    )


class TrustedHosts:
    """Answers 403 to requests for other names, and to changes asked for by other sites."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        settings: ApiSettings = scope["app"].state.service.settings.api
        headers = Headers(scope=scope)
        host = headers.get("host")
        code, problem = "host_not_allowed", host_problem(host, settings)
        if not problem and scope["method"] not in _SAFE_METHODS:
            code, problem = (
                "origin_not_allowed",
                origin_problem(headers.get("origin"), host, settings),
            )
        if problem:
            await error_reply(scope, 403, code, problem)(scope, receive, send)
            return
        await self._app(scope, receive, send)
