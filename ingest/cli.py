"""`rag ingest DIR`, which is also `python -m ingest DIR`."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from rag_service.errors import InvalidRequest, NotFound, RagError
from rag_service.settings import load_settings

EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def ingest(
    folder: Annotated[Path, typer.Argument(help="Folder of documents to mirror.")],
    collection: Annotated[
        str, typer.Option("--collection", "-c", help="Collection to ingest into.")
    ] = "default",
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, max=64, help="Parser processes.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done and change nothing.")
    ] = False,
    rebuild: Annotated[
        bool,
        typer.Option(
            "--rebuild",
            help="Build the collection anew beside the old one, for other models or settings.",
        ),
    ] = False,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Remove everything if the folder has become empty."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report as one JSON document.")
    ] = False,
) -> None:
    """Make a collection a mirror of FOLDER: new and changed files are read, moved ones
    renamed, deleted ones removed, unchanged ones left alone.

    Exit codes: 0 all done; 1 nothing usable, or an error; 2 wrong usage; 3 some files
    failed (they are listed).
    """
    # Imported late: the parser processes start this module's program again.
    from ingest.report import print_report
    from ingest.run import run_ingest

    settings = load_settings()
    if jobs is not None:
        ingest_settings = settings.ingest.model_copy(update={"jobs": jobs})
        settings = settings.model_copy(update={"ingest": ingest_settings})
    console = Console(stderr=True)
    report = run_ingest(
        folder,
        collection,
        settings,
        dry_run=dry_run,
        rebuild=rebuild,
        prune=prune,
        console=console,
        progress=not as_json,
    )
    if as_json:
        print(json.dumps(report.as_json(), ensure_ascii=False, indent=2))
    else:
        print_report(report, Console())
    raise typer.Exit(report.exit_code())


def run(argv: list[str]) -> int:
    """Run the command with these arguments and return its exit code."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(name="rag ingest")(ingest)
    # A killed job is safe, but one that is told to stop should also say so.
    signal.signal(signal.SIGTERM, _stop)
    code = 0
    try:
        app(argv, prog_name="rag ingest")
    except SystemExit as ended:  # how typer ends, also after it has reported a usage error
        code = int(ended.code or 0)
    except RagError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE if isinstance(error, InvalidRequest | NotFound) else EXIT_ERROR
    if code == EXIT_INTERRUPTED:  # what typer makes of a KeyboardInterrupt
        print("Stopped. What was finished is kept; run again to go on.", file=sys.stderr)
    return code


def _stop(_signum: int, _frame: object) -> None:
    raise KeyboardInterrupt
