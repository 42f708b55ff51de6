"""Making the input of a finding smaller while it still shows the finding.

Delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input",
2002) without its test of subsets alone: ever smaller blocks are left out. Of a container first
whole parts, then blocks of each part.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from benchmarks.fuzz.mutate import read_parts, write_parts

Shows = Callable[[bytes], bool]
_SMALLEST_SHARE = 4_096  # of a large input, blocks below this share of it are not tried


def shrink(data: bytes, shows: Shows, *, seconds: float) -> bytes:
    """A smaller input for which ``shows`` is true, or ``data``; the search ends in ``seconds``."""
    deadline = time.monotonic() + seconds
    parts = read_parts(data) if data.startswith(b"PK") else {}
    if not parts or not shows(write_parts(parts)):
        return _fewer_bytes(data, shows, deadline)
    for name in list(parts):
        kept = {other: content for other, content in parts.items() if other != name}
        if time.monotonic() < deadline and kept and shows(write_parts(kept)):
            parts = kept
    for name in sorted(parts, key=lambda name: -len(parts[name])):

        def shows_part(content: bytes, name: str = name) -> bool:
            return shows(write_parts(parts | {name: content}))

        parts[name] = _fewer_bytes(parts[name], shows_part, deadline)
    return write_parts(parts)


def _fewer_bytes(data: bytes, shows: Shows, deadline: float) -> bytes:
    size = len(data) // 2
    smallest = max(1, len(data) // _SMALLEST_SHARE)
    while size >= smallest:
        before = len(data)
        for start in _blocks_from_the_end(data, size):
            if time.monotonic() > deadline:
                return data
            shorter = data[:start] + data[start + size :]
            if len(shorter) < len(data) and shows(shorter):
                data = shorter
        if len(data) == before or size > len(data):
            size //= 2
    return data


def _blocks_from_the_end(data: bytes, size: int) -> Iterator[int]:
    return iter(range((len(data) - 1) // size * size, -1, -size))
