"""What the commands share: the parts they stand on, common options, exit codes.

The core is imported inside functions, so that `rag --help` is fast and the parser processes,
which import these modules again when they are spawned, stay light.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag_service.errors import UnsupportedFormat

if TYPE_CHECKING:
    from rich.console import Console

    from rag_service.api.ports import Library, Service
    from rag_service.collection_types import ReembedReport
    from rag_service.settings import Settings

EXIT_FAILED, EXIT_USAGE = 1, 2


def _work(arguments: list[str]) -> int:
    from ingest.worker import main

    return main(arguments)


def _check_upload(name: str) -> None:
    from ingest.loaders.formats import SUPPORTED_SUFFIXES, format_of

    if format_of(name) is None:
        known = ", ".join(sorted(SUPPORTED_SUFFIXES))
        raise UnsupportedFormat(f"{name!r} is of a kind that is not read. Those are: {known}.")


def _reembed(
    settings: Settings, collection: str, model: str | None, console: Console
) -> ReembedReport:
    from ingest.cli import reembed

    return reembed(settings, collection, model, console)


@dataclass(frozen=True)
class Parts:
    """What the commands stand on; tests put other parts here."""

    open_service: Callable[[Settings], Service]
    open_library: Callable[[Settings], Library]
    ingest: Callable[[list[str]], int]
    work: Callable[[list[str]], int] = _work
    check_upload: Callable[[str], None] = _check_upload
    reembed: Callable[[Settings, str, str | None, Console], ReembedReport] = _reembed


def _open_service(settings: Settings) -> Service:
    from rag_service.bootstrap import open_service

    return open_service(settings)


def _open_library(settings: Settings) -> Library:
    from rag_service.store.library import Library  # not by bootstrap, which takes a second

    return Library(settings.data_dir)


def _ingest(arguments: list[str]) -> int:
    from ingest.cli import run

    return run(arguments)


REAL_PARTS = Parts(_open_service, _open_library, _ingest)


Collection = Annotated[str, typer.Option("--collection", "-c", help="Collection to use.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


@contextmanager
def service(ctx: typer.Context, settings: Settings) -> Iterator[Service]:
    parts: Parts = ctx.obj
    with closing(parts.open_service(settings)) as opened:
        yield opened


@contextmanager
def progress(doing: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, nothing anywhere else; yields what moves it on by one."""
    from rich.console import Console
    from rich.progress import Progress

    shown = sys.stderr.isatty()
    with Progress(console=Console(stderr=True), transient=True, disable=not shown) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda: bar.advance(task)


def library(ctx: typer.Context) -> Library:
    from rag_service.settings import load_settings

    parts: Parts = ctx.obj
    return parts.open_library(load_settings())


def read_question(argument: str, settings: Settings) -> str:
    from rag_service.api.questions import check_question

    text = sys.stdin.read().strip() if argument == "-" else argument
    return check_question(text, settings.api.max_question_chars)


def print_json(value: Any) -> None:
    import json

    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
