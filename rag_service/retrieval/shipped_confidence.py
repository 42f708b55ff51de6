"""Parameters of the confidence that is shipped: bias, then a weight a feature.

Written by `python -m benchmarks.refusal --write`; not to be edited by hand.
"""

from __future__ import annotations

from typing import Final

from rag_service.retrieval.evidence import Kind

PARAMETERS: Final[dict[Kind, tuple[float, tuple[float, ...]]]] = {
    "own": (-9.46, (7.75, 2.78, 1.32, -2.09)),
    "crossed": (-8.16, (9.29, 4.93)),
}
