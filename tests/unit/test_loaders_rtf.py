r"""Rich Text Format through the public ``load_bytes``: code pages, \u, structure."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.loaders import load_bytes
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, EmptyFile, NoText

FONTS = rb"{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset136 MingLiU;}{\f2\fcharset2 Symbol;}}"


def load(body: bytes, head: bytes = rb"\ansi\ansicpg936") -> LoadedText:
    return load_bytes("a.rtf", rb"{\rtf1" + head + FONTS + body + b"}")


def escaped(text: str, encoding: str = "gbk") -> bytes:
    return b"".join(b"\\'%02x" % byte for byte in text.encode(encoding))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (escaped("公司年假规定"), "公司年假规定"),
        ("员工每年".encode("gbk"), "员工每年"),
        (b"{\\f1 " + escaped("繁體中文", "big5") + b"}" + escaped("简体"), "繁體中文简体"),
        (rb"\u21313?\u22825?", "十天"),
        (rb"\uc2\u21313" + escaped("十") + rb"\uc0\u22825 a", "十天a"),
        (rb"\u-10179?\u-8704?", "😀"),
        (rb"{\f2 a\'b3}\u-3999?{\f2 \u-3999?}", "α≥" + "\uf061" + "α"),
        (rb"a\~b\_c\-d\{\}\\ \emdash\lquote x\rquote\tab y\line z", "a b-cd{}\\ —‘x’\ty\nz"),
        (b"one \r\ntwo", "one two"),
        (rb"a{\v hidden}{\deleted gone}b\v c\v0 d", "abd"),
        (rb"{\field{\*\fldinst HYPERLINK x}{\fldrslt link}}", "link"),
        (rb"{\*\unknown x}{\pict 00ff}{\bkmkstart m}a\bin4 {}\b", "a"),
        (rb"\unknown1 a{\b b}c", "abc"),
    ],
)
def test_characters_are_those_that_a_reader_sees(body: bytes, expected: str) -> None:
    assert load(body).text == expected


def test_the_documents_code_page_is_used_and_named() -> None:
    loaded = load(escaped("Привет", "cp1251"), rb"\ansi\ansicpg1251")
    assert (loaded.text, loaded.encoding, loaded.engine) == ("Привет", "cp1251", "rtf")


def test_a_document_is_read_in_order_with_its_structure() -> None:
    body = (
        rb"{\stylesheet{\ql Normal;}{\s1 " + escaped("标题 1") + rb";}{\s2 heading 2;}{\s3 toc 1;}}"
        rb"{\info{\title " + escaped("员工手册") + rb"}{\author Nobody}}"
        rb"{\header " + escaped("内部资料") + rb"\par}{\footer Page {\chpgn 3}\par}"
        rb"\pard\s3 Contents\par\pard\s1 " + escaped("第一章 年假") + rb"\par"
        rb"\pard\plain Ten days.\par"
        rb"{\listtext\f2\'b7\tab}\pard\ls1 dot\par{\listtext 2.\tab}\ilvl1 two\par"
        rb"\pard\outlinelevel1 Contact\par"
        rb"\trowd\cellx1\cellx2\pard\intbl " + escaped("部门") + rb"\cell Days\cell\row"
        rb"\trowd " + escaped("研发") + rb"\par lab\cell 10\cell\row\pard\s2 End\par"
    )
    loaded = load(body)
    assert loaded.text == (
        "第一章 年假\n\nTen days.\n\n- dot\n  2. two\n\nContact\n\n部门 | Days\n研发 lab | 10\n\n"
        "End\n\n内部资料"
    )
    assert [
        (mark.kind, mark.level, loaded.text[mark.char_start : mark.header_end or mark.char_end])
        for mark in loaded.marks
    ] == [
        ("heading", 1, "第一章 年假"),
        ("heading", 2, "Contact"),
        ("table", 0, "部门 | Days"),
        ("heading", 2, "End"),
    ]
    assert (loaded.title, loaded.warnings) == ("员工手册", ())


def test_notes_and_boxes_follow_their_paragraph() -> None:
    body = (
        rb"Claim{\super\chftn{\footnote\pard{\chftn} See\par below.}} ends. "
        rb"{\shp{\*\shpinst{\sp{\sn a}}{\shptxt\pard boxed\par}}{\shprslt boxed}}\par next\par"
    )
    assert load(body).text == "Claim[^1] ends.\n\nboxed\n\n[^1]: See below.\n\nnext"


def test_a_header_row_of_numbers_is_one_when_it_repeats_on_every_page() -> None:
    loaded = load(rb"\trowd\trhdr\intbl 1\cell 2\cell\row\trowd\intbl 3\cell 4\cell\row\pard\par")
    assert loaded.text == "1 | 2\n3 | 4"
    assert loaded.marks[0].header_end == len("1 | 2")


def test_a_table_of_one_column_is_no_table() -> None:
    loaded = load(rb"\trowd\intbl Be\par kind.\cell\row\pard end\par")
    assert (loaded.text, loaded.marks) == ("Be kind.\n\nend", ())


def test_a_file_that_is_cut_off_keeps_its_text_and_says_so() -> None:
    loaded = load_bytes("a.rtf", rb"{\rtf1 first\par\trowd\intbl a\cell b")
    assert loaded.text == "first\n\na | b"
    assert loaded.warnings == ("The file ends too early; text may be missing at its end.",)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"plain text", BrokenFile, "no RTF header"),
        (rb"{\rtf1\pard\par}", EmptyFile, "document is empty"),
        (rb"{\rtf1{\pict 00ff}}", NoText, "only pictures"),
        (rb"{\rtf1" + b"{" * 20_000, BrokenFile, "nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_a_clear_error(
    data: bytes, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        load_bytes("a.rtf", data)


@settings(deadline=None)
@given(st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1))
def test_any_text_comes_back_from_its_escapes(text: str) -> None:
    units = text.encode("utf-16-le")
    codes = [int.from_bytes(units[i : i + 2], "little") for i in range(0, len(units), 2)]
    assert load(b"".join(b"\\u%d?" % code for code in codes)).text == text
