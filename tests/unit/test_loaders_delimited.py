"""Delimited text through the public ``load_bytes``: delimiters, quotes, headers, encodings."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.loaders import load_bytes
from rag_service.document_types import LoadedText
from rag_service.errors import EmptyFile, NotText


def load(text: str, name: str = "a.csv") -> LoadedText:
    return load_bytes(name, text.encode())


def header(loaded: LoadedText) -> str:
    (mark,) = loaded.marks
    return loaded.text[mark.char_start : mark.header_end]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_the_delimiter_is_told_by_the_file(delimiter: str, name: str) -> None:
    rows = [["姓名", "Days", "Note"], ["张三", "3", "a"], ["Ann", "10", "b"]]
    loaded = load("\n".join(delimiter.join(row) for row in rows), name)
    assert loaded.text == "姓名 | Days | Note\n张三 | 3 | a\nAnn | 10 | b"
    assert header(loaded) == "姓名 | Days | Note"
    assert (loaded.engine, loaded.encoding, loaded.syntax) == ("csv", "utf-8", "marked")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Name;Price\nBolt;1,50\nNut;2,75\n", "Name | Price\nBolt | 1,50\nNut | 2,75"),
        ("a;1,5;2,5\nb;1,5;2,5\n", "a | 1,5 | 2,5\nb | 1,5 | 2,5"),
        ("sep=;\nx,1;y\n", "x,1 | y"),
        ("one, two\nthree\n", "one | two\nthree"),
        ('a,"b\nc",d\n1,"say ""hi""",\n', 'a | b c | d\n1 | say "hi"'),
        ("a,b,c\n1,2\n1,2,3,4\n", "a | b | c\n1 | 2\n1 | 2 | 3 | 4"),
        ("a,b\n\n,\n1,2\n", "a | b\n1 | 2"),
        ("a,b,,,\n1,2,,,\n", "a | b\n1 | 2"),
        ("Word\nlist\n", "Word\nlist"),
    ],
)
def test_rows_are_read_as_they_were_meant(text: str, expected: str) -> None:
    assert load(text).text == expected


def test_a_caption_above_the_table_is_no_row_of_it() -> None:
    loaded = load("Stanley Cups\nTeam\tCity\nBlues\tSTL\n", "a.tsv")
    assert loaded.text == "Stanley Cups\n\nTeam | City\nBlues | STL"
    assert header(loaded) == "Team | City"


@pytest.mark.parametrize("text", ["1,2\n3,4\n", "2024-01-01,x,1\n2024-01-02,y,2\n", "a,a\nb,c\n"])
def test_a_first_row_of_values_is_no_header(text: str) -> None:
    assert header(load(text)) == ""


def test_a_quote_that_is_never_closed_does_not_swallow_the_rest() -> None:
    loaded = load('a,b\n1,"open\n2,x\n3,y\n')
    assert loaded.text == 'a | b\n1 | "open\n2 | x\n3 | y'


def test_a_stray_quote_far_from_the_next_one_costs_no_rows() -> None:
    rows = [f"{number},x" for number in range(3000)]
    loaded = load("\n".join(["n,t", '"0,x', *rows, '4,"y"']))
    assert loaded.text.count("\n") == 3002
    assert loaded.text.endswith('\n2999 | x\n4 | "y"')


def test_a_very_long_field_is_kept_whole() -> None:
    long = "长" * 300_000
    assert load(f'a,b\n"{long}",2\n').text == f"a | b\n{long} | 2"


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig", "utf-16", "big5"])
def test_the_encoding_is_detected(encoding: str) -> None:
    text = "部門,姓名,備註\n" + "研發中心,陳大文,每年可以享受十天的有薪年假\n" * 5
    loaded = load_bytes("a.csv", text.encode(encoding))
    assert loaded.text.split("\n")[1] == "研發中心 | 陳大文 | 每年可以享受十天的有薪年假"


@pytest.mark.parametrize("text", [",,,\n,,\n", '""\n', " \n"])
def test_a_file_without_a_filled_field_is_empty(text: str) -> None:
    with pytest.raises(EmptyFile, match="no filled field"):
        load(text)


def test_a_binary_file_under_this_name_is_refused() -> None:
    with pytest.raises(NotText):
        load_bytes("a.csv", b"PK\x03\x04" + bytes(100))


_FIELD = st.text(st.characters(categories=("L", "N"), include_characters=',;"|'), min_size=1)


@settings(deadline=None)
@given(st.lists(st.lists(_FIELD, min_size=3, max_size=3), min_size=2, max_size=9))
def test_quoted_fields_come_back_in_order(rows: list[list[str]]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([["alpha", "beta", "gamma"], *rows])
    loaded = load(buffer.getvalue())
    assert loaded.text.split("\n") == [
        "alpha | beta | gamma",
        *(" | ".join(row) for row in rows),
    ]
