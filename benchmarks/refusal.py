"""How well refusals are placed, and whether a confidence of 0.7 is right seven times in ten.

Every set of the folder is judged by parameters that were fitted on the other sets ("held out"),
and once more by those that are shipped, which know it. `refusal_cases.py` says what is asked.
With `--write` the shipped parameters are fitted anew on all sets.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.refusal_cases import Case, Kind, cases_of, open_set, weighted
from benchmarks.results import Figure, note, report
from rag_service.evaluation.calibration import Example, fit, judged
from rag_service.evaluation.refusals import Reliability
from rag_service.retrieval import shipped_confidence
from rag_service.retrieval.confidence import SHIPPED, Calibration, Logistic
from rag_service.retrieval.embedding import open_embeddings
from rag_service.retrieval.evidence import FEATURES, Evidence
from rag_service.retrieval.retriever import HybridSearch
from rag_service.settings import Settings
from rag_service.store.library import Library

NAME = "refusal"
# People mostly ask what their documents answer. When they do not, as often something near it as
# something far from it.
MIX: dict[Kind, float] = {"own": 2, "hard": 1, "easy": 1}
_KNOWING_NOTHING = Calibration(
    {kind: Logistic(0.0, (0.0,) * len(names)) for kind, names in FEATURES.items()}
)
_VAGUE_SD = 10.0  # of a prior that leaves the word to the data
_ALL = "all sets"
_LIMITS = {("held out", "ECE"): 0.05}

By = Mapping[str, Calibration]  # by the name of the set that it judges


def gather(folder: Path, data: Path, limit: int) -> list[Case]:
    """Ask every set of the folder; takes some tenths of a second a question."""
    settings = Settings(data_dir=data)
    search = HybridSearch(open_embeddings(settings.embedding, threads=1), settings.retrieval)
    cases: list[Case] = []
    with closing(Library(data)) as library:
        folders = sorted(path.parent for path in folder.glob("*/queries.jsonl"))
        sets = [open_set(path, settings, library) for path in folders]
        for asked in sets:
            note(f"Asking {asked.name} ...")
            cases += cases_of(asked, sets, search, limit)
    return cases


def fitted(cases: Sequence[Case]) -> Calibration:
    examples = [case.example for case in cases if not case.held_out]
    return fit(examples, _KNOWING_NOTHING, sd=_VAGUE_SD, bias_sd=_VAGUE_SD)


def leave_one_out(cases: Sequence[Case]) -> By:
    """For each set the parameters that the others give."""
    names = dict.fromkeys(case.set for case in cases)
    return {name: fitted([case for case in cases if case.set != name]) for name in names}


def reliability_of(cases: Sequence[Case], by: By) -> Reliability:
    return judged([case.example for case in cases], [by[case.set] for case in cases])


def refused(cases: Sequence[Case], by: By, threshold: float) -> dict[str, float]:
    """Share of each kind that is refused, and precision and recall of refusing.

    Right to refuse is what the documents do not answer; that the search missed an answer does
    not make it so.
    """
    low = [by[c.set].confidence(c.example.evidence) < threshold for c in cases]
    mass = {True: 0.0, False: 0.0}
    for case, is_low in zip(cases, low, strict=True):
        mass[case.kind != "own"] += case.example.weight * is_low
    unanswerable = sum(case.example.weight for case in cases if case.kind != "own")
    shares = {
        f"refused, {kind}": _share(
            [is_low for case, is_low in zip(cases, low, strict=True) if case.kind == kind]
        )
        for kind in MIX
    }
    precision = mass[True] / total if (total := sum(mass.values())) else 1.0
    return {**shares, "precision": precision, "recall": mass[True] / unanswerable}


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else float("nan")


def figures(cases: Sequence[Case]) -> list[Figure]:
    """Over all sets, held out and as shipped; tables by set are printed."""
    report_on = [case for case in cases if case.held_out]
    threshold = Settings().answer.min_confidence
    ways: dict[str, By] = {
        "held out": leave_one_out(cases),
        "shipped": dict.fromkeys((case.set for case in cases), SHIPPED),
    }
    found: list[Figure] = []
    for way, by in ways.items():
        groups = {_ALL: report_on} | _by_set(report_on)
        rows = {name: _row(members, by, threshold) for name, members in groups.items()}
        _show_rows(f"{way}, refused below {threshold:g}", rows)
        _show_reliability(way, reliability_of(report_on, by))
        found += _figures(way, rows)
    return found


def _by_set(cases: Sequence[Case]) -> dict[str, list[Case]]:
    names = dict.fromkeys(case.set for case in cases)
    return {name: [case for case in cases if case.set == name] for name in names}


def _row(cases: Sequence[Case], by: By, threshold: float) -> dict[str, float]:
    found = reliability_of(cases, by)
    calibration = {"ECE": found.ece, "Brier": found.brier, "AURC": found.aurc}
    return {"questions": len(cases), **refused(cases, by, threshold), **calibration}


def _figures(way: str, rows: Mapping[str, Mapping[str, float]]) -> Iterator[Figure]:
    for name, value in rows[_ALL].items():
        yield Figure(NAME, f"{way}: {name}", value, "", _LIMITS.get((way, name)))


def _show_rows(title: str, rows: Mapping[str, Mapping[str, float]]) -> None:
    table = Table("", *next(iter(rows.values())), title=title, title_justify="left")
    for name, row in rows.items():
        table.add_row(
            name, *(f"{v:.0f}" if n == "questions" else f"{v:.3f}" for n, v in row.items())
        )
    Console(width=160).print(table)


def _show_reliability(way: str, found: Reliability) -> None:
    table = Table("confidence", "mean", "right", "questions", title=f"{way}: reliability")
    for bin_ in found.bins:
        span = f"{bin_.low:.2f} to {bin_.high:.2f}"
        table.add_row(span, f"{bin_.confidence:.3f}", f"{bin_.right:.3f}", str(bin_.questions))
    curve = Table("answered from", "coverage", "risk", "answerable refused", "others refused")
    curve.title = f"{way}: risk and coverage"
    for point in found.curve:
        risk = "–" if point.risk is None else f"{point.risk:.3f}"
        rates = (point.coverage, point.refused_wrongly, point.refused_rightly)
        coverage, wrongly, rightly = (f"{rate:.3f}" for rate in rates)
        curve.add_row(f"{point.threshold:g}", coverage, risk, wrongly, rightly)
    for each in (table, curve):
        Console(width=160).print(each)


def write_shipped(calibration: Calibration) -> None:
    """Replace the parameters in the source."""
    path = Path(shipped_confidence.__file__)
    head, marker, _ = path.read_text(encoding="utf-8").partition("] = {\n")
    rows = [
        f'    "{kind}": ({model.bias:.2f}, ({", ".join(f"{w:.2f}" for w in model.weights)})),\n'
        for kind, model in calibration.models.items()
    ]
    path.write_text(f"{head}{marker}{''.join(rows)}}}\n", encoding="utf-8")
    note(f"Written: {path}")


def save_cases(cases: Sequence[Case], path: Path) -> None:
    rows = (json.dumps(asdict(case), ensure_ascii=False) for case in cases)
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def load_cases(path: Path) -> list[Case]:
    return [_case(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def _case(row: dict[str, Any]) -> Case:
    example = row.pop("example")
    evidence = tuple(Evidence(**each) for each in example["evidence"])
    return Case(**row, example=Example(evidence, example["right"], example["weight"]))


def run(args: argparse.Namespace) -> list[Figure]:
    if args.cases and args.cases.exists():
        cases = load_cases(args.cases)
    else:
        cases = gather(args.folder, args.data, args.limit)
        if args.cases:
            save_cases(cases, args.cases)
    cases = [
        *weighted([case for case in cases if case.held_out], MIX),
        *weighted([case for case in cases if not case.held_out], MIX),
    ]
    if args.write:
        write_shipped(fitted(cases))
    return figures(cases)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.refusal", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of question sets")
    parser.add_argument(
        "--data", type=Path, required=True, help="data folder; sets missing there are ingested"
    )
    parser.add_argument("--limit", type=int, default=150, help="questions of a kind and half")
    parser.add_argument("--cases", type=Path, help="keep what was found in this file, or reuse it")
    parser.add_argument("--write", action="store_true", help="ship the parameters fitted on all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    args = parser.parse_args()
    report(partial(run, args), args.json)


if __name__ == "__main__":
    main()
