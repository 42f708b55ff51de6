"""Chunks: exact spans, structure, pages and the token limit."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chunking import chunk_document, title_of
from rag_service.types import ChunkSpan, LoadedText, Page


def count_words(texts: Sequence[str]) -> list[int]:
    """A Chinese letter or a Latin word is one token, as in many tokenizers."""
    return [len(re.findall(r"[\u4e00-\u9fff]|[a-zA-Z0-9]+|[^\s\w]", text)) for text in texts]


def count_letters(texts: Sequence[str]) -> list[int]:
    """Every character is one token, white space too, so that counts do not add up over joins."""
    return [len(text) for text in texts]


def chunks(text: str, max_tokens: int = 12, *, markdown: bool = False) -> list[ChunkSpan]:
    return chunk_document(
        LoadedText(text), markdown=markdown, count_tokens=count_words, max_tokens=max_tokens
    )


def texts(text: str, max_tokens: int = 12, *, markdown: bool = False) -> list[str]:
    return [chunk.text for chunk in chunks(text, max_tokens, markdown=markdown)]


def outline(text: str, *, markdown: bool, max_tokens: int = 50) -> list[tuple[str, str]]:
    return [(chunk.heading, chunk.text) for chunk in chunks(text, max_tokens, markdown=markdown)]


def test_an_empty_document_has_no_chunks() -> None:
    assert chunks("") == []
    assert chunks(" \n\u3000\n") == []


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="max_tokens must be at least 1, not 0"):
        chunks("text", 0)


def test_a_chunk_knows_its_place() -> None:
    assert chunks("\n 甲。乙。 \n\nc", 3) == [
        ChunkSpan(0, 2, 4, "甲。", None, ""),
        ChunkSpan(1, 4, 10, "乙。 \n\nc", None, ""),
    ]


@pytest.mark.parametrize(
    ("text", "max_tokens", "expected"),
    [
        ("短。\n\n也短。", 20, ["短。\n\n也短。"]),  # small paragraphs share a chunk
        (
            "一二三四五。六七八九十。一二三四五。六七八九十。一二三四五。",  # no tiny rest
            12,
            ["一二三四五。六七八九十。", "一二三四五。", "六七八九十。一二三四五。"],
        ),
        (
            "One two three four. Five six seven.\n\nEight nine ten. Eleven twelve.",
            9,
            ["One two three four. Five six seven.", "Eight nine ten. Eleven twelve."],
        ),
        ("短。\n\n一二三四五六七八九。\n\n短。", 13, ["短。\n\n一二三四五六七八九。", "短。"]),
        (
            "甲公司经营范围包括：\n- 水泵；\n- 电机；\n- 阀门的生产和销售。",
            12,
            ["甲公司经营范围包括：", "- 水泵；\n- 电机；", "- 阀门的生产和销售。"],
        ),
    ],
)
def test_sentences_are_packed_evenly_and_paragraph_ends_preferred(
    text: str, max_tokens: int, expected: list[str]
) -> None:
    assert texts(text, max_tokens) == expected


@pytest.mark.parametrize(
    ("text", "max_tokens", "expected"),
    [
        (
            "一二三四五，六七八九十，一二三四五，六七八九十。",
            8,
            ["一二三四五，", "六七八九十，", "一二三四五，", "六七八九十。"],
        ),
        (
            "one two three four five six seven eight nine ten",
            4,
            ["one two three", "four five six", "seven eight nine ten"],
        ),
        ("一二三四五六七八九十", 4, ["一二三", "四五六", "七八九十"]),
        ("1,234,567 pumps, 7 parts", 8, ["1,234,567 pumps,", "7 parts"]),
    ],
)
def test_a_sentence_above_the_limit_is_cut_at_clauses_then_spaces_then_letters(
    text: str, max_tokens: int, expected: list[str]
) -> None:
    assert texts(text, max_tokens) == expected


def test_letters_keep_their_combining_marks() -> None:
    loaded = LoadedText("e\u0301" * 6)
    found = chunk_document(loaded, markdown=False, count_tokens=count_letters, max_tokens=5)
    assert [chunk.text for chunk in found] == ["e\u0301" * 2] * 3


def test_markdown_headings_bound_chunks_and_name_their_path() -> None:
    text = (
        "# A\n\nintro text\n\n## B\n### C ##\nbody one.\n```\n# not a heading\n```\n"
        "## **D** [link](x.md)\nbody two\n\nEnd\n===\nlast\n##标题\n正文"
    )
    assert outline(text, markdown=True) == [
        ("A", "# A\n\nintro text"),
        ("A > B > C", "## B\n### C ##\nbody one.\n```\n# not a heading\n```"),
        ("A > D link", "## **D** [link](x.md)\nbody two"),
        ("End", "End\n===\nlast"),
        ("End > 标题", "##标题\n正文"),
    ]


def test_front_matter_is_no_heading() -> None:
    text = "---\ntitle: Pumps\n---\n# A\nbody"
    assert outline(text, markdown=True) == [("", "---\ntitle: Pumps\n---"), ("A", "# A\nbody")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "第一章 总则\n第一条 为了保护环境，制定本法。\n第二条 本法适用于全国。\n"
            "第二章 附则\n第三條\u3000本法自公布之日起施行。",
            [
                ("第一章 总则 > 第一条", "第一章 总则\n第一条 为了保护环境，制定本法。"),
                ("第一章 总则 > 第二条", "第二条 本法适用于全国。"),
                ("第二章 附则 > 第三條", "第二章 附则\n第三條\u3000本法自公布之日起施行。"),
            ],
        ),
        (
            "1.1 Scope\nThis says what is covered.\n1.2 Terms\nA pump is a machine.",
            [
                ("1.1 Scope", "1.1 Scope\nThis says what is covered."),
                ("1.2 Terms", "1.2 Terms\nA pump is a machine."),
            ],
        ),
        (
            "CHAPTER II\n\nSafety rules\n\nAlways switch the pump off first. Then open it.",
            [
                (
                    "CHAPTER II > Safety rules",
                    "CHAPTER II\n\nSafety rules\n\nAlways switch the pump off first. Then open it.",
                )
            ],
        ),
        (
            "目录\n1.1 Scope 3\n1.2 Terms 5",  # contents
            [("", "目录\n1.1 Scope 3\n1.2 Terms 5")],
        ),
        ("1.1 Milk\n1.2 Bread\n1.3 Salt", [("", "1.1 Milk\n1.2 Bread\n1.3 Salt")]),
        ("1.5 Million people came.", [("", "1.5 Million people came.")]),
        (
            "本法第三条规定的情形除外。\n第三章规定了处罚，从其规定。",
            [("", "本法第三条规定的情形除外。\n第三章规定了处罚，从其规定。")],
        ),
    ],
)
def test_plain_text_headings_are_recognised_with_caution(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert outline(text, markdown=False) == expected


def test_a_table_is_cut_between_rows_only() -> None:
    rows = [f"| 水泵{number} | {number}.5 | 是。否。 |" for number in range(10)]
    found = texts("\n".join(rows), 40, markdown=True)
    assert [row for chunk in found for row in chunk.split("\n")] == rows
    assert len(found) > 1


def paged(*pages: str, separator: str = "\n") -> LoadedText:
    places: list[Page] = []
    start = 0
    for number, page in enumerate(pages, start=1):
        places.append(Page(number, start, start + len(page)))
        start += len(page) + len(separator)
    return LoadedText(separator.join(pages), pages=tuple(places))


@pytest.mark.parametrize(
    ("pages", "separator", "expected"),
    [
        (("甲。", "乙。"), "\n\n", [(1, "甲。"), (2, "乙。")]),
        (("甲。", "", "丙。"), "\x0c", [(1, "甲。"), (3, "丙。")]),
        (
            ("First one. The pump in the cellar", "runs all night. It is old."),
            "\n\n",
            [
                (1, "First one. The pump in the cellar\n\nruns all night."),
                (2, "It is old."),
            ],
        ),
        (
            ("这台放在地下室里的水泵从建成的那一天起就，", "一直在运转。很旧。"),
            "\x0c",
            [(1, "这台放在地下室里的水泵从建成的那一天起就，\x0c一直在运转。"), (2, "很旧。")],
        ),
        (
            ("Old text ends here.\n1.2 Pumps", "A pump is a machine."),
            "\n\n",
            [(1, "Old text ends here."), (2, "1.2 Pumps\n\nA pump is a machine.")],
        ),
    ],
)
def test_a_page_ends_a_chunk_unless_a_sentence_or_a_heading_goes_on(
    pages: tuple[str, ...], separator: str, expected: list[tuple[int, str]]
) -> None:
    loaded = paged(*pages, separator=separator)
    found = chunk_document(loaded, markdown=False, count_tokens=count_words, max_tokens=60)
    assert [(chunk.page, chunk.text) for chunk in found] == expected


@pytest.mark.parametrize(
    ("loaded", "title"),
    [
        (LoadedText("# Other\n\ntext", title=" Pump\n manual "), "Pump manual"),
        (LoadedText("intro\n\n# The **Pump**\n\ntext"), "The Pump"),
        (LoadedText("```\n# comment\n```\n"), "pump.txt"),
        (LoadedText("水泵手册\n\n正文。"), "水泵手册"),
        (LoadedText("水泵手册\n正文。"), "pump.txt"),
        (LoadedText("这是一句话。\n\n正文。"), "pump.txt"),
        (LoadedText("x" * 81 + "\n\ntext"), "pump.txt"),
        (LoadedText(""), "pump.txt"),
    ],
)
def test_the_title_comes_from_the_best_place_that_has_one(loaded: LoadedText, title: str) -> None:
    assert title_of(loaded, "pump.txt") == title


_FRAGMENTS = [
    *("\n", "\n\n", "\x0c", "# A\n", "## 第二节\n", "第一章 总则\n", "1.2 Aa\n", "- x\n"),
    *("| a | b |\n", "```\n", "One two. ", "水泵，电机；阀门。", "e\u0301", "e\u0301\u0302\u0303"),
]
_DOCUMENT = st.lists(
    st.one_of(
        st.sampled_from(_FRAGMENTS), st.text(max_size=12), st.text("ab 字。，.", max_size=30)
    ),
    max_size=25,
).map("".join)


def is_inside_a_letter(text: str, index: int) -> bool:
    return 0 < index < len(text) and unicodedata.category(text[index])[0] == "M"


@given(_DOCUMENT, st.booleans(), st.integers(1, 30), st.integers(0, 5))
@settings(deadline=None, max_examples=300)
def test_chunks_cover_the_document_exactly_within_the_limit(
    text: str, markdown: bool, max_tokens: int, page_count: int
) -> None:
    size = -(-len(text) // max(1, page_count))
    pages = [
        Page(number + 1, number * size, min(len(text), (number + 1) * size))
        for number in range(page_count)
    ]
    loaded = LoadedText(text, pages=tuple(pages))
    found = chunk_document(
        loaded, markdown=markdown, count_tokens=count_letters, max_tokens=max_tokens
    )
    last = 0
    for ordinal, chunk in enumerate(found):
        assert chunk.ordinal == ordinal
        assert text[chunk.char_start : chunk.char_end] == chunk.text == chunk.text.strip() != ""
        assert chunk.char_start >= last
        assert text[last : chunk.char_start].strip() == ""
        assert len(chunk.text) <= max_tokens
        assert (chunk.page is None) is (not pages)
        last = chunk.char_end
    assert text[last:].strip() == ""


@given(st.lists(st.sampled_from(["a", "字", "e\u0301", "o\u0308\u0301"]), max_size=40).map("".join))
@settings(deadline=None)
def test_no_cut_falls_before_a_combining_mark(text: str) -> None:
    found = chunk_document(
        LoadedText(text), markdown=False, count_tokens=count_letters, max_tokens=4
    )
    assert [chunk for chunk in found if is_inside_a_letter(text, chunk.char_start)] == []
