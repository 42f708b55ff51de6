"""Kills ingestion hundreds of times and checks that nothing is lost or done twice.

    python -m benchmarks.crash --kills 300 --seed 1
    python -m benchmarks.crash --kills 50 --only changes

Every kill is SIGKILL, by turns of the whole process group and of the main process alone, whose
parser processes must then end by themselves. The moments are random, but seeded: half of them
anywhere in a run, half aimed at the steps that make something durable or visible. A service
searches all the time. After every kill the collection is verified; after every run that was
left alone it must hold exactly what the folder holds, nothing embedded twice, nothing left over.

Most runs are forked from a process that has imported everything, and use a model that costs
nothing, so that many kills fit into minutes and land where data is written. The others are the
true `rag ingest`. Prints one line a kill and a summary; exits 1 on any problem. Linux only.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.crash.scene import Tally
from benchmarks.crash.trial import CHEAP, TRUE, run_trial

# Of a hundred kills.
_SHARES = {
    "first ingest": 22,
    "changes": 26,
    "watch": 18,
    "large files": 10,
    "rebuilds": 8,
    "uploads": 6,
    "huge file": 2,
    "rag ingest": 6,
    "rag ingest --watch": 2,
}


def shares(kills: int, only: list[str]) -> dict[str, int]:
    """How many kills each phase gets, at least one."""
    chosen = {name: share for name, share in _SHARES.items() if not only or name in only}
    whole = sum(chosen.values())
    return {name: max(1, round(kills * share / whole)) for name, share in chosen.items()}


def summary(tally: Tally) -> str:
    lines = ["", "phase                 kills  ended before  seconds"]
    for name in tally.seconds:
        row = (tally.kills[name], tally.ended[name], tally.seconds[name])
        lines.append(f"{name:<20} {row[0]:>6} {row[1]:>13} {row[2]:>8}")
    lines += ["", "where the kills landed"]
    lines += [f"{count:>6}  {place}" for place, count in tally.landed.most_common()]
    lines += [
        "",
        f"{tally.kills.total()} kills, {tally.searches} searches meanwhile",
        f"{tally.embedded} texts embedded, {tally.distinct} of them distinct",
        *tally.problems,
        f"{len(tally.problems)} problems",
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser("python -m benchmarks.crash", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", default=[], choices=[*CHEAP, *TRUE])
    parser.add_argument("--folder", type=Path, help="empty folder to work in, kept afterwards")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        tally = run_trial(folder, shares(options.kills, options.only), seed=options.seed)
    print(summary(tally))
    return 1 if tally.problems else 0


if __name__ == "__main__":
    sys.exit(main())
