"""Killing `rag ingest`: nothing is lost, nothing is done twice, readers never notice."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.crash import run_trial


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc to find orphaned processes")
def test_an_ingest_killed_again_and_again_ends_as_if_it_had_never_been(tmp_path: Path) -> None:
    """The short form; `python -m benchmarks.crash` is the long one."""
    said: list[str] = []
    outcome = run_trial(tmp_path, kills=3, docs=40, seed=1, settle=False, say=said.append)
    assert outcome.problems == [], "\n".join(said)
    assert outcome.kills >= 2
    assert outcome.searches > 0
    assert outcome.embedded == outcome.distinct > 50
