"""Chunks: exact spans, even sizes, pages and the token limit."""

from __future__ import annotations

import pytest

from ingest.chunking import chunk_document
from ingest.loaders.builder import TextBuilder
from ingest.pieces import MAX_LETTERS_PER_TOKEN
from rag_service.document_types import ChunkSpan, LoadedText, Page
from tests.chunks import chunks, count_letters, markdown, texts


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
    ],
)
def test_sentences_are_packed_evenly_and_paragraph_ends_preferred(
    text: str, max_tokens: int, expected: list[str]
) -> None:
    assert texts(text, max_tokens) == expected


def test_white_space_that_takes_tokens_is_reckoned_with() -> None:
    loaded = LoadedText("\n\n".join(["abcd."] * 6))  # three would fit but for the white space
    found = chunk_document(loaded, count_tokens=count_letters, max_tokens=17)
    assert [chunk.text for chunk in found] == ["abcd.\n\nabcd."] * 3


@pytest.mark.parametrize("max_tokens", [12, 13, 15, 20, 40])
@pytest.mark.parametrize(
    "sentences",
    [
        ["水泵每天运转八小时。", "电机很安静！", "阀门坏了吗？", "他说：“关上它。”", "请报修。"]
        * 4,
        ["The pump, of 1.5 kW, runs.", "Is Mr. Li in?", "Yes!", "Fig. 2 shows it (see p. 3)."] * 5,
        ["型号 X-200 的水泵已停产。", "Use the X-300 instead.", "它更省电。"] * 6,
    ],
    ids=["zh", "en", "mixed"],
)
def test_a_sentence_within_the_limit_is_never_cut(sentences: list[str], max_tokens: int) -> None:
    text = " ".join(sentences)
    ends = {chunk.text.rsplit(" ", 1)[-1] for chunk in chunks(text, max_tokens)}
    assert ends <= {sentence.rsplit(" ", 1)[-1] for sentence in sentences}


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


def test_a_word_without_end_fills_many_chunks_though_the_model_takes_it_for_one_token() -> None:
    text = "See the picture. " + "iVBORw0K" * 100
    found = texts(text, max_tokens=12)
    assert "".join(found) == text
    assert max(map(len, found)) < 13 * MAX_LETTERS_PER_TOKEN


def test_white_space_does_not_count_as_letters() -> None:
    row = f"one{' ' * 300}two{' ' * 300}three."
    assert texts(row, max_tokens=6) == [row]


def test_letters_keep_their_combining_marks() -> None:
    found = chunk_document(LoadedText("e\u0301" * 6), count_tokens=count_letters, max_tokens=5)
    assert [chunk.text for chunk in found] == ["e\u0301" * 2] * 3


@pytest.mark.parametrize(
    ("text", "max_tokens", "expected"),
    [
        (
            "甲公司经营范围包括：\n- 水泵；\n- 电机；\n- 阀门的生产和销售。",  # does not fit
            12,
            ["甲公司经营范围包括：", "- 水泵；\n- 电机；", "- 阀门的生产和销售。"],
        ),
        (
            "本公司成立于本世纪初。经营范围：\n1. 水泵；\n2. 电机；\n3. 阀门。",
            16,
            ["本公司成立于本世纪初。", "经营范围：\n1. 水泵；", "2. 电机；\n3. 阀门。"],
        ),
        (
            "Short. Bring all of the following with you:\n\n* a pump\n\n* two new rubber seals",
            12,
            [
                "Short.",
                "Bring all of the following with you:\n\n* a pump",
                "* two new rubber seals",
            ],
        ),
    ],
)
def test_a_list_keeps_its_lead_in_where_both_fit(
    text: str, max_tokens: int, expected: list[str]
) -> None:
    assert texts(text, max_tokens) == expected


def test_a_colon_before_ordinary_prose_binds_less() -> None:
    item, prose = "（一）甲乙丙丁戊。", "甲乙丙丁戊己庚辛。"
    assert texts(f"一二三。他说了这些：\n\n{item}", 16) == ["一二三。", f"他说了这些：\n\n{item}"]
    assert texts(f"一二三。他说了这些：\n\n{prose}", 16) == ["一二三。他说了这些：", prose]


def test_a_heading_is_not_left_alone_where_its_text_fits_beside_it() -> None:
    text = "# A b\n\none two three four five. six seven eight nine ten eleven twelve thirteen."
    assert texts(markdown(text), 14) == [
        "# A b\n\none two three four five.",
        "six seven eight nine ten eleven twelve thirteen.",
    ]


_PYTHON = """
import os

LIMIT = 3


def first(a, b):
    if a:
        return b

    return a + LIMIT


@cached
def second(a):
    for each in a:
        yield each
"""
_C = """
int first(int a)
{
    return a;
}

/* adds one */
int second(int a)
{
    return a + 1;
}
"""


@pytest.mark.parametrize(
    ("code", "max_tokens", "expected"),
    [
        (
            _PYTHON,
            26,
            [
                "import os\n\nLIMIT = 3\n\n\n"
                "def first(a, b):\n    if a:\n        return b\n\n    return a + LIMIT",
                "@cached\ndef second(a):\n    for each in a:\n        yield each",
            ],
        ),
        (
            _C,
            20,
            [
                "int first(int a)\n{\n    return a;\n}",
                "/* adds one */\nint second(int a)\n{\n    return a + 1;\n}",
            ],
        ),
        ("a = 1; b = 2\n" * 3, 9, ["a = 1; b = 2"] * 3),
        ("a {\n  x = 1\n}\nb = 2", 8, ["a {\n  x = 1\n}", "b = 2"]),
        ("x = 1;\nint f(a)\n{\n  return a;\n}", 10, ["x = 1;", "int f(a)\n{\n  return a;\n}"]),
        (
            "def f(a, b, c):\n  a = 1\n  b = 2\n  c = 3",
            14,
            ["def f(a, b, c):\n  a = 1", "b = 2\n  c = 3"],
        ),
    ],
    ids=["python", "c", "lines", "closing", "brace", "signature"],
)
def test_code_is_cut_between_definitions_else_between_lines(
    code: str, max_tokens: int, expected: list[str]
) -> None:
    builder = TextBuilder()
    builder.code(code)
    assert texts(builder.build(engine="test"), max_tokens) == expected


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
    found = chunks(paged(*pages, separator=separator), 60)
    assert [(chunk.page, chunk.text) for chunk in found] == expected
