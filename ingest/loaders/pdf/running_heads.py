"""Headers and footers: each different line once, page numbers left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ingest.loaders.builder import one_line

_PAGE_NUMBERS: Final = re.compile(r"(page|of|第|页|頁|共|[\d\W_])*", re.IGNORECASE)


def distinct_lines(lines: Iterable[str]) -> Iterator[str]:
    """``lines`` without repetitions and without those that only count pages."""
    seen: set[str] = set()
    for line in map(one_line, lines):
        if line not in seen and not _PAGE_NUMBERS.fullmatch(line):
            seen.add(line)
            yield line
