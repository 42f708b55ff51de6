"""The `rag` command.

Thin: a command reads its options, calls the core and shows the result. The core is
imported inside the commands, so that `rag --help` is fast and the parser processes, which
import this module again when they are spawned, stay light.

Exit codes: 0 done, 2 the command was wrong (usage, or the thing named does not exist),
1 anything else, 130 interrupted. `rag ingest` has its own, see its --help.
"""

from __future__ import annotations

import signal
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from rag_service.errors import InvalidRequest, NotFound, RagError, UnsupportedFormat

if TYPE_CHECKING:
    from rag_service.api.ports import Library, Service
    from rag_service.settings import Settings
    from rag_service.types import Answer, CollectionInfo, Filters, VerifyReport

EXIT_FAILED, EXIT_USAGE = 1, 2


def _work(arguments: list[str]) -> int:
    from ingest.worker import main

    return main(arguments)


def _check_upload(name: str) -> None:
    from ingest.loaders.formats import SUPPORTED_SUFFIXES, format_of

    if format_of(name) is None:
        known = ", ".join(sorted(SUPPORTED_SUFFIXES))
        raise UnsupportedFormat(f"{name!r} is of a kind that is not read. Those are: {known}.")


@dataclass(frozen=True)
class Parts:
    """What the commands stand on; tests put other parts here."""

    open_service: Callable[[Settings], Service]
    open_library: Callable[[Settings], Library]
    ingest: Callable[[list[str]], int]
    work: Callable[[list[str]], int] = _work
    check_upload: Callable[[str], None] = _check_upload


def _open_service(settings: Settings) -> Service:
    from rag_service.bootstrap import open_service

    return open_service(settings)


def _open_library(settings: Settings) -> Library:
    from rag_service.bootstrap import open_library

    return open_library(settings)


def _ingest(arguments: list[str]) -> int:
    from ingest.cli import run

    return run(arguments)


REAL_PARTS = Parts(_open_service, _open_library, _ingest)


class _Commands(TyperGroup):
    """Turns the service's errors into one line on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        ctx.obj = ctx.obj or REAL_PARTS
        try:
            return super().invoke(ctx)
        except RagError as error:
            _fail(error)


class _HandedOver(TyperCommand):
    """A command whose arguments, --help included, belong to another program."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.args = list(args)
        return list(args)


def _fail(error: RagError) -> NoReturn:
    typer.echo(f"error: {' '.join(str(error).split())}", err=True)
    wrong_command = isinstance(error, InvalidRequest | NotFound)
    raise typer.Exit(EXIT_USAGE if wrong_command else EXIT_FAILED) from error


