"""`rag eval --calibrate`: fits the confidence of a collection's answers to its own questions."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from rag_service.commands.parts import print_json, progress, service

if TYPE_CHECKING:
    from rag_service.evaluation.calibration import Recalibration


def calibrate(
    ctx: typer.Context, path: Path, collection: str, limit: int | None, *, as_json: bool
) -> None:
    """Fit, keep what is better than what is shipped, and show both."""
    from rag_service.bootstrap import open_library
    from rag_service.evaluation.calibration import gather_examples, keep, recalibrate
    from rag_service.evaluation.questions import load_questions
    from rag_service.evaluation.target import LocalTarget
    from rag_service.settings import load_settings

    settings, questions = load_settings(), load_questions(path, limit=limit)
    with service(ctx, settings) as opened:
        target = LocalTarget(opened, collection)
        with progress("Asking", len(questions)) as advance:
            examples = gather_examples(questions, target, on_question=advance)
    found = recalibrate(examples)
    written = keep(open_library(settings), collection, found) if found.is_better else None
    if as_json:
        print_json(_document(found, collection, written))
    else:
        _show(found, written)


def _document(found: Recalibration, collection: str, written: Path | None) -> dict[str, Any]:
    from rag_service.retrieval.calibration_file import parameters

    return {
        "collection": collection,
        "answerable": found.answerable,
        "unanswerable": found.unanswerable,
        "before": asdict(found.before),
        "after": asdict(found.after),
        "parameters": parameters(found.calibration),
        "written": str(written) if written else None,
    }


def _show(found: Recalibration, written: Path | None) -> None:
    from rag_service.console import note, say, show_table
    from rag_service.evaluation.report import reliability_table, risk_table

    show_table(*reliability_table({"shipped": found.before, "calibrated": found.after}))
    say("")
    show_table(*risk_table(found.after))
    note(
        f"{found.answerable} questions whose answer is found, {found.unanswerable} others; both "
        "weigh the same. Calibrated: each question judged by what was fitted on the others."
    )
    if written:
        note(f"Kept in {written}. A running service uses it from the next question on.")
    else:
        note("Nothing was kept: the questions are judged as well by what is in use already.")
