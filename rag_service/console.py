"""How the CLI shows things to people: plain words and tables, at home in a pipe as well."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rag_service.collection_types import CollectionInfo, FailedFile, VerifyReport
from rag_service.generation.refusal import shown
from rag_service.text.unseen import without_unseen
from rag_service.types import Answer, Citation, Hit

VERIFIED, NOT_VERIFIED = "✓ verified", "not verified"
_PIPE_WIDTH = 1000
_GLANCE_CHARS = 100


def visible(text: str) -> str:
    """``text`` without control characters: a document must not steer the terminal, nor show one
    name as another.
    """
    seen = without_unseen(text)
    return "".join(char for char in seen if char in "\n\t" or not _is_control(char))


def _is_control(char: str) -> bool:
    return char < " " or "\x7f" <= char <= "\x9f"


def one_line(text: str) -> str:
    return " ".join(visible(text).split())


def say(text: str, *, end: str = "\n") -> None:
    """Write to stdout at once."""
    sys.stdout.write(visible(text) + end)
    sys.stdout.flush()


def note(text: str) -> None:
    """Tell the user something beside the result, on stderr."""
    print(f"note: {one_line(text)}", file=sys.stderr)


def show_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table of plain text; None is an empty cell."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(one_line("" if cell is None else str(cell))) for cell in row))
    # In a pipe lines are for programs, so they are not folded at a terminal's width.
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    Console(file=sys.stdout, highlight=False, width=width).print(table)


def show_evidence(answer: Answer) -> None:
    """What the answer stands on; for a refusal, the nearest passages there were."""
    if answer.citations:
        _show_citations(answer.citations)
    elif answer.sources:
        _show_nearest(answer.sources)
    _note_answer(answer)


def _show_nearest(hits: Sequence[Hit]) -> None:
    """Where to look on, with no more of each passage than tells what it is about."""
    show_table(
        ["n", "source", "page", "passage"],
        [
            (f"[{n}]", hit.chunk.source, hit.chunk.page, shown(hit.chunk.text, _GLANCE_CHARS))
            for n, hit in enumerate(hits, start=1)
        ],
    )


def _show_citations(citations: Sequence[Citation]) -> None:
    show_table(
        ["n", "source", "page", "quote", "checked"],
        [(f"[{c.n}]", c.source, c.page, c.quote, _checked(c)) for c in citations],
    )


def _checked(citation: Citation) -> str:
    checked = VERIFIED if citation.verified else NOT_VERIFIED
    return f"{checked}, not cited there" if citation.added else checked


def _note_answer(answer: Answer) -> None:
    """What a reader must know of how the answer was made."""
    if answer.generator == "extractive" and answer.status == "answered":
        note("no chat model is configured, so the answer quotes the documents")
    if answer.dropped:
        note(f"passages that did not fit the model's context: {len(answer.dropped)}")
    for statement in answer.statements:
        if statement.status == "unsupported":
            note(f"no source supports: {answer.answer[statement.char_start : statement.char_end]}")
        if statement.status == "unverified":
            note(f"not verified: {answer.answer[statement.char_start : statement.char_end]}")
    for text in answer.notes:
        note(text)


def show_hits(hits: Sequence[Hit]) -> None:
    show_table(
        ["rank", "score", "source", "page", "passage"],
        [
            (rank, f"{hit.score:.2f}", hit.chunk.source, hit.chunk.page, hit.chunk.text)
            for rank, hit in enumerate(hits, start=1)
        ],
    )


def show_failed(files: Sequence[FailedFile]) -> None:
    """The files that could not be read, with their reasons."""
    if not files:
        say("No file has failed.")
        return
    show_table(
        ["collection", "file", "why", "last tried (UTC)"],
        [
            (file.collection, file.source, file.message, file.at[:16].replace("T", " "))
            for file in files
        ],
    )


def show_collections(infos: Sequence[CollectionInfo]) -> None:
    show_table(
        [
            "collection",
            "documents",
            "failed",
            "passages",
            "pending",
            "revision",
            "model",
            "updated (UTC)",
        ],
        [
            (
                info.name,
                info.documents,
                info.failed,
                info.chunks,
                info.pending,
                info.revision,
                info.embedding_model,
                (info.updated_at or "never")[:16].replace("T", " "),
            )
            for info in infos
        ],
    )


def show_report(report: VerifyReport) -> None:
    state = "clean" if not report.problems else f"{len(report.problems)} problems"
    say(
        f"{report.collection}: {state} ({report.documents} documents, {report.chunks} passages, "
        f"{report.vectors} vectors, revision {report.revision})"
    )
    for problem in report.problems:
        say(f"  - {one_line(problem)}")
