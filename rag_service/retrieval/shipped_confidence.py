"""Parameters of the confidence that is shipped: bias, then a weight a feature.

Written by `python -m benchmarks.refusal --write`; not to be edited by hand.
"""

from __future__ import annotations

from typing import Final

from rag_service.retrieval.evidence import Kind

PARAMETERS: Final[dict[Kind, tuple[float, tuple[float, ...]]]] = {
    "own": (-10.13, (8.21, 3.11, 1.43, -1.57)),
    "crossed": (-8.28, (9.53, 4.66)),
}
