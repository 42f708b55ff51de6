"""Tables in chunks: rows stay whole, and rows parted from their header row carry it."""

from __future__ import annotations

import pytest

from ingest.loaders.builder import TextBuilder
from rag_service.document_types import ChunkSpan, LoadedText
from tests.chunks import chunks, count_words, markdown

HEADER = ["产品", "price", "remark"]
ROWS = [[f"水泵{number}", f"{number}.5", "是。否。"] for number in range(10)]


def table(*rows: list[str], has_header: bool = True, before: str = "") -> LoadedText:
    builder = TextBuilder()
    if before:
        builder.paragraph(before)
    builder.table(rows, has_header=has_header)
    return builder.build(engine="test")


def shown(found: list[ChunkSpan]) -> list[tuple[str, str]]:
    return [(chunk.table_header, chunk.text) for chunk in found]


def test_a_table_is_cut_between_rows_and_the_rows_keep_their_header() -> None:
    found = chunks(table(HEADER, *ROWS, before="库存："), 40)
    lines = [line for chunk in found for line in chunk.text.split("\n") if "|" in line]
    assert lines == [" | ".join(row) for row in [HEADER, *ROWS]]
    assert found[0].text.startswith("库存：\n\n产品 | price | remark\n水泵0")
    assert [chunk.table_header for chunk in found] == [
        "",
        *["产品 | price | remark"] * (len(found) - 1),
    ]
    assert len(found) > 2


def test_the_header_a_chunk_carries_counts_against_the_limit() -> None:
    for max_tokens in range(24, 60):  # a row has 12 tokens, the header 6
        for chunk in chunks(table(HEADER, *ROWS), max_tokens):
            assert sum(count_words([chunk.table_header, chunk.text])) <= max_tokens


def test_a_header_row_stays_with_the_first_row() -> None:
    row = ["水泵", "1.5", "一二三四五六七八九十。"]
    assert shown(chunks(table(HEADER, row, before="一二三四五六七。"), 30)) == [
        ("", "一二三四五六七。"),
        ("", "产品 | price | remark\n水泵 | 1.5 | 一二三四五六七八九十。"),
    ]


def test_rows_are_spread_evenly_over_chunks_that_carry_a_header() -> None:
    found = chunks(table(HEADER, *ROWS), 40)  # three rows would fit, but not with the header
    assert [chunk.text.count("水泵") for chunk in found] == [2, 2, 2, 2, 2]


def test_a_row_is_not_cut_only_because_its_header_does_not_fit_beside_it() -> None:
    found = chunks(table(HEADER, *ROWS), 13)
    assert [chunk.text for chunk in found[1:]] == [" | ".join(row) for row in ROWS]
    assert {chunk.table_header for chunk in found[1:]} == {"产品 | price | remark"}


def test_a_table_without_header_row_carries_nothing() -> None:
    assert {chunk.table_header for chunk in chunks(table(*ROWS, has_header=False), 20)} == {""}


def test_a_row_above_the_limit_is_cut_at_its_cells_which_keep_their_columns_names() -> None:
    names = ["name", "first remark", "second remark", "city"]
    row = ["pump", "it is very old. it is loud.", "one two three four five six", "Lyon"]
    assert shown(chunks(table(names, row), 10)) == [
        ("", "name | first remark | second remark | city"),
        ("name", "pump |"),
        ("first remark", "it is very old. it is loud. |"),
        ("second remark", "one two three four five six |"),
        ("city", "Lyon"),
    ]


def test_a_long_markdown_row_is_cut_like_any_other() -> None:
    text = "| name | | remark |\n|-|-|-|\n| pump | | one two three four five six seven |"
    assert shown(chunks(markdown(text), 11)) == [
        ("", "| name | | remark |"),
        ("", "|-|-|-|"),
        ("name", "| pump |"),
        ("| remark", "| one two three four five six seven |"),
    ]


def test_rows_that_hold_only_the_end_of_a_long_header_row_carry_its_beginning() -> None:
    names = ["the very long name of one column", "b"]
    assert shown(chunks(table(names, ["1", "2"]), 8)) == [
        ("", "the very long name of one column |"),
        ("the very long", "b\n1 | 2"),
    ]


def test_a_cell_above_the_limit_is_cut_at_its_sentences() -> None:
    row = ["pump", "It is very, very old. It is loud, and heavy. It was sold."]
    assert shown(chunks(table(["name", "remark"], row), 9)) == [
        ("", "name | remark\npump |"),
        ("remark", "It is very, very old."),
        ("remark", "It is loud, and heavy."),
        ("remark", "It was sold."),
    ]


def test_a_header_row_is_carried_as_far_as_it_is_short() -> None:
    names = [f"column {number}" for number in range(40)]
    rows = [["x"] * 40] * 3
    found = chunks(table(names, *rows), 200)
    carried = found[-1].table_header
    assert carried == " | ".join(names[: len(carried.split(" | "))])
    assert 250 < len(carried) <= 300
    narrow = chunks(table(names, *rows), 90)
    assert 0 < count_words([narrow[-1].table_header])[0] <= 45


@pytest.mark.parametrize(
    ("loaded", "header"),
    [
        (markdown("| a | b |\n|---|:-:|\n| c | d |\n| e | f |"), "a | b"),
        (markdown("a | b \n--- | ---\nc | d\ne | f"), "a | b"),
        (markdown("| c | d |\n| e | f |\n| g | h |"), ""),
        (markdown("| a | b |\n|---|---|\n| c | d |\n\n| e | f |"), ""),  # another table
        (LoadedText("| a | b |\n|---|---|\n| c | d |\n| e | f |"), "a | b"),
        (LoadedText("城市\t人口\n里昂\t52万\n柏林\t380万\n上海\t2480万"), "城市 | 人口"),
        (LoadedText("Lyon\tFrance" + "\nBerlin\tGermany" * 5), ""),  # there is no telling
        (LoadedText("2020\t2021" + "\n12\t13" * 5), ""),
        (LoadedText("Lyon\tFrance" + "\n12\t13\t14" * 5), ""),
        (LoadedText("Lyon\tLyon" + "\n12\t13" * 5), ""),
    ],
)
def test_header_rows_are_recognised_where_they_are_clear(loaded: LoadedText, header: str) -> None:
    assert chunks(loaded, 10)[-1].table_header == header


def test_the_header_of_one_table_is_not_carried_into_the_next() -> None:
    builder = TextBuilder()
    builder.table([["a", "b"], ["1", "2"], ["3", "4"]], has_header=True)
    builder.paragraph("End.")
    builder.table([["5", "6"], ["7", "8"], ["9", "0"]], has_header=False)
    assert shown(chunks(builder.build(engine="test"), 8)) == [
        ("", "a | b\n1 | 2"),
        ("a | b", "3 | 4\n\nEnd."),
        ("", "5 | 6"),
        ("", "7 | 8\n9 | 0"),
    ]
