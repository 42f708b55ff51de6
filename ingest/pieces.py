"""The pieces chunks are packed from: sentences, rows and lines, each within the token limit."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from ingest import costs
from ingest.cutting import cut_span
from ingest.lines import LINE, trimmed
from ingest.structure import Block, BlockKind, Section
from ingest.tables import Table
from rag_service.document_types import Page
from rag_service.text.language import is_cjk
from rag_service.text.sentences import sentence_spans

TokenCounter = Callable[[Sequence[str]], list[int]]
"""Token count of each text, without special tokens."""


class Piece(NamedTuple):
    """A span that stays whole in packing. ``page`` indexes the document's pages (-1: none).

    ``whole`` is where the sentence, row or line begins that it is a part of.
    ``tokens`` is the count of its text alone, 0 before it was measured. ``cost_after`` is what
    ending a chunk behind it costs: see `ingest.costs`.
    """

    kind: BlockKind
    start: int
    end: int
    whole: int
    section: int
    page: int
    table: Table | None = None
    tokens: int = 0
    cost_after: float = 0.0

    @property
    def header(self) -> Table | None:
        """The header row that a chunk beginning here has to carry."""
        return self.table if self.table and self.start > self.table.start else None


_PLACE: Final = 7  # fields of a piece before its tokens and cost
_COUNTED_AT_ONCE: Final = 1024  # texts; what a tokenizer returns takes far more memory than they
# Letters, white space aside, that count as a token at least. Prose has four or five to a token;
# but WordPiece makes one unknown token of any word of more than 100 letters: a picture written
# in base64, Thai, which has no spaces. It would be one passage of any length.
MAX_LETTERS_PER_TOKEN: Final = 16
_SENTENCE_END: Final = re.compile(r"[。！？；：.!?;:…|][\"'”’」』）)】]*\Z")
_RUNS_ON: Final = re.compile(r"[，、,（(\-‐—]\Z")
_MIN_RUNNING: Final = 16  # characters; what is shorter at a page's end is a caption or a title


def bounded(count_tokens: TokenCounter) -> TokenCounter:
    """``count_tokens``, but never less than one for every ``MAX_LETTERS_PER_TOKEN``."""

    def counted(texts: Sequence[str]) -> list[int]:
        counts = zip(texts, count_tokens(texts), strict=True)
        return [max(count, _least(text, count)) for text, count in counts]

    return counted


def _least(text: str, count: int) -> int:
    if len(text) <= count * MAX_LETTERS_PER_TOKEN:  # nearly always; spares looking at the letters
        return count
    return sum(map(len, text.split())) // MAX_LETTERS_PER_TOKEN


def count_all(texts: Sequence[str], count_tokens: TokenCounter) -> list[int]:
    """Token counts of any number of texts."""
    counts: list[int] = []
    for start in range(0, len(texts), _COUNTED_AT_ONCE):
        counts += count_tokens(texts[start : start + _COUNTED_AT_ONCE])
    return counts


def document_pieces(text: str, sections: Sequence[Section], pages: Sequence[Page]) -> list[Piece]:
    """All pieces of the document in order, not yet measured.

    A piece belongs to the page it starts on; a heading, to that of the text it announces.
    """
    starts = [page.char_start for page in pages]
    pieces = [
        Piece(
            block.kind,
            start,
            end,
            start,
            number,
            max(0, bisect_right(starts, start) - 1) if pages else -1,
            block.table,
        )
        for number, section in enumerate(sections)
        for block in section.blocks
        for start, end in _block_spans(text, block)
    ]
    return _move_headings(_join_over_pages(text, pieces)) if pages else pieces


def _block_spans(text: str, block: Block) -> Iterator[tuple[int, int]]:
    if block.kind == "prose":
        for start, end in sentence_spans(text[block.char_start : block.char_end]):
            yield block.char_start + start, block.char_start + end
        return
    for row in LINE.finditer(text, block.char_start, block.char_end):
        yield from trimmed(text, row.start(), row.end())


def _join_over_pages(text: str, pieces: Sequence[Piece]) -> list[Piece]:
    joined: list[Piece] = []
    for piece in pieces:
        if joined and _runs_over_page(text, joined[-1], piece):
            joined[-1] = joined[-1]._replace(end=piece.end)
        else:
            joined.append(piece)
    return joined


def _runs_over_page(text: str, last: Piece, piece: Piece) -> bool:
    """Whether a sentence cut off at the end of one page goes on at the top of the next."""
    if piece.page == last.page or piece.section != last.section:
        return False
    if (last.kind, piece.kind) != ("prose", "prose") or last.end - last.start < _MIN_RUNNING:
        return False
    tail, first = text[last.end - 8 : last.end], text[piece.start]
    if _SENTENCE_END.search(tail):
        return False
    return first.islower() or bool(_RUNS_ON.search(tail)) or (is_cjk(tail[-1]) and is_cjk(first))


def _move_headings(pieces: list[Piece]) -> list[Piece]:
    """A heading at the foot of a page goes with the text it announces on the next."""
    moved = list(pieces)
    for index in range(len(moved) - 2, -1, -1):
        after = moved[index + 1]
        if moved[index].kind == "heading" and after.section == moved[index].section:
            moved[index] = moved[index]._replace(page=after.page)
    return moved


def measured_pieces(
    text: str, pieces: Sequence[Piece], count_tokens: TokenCounter, max_tokens: int
) -> list[Piece]:
    """``pieces`` with token counts and costs, those above ``max_tokens`` cut into smaller ones.

    A single code point that exceeds the limit stays: it cannot be cut.
    """
    found: list[Piece] = []
    # With each piece, how many of the ways to cut it have been tried.
    unmeasured = [(piece, 0) for piece in _priced(text, pieces)]
    while unmeasured:
        counts = count_all([text[p.start : p.end] for p, _ in unmeasured], count_tokens)
        parts: list[tuple[Piece, int]] = []
        for (piece, tried), tokens in zip(unmeasured, counts, strict=True):
            measured = Piece(*piece[:_PLACE], tokens, piece.cost_after)
            if tokens <= max_tokens or piece.end - piece.start == 1:
                found.append(measured)
            else:
                parts += _parts(text, measured, tried, max_tokens)
        unmeasured = parts
    return sorted(found, key=lambda piece: piece.start)


def _priced(text: str, pieces: Sequence[Piece]) -> Iterator[Piece]:
    for piece, after in zip(pieces, [*pieces[1:], None], strict=False):
        yield Piece(*piece[:_PLACE], 0, _cost_after(text, piece, after))


def _cost_after(text: str, piece: Piece, after: Piece | None) -> float:
    if after is None or after.section != piece.section:
        return 0.0
    if piece.kind == "heading" or _is_header_row(piece, after):
        return costs.BINDING
    if piece.kind == "prose":
        next_is_prose = after.kind == "prose"
        return costs.after_prose(text, piece.end, after.start, next_is_prose=next_is_prose)
    gap = text[piece.end : after.start]
    if piece.kind != after.kind:
        return costs.after_line(gap)
    if piece.kind == "code":
        return costs.after_code(text, piece.start, gap, after.start)
    return costs.after_row(gap)


def _is_header_row(piece: Piece, after: Piece) -> bool:
    return piece.table is not None and piece.end <= piece.table.end and after.table is piece.table


def _parts(text: str, piece: Piece, tried: int, max_tokens: int) -> Iterator[tuple[Piece, int]]:
    span = (piece.start, piece.end)
    cut = cut_span(text, piece.kind, span, tried, tokens=piece.tokens, max_tokens=max_tokens)
    for start, end in cut.spans:
        cost = piece.cost_after if end == piece.end else cut.cost
        part = Piece(piece.kind, start, end, *piece[3:_PLACE], tokens=0, cost_after=cost)
        yield part, cut.tried
