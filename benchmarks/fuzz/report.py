"""What a run leaves behind: inputs of findings, and the tables at its end."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from benchmarks.fuzz.session import Found, Tally

_NO_FINDING = frozenset({"masked"})


class Keeper:
    """Writes the input of each finding beside a text that says what is wrong with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, found: Found, data: bytes) -> None:
        """Replaces what was kept of the same finding."""
        finding, case = found.finding, found.case
        stem = re.sub(r"[^\w.-]+", "_", "-".join(filter(None, finding.signature)))[:120]
        path = self._folder / f"{stem}{Path(case.name).suffix}"
        path.write_bytes(data)
        said = f"{' '.join(finding.signature)}\n{case}\n\n{finding.detail}\n"
        path.with_suffix(path.suffix + ".said").write_text(
            said, encoding="utf-8", errors="backslashreplace"
        )


def print_summary(tally: Tally, *, strict: bool) -> int:
    """The tables; returns the exit code."""
    _print_formats(tally)
    _print_findings(tally)
    counted = [
        found for found in tally.found.values() if strict or found.finding.kind not in _NO_FINDING
    ]
    rate = tally.cases / max(tally.seconds, 1e-9)
    print(
        f"\n{tally.cases:,} cases in {tally.seconds / 60:.1f} minutes ({rate:.0f}/s), "
        f"{len(tally.reached):,} lines reached, {tally.mutants:,} mutants kept, slowest "
        f"{tally.slowest[0]:.1f} s CPU ({tally.slowest[1]}), {len(counted)} findings"
    )
    return 1 if counted else 0


def _print_formats(tally: Tally) -> None:
    print(f"\n{'format':10} {'cases':>8} {'loaded':>8}  refused")
    for suffix in sorted({suffix for suffix, _ in tally.statuses}):
        by_status = Counter(
            {status: count for (of, status), count in tally.statuses.items() if of == suffix}
        )
        loaded = by_status.pop("loaded", 0)
        refused = ", ".join(f"{status} {count:,}" for status, count in by_status.most_common())
        print(f"{suffix:10} {loaded + by_status.total():8,} {loaded:8,}  {refused}")


def _print_findings(tally: Tally) -> None:
    if not tally.found:
        return
    print(f"\n{'times':>7} {'bytes':>8} {'format':8} finding")
    for found in sorted(tally.found.values(), key=lambda found: found.finding.signature):
        note = "" if found.is_repeatable else "  (not repeatable)"
        print(
            f"{found.times:7,} {len(found.data):8,} {Path(found.case.name).suffix:8} "
            f"{': '.join(filter(None, found.finding.signature))}{note}"
        )
