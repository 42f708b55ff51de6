"""`rag serve`."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag_service.commands.parts import Parts

if TYPE_CHECKING:
    from rag_service.api.ports import Service


def serve(
    ctx: typer.Context,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. [default: api.host]")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port to listen on; 0: any. [default: api.port]"),
    ] = None,
) -> None:
    """Serve the HTTP interface until interrupted."""
    from rag_service.api.serving import bind, description
    from rag_service.settings import load_settings

    settings = load_settings()
    api = settings.api.model_copy(update={"host": settings.api.host if host is None else host})
    settings = settings.model_copy(update={"api": api})
    bound = bind(api.host, api.port if port is None else port)
    with closing(bound):
        parts: Parts = ctx.obj
        service = parts.open_service(settings)
        typer.echo(description(service, bound), err=True)
        _serve(service, bound, parts.check_upload)


def _serve(service: Service, bound: Any, check_upload: Callable[[str], None]) -> None:
    import logging

    from rag_service.api.app import create_app
    from rag_service.api.serving import serve as serve_app
    from rag_service.api.worker_keeper import WorkerKeeper

    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    settings = service.settings
    keep = settings.ingest.worker == "auto"
    # uvicorn ends gracefully on both signals and then raises them again; stopping a service
    # is no failure, so neither may turn into one here.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with WorkerKeeper(settings.data_dir) if keep else nullcontext():
            app = create_app(lambda: service, check_name=check_upload)
            serve_app(app, bound, grace_s=settings.api.shutdown_s)
    except KeyboardInterrupt:
        raise typer.Exit from None
