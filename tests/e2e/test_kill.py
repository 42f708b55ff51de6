"""Killing ingestion: nothing is lost, nothing is done twice, readers never notice."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.crash.trial import run_trial

KILLS = {"first ingest": 4, "changes": 4, "watch": 2, "large files": 2}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc to find orphaned processes")
def test_ingests_killed_again_and_again_end_as_if_they_never_had_been(tmp_path: Path) -> None:
    """The short form; `python -m benchmarks.crash` is the long one."""
    said: list[str] = []
    tally = run_trial(tmp_path, KILLS, seed=1, say=said.append)
    assert tally.problems == [], "\n".join(said)
    assert {phase: tally.kills[phase] >= kills for phase, kills in KILLS.items()} == dict.fromkeys(
        KILLS, True
    )
    assert tally.searches > 0
    assert tally.embedded == tally.distinct > 300
