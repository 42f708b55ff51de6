"""Runs the application under uvicorn."""

from __future__ import annotations

import errno
import socket

import uvicorn
from fastapi import FastAPI

from rag_service.api.ports import Service
from rag_service.errors import ConfigError

_NAMED_COLLECTIONS = 10
# Answers still being written when the service is told to stop get this long to end.
_GRACE_S = 10


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
    uploads = "a worker of this service" if _starts_worker(service) else "`rag worker`, run by you"
    return (
        f"Serving on {url} (described at {url}/docs)\n"
        f"{answers} Embedding model: {service.embedding_model}.\n"
        f"{_collections(service)} Uploads are taken in by {uploads}."
    )


def _starts_worker(service: Service) -> bool:
    return service.settings.ingest.worker == "auto"


def _collections(service: Service) -> str:
    infos = service.collections()
    if not infos:
        return "No collections yet; `rag ingest DIR` makes one."
    named = [f"{info.name} ({info.documents} documents)" for info in infos[:_NAMED_COLLECTIONS]]
    more = len(infos) - len(named)
    return f"Collections: {', '.join(named)}{f' and {more} more' if more else ''}."


def serve(app: FastAPI, bound: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM, then end gracefully; the signal is raised again after."""
    config = uvicorn.Config(
        app,
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    uvicorn.Server(config).run(sockets=[bound])
