"""Runs the application under uvicorn."""

from __future__ import annotations

import asyncio
import errno
import math
import socket

import uvicorn
from fastapi import FastAPI

from rag_service.api.ports import Service
from rag_service.errors import ConfigError

_NAMED_COLLECTIONS = 10
# Beyond the time that answers get to end: for telling the callers of those that did not.
_FAREWELL_S = 3


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address, not yet listening. Port 0: the system chooses one.

    Raises:
        ConfigError: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it every
    # reply waits 40 ms for an acknowledgement.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # A port whose last owner has just stopped can be taken at once.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise _cannot_listen(host, port, error) from error
    return bound


def _cannot_listen(host: str, port: int, error: OSError) -> ConfigError:
    if error.errno == errno.EADDRINUSE:
        return ConfigError(
            f"Port {port} on {host} is already in use. Stop what uses it, or choose another "
            "with --port or the setting api.port."
        )
    return ConfigError(f"Cannot listen on {host} port {port}: {error.strerror}.")


def url_of(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if bound.family == socket.AF_INET6 else f"http://{host}:{port}"


def description(service: Service, bound: socket.socket) -> str:
    """What is served and where, for the one who started it."""
    url = url_of(bound)
    chat = service.chat_model
    answers = f"Answers are written by {chat}." if chat else "Answers are extractive: quotations."
    setup = f"Chat model: {service.chat_setup}.\n" if service.chat_setup else ""
    reranker = f" Reranker: {service.reranker}." if service.reranker else ""
    uploads = "a worker of this service" if _starts_worker(service) else "`rag worker`, run by you"
    return (
        f"Serving on {url} (described at {url}/docs)\n"
        f"{answers} Embedding model: {service.embedding_model}.{reranker}\n"
        f"{setup}"
        f"{_own_prompts(service)}"
        f"{_collections(service)} Uploads are taken in by {uploads}."
    )


def _own_prompts(service: Service) -> str:
    if not service.own_prompts:
        return ""
    return f"Prompts from {service.settings.prompts_dir}: {', '.join(service.own_prompts)}.\n"


def _starts_worker(service: Service) -> bool:
    return service.settings.ingest.worker == "auto"


def _collections(service: Service) -> str:
    infos = service.collections()
    if not infos:
        return "No collections yet; `rag ingest DIR` makes one."
    named = [f"{info.name} ({info.documents} documents)" for info in infos[:_NAMED_COLLECTIONS]]
    more = len(infos) - len(named)
    return f"Collections: {', '.join(named)}{f' and {more} more' if more else ''}."


def serve(app: FastAPI, bound: socket.socket, *, grace_s: float) -> None:
    """Serve until SIGINT or SIGTERM, then end gracefully; the signal is raised again after.

    ``grace_s``: answers in progress get so long to end; after that their callers are told.
    """
    config = uvicorn.Config(
        app,
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=math.ceil(grace_s) + _FAREWELL_S,
    )
    _Server(config, app, grace_s).run(sockets=[bound])


class _Server(uvicorn.Server):
    """Ends streams with an event of their own before uvicorn would cut them off."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, grace_s: float) -> None:
        super().__init__(config)
        self._app = app
        self._grace_s = grace_s

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        ending = asyncio.create_task(self._app.state.lane.wind_down(self._grace_s))
        await super().shutdown(sockets)
        await ending
