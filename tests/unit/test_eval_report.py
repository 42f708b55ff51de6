"""Figures of a run, comparison of two, saved runs, tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag_service.errors import InvalidRequest, PathNotFound, StorageError
from rag_service.evaluation.comparison import Difference, compare
from rag_service.evaluation.report import (
    comparison_json,
    comparison_tables,
    failures_table,
    run_json,
    run_table,
)
from rag_service.evaluation.runs import load_run, save_run
from rag_service.evaluation.summary import Figure, Latency, summarize
from tests.eval_targets import outcome, run_of

RUN = run_of(
    outcome(1, "en", metrics={"hit@1": 1.0}, refused=False, ask_ms=100.0, tags=("codes",)),
    outcome(2, "en", metrics={"hit@1": 0.0}, refused=True, ask_ms=200.0),
    outcome(3, "zh-Hans", metrics={"hit@1": 1.0}, refused=False, ask_ms=300.0),
    outcome(4, "zh-Hans", answerable=False, refused=True, ask_ms=400.0),
    outcome(5, "zh-Hant", answerable=False, refused=False, ask_ms=500.0),
)


def test_figures_are_made_of_all_questions_and_by_language_and_tag() -> None:
    groups = summarize(RUN.outcomes)
    assert list(groups) == ["all", "lang:en", "lang:zh-Hans", "lang:zh-Hant", "tag:codes"]
    assert [summary.questions for summary in groups.values()] == [5, 2, 2, 1, 1]
    assert groups["all"].metrics["hit@1"] == Figure(2 / 3, 0.0, 1.0, 3)
    assert groups["lang:en"].metrics["hit@1"].value == 0.5
    assert "hit@1" not in groups["lang:zh-Hant"].metrics


def test_refusals_are_judged_by_precision_and_recall() -> None:
    metrics = summarize(RUN.outcomes)["all"].metrics
    precision, recall = metrics["refusal_precision"], metrics["refusal_recall"]
    assert (precision.value, precision.n) == (0.5, 2)  # one of two refusals was right
    assert (recall.value, recall.n) == (0.5, 2)  # one of two unanswerable ones was refused


def test_latency_is_told_by_median_and_95th_percentile() -> None:
    summary = summarize(RUN.outcomes)["all"]
    assert summary.search_ms == Latency(30.0, 48.0)
    assert summary.ask_ms == Latency(300.0, 480.0)
    assert summarize([outcome(1)])["all"].ask_ms is None


def pair() -> tuple[list[float], list[float]]:
    return [0, 0, 0, 0, 0, 0, 0, 0, 1, 1], [1, 1, 1, 1, 1, 1, 1, 1, 0, 1]


def test_two_runs_are_compared_question_by_question() -> None:
    before, after = pair()
    base = run_of(*(outcome(n, metrics={"hit@1": v}) for n, v in enumerate(before)), label="old")
    other = run_of(*(outcome(n, metrics={"hit@1": v}) for n, v in enumerate(after)), label="new")
    comparison = compare(base, other)
    difference = comparison.groups["all"]["hit@1"]
    assert (comparison.base, comparison.other) == ("old", "new")
    assert (difference.base, difference.other, difference.n) == (0.2, 0.9, 10)
    assert difference.difference == pytest.approx(0.7)
    assert (difference.better, difference.worse) == (8, 1)
    assert difference.low < 0.7 < difference.high
    assert difference.p == pytest.approx(20 / 512, abs=0.01)  # 8 or 9 of 9 heads, or tails


def test_a_run_does_not_differ_from_itself() -> None:
    for group in compare(RUN, RUN).groups.values():
        for metric in group.values():
            value = metric.base
            assert metric == Difference(value, value, 0.0, 0.0, 0.0, 1.0, 0, 0, metric.n)


def test_refusals_are_compared_as_well() -> None:
    better = run_of(*RUN.outcomes[:4], outcome(5, "zh-Hant", answerable=False, refused=True))
    refusals = compare(RUN, better).groups["all"]
    recall, precision = refusals["refusal_recall"], refusals["refusal_precision"]
    assert (recall.base, recall.other, recall.better, recall.worse) == (0.5, 1.0, 1, 0)
    assert (precision.base, precision.other) == (0.5, 2 / 3)


def test_only_questions_of_both_runs_are_compared_and_the_rest_is_told() -> None:
    first = run_of(*(outcome(n, metrics={"hit@1": 1.0}) for n in (1, 2, 3)))
    second = run_of(*(outcome(n, metrics={"hit@1": 0.0}) for n in (2, 3, 4)))
    comparison = compare(first, second)
    assert comparison.groups["all"]["hit@1"].n == 2
    assert comparison.notes == ("2 questions are in one of the runs only and were left out.",)


def test_a_metric_that_one_run_lacks_is_not_compared() -> None:
    first = run_of(outcome(1, metrics={"hit@1": 1.0}))
    second = run_of(outcome(1, metrics={"hit@1": 1.0}, answerable=False, refused=True))
    assert list(compare(first, second).groups["all"]) == ["hit@1"]


def test_runs_of_other_questions_cannot_be_compared() -> None:
    with pytest.raises(InvalidRequest, match="have no question in common"):
        compare(run_of(outcome(1)), run_of(outcome(2)))


def test_a_saved_run_is_read_back_as_it_was(tmp_path: Path) -> None:
    save_run(json.dumps(run_json(RUN)), tmp_path / "run.json")
    assert load_run(tmp_path / "run.json") == RUN


def test_the_json_of_a_run_holds_figures_and_outcomes() -> None:
    document = run_json(RUN)
    assert document["figures"]["all"]["metrics"]["hit@1"] == {
        "value": 0.6667,
        "low": 0.0,
        "high": 1.0,
        "n": 3,
    }
    assert document["outcomes"][3]["refused"] is True
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize(
    ("text", "message"), [("{", "is no saved run"), ('{"format": 2}', "is no saved run")]
)
def test_another_file_is_not_taken_for_a_run(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidRequest, match=message):
        load_run(path)


def test_a_run_that_is_missing_or_cannot_be_kept_is_said(tmp_path: Path) -> None:
    with pytest.raises(PathNotFound, match="There is no file"):
        load_run(tmp_path / "none.json")
    with pytest.raises(StorageError, match="cannot be written"):
        save_run("{}", tmp_path / "no folder" / "run.json")


def test_the_table_has_a_column_for_each_language() -> None:
    table = run_table(RUN)
    assert table.headings == ["run", "all", "en", "zh-Hans", "zh-Hant"]
    rows = {name: cells for name, *cells in table.rows}
    assert list(rows) == [
        *("questions", "hit@1", "refusal precision", "refusal recall"),
        *("search ms, median / p95", "ask ms, median / p95"),
    ]
    assert rows["questions"] == ["5", "2", "2", "1"]
    assert rows["hit@1"][0] == "0.667 [0.000, 1.000]"
    assert rows["hit@1"][3] == "–"
    assert rows["ask ms, median / p95"][0] == "300.0 / 480.0"


def test_a_single_language_is_not_shown_twice_but_tags_are_where_wanted() -> None:
    run = run_of(outcome(1, tags=("codes",)), outcome(2))
    assert run_table(run).headings == ["run", "all"]
    assert run_table(run, by_tag=True).headings == ["run", "all", "codes"]


def test_the_table_of_a_comparison_marks_what_is_no_chance() -> None:
    before, after = pair()
    base = run_of(*(outcome(n, metrics={"hit@1": v, "hit@5": 1.0}) for n, v in enumerate(before)))
    other = run_of(
        *(outcome(n, metrics={"hit@1": v, "hit@5": 1.0}) for n, v in enumerate(after)), label="new"
    )
    comparison = compare(base, other)
    (table,) = comparison_tables(comparison)
    assert table.headings == ["all", "run", "new", "difference", "p", "better", "worse"]
    first, second = table.rows
    assert first[:3] == ["hit@1", "0.200", "0.900"]
    assert first[3].startswith("+0.700 [+0.")
    assert first[4].endswith(" *")
    assert second == ["hit@5", "1.000", "1.000", "+0.000 [+0.000, +0.000]", "1.000", "0", "0"]
    document = comparison_json(comparison)
    assert document["groups"]["all"]["hit@1"]["better"] == 8


def test_failures_say_what_went_wrong_and_what_stood_first_instead() -> None:
    outcomes = [
        outcome(1, metrics={"hit@5": 1.0, "answer_in_context@256": 1.0}, refused=False),
        outcome(2, metrics={"hit@5": 0.0, "answer_in_context@256": 0.0}, found=("a.md", "b.md")),
        outcome(3, refused=True),
        outcome(4, answerable=False, refused=False, found=("c.md",)),
        outcome(5, answerable=False, refused=True),
    ]
    assert failures_table(outcomes).rows == [
        [
            "Question 2?",
            "document not in the first 5; answer not in the first 256 tokens",
            "a.md",
        ],
        ["Question 3?", "refused", "–"],
        ["Question 4?", "not refused", "c.md"],
    ]
