"""The files that cases are mutated from: the seeds, and mutants that reached new lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from benchmarks.fuzz.case import Case, Counter

MAX_ENTRY_BYTES: Final = 400_000
_MAX_MUTANTS: Final = 400  # of one format
_COUNTERS: Final[tuple[Counter, ...]] = ("words", "words", "letters", "model")
_TOKEN_LIMITS: Final = (5, 40, 40, 200)
_TRACED: Final = 0.4  # share of the cases; tracing doubles the time of one
_STRANGE_NAME: Final = 0.02  # share of the cases whose file has another format's name


@dataclass(slots=True)
class Entry:
    """``cpu_s`` is what loading it took, ``is_loaded`` whether it could be loaded.

    Quick entries are chosen more often, and those that are refused at once rarely.
    """

    path: Path
    cpu_s: float = 0.02
    is_loaded: bool = True

    @property
    def weight(self) -> float:
        return (1 if self.is_loaded else 0.1) / (0.01 + self.cpu_s)


class Corpus:
    """Files by format, in a folder of their own."""

    def __init__(self, folder: Path, seeds: Mapping[str, bytes]) -> None:
        self._folder = folder
        self._by_suffix: dict[str, list[Entry]] = {}
        for name, data in sorted(seeds.items()):
            self._add(f"seed-{name}", data, Entry(Path()))

    @property
    def suffixes(self) -> list[str]:
        return sorted(self._by_suffix)

    def entries(self, suffix: str) -> list[Entry]:
        return self._by_suffix[suffix]

    def add_mutant(self, case: Case, data: bytes, *, cpu_s: float, is_loaded: bool) -> bool:
        """Keep what a case made; False where there are enough of its format, or it is too large."""
        suffix = Path(case.name).suffix
        known = self._by_suffix[suffix]
        if len(data) > MAX_ENTRY_BYTES or len(known) >= _MAX_MUTANTS:
            return False
        self._add(f"mutant-{len(known)}{suffix}", data, Entry(Path(), cpu_s, is_loaded))
        return True

    def unmutated(self) -> list[Case]:
        """A case for every file as it is."""
        return [
            Case(f"case{suffix}", str(entry.path), str(entry.path), "", "model", 200)
            for suffix in self.suffixes
            for entry in self._by_suffix[suffix]
        ]

    def choose(self, rng: Random, key: str) -> Case:
        """A case: every format is as likely as every other."""
        suffix = rng.choice(self.suffixes)
        entries = self._by_suffix[suffix]
        entry = rng.choices(entries, weights=[entry.weight for entry in entries])[0]
        shown = rng.choice(self.suffixes) if rng.random() < _STRANGE_NAME else suffix
        return Case(
            name=f"case{shown}",
            parent=str(entry.path),
            other=str(rng.choice(entries).path),
            key=key,
            counter=rng.choice(_COUNTERS),
            max_tokens=rng.choice(_TOKEN_LIMITS),
            is_traced=rng.random() < _TRACED,
        )

    def _add(self, name: str, data: bytes, entry: Entry) -> None:
        entry.path = self._folder / name
        entry.path.write_bytes(data)
        self._by_suffix.setdefault(Path(name).suffix.lower(), []).append(entry)


def files_of(folder: Path) -> dict[str, bytes]:
    """The files of ``folder`` that are small enough, by a name of their own."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        f"{number}{path.suffix.lower()}": path.read_bytes()
        for number, path in enumerate(paths)
        if 0 < path.stat().st_size <= MAX_ENTRY_BYTES
    }