app = typer.Typer(
    cls=_Commands,
    help="Ask questions of your own documents, on your own machine.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Collection = Annotated[str, typer.Option("--collection", "-c", help="Collection to use.")]
Source = Annotated[
    str, typer.Option("--source", help="Only documents whose path matches this glob.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]


@contextmanager
def _service(ctx: typer.Context, settings: Settings) -> Iterator[Service]:
    parts: Parts = ctx.obj
    with closing(parts.open_service(settings)) as service:
        yield service


def _library(ctx: typer.Context) -> Library:
    from rag_service.settings import load_settings

    parts: Parts = ctx.obj
    return parts.open_library(load_settings())


def _read_question(argument: str, settings: Settings) -> str:
    from rag_service.api.questions import check_question

    text = sys.stdin.read().strip() if argument == "-" else argument
    return check_question(text, settings.api.max_question_chars)


def _filters(source: str) -> Filters | None:
    from rag_service.types import Filters

    return Filters(source=source) if source else None


def _print_json(value: Any) -> None:
    import json

    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


@app.command(
    cls=_HandedOver,
    add_help_option=False,
    help="Mirror a folder of documents into a collection; see `rag ingest --help`.",
)
def ingest(ctx: typer.Context) -> None:
    parts: Parts = ctx.obj
    raise typer.Exit(parts.ingest(ctx.args))


@app.command(
    cls=_HandedOver,
    add_help_option=False,
    help="Take in what is uploaded to the service; see `rag worker --help`.",
)
def worker(ctx: typer.Context) -> None:
    parts: Parts = ctx.obj
    raise typer.Exit(parts.work(ctx.args))


@app.command(help="Answer a question from the documents, with checked citations.")
def ask(
    ctx: typer.Context,
    question: Annotated[str, typer.Argument(help='The question; "-" reads it from stdin.')],
    collection: Collection = "default",
    top_k: Annotated[
        int | None,
        typer.Option(
            "--top-k", min=1, max=100, help="Passages to answer from. [default: retrieval.top_k]"
        ),
    ] = None,
    source: Source = "",
    as_json: Json = False,
) -> None:
    from rag_service.api.conversion import answer_response
    from rag_service.console import say, show_evidence
    from rag_service.settings import load_settings

    settings = load_settings()
    text = _read_question(question, settings)
    with _service(ctx, settings) as service:
        show = (lambda _: None) if as_json else (lambda piece: say(piece, end=""))
        answer = _answer(service, text, collection, top_k, _filters(source), show)
    if as_json:
        reply = answer_response(answer, request_id=uuid.uuid4().hex, debug=True)
        _print_json(reply.model_dump(mode="json"))
        return
    say("\n")
    show_evidence(answer)


def _answer(
    service: Service,
    question: str,
    collection: str,
    top_k: int | None,
    filters: Filters | None,
    show: Callable[[str], None],
) -> Answer:
    """Ask, showing every piece of the answer as it comes, or the whole if none came."""
    from rag_service.types import DoneEvent, TokenEvent

    cancelled = threading.Event()
    events = service.ask(
        question,
        collection=collection,
        top_k=top_k,
        filters=filters,
        history=(),
        max_tokens=None,
        cancelled=cancelled,
    )
    streamed = False
    try:
        for event in events:
            if isinstance(event, TokenEvent):
                streamed = True
                show(event.text)
            elif isinstance(event, DoneEvent):
                if not streamed:
                    show(event.answer.answer)
                return event.answer
    finally:
        cancelled.set()
    raise RuntimeError("The answer ended without a DoneEvent. This is a bug.")


@app.command(help="Find passages, best first, without an answer.")
def search(
    ctx: typer.Context,
    query: Annotated[str, typer.Argument(help='What to look for; "-" reads it from stdin.')],
    collection: Collection = "default",
    top_k: Annotated[int, typer.Option("--top-k", min=1, max=100, help="Passages wanted.")] = 10,
    source: Source = "",
    as_json: Json = False,
) -> None:
    from rag_service.api.conversion import search_response
    from rag_service.console import note, say, show_hits
    from rag_service.settings import load_settings

    settings = load_settings()
    text = _read_question(query, settings)
    with _service(ctx, settings) as service:
        result = service.search(text, collection=collection, top_k=top_k, filters=_filters(source))
    if as_json:
        _print_json(search_response(result, debug=True).model_dump(mode="json"))
        return
    if result.hits:
        show_hits(result.hits)
    else:
        say("No passages found.")
    for text in result.notes:
        note(text)


@app.command(help="Serve the HTTP interface until interrupted.")
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
            serve_app(create_app(lambda: service, check_name=check_upload), bound)
    except KeyboardInterrupt:
        raise typer.Exit from None


@app.command(help="Show all collections: size, revision, model, changes not yet indexed.")
def status(
    ctx: typer.Context,
    failed: Annotated[
        bool, typer.Option("--failed", help="List the files that could not be read, and why.")
    ] = False,
    as_json: Json = False,
) -> None:
    from rag_service.console import say, show_collections, show_failed

    library = _library(ctx)
    infos, broken = _infos(library)
    files = [file for info in infos for file in library.failed_files(info.name)] if failed else []
    if as_json:
        problems = {name: str(error) for name, error in broken.items()}
        shown: dict[str, Any] = {"collections": [asdict(info) for info in infos]}
        shown |= {"failed": [asdict(file) for file in files]} if failed else {}
        _print_json(shown | {"problems": problems})
    elif failed:
        show_failed(files)
    elif infos:
        show_collections(infos)
    elif not broken:
        say("No collections yet; `rag ingest DIR` makes one.")
    for name, error in broken.items():
        typer.echo(f"error: {name}: {' '.join(str(error).split())}", err=True)
    if broken:
        raise typer.Exit(EXIT_FAILED)


def _infos(library: Library) -> tuple[list[CollectionInfo], dict[str, RagError]]:
    """What is known of each collection; one that cannot be opened does not hide the others."""
    infos: list[CollectionInfo] = []
    broken: dict[str, RagError] = {}
    for name in library.names():
        try:
            infos.append(library.info(name))
        except RagError as error:
            broken[name] = error
    return infos, broken


@app.command(help="Check stored files and indexes against each other; exit 0 only when clean.")
def verify(
    ctx: typer.Context,
    collection: Annotated[
        str | None,
        typer.Option("--collection", "-c", help="Collection to check. [default: all]"),
    ] = None,
    as_json: Json = False,
) -> None:
    from rag_service.console import say, show_report

    library = _library(ctx)
    names = library.names() if collection is None else [collection]
    reports = [_verify(library, name) for name in names]
    clean = not any(report.problems for report in reports)
    if as_json:
        _print_json({"clean": clean, "collections": [asdict(report) for report in reports]})
    for report in [] if as_json else reports:
        show_report(report)
    if not reports and not as_json:
        say("No collections to check.")
    if not clean:
        raise typer.Exit(EXIT_FAILED)


def _verify(library: Library, name: str) -> VerifyReport:
    """The report on one collection; one that cannot even be opened has that as its problem."""
    from rag_service.types import VerifyReport

    try:
        return library.verify(name)
    except (InvalidRequest, NotFound):
        raise
    except RagError as error:
        return VerifyReport(name, (str(error),), documents=0, chunks=0, vectors=0, revision=0)


def main() -> None:
    """Entry point of the `rag` command."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets a "?" rather than a crash.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    app(prog_name="rag")


if __name__ == "__main__":
    main()
