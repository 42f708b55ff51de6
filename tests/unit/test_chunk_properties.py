"""What is true of the chunks of every document, over generated ones of all kinds."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chunking import Carried, TokenCounter, chunk_document, chunk_part
from ingest.loaders.builder import TextBuilder
from ingest.pieces import bounded
from rag_service.document_types import ChunkSpan, LoadedText, Mark, Page
from rag_service.text.sentences import sentence_spans
from tests.chunks import count_letters, count_words

if TYPE_CHECKING:
    from rag_service.retrieval.embedding import LocalEmbeddings

_BREAKS = [
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    "\u2028",
    "\u2029",
    "\x0c",
    "\x85",
    "\u3000",
    " ",
    "",
    "\n \t\n",
    "\n" * 12,
    " " * 9,
]
_WORDS = [
    "the",
    "Pump",
    "U.S.",
    "1,234.5",
    "don't",
    "naïve",
    "水泵",
    "電機",
    "的",
    "2024年",
    "💧",
    "𠮷",
]
_MARKS = [". ", "? ", "! ", "。", "！", "？”", "；", "，", ", ", ": ", "：", "…… ", " — ", " "]
_LETTERS = [
    "e\u0301",
    "o\u0308\u0301\u0302",
    "👩\u200d🚀",
    "\u0301",
    "\ufe0f",
    "क्षि",
    "ก็",
    "\u202e",
    "x" * 40,
]

_anything = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
_sentence = st.lists(st.sampled_from([*_WORDS, *_MARKS, *_LETTERS]), max_size=14).map("".join)
_prose = st.lists(st.one_of(_sentence, st.sampled_from(_BREAKS), _anything), max_size=14).map(
    "".join
)
_line = _sentence.map(lambda text: " ".join(text.split()))
_markdown_part = st.one_of(
    _prose,
    st.sampled_from(
        ["---\ntitle: T\n---\n", "```\n", "~~~py\n", "| a | b |\n|---|---|\n", "\t", "# "]
    ),
    st.tuples(st.integers(1, 6), _line).map(lambda part: f"\n{'#' * part[0]} {part[1]}\n"),
    _line.map(lambda text: f"\n{text}\n===\n"),
    st.lists(_line, min_size=1, max_size=4).map(lambda cells: "| " + " | ".join(cells) + " |\n"),
    _line.map(lambda text: f"- {text}\n"),
    st.sampled_from(
        ["第一章 总则\n", "第二条 甲。\n", "1.2 Aa\n", "CHAPTER II\n\n", "a\tb\nc\t1\n"]
    ),
)
_text = st.lists(_markdown_part, max_size=10).map("".join)
_rows = st.lists(st.lists(_line, min_size=1, max_size=4), max_size=8)
_add_part = st.one_of(
    st.tuples(st.just("heading"), _line, st.integers(1, 9)),
    st.tuples(st.just("paragraph"), _prose),
    st.tuples(st.just("list_item"), _line),
    st.tuples(st.just("code"), _prose),
    st.tuples(st.just("page")),
    st.tuples(st.just("table"), _rows, st.booleans()),
)


def built(parts: Sequence[tuple[object, ...]]) -> LoadedText:
    """What a loader would make of ``parts``."""
    builder = TextBuilder()
    add: dict[str, Callable[..., object]] = {
        "heading": builder.heading,
        "paragraph": builder.paragraph,
        "list_item": builder.list_item,
        "code": builder.code,
        "table": lambda rows, has_header: builder.table(rows, has_header=has_header),
        "page": lambda: builder.start_page(1 + sum(part == ("page",) for part in parts)),
    }
    for name, *arguments in parts:
        add[str(name)](*arguments)
    builder.paragraph("end")
    return builder.build(engine="test")


@st.composite
def _paged_text(draw: st.DrawFn) -> LoadedText:
    text = draw(_text)
    borders = sorted({0, *draw(st.lists(st.integers(0, len(text)), max_size=4)), len(text)})
    pages = tuple(
        Page(number, start, end) for number, (start, end) in enumerate(pairwise(borders), start=1)
    )
    loaded = LoadedText(text, pages=pages if draw(st.booleans()) else ())
    return replace(loaded, syntax="markdown") if draw(st.booleans()) else loaded


@st.composite
def _badly_marked_text(draw: st.DrawFn) -> LoadedText:
    """Marks that keep to no line, overlap, and come in any order."""
    text = draw(_prose)
    place = st.integers(0, len(text))
    kind = st.sampled_from(["heading", "table", "code"])
    marks = draw(
        st.lists(st.builds(Mark, kind, place, place, st.integers(0, 9), place), max_size=6)
    )
    return LoadedText(text, syntax="marked", marks=tuple(marks))


_document = st.one_of(
    st.lists(_add_part, max_size=10).map(built), _paged_text(), _badly_marked_text()
)
_counter = st.sampled_from([count_letters, count_words])


def check_spans(text: str, found: Sequence[ChunkSpan]) -> None:
    """Chunks are exact, trimmed, ordered, disjoint, and cover all but white space."""
    last = 0
    for ordinal, chunk in enumerate(found):
        assert chunk.ordinal == ordinal
        assert text[chunk.char_start : chunk.char_end] == chunk.text == chunk.text.strip() != ""
        assert chunk.char_start >= last
        assert text[last : chunk.char_start].strip() == ""
        last = chunk.char_end
    assert text[last:].strip() == ""


def check_sizes(found: Sequence[ChunkSpan], count_tokens: TokenCounter, max_tokens: int) -> None:
    counts = bounded(count_tokens)([chunk.text for chunk in found])
    for chunk, tokens in zip(found, counts, strict=True):
        assert tokens <= max_tokens or len(chunk.text) == 1


@given(_document, _counter, st.integers(1, 40))
@settings(deadline=None, max_examples=250)
def test_chunks_cover_the_document_exactly_within_the_limit(
    loaded: LoadedText, count_tokens: TokenCounter, max_tokens: int
) -> None:
    found = chunk_document(loaded, count_tokens=count_tokens, max_tokens=max_tokens)
    check_spans(loaded.text, found)
    check_sizes(found, count_tokens, max_tokens)


@given(loaded=_document, max_tokens=st.integers(1, 200))
@settings(deadline=None, max_examples=60)
def test_the_same_holds_for_the_built_in_models_tokens(
    embeddings: LocalEmbeddings, loaded: LoadedText, max_tokens: int
) -> None:
    found = chunk_document(loaded, count_tokens=embeddings.count_tokens, max_tokens=max_tokens)
    check_spans(loaded.text, found)
    if found:
        check_sizes(found, embeddings.count_tokens, max_tokens)


@given(_prose, _counter, st.integers(1, 60))
@settings(deadline=None, max_examples=150)
def test_no_sentence_is_cut_unless_it_alone_exceeds_the_limit(
    text: str, count_tokens: TokenCounter, max_tokens: int
) -> None:
    loaded = LoadedText(text, syntax="marked")
    found = chunk_document(loaded, count_tokens=count_tokens, max_tokens=max_tokens)
    starts = [chunk.char_start for chunk in found]
    count_tokens = bounded(count_tokens)
    for start, end in sentence_spans(text):
        if count_tokens([text[start:end]])[0] <= max_tokens:
            assert end <= found[bisect_right(starts, start) - 1].char_end


@given(_rows, st.booleans(), _counter, st.integers(4, 60))
@settings(deadline=None, max_examples=150)
def test_no_row_is_cut_unless_it_alone_exceeds_the_limit_and_none_lacks_its_header(
    rows: list[list[str]], has_header: bool, count_tokens: TokenCounter, max_tokens: int
) -> None:
    builder = TextBuilder()
    builder.paragraph("before.")
    builder.table([["name", "city"], *rows], has_header=has_header)
    loaded = builder.build(engine="test")
    found = chunk_document(loaded, count_tokens=count_tokens, max_tokens=max_tokens)
    count_tokens = bounded(count_tokens)
    whole = {row for row in loaded.text.split("\n") if count_tokens([row])[0] <= max_tokens}
    for row in whole:
        assert any(row.strip() in chunk.text for chunk in found)
    mark = loaded.marks[0]
    for chunk in found:
        lacks_header = mark.char_start < chunk.char_start and mark.header_end < chunk.char_end
        assert bool(chunk.table_header) is (lacks_header and mark.header_end > mark.char_start)


@given(st.lists(_add_part, max_size=8))
@settings(deadline=None, max_examples=100)
def test_a_chunk_is_on_the_page_on_which_its_text_begins(parts: list[tuple[object, ...]]) -> None:
    loaded = built([("page",), *parts])
    starts = [page.char_start for page in loaded.pages]

    def page_at(index: int) -> int:
        return loaded.pages[bisect_right(starts, index) - 1].number

    for chunk in chunk_document(loaded, count_tokens=count_letters, max_tokens=60):
        begin = after_headings(loaded, chunk.char_start)
        expected = {page_at(begin)} if begin < chunk.char_end else set(map(page_at, range(begin)))
        assert chunk.page in expected


def after_headings(loaded: LoadedText, index: int) -> int:
    """Where the text begins that the headings at ``index`` announce."""
    for mark in loaded.marks:
        if mark.kind == "heading" and mark.char_start <= index < mark.char_end:
            index = mark.char_end
        while index < len(loaded.text) and loaded.text[index].isspace():
            index += 1
    return index


@given(st.lists(_paged_text(), max_size=4))
@settings(deadline=None, max_examples=80)
def test_the_parts_of_a_large_document_are_each_covered(parts: list[LoadedText]) -> None:
    carried: Carried | None = None
    for part in parts:
        found, carried = chunk_part(part, carried, count_tokens=count_words, max_tokens=20)
        check_spans(part.text, found)
        levels = [level for level, _ in carried.headings]
        assert levels == sorted(set(levels))


def is_inside_a_letter(text: str, index: int) -> bool:
    return 0 < index < len(text) and unicodedata.category(text[index])[0] == "M"


@given(st.lists(st.sampled_from(["a", "字", "e\u0301", "o\u0308\u0301"]), max_size=40).map("".join))
@settings(deadline=None)
def test_no_cut_falls_before_a_combining_mark(text: str) -> None:
    found = chunk_document(LoadedText(text), count_tokens=count_letters, max_tokens=4)
    assert [chunk for chunk in found if is_inside_a_letter(text, chunk.char_start)] == []
