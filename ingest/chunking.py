"""Splitting a document into chunks: by structure first, then by length in tokens.

A chunk never crosses a heading, so that its heading path is true of all of it. It ends where its
page ends, so that its page number is exact; only a sentence that runs over the page break stays
whole, with the page it starts on, because half a sentence can neither be found nor quoted.
Inside those bounds sentences are packed into the fewest chunks of about equal size.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, pairwise
from math import ceil
from operator import add
from typing import Final

from ingest.headings import clean_title, ends_like_sentence
from ingest.pieces import Piece, TokenCounter, document_pieces, measured_pieces
from ingest.structure import first_markdown_title, split_lines, split_sections
from rag_service.types import ChunkSpan, LoadedText

__all__ = ["CHUNKER_VERSION", "TokenCounter", "chunk_document", "title_of"]

CHUNKER_VERSION: Final = "1"

_SMALLEST_SHARE: Final = 0.5  # of the even size; a smaller chunk is never preferred
_MAX_TITLE: Final = 80  # characters of a first line that may be a title


def chunk_document(
    loaded: LoadedText, *, markdown: bool, count_tokens: TokenCounter, max_tokens: int
) -> list[ChunkSpan]:
    """The chunks of a document: ordered, disjoint, trimmed, covering all but white space.

    ``count_tokens`` counts many texts at once, without special tokens. No chunk has more than
    ``max_tokens`` by that count, unless a single character has. Raises ``ValueError`` for
    ``max_tokens`` below 1.
    """
    if max_tokens < 1:
        raise ValueError(f"max_tokens must be at least 1, not {max_tokens}")
    sections = split_sections(loaded.text, markdown=markdown)
    pieces = document_pieces(loaded.text, sections, loaded.pages)
    pieces = measured_pieces(loaded.text, pieces, count_tokens, max_tokens)
    packed = _pack_all(pieces, max_tokens, _join_cost(count_tokens))
    fitting = _within_limit(loaded.text, packed, count_tokens, max_tokens)
    return [
        _chunk(loaded, ordinal, group, sections[group[0].section].heading)
        for ordinal, group in enumerate(fitting)
    ]


def title_of(loaded: LoadedText, fallback: str) -> str:
    """The document's title: its own, its first heading of level 1, a title-like first line.

    ``fallback`` where it has none of these.
    """
    return (
        clean_title(loaded.title)
        or first_markdown_title(loaded.text)
        or _first_line_title(loaded.text)
        or fallback
    )


def _first_line_title(text: str) -> str:
    lines = split_lines(text)
    if not lines or len(lines) < 2 or not lines[1].apart:
        return ""
    line = lines[0].text.strip()
    if len(line) > _MAX_TITLE or ends_like_sentence(line) or not any(map(str.isalpha, line)):
        return ""
    return clean_title(line)


def _chunk(loaded: LoadedText, ordinal: int, group: Sequence[Piece], heading: str) -> ChunkSpan:
    start, end = group[0].start, group[-1].end
    page = loaded.pages[group[0].page].number if loaded.pages else None
    return ChunkSpan(ordinal, start, end, loaded.text[start:end], page, heading)


def _join_cost(count_tokens: TokenCounter) -> int:
    """Tokens that a paragraph break adds between two pieces: none in BERT's, one in many."""
    joined, one, other = count_tokens(["a\n\nb", "a", "b"])
    return max(0, joined - one - other)


def _pack_all(pieces: Sequence[Piece], max_tokens: int, join_cost: int) -> list[list[Piece]]:
    packed: list[list[Piece]] = []
    for _, group in groupby(pieces, key=lambda piece: (piece.section, piece.page)):
        members = list(group)
        ends = _even_ends(members, max_tokens, join_cost)
        for start, end in zip([0, *ends], ends, strict=False):
            packed.append(members[start:end])
    return packed


def _even_ends(pieces: Sequence[Piece], max_tokens: int, join_cost: int) -> list[int]:
    """Where chunks end, as indexes into ``pieces``: the fewest chunks, of about equal size.

    Each step divides what remains evenly and takes the best end near that size, so the last
    chunk is no tiny rest. Linear: the places a step looks at span at most two chunks.
    """
    joins = [join_cost if after.start > piece.end else 0 for piece, after in pairwise(pieces)]
    sizes = [0, *accumulate(map(add, [piece.tokens for piece in pieces], [*joins, 0]))]
    ends: list[int] = []
    start = 0
    while start < len(pieces):
        remaining = sizes[-1] - sizes[start]
        if remaining <= max_tokens:
            ends.append(len(pieces))
            break
        even = remaining / ceil(remaining / max_tokens)
        low = bisect_right(sizes, sizes[start] + _SMALLEST_SHARE * even, start + 1)
        high = bisect_right(sizes, sizes[start] + max_tokens, start + 1) - 1
        start = _best_end(pieces, sizes, start, low, max(high, start + 1), even)
        ends.append(start)
    return ends


def _best_end(
    pieces: Sequence[Piece], sizes: Sequence[int], start: int, low: int, high: int, even: float
) -> int:
    def cost(end: int) -> float:
        return abs(sizes[end] - sizes[start] - even) / even + pieces[end - 1].cost_after

    return min(range(min(low, high), high + 1), key=cost)


def _within_limit(
    text: str, packed: Sequence[list[Piece]], count_tokens: TokenCounter, max_tokens: int
) -> list[list[Piece]]:
    """``packed`` with each group halved until its whole text is within the limit.

    Tokens do not add up exactly: the same words joined can take more than apart.
    """
    fitting: list[list[Piece]] = []
    unchecked = list(packed)
    while unchecked:
        counts = count_tokens([text[group[0].start : group[-1].end] for group in unchecked])
        halves: list[list[Piece]] = []
        for group, count in zip(unchecked, counts, strict=True):
            if count <= max_tokens or len(group) == 1:
                fitting.append(group)
            else:
                halves.extend(_halved(group))
        unchecked = halves
    return sorted(fitting, key=lambda group: group[0].start)


def _halved(group: list[Piece]) -> Iterator[list[Piece]]:
    sizes = [0, *accumulate(piece.tokens for piece in group)]
    middle = _best_end(group, sizes, 0, 1, len(group) - 1, max(1.0, sizes[-1] / 2))
    yield group[:middle]
    yield group[middle:]
