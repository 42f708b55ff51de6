"""Splitting a document into chunks: by structure first, then by length in tokens.

A chunk never crosses a heading, so that its heading path is true of all of it. It ends where its
page ends, so that its page number is exact; only a sentence that runs over the page break stays
whole, with the page it starts on, because half a sentence can neither be found nor quoted.
Inside those bounds sentences, rows and lines are packed into the fewest chunks of about equal
size. Rows of a table that are parted from its header row carry a copy of it.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from ingest.packing import Packed, pack
from ingest.pieces import TokenCounter, bounded, document_pieces, measured_pieces
from ingest.structure import Carried, outline
from ingest.titles import title_of
from rag_service.document_types import ChunkSpan, LoadedText

__all__ = [
    "CHUNKER_VERSION",
    "Carried",
    "TokenCounter",
    "chunk_document",
    "chunk_part",
    "title_of",
]

CHUNKER_VERSION: Final = "4"


def chunk_document(
    loaded: LoadedText, *, count_tokens: TokenCounter, max_tokens: int
) -> list[ChunkSpan]:
    """The chunks of a document: ordered, disjoint, trimmed, covering all but white space.

    ``count_tokens`` counts many texts at once, without special tokens. No chunk has more than
    ``max_tokens`` by that count, unless a single character has, nor many more letters than that
    (`ingest.pieces.bounded`). No sentence of prose, row of a table or line of code is cut unless
    it alone has more. Raises ``ValueError`` for ``max_tokens`` below 1.
    """
    return chunk_part(loaded, None, count_tokens=count_tokens, max_tokens=max_tokens)[0]


def chunk_part(
    loaded: LoadedText,
    carried: Carried | None,
    *,
    count_tokens: TokenCounter,
    max_tokens: int,
) -> tuple[list[ChunkSpan], Carried]:
    """The chunks of one part of a very large document, and what to pass on to the next part.

    ``carried`` is what the part before returned, None for the first part. Offsets and ordinals
    are the part's own and start at 0. See `chunk_document`.
    """
    if max_tokens < 1:
        raise ValueError(f"max_tokens must be at least 1, not {max_tokens}")
    count_tokens = bounded(count_tokens)
    before = carried or Carried(title=title_of(loaded, fallback=""))
    sections, after = outline(loaded, before, first=carried is None)
    pieces = document_pieces(loaded.text, sections, loaded.pages)
    measured = measured_pieces(loaded.text, pieces, count_tokens, max_tokens)
    packed = pack(loaded.text, measured, count_tokens, max_tokens)
    return [
        _chunk(loaded, ordinal, each, sections[each.pieces[0].section].heading)
        for ordinal, each in enumerate(packed)
    ], after


def _chunk(loaded: LoadedText, ordinal: int, packed: Packed, heading: str) -> ChunkSpan:
    start, end = packed.span()
    text, pages = loaded.text[start:end], loaded.pages
    if not pages:
        return ChunkSpan(ordinal, start, end, text, None, heading, packed.header)
    page = pages[packed.pieces[0].page].number
    begun = bisect_right(pages, end - 1, key=lambda each: each.char_start)
    last = max(page, pages[max(0, begun - 1)].number)
    return ChunkSpan(ordinal, start, end, text, page, heading, packed.header, last)
