"""How well sentences are told from each other that the sources hold, and that they do not.

Plants sentences made from a folder of question sets (`planted.py`), has them checked as parts
of an answer, and counts which are taken for supported, and across languages which for
unverified: marked with the right number, with a wrong one, or with none. Reports the half of the
documents that no threshold was set on.

    python -m benchmarks.citations FOLDER [--embeddings] [--json FILE]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

from benchmarks.planted import planted
from benchmarks.planted_crossed import crossed
from benchmarks.planted_sources import Planted
from benchmarks.results import Figure, note, report
from rag_service.generation.citations import CitedAnswer, cite
from rag_service.generation.support import Embed
from rag_service.retrieval.embedding import open_embeddings
from rag_service.settings import EmbeddingSettings
from rag_service.types import StatementStatus

_BENCHMARK = "citations"
_REPORTED_HALF = 1
# Kinds that say something false although most of their words are right.
_MOST_WRONGLY_SUPPORTED = 5.0  # percent
_ALTERED = frozenset(
    {"altered number", "altered name", "negated", "counterfactual", "not in sources"}
    | {"other document", "other subject"}
    | {"translated, altered number", "translated, altered name", "translated, negated"}
    | {"translated, not in sources", "translated, cut out"}
)
_WORST_FIRST: tuple[StatementStatus, ...] = ("unsupported", "unverified", "supported")
_SENTENCES = 6
_FAST_KINDS = frozenset({"reordered", "synonyms", "shortened", "question and answer"})


@dataclass(frozen=True, slots=True)
class Checked:
    plant: Planted
    status: StatementStatus
    placed: bool  # a verified citation overlaps the place it came from


def check(plant: Planted, style: int, embed: Embed | None) -> Checked:
    cited = cite(_marked(plant, style), plant.sources, embed=embed)
    found = {s.status for s in cited.statements} - {"no_claim"} or {"unsupported"}
    status = next(status for status in _WORST_FIRST if status in found)
    return Checked(plant, status, status == "supported" and _placed(plant, cited))


def _marked(plant: Planted, style: int) -> str:
    """With the right number, a wrong one, or none, in turn."""
    home = plant.home or 0
    wrong = (home + 1) % len(plant.sources)
    marker = ("", f"[{home + 1}]", f"[{wrong + 1}]")[style % 3]
    body = plant.text.rstrip("。.")
    return f"{body}{marker}{plant.text[len(body) :]}"


def _placed(plant: Planted, cited: CitedAnswer) -> bool:
    if plant.home is None:
        return False
    chunk = plant.sources[plant.home].chunk
    start, end = plant.place
    return any(
        c.verified and c.doc_id == chunk.doc_id and c.char_start < end and c.char_end > start
        for c in cited.citations
    )


def figures(checked: Sequence[Checked]) -> list[Figure]:
    by_kind: dict[tuple[str, str], list[Checked]] = defaultdict(list)
    for one in checked:
        by_kind[one.plant.language, one.plant.kind].append(one)
    found = [Figure(_BENCHMARK, "planted sentences", len(checked), "")]
    for (language, kind), ones in sorted(by_kind.items()):
        found += _of_kind(f"{language}, {kind} ({len(ones)})", kind, ones)
    for language in sorted({language for language, _ in by_kind}):
        found += _overall(language, [c for c in checked if c.plant.language == language])
    return found


def _of_kind(name: str, kind: str, ones: Sequence[Checked]) -> list[Figure]:
    supported = [one for one in ones if one.status == "supported"]
    share = 100 * len(supported) / len(ones)
    limit = _MOST_WRONGLY_SUPPORTED if kind in _ALTERED else None
    found = [Figure(_BENCHMARK, f"{name}: supported", share, "%", limit)]
    if unverified := sum(one.status == "unverified" for one in ones):
        share = 100 * unverified / len(ones)
        found.append(Figure(_BENCHMARK, f"{name}: unverified", share, "%"))
    if ones[0].plant.faithful and supported:
        placed = 100 * sum(one.placed for one in supported) / len(supported)
        found.append(Figure(_BENCHMARK, f"{name}: of these at the right place", placed, "%"))
    return found


def _overall(language: str, ones: Sequence[Checked]) -> list[Figure]:
    supported = [one for one in ones if one.status == "supported"]
    right = sum(one.plant.faithful for one in supported)
    faithful = sum(one.plant.faithful for one in ones)
    return [
        Figure(_BENCHMARK, f"{language}: precision", 100 * right / max(1, len(supported)), "%"),
        Figure(_BENCHMARK, f"{language}: recall", 100 * right / max(1, faithful), "%"),
    ]


def speed(plants: Sequence[Planted]) -> Figure:
    """Milliseconds for a faithful answer of six sentences over five sources, words alone."""
    faithful = [p for p in plants if p.home is not None and p.kind in _FAST_KINDS]
    spent: list[float] = []
    for n in range(0, min(len(faithful), 300) - _SENTENCES, _SENTENCES):
        chosen = faithful[n : n + _SENTENCES]
        answer = " ".join(plant.text for plant in chosen)
        sources = [plant.sources[plant.home or 0] for plant in chosen[:5]]
        began = time.perf_counter()
        cite(answer, sources)
        spent.append(1e3 * (time.perf_counter() - began))
    middle = statistics.median(spent)
    return Figure(_BENCHMARK, "median answer of 6 sentences, 5 sources", middle, "ms", 50)


def plants_of(folder: Path, per_kind: int, seed: int) -> list[Planted]:
    sets = sorted(path.parent for path in folder.glob("*/queries.jsonl"))
    found: list[Planted] = []
    for one in sets:
        made = planted(one, per_kind, seed)
        note(f"{one.name}: {len(made)} sentences")
        found += made
    for one, other in pairwise([*_parallel(sets), *_parallel(sets)[:1]]):
        found += crossed(one, other, per_kind, seed)
    return found


def _parallel(sets: Iterable[Path]) -> list[Path]:
    """Sets of the same documents in several languages: xquad_en_docs, xquad_zh_docs."""
    return [one for one in sets if one.name in ("xquad_en_docs", "xquad_zh_docs")]


def run(folder: Path, per_kind: int, seed: int, half: int, *, embeddings: bool) -> list[Figure]:
    plants = [p for p in plants_of(folder, per_kind, seed) if p.half == half]
    model = open_embeddings(EmbeddingSettings(), threads=1) if embeddings else None
    embed = model.encode_passages if model else None
    checked = [check(plant, n, embed) for n, plant in enumerate(plants)]
    return [*figures(checked), speed(plants)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.citations", description=__doc__)
    parser.add_argument("folder", type=Path, help="question sets: */corpus.jsonl, */queries.jsonl")
    parser.add_argument("--per-kind", type=int, default=60, help="sentences of a kind and set")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--half", type=int, choices=(0, 1), default=_REPORTED_HALF, help="of the documents"
    )
    parser.add_argument(
        "--embeddings", action="store_true", help="also with the built-in embedding model"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    args = parser.parse_args()
    measure = partial(
        run, args.folder, args.per_kind, args.seed, args.half, embeddings=args.embeddings
    )
    report(measure, args.json)


if __name__ == "__main__":
    main()
