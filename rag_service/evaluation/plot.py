"""Runs side by side as a picture: a panel a group of questions, a row of dots a metric.

Where questions were asked, one panel more: how often an answer is wrong (risk) as ever less sure
questions are answered too (coverage).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rag_service.errors import ConfigError, InvalidRequest, StorageError
from rag_service.evaluation.refusals import risk_coverage
from rag_service.evaluation.runs import Run
from rag_service.evaluation.summary import (
    METRICS,
    OVERALL,
    Figure,
    Summary,
    claims,
    summarize,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

SUFFIXES = (".png", ".svg")
# Apart for those who see colours differently: M. Okabe, K. Ito, "Color Universal Design", 2008.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_FONTS_WITH_CHINESE = (
    *("Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", "SimHei"),
    *("WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Arial Unicode MS"),
)
_ROW_INCHES, _PANEL_INCHES, _DOTS_PER_INCH = 0.42, 3.0, 150
_RUNS_SPREAD = 0.6  # of a row's height, shared by the runs


def require_plotting(path: Path) -> None:
    """Find out before a long run whether its plot can be made.

    Raises:
        InvalidRequest: the file name ends in neither .png nor .svg.
        ConfigError: matplotlib is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InvalidRequest(f"{path}: a plot is saved as {' or '.join(SUFFIXES)}.")
    if find_spec("matplotlib") is None:
        raise ConfigError(
            "Plots are drawn with matplotlib, which is not installed: "
            "pip install 'local-rag-service[eval]'"
        )


def plot_runs(runs: Sequence[Run], path: Path) -> tuple[str, ...]:
    """Draw the runs into ``path``; returns what the user should know of the picture.

    Raises:
        InvalidRequest, ConfigError: as `require_plotting`.
        StorageError: the file cannot be written.
    """
    require_plotting(path)
    from matplotlib import rc_context

    settings: Any = {
        "font.sans-serif": [*_installed(_FONTS_WITH_CHINESE), "DejaVu Sans"],
        "svg.fonttype": "none",  # text stays text: small, searchable, in the viewer's fonts
        "svg.hashsalt": "rag",  # the same runs give the same file
    }
    with rc_context(settings), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        labels = [_unique(runs, n) for n in range(len(runs))]
        picture = _draw(
            {label: summarize(run.outcomes) for label, run in zip(labels, runs, strict=True)},
            {label: claims(run.outcomes) for label, run in zip(labels, runs, strict=True)},
        )
        _save(picture, path)
    if path.suffix.lower() == ".png" and any("Glyph" in str(each.message) for each in caught):
        return ("No installed font has all characters of the labels; an .svg would show them.",)
    return ()


def _unique(runs: Sequence[Run], n: int) -> str:
    """The run's label, numbered where another run before has the same."""
    same = sum(run.label == runs[n].label for run in runs[:n])
    return f"{runs[n].label} ({same + 1})" if same else runs[n].label


def _save(picture: Picture, path: Path) -> None:
    metadata = {"Date": None} if path.suffix.lower() == ".svg" else None
    try:
        picture.savefig(path, dpi=_DOTS_PER_INCH, metadata=metadata)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}.") from error


def _draw(
    runs: Mapping[str, Mapping[str, Summary]], claimed: Mapping[str, Sequence[tuple[float, bool]]]
) -> Picture:
    from matplotlib.figure import Figure as Picture

    groups = _groups(list(runs.values()))
    metrics = [
        metric
        for metric in METRICS
        if any(metric in summary.metrics for run in runs.values() for summary in run.values())
    ]
    count = len(groups) + any(claimed.values())
    size = (2 + _PANEL_INCHES * count, 1.5 + _ROW_INCHES * len(metrics))
    picture = Picture(figsize=size, layout="constrained")
    panels = picture.subplots(1, count, squeeze=False)[0]
    for panel, group in zip(panels, groups, strict=False):
        _panel(panel, group, metrics, {label: run[group] for label, run in runs.items()})
        panel.tick_params(labelleft=panel is panels[0])
    if count > len(groups):
        _risk_panel(panels[-1], claimed)
    handles, labels = panels[0].get_legend_handles_labels()
    picture.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return picture


def _groups(runs: Sequence[Mapping[str, Summary]]) -> list[str]:
    """All questions, and the languages that every run has, if there is more than one."""
    languages = [
        group
        for group in runs[0]
        if group.startswith("lang:") and all(group in run for run in runs)
    ]
    return [OVERALL, *(languages if len(languages) > 1 else [])]


def _panel(axes: Axes, group: str, metrics: Sequence[str], runs: Mapping[str, Summary]) -> None:
    for n, (label, summary) in enumerate(runs.items()):
        shift = _RUNS_SPREAD * ((n + 0.5) / len(runs) - 0.5)
        rows = [(row + shift, summary.metrics.get(metric)) for row, metric in enumerate(metrics)]
        _dots(axes, [(y, f) for y, f in rows if f], _COLOURS[n % len(_COLOURS)], label)
    axes.set_title(group.partition(":")[2] or "all questions", fontsize="medium")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(len(metrics) - 0.5, -0.5)
    axes.set_yticks(range(len(metrics)), [metric.replace("_", " ") for metric in metrics])
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _risk_panel(axes: Axes, claimed: Mapping[str, Sequence[tuple[float, bool]]]) -> None:
    for n, asked in enumerate(claimed.values()):
        if asked:
            confidences, right = np.array(asked, dtype=float).T
            coverages, risks = risk_coverage(confidences, right, np.ones(len(right)))
            axes.step(coverages, risks, where="pre", color=_COLOURS[n % len(_COLOURS)])
    axes.set_title("risk by coverage", fontsize="medium")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("share of the questions answered")
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _dots(axes: Axes, rows: Sequence[tuple[float, Figure]], colour: str, label: str) -> None:
    """A dot for each value, a line for its 95 % interval."""
    below = [figure.value - figure.low for _, figure in rows]
    above = [figure.high - figure.value for _, figure in rows]
    values, heights = [figure.value for _, figure in rows], [y for y, _ in rows]
    axes.errorbar(values, heights, xerr=[below, above], fmt="o", ms=4, color=colour, label=label)


def _installed(names: Sequence[str]) -> list[str]:
    from matplotlib import font_manager

    known: Any = font_manager.fontManager.get_font_names()
    return [name for name in names if name in known]
