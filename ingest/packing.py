"""Packing pieces into the fewest chunks of about equal size, each within the token limit."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, groupby, pairwise
from math import ceil
from operator import add
from typing import Final, NamedTuple

from ingest import costs
from ingest.pieces import Piece, TokenCounter, count_all
from ingest.tables import MAX_HEADER, Table, header_of, joined_cells

_SMALLEST_SHARE: Final = 0.5  # of the even size; a smaller chunk is never preferred
_HEADER_SHARE: Final = 2  # a header row may take the limit divided by this, the rest is for rows


class Packed(NamedTuple):
    """A chunk's pieces, and the header row that its rows lack ("" where they lack none)."""

    pieces: list[Piece]
    header: str

    def span(self) -> tuple[int, int]:
        return self.pieces[0].start, self.pieces[-1].end


class _Header(NamedTuple):
    """How much of a header row is carried, in characters, and the tokens of that."""

    limit: int
    tokens: int


_Headers = Mapping[int, _Header]  # by the start of the table


def pack(
    text: str, pieces: Sequence[Piece], count_tokens: TokenCounter, max_tokens: int
) -> list[Packed]:
    """The measured ``pieces`` by chunk, in order.

    A chunk stays within its section and page, and its text within ``max_tokens``; also together
    with the table header it carries, unless that would cut a row.
    """
    tables = {piece.table.start: piece.table for piece in pieces if piece.table}
    headers = _measured_headers(tables, count_tokens, max_tokens)
    join_cost = _join_cost(count_tokens)
    groups: list[list[Piece]] = []
    for _, members in groupby(pieces, key=lambda piece: (piece.section, piece.page)):
        together = list(members)
        ends = _even_ends(together, headers, max_tokens, join_cost)
        groups += [together[start:end] for start, end in pairwise([0, *ends])]
    return _within_limit(text, groups, headers, count_tokens, max_tokens)


def _join_cost(count_tokens: TokenCounter) -> int:
    """Tokens that a paragraph break adds between two pieces: none in BERT's, one in many."""
    joined, one, other = count_tokens(["a\n\nb", "a", "b"])
    return max(0, joined - one - other)


def _measured_headers(
    tables: Mapping[int, Table], count_tokens: TokenCounter, max_tokens: int
) -> _Headers:
    """Header rows shortened until each takes no more than its share of ``max_tokens``."""
    allowed = max_tokens // _HEADER_SHARE
    found: dict[int, _Header] = {}
    limits = dict.fromkeys(tables, MAX_HEADER)
    while limits:
        texts = [joined_cells(tables[start].cells, limit) for start, limit in limits.items()]
        counts = count_all(texts, count_tokens)
        shorter: dict[int, int] = {}
        for start, text, tokens in zip(limits, texts, counts, strict=True):
            if tokens <= allowed or not text:
                found[start] = _Header(limits[start], tokens)
            else:
                shorter[start] = min(len(text) - 1, len(text) * allowed // tokens)
        limits = shorter
    return found


def _even_ends(
    pieces: Sequence[Piece], headers: _Headers, max_tokens: int, join_cost: int
) -> list[int]:
    """Where chunks end, as indexes into ``pieces``: the fewest chunks, of about equal size.

    Each step divides what remains evenly and takes the best end near that size, so the last
    chunk is no tiny rest. Linear: the places a step looks at span at most two chunks.
    """
    joins = [join_cost if after.start > piece.end else 0 for piece, after in pairwise(pieces)]
    sizes = [0, *accumulate(map(add, [piece.tokens for piece in pieces], [*joins, 0]))]
    ends: list[int] = []
    start = 0
    while start < len(pieces):
        room = _room(pieces[start], headers, max_tokens, join_cost)
        remaining = sizes[-1] - sizes[start]
        if remaining <= room:
            ends.append(len(pieces))
            break
        even = remaining / ceil(remaining / room)
        low = bisect_right(sizes, sizes[start] + _SMALLEST_SHARE * even, start + 1)
        high = max(start + 1, bisect_right(sizes, sizes[start] + room, start + 1) - 1)
        start = _best_end(pieces, sizes, start, min(low, high), high, even)
        ends.append(start)
    return ends


def _room(first: Piece, headers: _Headers, max_tokens: int, join_cost: int) -> int:
    """Tokens left for the text of a chunk that begins with ``first``."""
    if first.header is None or first.start < first.header.end:
        return max_tokens
    return max(1, max_tokens - join_cost - headers[first.header.start].tokens)


def _best_end(
    pieces: Sequence[Piece], sizes: Sequence[int], start: int, low: int, high: int, even: float
) -> int:
    def cost(end: int) -> float:
        return abs(sizes[end] - sizes[start] - even) / even + pieces[end - 1].cost_after

    best = min(range(low, high + 1), key=cost)
    if pieces[best - 1].cost_after >= costs.BINDING and low > start + 1:
        return min(range(start + 1, high + 1), key=cost)  # a small chunk is the lesser evil
    return best


def _within_limit(
    text: str,
    groups: Sequence[list[Piece]],
    headers: _Headers,
    count_tokens: TokenCounter,
    max_tokens: int,
) -> list[Packed]:
    """Chunks of the ``groups``, each halved until its whole text is within the limit.

    Tokens do not add up exactly: the same words joined can take more than apart.
    """
    fitting: list[Packed] = []
    unchecked = [_packed(text, group, headers) for group in groups]
    while unchecked:
        fitting += [packed for packed in unchecked if len(packed.pieces) == 1]
        joined = [packed for packed in unchecked if len(packed.pieces) > 1]
        counts = count_all([_shown(text, packed) for packed in joined], count_tokens)
        unchecked = []
        for packed, count in zip(joined, counts, strict=True):
            if count <= max_tokens:
                fitting.append(packed)
            else:
                unchecked += [_packed(text, half, headers) for half in _halved(packed.pieces)]
    return sorted(fitting, key=Packed.span)


def _packed(text: str, group: list[Piece], headers: _Headers) -> Packed:
    table = group[0].header
    if table is None or group[-1].end <= table.end:  # nothing, or cells of the header itself
        return Packed(group, "")
    first, end, limit = group[0], group[-1].end, headers[table.start].limit
    return Packed(group, header_of(text, table, first.whole, first.start, end, limit))


def _shown(text: str, packed: Packed) -> str:
    start, end = packed.span()
    return f"{packed.header}\n{text[start:end]}" if packed.header else text[start:end]


def _halved(group: list[Piece]) -> Iterator[list[Piece]]:
    sizes = [0, *accumulate(piece.tokens for piece in group)]
    middle = _best_end(group, sizes, 0, 1, len(group) - 1, max(1.0, sizes[-1] / 2))
    yield group[:middle]
    yield group[middle:]
