"""`rag eval`: measure with questions, compare saved runs, draft questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag_service.commands.calibration import calibrate as calibrate_collection
from rag_service.commands.parts import Collection, Json, print_json, progress, service
from rag_service.errors import ChatModelError, GenerationError, InvalidRequest, PathNotFound

if TYPE_CHECKING:
    from rag_service.evaluation.comparison import Comparison
    from rag_service.evaluation.runs import Run
    from rag_service.evaluation.target import Target

_LEGEND = "[low, high]: 95 % confidence interval; docs/evaluation.md says what each row means"
_COMPARED_LEGEND = "*: p < 0.05; better, worse: questions that the later run serves better, worse"

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="QUESTIONS.jsonl", help="The questions. With --compare: saved runs, two or more."
    ),
]
Url = Annotated[str, typer.Option("--url", help="Measure the running service at this address.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Only the first questions.")]
Ask = Annotated[
    bool | None,
    typer.Option(
        "--ask/--no-ask",
        help="Also make answers, to judge refusals. [default: if a question is unanswerable]",
    ),
]
Save = Annotated[
    Path | None, typer.Option("--save", help="Keep the run in this file, to compare with later.")
]
Against = Annotated[
    Path | None, typer.Option("--against", help="Compare with the run saved in this file.")
]
Compare = Annotated[
    bool, typer.Option("--compare", help="Compare saved runs with the first of them.")
]
Plot = Annotated[
    Path | None, typer.Option("--plot", help="Draw the runs into this .png or .svg file.")
]
Label = Annotated[
    str, typer.Option("--label", help="What to call the run. [default: name of the saved file]")
]
ByTag = Annotated[
    bool, typer.Option("--by-tag", help="Show figures by tag instead of by language.")
]
Failures = Annotated[
    bool, typer.Option("--failures", help="List the questions that were served badly.")
]
Make = Annotated[
    int | None,
    typer.Option(
        "--make",
        min=1,
        help="Draft so many questions about the collection with the chat model, into the file.",
    ),
]
Calibrate = Annotated[
    bool,
    typer.Option(
        "--calibrate", help="Fit the confidence of the collection's answers to the questions."
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", help="With --make: decides which passages are asked about.")
]


def evaluate(
    ctx: typer.Context,
    files: Files,
    collection: Collection = "default",
    url: Url = "",
    limit: Limit = None,
    ask: Ask = None,
    save: Save = None,
    against: Against = None,
    compare: Compare = False,
    plot: Plot = None,
    label: Label = "",
    by_tag: ByTag = False,
    failures: Failures = False,
    make: Make = None,
    seed: Seed = 0,
    calibrate: Calibrate = False,
    as_json: Json = False,
) -> None:
    """Measure search and refusals with your own questions; compare runs; draft; calibrate.

    docs/evaluation.md describes the format of the questions and how to read the figures.
    """
    shown = _Shown(as_json, by_tag, failures)
    _check_outputs(save, plot)
    if make is not None:
        _draft(_only(files), collection, make, seed)
        return
    if calibrate:
        if url:
            raise InvalidRequest("--calibrate is for collections of this machine, not for --url.")
        calibrate_collection(ctx, _only(files), collection, limit, as_json=as_json)
        return
    if compare:
        runs = _load_runs(files)
        shown.comparisons(runs)
    else:
        base = _load_runs([against] if against else [])
        asked = _Asked(_only(files), limit, ask, label or (save.stem if save else "run"))
        with _target(ctx, url, collection) as target:
            run = _measure(asked, target)
        shown.run(run, base)
        runs = [*base, run]
        if save:
            _save(run, save)
    if plot:
        _plot(runs, plot)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be asked, and what the run will be called."""

    path: Path
    limit: int | None
    ask: bool | None
    label: str


