"""`rag ask` and `rag search`."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from rag_service.commands.filter_options import Docs, Pages, Since, Sources, Tags, Until, filters_of
from rag_service.commands.parts import Collection, Json, print_json, read_question, service

if TYPE_CHECKING:
    from rag_service.api.ports import Service
    from rag_service.filters import Filters
    from rag_service.types import Answer


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
    source: Sources = None,
    doc: Docs = None,
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    pages: Pages = None,
    as_json: Json = False,
) -> None:
    """Answer a question from the documents, with checked citations."""
    from rag_service.api.conversion import answer_response
    from rag_service.console import say, show_evidence
    from rag_service.settings import load_settings

    settings = load_settings()
    text = read_question(question, settings)
    filters = filters_of(sources=source, docs=doc, tags=tag, since=since, until=until, pages=pages)
    with service(ctx, settings) as opened:
        show = (lambda _: None) if as_json else (lambda piece: say(piece, end=""))
        answer = _answer(opened, text, collection, top_k, filters, show)
    if as_json:
        reply = answer_response(answer, request_id=uuid.uuid4().hex, debug=True)
        print_json(reply.model_dump(mode="json"))
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


def search(
    ctx: typer.Context,
    query: Annotated[str, typer.Argument(help='What to look for; "-" reads it from stdin.')],
    collection: Collection = "default",
    top_k: Annotated[int, typer.Option("--top-k", min=1, max=100, help="Passages wanted.")] = 10,
    source: Sources = None,
    doc: Docs = None,
    tag: Tags = None,
    since: Since = None,
    until: Until = None,
    pages: Pages = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show why each passage stands where it does.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Find passages, best first, without an answer."""
    from rag_service.api.conversion import search_response
    from rag_service.console import note, say, show_hits
    from rag_service.console_trace import show_trace
    from rag_service.settings import load_settings

    settings = load_settings()
    text = read_question(query, settings)
    filters = filters_of(sources=source, docs=doc, tags=tag, since=since, until=until, pages=pages)
    with service(ctx, settings) as opened:
        result = opened.search(
            text, collection=collection, top_k=top_k, filters=filters, explain=explain or as_json
        )
    if as_json:
        print_json(search_response(result, debug=True).model_dump(mode="json"))
        return
    if result.trace is not None:
        show_trace(result.trace)
    elif result.hits:
        show_hits(result.hits)
    if not result.hits:
        say("No passages found.")
    for text in result.notes:
        note(text)
