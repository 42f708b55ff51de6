"""Runs and comparisons as tables for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from rag_service.evaluation.comparison import Comparison, Difference
from rag_service.evaluation.refusals import Reliability
from rag_service.evaluation.runs import Outcome, Run
from rag_service.evaluation.summary import (
    METRICS,
    OVERALL,
    Figure,
    Latency,
    grouped,
    run_reliability,
    summarize,
)

SIGNIFICANT = 0.05
_DECIDING = "answer_in_context@256"
_RELIABILITY = {
    "ece": "expected calibration error",
    "brier": "Brier score",
    "aurc": "area under risk and coverage",
}


class Table(NamedTuple):
    headings: list[str]
    rows: list[list[str]]


def run_json(run: Run) -> dict[str, Any]:
    """What `--json` prints and `--save` keeps: the run with its figures by group."""
    summaries = summarize(run.outcomes)
    figures = {name: asdict(summary) for name, summary in summaries.items()}
    document = run.model_dump(mode="json")
    outcomes = document.pop("outcomes")
    judged = run_reliability(run.outcomes)
    confidence = {"confidence": _rounded(asdict(judged))} if judged else {}
    return {**document, "figures": _rounded(figures), **confidence, "outcomes": outcomes}


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    document: dict[str, Any] = _rounded(asdict(comparison))
    return document


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value


def run_table(run: Run, *, by_tag: bool = False) -> Table:
    """A row a metric; a column for all questions and for each language, or each tag."""
    summaries = summarize(run.outcomes)
    groups = {name: summaries[name] for name in _group_names(summaries, by_tag=by_tag)}
    rows = [["questions", *(str(summary.questions) for summary in groups.values())]]
    for metric in METRICS:
        figures = [summary.metrics.get(metric) for summary in groups.values()]
        if any(figures):
            rows.append([_spaced(metric), *map(_figure, figures)])
    judged = [run_reliability(members) for members in _members(run, groups)]
    if any(judged):
        rows.append(["calibration error", *(f"{j.ece:.3f}" if j else "–" for j in judged)])
    for name in ("search_ms", "ask_ms"):
        latencies = [getattr(summary, name) for summary in groups.values()]
        if any(latencies):
            rows.append([f"{name[:-3]} ms, median / p95", *map(_latency, latencies)])
    return Table([run.label, *map(_heading, groups)], rows)


def reliability_table(named: Mapping[str, Reliability]) -> Table:
    """A row a figure, a column for each of what is compared."""
    rows = [
        [label, *(f"{getattr(each, name):.3f}" for each in named.values())]
        for name, label in _RELIABILITY.items()
    ]
    return Table(["", *named], rows)


def risk_table(judged: Reliability) -> Table:
    """What happens if only what is at least so sure is answered."""
    rows = [
        [
            f"{point.threshold:g}",
            f"{point.coverage:.3f}",
            "–" if point.risk is None else f"{point.risk:.3f}",
            f"{point.refused_wrongly:.3f}",
            f"{point.refused_rightly:.3f}",
        ]
        for point in judged.curve
    ]
    headings = ["answered from confidence", "coverage", "risk"]
    return Table([*headings, "refused, answer found", "refused, others"], rows)


def _group_names(groups: Iterable[str], *, by_tag: bool) -> list[str]:
    """All questions, then the tags, or the languages where there is more than one."""
    names = [name for name in groups if name.startswith("tag:" if by_tag else "lang:")]
    return [OVERALL, *(names if by_tag or len(names) > 1 else [])]


def _members(run: Run, groups: Iterable[str]) -> list[list[Outcome]]:
    by_group = grouped(run.outcomes)
    return [by_group[name] for name in groups]


def _figure(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def _latency(latency: Latency | None) -> str:
    return "–" if latency is None else f"{latency.median:.1f} / {latency.p95:.1f}"


def comparison_tables(comparison: Comparison, *, by_tag: bool = False) -> list[Table]:
    """A table for all questions, and one for each language, or each tag."""
    groups = _group_names(comparison.groups, by_tag=by_tag)
    return [_comparison_table(comparison, group) for group in groups]


def _comparison_table(comparison: Comparison, group: str) -> Table:
    """A row a metric: both values, the difference with its interval, and its p value."""
    headings = [_heading(group), comparison.base, comparison.other]
    rows = [
        [_spaced(metric), *_difference(difference)]
        for metric, difference in comparison.groups[group].items()
    ]
    return Table([*headings, "difference", "p", "better", "worse"], rows)


def _difference(d: Difference) -> Iterator[str]:
    mark = " *" if d.p < SIGNIFICANT else ""
    yield f"{d.base:.3f}"
    yield f"{d.other:.3f}"
    yield f"{d.difference:+.3f} [{d.low:+.3f}, {d.high:+.3f}]"
    yield f"{d.p:.3f}{mark}"
    yield str(d.better)
    yield str(d.worse)


def failures_table(outcomes: Sequence[Outcome]) -> Table:
    """The questions that were served badly, and what stood first instead."""
    rows = [
        [outcome.question, "; ".join(wrong), next(iter(outcome.found), "–")]
        for outcome in outcomes
        if (wrong := _what_went_wrong(outcome))
    ]
    return Table(["question", "what went wrong", "found first"], rows)


def _what_went_wrong(outcome: Outcome) -> list[str]:
    wrong: list[str] = []
    if outcome.metrics.get("hit@5") == 0:
        wrong.append("document not in the first 5")
    if outcome.metrics.get(_DECIDING) == 0:
        wrong.append("answer not in the first 256 tokens")
    if outcome.refused and outcome.answerable:
        wrong.append("refused")
    if outcome.refused is False and not outcome.answerable:
        wrong.append("not refused")
    return wrong


def _heading(group: str) -> str:
    return group.partition(":")[2] or group


def _spaced(metric: str) -> str:
    return metric.replace("_", " ")
