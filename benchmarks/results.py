"""What a benchmark measured, and how it is shown."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

_WIDTH_IN_FILES = 120  # a file has no width of its own, and rich would fold at 80


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number; ``limit`` is the most it may be, None where nothing was promised."""

    benchmark: str
    name: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def verdict(self) -> str:
        if self.limit is None:
            return ""
        return "met" if self.value <= self.limit else "MISSED"


def percentile(values: Sequence[float], percent: int) -> float:
    """The ``percent``-th percentile, interpolated; ``values`` has at least two items."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def note(text: str) -> None:
    """Progress, on stderr, so that stdout holds results only."""
    print(text, file=sys.stderr, flush=True)


def print_figures(figures: Sequence[Figure]) -> None:
    table = Table(title="Benchmarks", title_justify="left")
    for heading in ("benchmark", "figure"):
        table.add_column(heading, overflow="fold")
    for heading in ("value", "limit"):
        table.add_column(heading, justify="right")
    for heading in ("unit", ""):
        table.add_column(heading)
    for figure in figures:
        limit = "" if figure.limit is None else f"{figure.limit:g}"
        row = (figure.benchmark, figure.name, f"{figure.value:,.2f}", limit, figure.unit)
        table.add_row(*row, figure.verdict)
    Console(width=None if sys.stdout.isatty() else _WIDTH_IN_FILES).print(table)


def write_json(figures: Sequence[Figure], file: Path) -> None:
    """The figures with what is needed to judge them: machine, versions, load."""
    record = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "system": platform.platform(),
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "load_average": os.getloadavg(),
        },
        "figures": [asdict(figure) | {"verdict": figure.verdict} for figure in figures],
    }
    file.write_text(json.dumps(record, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def report(measure: Callable[[], list[Figure]], json_file: Path | None) -> None:
    """Measure, show, and write the figures to a file if one is named."""
    figures = measure()
    print_figures(figures)
    if json_file:
        write_json(figures, json_file)
