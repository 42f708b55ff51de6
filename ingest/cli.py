"""`rag ingest DIR`, which is also `python -m ingest DIR`."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from rag_service.errors import InvalidRequest, NotFound, RagError
from rag_service.settings import Settings, load_settings

if TYPE_CHECKING:
    from ingest.report import IngestReport
    from rag_service.collection_types import ReembedReport

EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def ingest(
    folders: Annotated[list[Path], typer.Argument(help="Folders of documents to mirror.")],
    collection: Annotated[
        str, typer.Option("--collection", "-c", help="Collection to ingest into.")
    ] = "default",
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, max=64, help="Parser processes.")
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option("--include", help="Read only files that match (as in .gitignore)."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", help="Leave out files that match; see also .ragignore."),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on running and follow every change.")
    ] = False,
    poll: Annotated[
        bool,
        typer.Option("--poll", help="With --watch: look for changes; for network drives."),
    ] = False,
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
        typer.Option("--prune", help="Remove everything if a folder has become empty or is gone."),
    ] = False,
    retry_failed: Annotated[
        bool,
        typer.Option("--retry-failed", help="Try files again that failed and have not changed."),
    ] = False,
    tag: Annotated[
        list[str] | None,
        typer.Option(
            "--tag",
            help="Tag all documents of FOLDERS, now and later, in place of tags given before; "
            "repeat it for others, --tag '' for none.",
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="List every file, not only those in trouble.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print the report as JSON, with --watch one line a run."),
    ] = False,
) -> None:
    """Make a collection a mirror of FOLDERS: new and changed files are read, moved ones
    renamed, deleted ones removed, unchanged ones left alone.

    Hidden files are left out, and what a .ragignore file names (written like .gitignore).

    Exit codes: 0 all done; 1 nothing usable, or an error; 2 wrong usage; 3 some files
    failed (they are listed).
    """
    # Imported late: the parser processes start this module's program again.
    from ingest.run import Ingestor, MirrorOptions

    if watch and (dry_run or rebuild):
        raise InvalidRequest("--watch goes with neither --dry-run nor --rebuild.")
    settings = _settings(jobs, include, exclude)
    console = Console(stderr=True, quiet=as_json)
    ingestor = Ingestor(settings, console)
    options = MirrorOptions(
        prune=prune, rebuild=rebuild, retry_failed=retry_failed, tags=_tags(tag)
    )
    if watch:
        from ingest.watch import WatchOptions
        from ingest.watch import watch as watch_folders

        watch_folders(
            lambda: _show(
                ingestor.mirror(folders, collection, options), verbose, as_json, one_line=True
            ),
            folders,
            console=Console(stderr=True),
            options=WatchOptions(poll=poll, ignore=(settings.data_dir.absolute(),)),
        )
        return
    act = ingestor.plan if dry_run else ingestor.mirror
    report = act(folders, collection, options)
    _show(report, verbose, as_json, one_line=False)
    raise typer.Exit(report.exit_code())


def _tags(given: list[str] | None) -> tuple[str, ...] | None:
    """Every tag once, without blanks around it; None where the option is not given."""
    return None if given is None else tuple(filter(None, map(str.strip, dict.fromkeys(given))))


def _settings(jobs: int | None, include: list[str] | None, exclude: list[str] | None) -> Settings:
    """The settings with what the command line says in their place."""
    settings = load_settings()
    given = {"jobs": jobs, "include": tuple(include or ()), "exclude": tuple(exclude or ())}
    update = {name: value for name, value in given.items() if value}
    return settings.model_copy(update={"ingest": settings.ingest.model_copy(update=update)})


def _show(report: IngestReport, verbose: bool, as_json: bool, *, one_line: bool) -> None:
    from ingest.report import print_report

    if not as_json:
        print_report(report, Console(), verbose=verbose)
    else:
        indent = None if one_line else 2
        print(json.dumps(report.as_json(), ensure_ascii=False, indent=indent), flush=True)


def reembed(
    settings: Settings, collection: str, model: str | None, console: Console
) -> ReembedReport:
    """What `rag models use` does; see `ingest.reembed.use_model`."""
    from ingest.reembed import use_model

    return use_model(settings, collection, model, console)


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
