"""Plots of runs: the picture names what it shows, and its absence names what to install."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from rag_service.errors import ConfigError, InvalidRequest, StorageError
from rag_service.evaluation import plot
from rag_service.evaluation.plot import plot_runs, require_plotting
from rag_service.evaluation.runs import Run
from tests.eval_targets import outcome, run_of

needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="the eval extra is not installed"
)


def run(label: str, value: float) -> Run:
    english = outcome(1, metrics={"hit@5": value, "answer_in_context@256": 1.0})
    return run_of(english, outcome(2, "zh-Hans", metrics={"hit@5": 1.0}), label=label)


def texts(path: Path) -> list[str]:
    return re.findall(r"<text[^>]*>(.*?)</text>", path.read_text(encoding="utf-8"), re.DOTALL)


@needs_matplotlib
def test_a_drawing_names_runs_languages_and_metrics(tmp_path: Path) -> None:
    path = tmp_path / "runs.svg"
    assert plot_runs([run("before", 0.0), run("after", 1.0)], path) == ()
    shown = texts(path)
    for text in ("before", "after", "all questions", "en", "zh-Hans", "hit@5"):
        assert text in shown
    assert "answer in context@256" in shown
    assert "recall@5" not in shown  # no question measures it


@needs_matplotlib
def test_the_same_runs_give_the_same_drawing(tmp_path: Path) -> None:
    first, second = tmp_path / "1.svg", tmp_path / "2.svg"
    for path in (first, second):
        plot_runs([run("before", 0.0)], path)
    assert first.read_bytes() == second.read_bytes()


@needs_matplotlib
def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    plot_runs([run("run", 0.0), run("run", 1.0)], tmp_path / "runs.svg")
    assert {"run", "run (2)"} <= set(texts(tmp_path / "runs.svg"))


@needs_matplotlib
def test_a_chinese_label_is_drawn(tmp_path: Path) -> None:
    assert plot_runs([run("改进后", 0.0)], tmp_path / "runs.svg") == ()
    assert "改进后" in texts(tmp_path / "runs.svg")


@needs_matplotlib
def test_a_picture_is_a_png_by_its_name(tmp_path: Path) -> None:
    plot_runs([run("before", 0.0)], tmp_path / "runs.PNG")
    assert (tmp_path / "runs.PNG").read_bytes().startswith(b"\x89PNG")


@needs_matplotlib
def test_a_font_without_the_letters_of_a_label_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plot, "_FONTS_WITH_CHINESE", ())
    notes = plot_runs([run("改进后", 0.0)], tmp_path / "runs.png")
    assert notes == (
        "No installed font has all characters of the labels; an .svg would show them.",
    )


@needs_matplotlib
def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be written"):
        plot_runs([run("before", 0.0)], tmp_path / "no folder" / "runs.svg")


def test_only_pictures_are_drawn() -> None:
    with pytest.raises(InvalidRequest, match=r"saved as \.png or \.svg"):
        require_plotting(Path("runs.jpg"))


def test_without_matplotlib_the_command_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plot, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"pip install 'local-rag-service\[eval\]'"):
        require_plotting(Path("runs.png"))
