"""The pieces chunks are packed from: sentences, rows and lines, each within the token limit."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from ingest.structure import Block, BlockKind, Section, is_paragraph_gap
from rag_service.text.language import CJK_CLASS, is_cjk
from rag_service.text.sentences import sentence_spans
from rag_service.types import Page

TokenCounter = Callable[[Sequence[str]], list[int]]
"""Token count of each text, without special tokens."""


class Piece(NamedTuple):
    """A span that stays whole in packing. ``page`` indexes the document's pages (-1: none).

    ``tokens`` is the count of its text alone, 0 before it was measured. ``cost_after`` is what
    ending a chunk behind it costs, as a share of the chunk's size: 0 at the end of a paragraph.
    """

    kind: BlockKind
    start: int
    end: int
    section: int
    page: int
    tokens: int = 0
    cost_after: float = 0.0


# Judgement: a chunk may miss its even size by a quarter to end at a paragraph, not at a sentence.
COST_AFTER_LINE: Final = 0.1
COST_AFTER_SENTENCE: Final = 0.25
COST_AFTER_ROW: Final = 0.4
COST_AFTER_COLON: Final = 0.5
COST_WITHIN_SENTENCE: Final = (0.7, 1.0, 1.0, 1.3)  # clause, words, one word, letters
COST_AFTER_HEADING: Final = 2.0

_ROW: Final = re.compile(r"[^\r\n\x0b\x0c\x85\u2028\u2029]+")
_CLAUSE_END: Final = re.compile(rf"[，；：、]+[”’」』）)]*|[,;:]+[\"'”’)]*(?=[\s{CJK_CLASS}])")
_CELL_END: Final = re.compile(r"[|\t]")
_SPACE: Final = re.compile(r"\s+")
_SENTENCE_END: Final = re.compile(r"[。！？；：.!?;:…|][\"'”’」』）)】]*\Z")
_RUNS_ON: Final = re.compile(r"[，、,（(\-‐—]\Z")
_MIN_RUNNING: Final = 16  # characters; what is shorter at a page's end is a caption or a title
_PARTS_PER_CHUNK: Final = 4  # where a sentence must be cut blindly, so that chunks come out even


def document_pieces(text: str, sections: Sequence[Section], pages: Sequence[Page]) -> list[Piece]:
    """All pieces of the document in order, not yet measured.

    A piece belongs to the page it starts on; a heading, to that of the text it announces.
    """
    starts = [page.char_start for page in pages]
    pieces = [
        Piece(block.kind, start, end, number, max(0, bisect_right(starts, start) - 1))
        for number, section in enumerate(sections)
        for block in section.blocks
        for start, end in _block_spans(text, block)
    ]
    if not pages:
        return [piece._replace(page=-1) for piece in pieces]
    return _move_headings(_join_over_pages(text, pieces))


def _block_spans(text: str, block: Block) -> Iterator[tuple[int, int]]:
    body = text[block.char_start : block.char_end]
    if block.kind == "prose":
        for start, end in sentence_spans(body):
            yield block.char_start + start, block.char_start + end
        return
    for row in _ROW.finditer(body):
        yield from _trimmed(text, block.char_start + row.start(), block.char_start + row.end())


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The span without outer white space; nothing where it is blank."""
    piece = text[start:end]
    if body := piece.strip():
        first = start + len(piece) - len(piece.lstrip())
        yield first, first + len(body)


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

    Cuts fall behind clauses, else at white space, else between letters, never before a
    combining mark unless the marks of one letter alone exceed the limit. A single code point
    that exceeds the limit stays: it cannot be cut.
    """
    priced = [
        piece._replace(cost_after=_cost_after(text, piece, after))
        for piece, after in zip(pieces, [*pieces[1:], None], strict=False)
    ]
    found: list[Piece] = []
    level = 0
    while priced:
        counts = count_tokens([text[piece.start : piece.end] for piece in priced])
        counted = [p._replace(tokens=n) for p, n in zip(priced, counts, strict=True)]
        found += [p for p in counted if p.tokens <= max_tokens or p.end - p.start == 1]
        too_long = [p for p in counted if p.tokens > max_tokens and p.end - p.start > 1]
        priced = [part for p in too_long for part in _cut(text, p, level, max_tokens)]
        level += 1
    return sorted(found, key=lambda piece: piece.start)


def _cost_after(text: str, piece: Piece, after: Piece | None) -> float:
    if after is None or after.section != piece.section:
        return 0.0
    if piece.kind == "heading":
        return COST_AFTER_HEADING
    gap = text[piece.end : after.start]
    if text[piece.end - 1] in "：:":
        return COST_AFTER_COLON
    if is_paragraph_gap(gap) or gap.endswith("\u3000"):
        return 0.0
    if piece.kind == after.kind and piece.kind != "prose":
        return COST_AFTER_ROW
    return COST_AFTER_LINE if "\n" in gap or "\r" in gap else COST_AFTER_SENTENCE


def _cut(text: str, piece: Piece, level: int, max_tokens: int) -> Iterator[Piece]:
    """Parts of ``piece``; the same piece again where this level finds no place to cut."""
    size = max(1, (piece.end - piece.start) * max_tokens // (_PARTS_PER_CHUNK * piece.tokens))
    if level == 0:
        ends = _ends_of(_CELL_END if piece.kind == "table" else _CLAUSE_END, text, piece, 1)
    elif level in (1, 2):
        ends = _ends_of(_SPACE, text, piece, size if level == 1 else 1)
    else:
        ends = _letter_ends(text, piece, min(size, (piece.end - piece.start) // 2))
    cost = COST_WITHIN_SENTENCE[min(level, 3)]
    start = piece.start
    spans: list[tuple[int, int]] = []
    for end in [*ends, piece.end]:
        spans.extend(_trimmed(text, start, end))
        start = end
    for start, end in spans[:-1]:
        yield piece._replace(start=start, end=end, cost_after=cost)
    yield piece._replace(start=spans[-1][0], end=spans[-1][1])


def _ends_of(pattern: re.Pattern[str], text: str, piece: Piece, size: int) -> Iterator[int]:
    """Ends of matches, at least ``size`` characters apart."""
    start = piece.start
    for match in pattern.finditer(text, piece.start, piece.end):
        if match.end() - start >= size:
            start = match.end()
            yield start


def _letter_ends(text: str, piece: Piece, size: int) -> Iterator[int]:
    """Ends about every ``size`` characters, before no combining mark where that can be helped."""
    start = piece.start
    while start + size < piece.end:
        end = start + size
        while end < piece.end and _belongs_to_last(text, end):
            end += 1
        if end == piece.end:
            end = _last_letter(text, start, end)
        if end == start and start > piece.start:
            return  # one letter is left; whether it exceeds the limit is yet to be counted
        if end == start:
            end = (start + piece.end + 1) // 2
        yield end
        start = end


def _last_letter(text: str, start: int, end: int) -> int:
    """Where the last letter of the span starts."""
    end -= 1
    while end > start and _belongs_to_last(text, end):
        end -= 1
    return end


def _belongs_to_last(text: str, index: int) -> bool:
    """Whether the character continues the one before: a mark, a joiner, or what one joins."""
    char, before = text[index], text[index - 1]
    return unicodedata.category(char)[0] == "M" or "\u200d" in (char, before)