@dataclass(frozen=True, slots=True)
class _Shown:
    """How results are printed."""

    as_json: bool
    by_tag: bool
    failures: bool

    def run(self, run: Run, base: Sequence[Run]) -> None:
        from rag_service.console import note, say, show_table
        from rag_service.evaluation.comparison import compare
        from rag_service.evaluation.report import (
            comparison_json,
            failures_table,
            risk_table,
            run_json,
            run_table,
        )
        from rag_service.evaluation.summary import run_reliability

        compared = [compare(earlier, run) for earlier in base]
        if self.as_json:
            comparisons = {"comparisons": [comparison_json(each) for each in compared]}
            print_json(run_json(run) | (comparisons if compared else {}))
            return
        show_table(*run_table(run, by_tag=self.by_tag))
        if judged := run_reliability(run.outcomes):
            say("")
            show_table(*risk_table(judged))
        if self.failures:
            say("")
            show_table(*failures_table(run.outcomes))
        for each in compared:
            say("")
            self._comparison(each)
        for text in (*run.notes, _LEGEND):
            note(text)

    def comparisons(self, runs: Sequence[Run]) -> None:
        """Each of the runs against the first."""
        from rag_service.console import say
        from rag_service.evaluation.comparison import compare
        from rag_service.evaluation.report import comparison_json

        if len(runs) < 2:
            raise InvalidRequest("--compare needs two saved runs or more, the earliest first.")
        compared = [compare(runs[0], later) for later in runs[1:]]
        if self.as_json:
            print_json({"comparisons": [comparison_json(each) for each in compared]})
            return
        for number, each in enumerate(compared):
            if number:
                say("")
            self._comparison(each)

    def _comparison(self, comparison: Comparison) -> None:
        from rag_service.console import note, say, show_table
        from rag_service.evaluation.report import comparison_tables

        for number, table in enumerate(comparison_tables(comparison, by_tag=self.by_tag)):
            if number:
                say("")
            show_table(*table)
        for text in (*comparison.notes, _COMPARED_LEGEND):
            note(text)


def _only(files: Sequence[Path]) -> Path:
    if len(files) != 1:
        raise InvalidRequest("Give one file of questions; several files are for --compare.")
    return files[0]


def _check_outputs(save: Path | None, plot: Path | None) -> None:
    """A run may take an hour: what would keep its results from being kept is said before."""
    for path in filter(None, (save, plot)):
        if not path.parent.is_dir():
            raise PathNotFound(f"There is no folder {path.parent} to keep {path.name} in.")
    if plot:
        from rag_service.evaluation.plot import require_plotting

        require_plotting(plot)


@contextmanager
def _target(ctx: typer.Context, url: str, collection: str) -> Iterator[Target]:
    from rag_service.evaluation.target import HttpTarget, LocalTarget
    from rag_service.settings import load_settings

    if url:
        yield HttpTarget(url, collection)
        return
    with service(ctx, load_settings()) as opened:
        yield LocalTarget(opened, collection)


def _measure(asked: _Asked, target: Target) -> Run:
    from rag_service.evaluation.questions import load_questions
    from rag_service.evaluation.runner import evaluate

    questions = load_questions(asked.path, limit=asked.limit)
    with progress("Asking", len(questions)) as advance:
        return evaluate(questions, target, label=asked.label, ask=asked.ask, on_question=advance)


def _load_runs(paths: Sequence[Path]) -> list[Run]:
    from rag_service.evaluation.runs import load_run

    return [load_run(path) for path in paths]


def _save(run: Run, path: Path) -> None:
    import json

    from rag_service.evaluation.report import run_json
    from rag_service.evaluation.runs import save_run

    save_run(json.dumps(run_json(run), ensure_ascii=False, indent=1), path)


def _plot(runs: Sequence[Run], path: Path) -> None:
    from rag_service.console import note
    from rag_service.evaluation.plot import plot_runs

    for text in plot_runs(runs, path):
        note(text)


def _draft(path: Path, collection: str, count: int, seed: int) -> None:
    from rag_service.bootstrap import open_chat, open_library
    from rag_service.console import note, say
    from rag_service.evaluation.drafting import Drafter, write_drafts
    from rag_service.generation.prompts import PromptLibrary
    from rag_service.settings import load_settings

    settings = load_settings()
    catalog = open_library(settings).open(collection).catalog
    chat = open_chat(settings.chat)
    if chat is None:
        raise ChatModelError(
            "Questions are drafted by a chat model, and none is set: set RAG_CHAT__MODEL."
        )
    with closing(chat), progress("Drafting", count) as advance:
        drafter = Drafter(chat, PromptLibrary.load(settings.prompts_dir))
        written = write_drafts(drafter.drafts(catalog, count, seed=seed), path, on_draft=advance)
    for reason, times in drafter.dropped.most_common():
        note(f"not kept, {times} times: {reason}")
    if not written:
        raise GenerationError(f"{chat.name} drafted no question that could be kept.")
    say(f"{written} drafts in {path}. Read through them before you trust what they measure.")
