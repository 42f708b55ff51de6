"""Judging and repairing the text of a PDF page."""

from __future__ import annotations

import pytest

from ingest.loaders.pdf.pdf_quality import assess, is_better
from ingest.loaders.pdf.pdf_text import clean_lines, join_lines


def clean(raw: str) -> str:
    return join_lines(clean_lines(raw))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("eﬃcient ﬁles", "efficient files"),
        ("⼀年", "一年"),
        ("⻓春⻔户⻚码", "长春门户页码"),
        ("اﻟﻌﺮﺑﻴﺔ", "العربية"),
        ("目 录", "目录"),
        ("安 全 生 产 通 知", "安全生产通知"),
        ("管理费用 财务费用", "管理费用 财务费用"),
        ("姓名 年龄", "姓名 年龄"),
        ("a  b\u00a0c", "a b c"),
        ("co\u00ad\noperate", "cooperate"),
        ("\uf0b7 item", "• item"),
        ("x\r\ny\x00\ud835", "x\ny"),
        ("Ⅳ ２", "Ⅳ ２"),
        ("a(cid:3)b", "ab"),
        ("one\n\n\n\ntwo", "one\n\ntwo"),
    ],
)
def test_page_text_is_repaired(raw: str, expected: str) -> None:
    assert clean(raw) == expected


def test_table_rows_are_not_joined() -> None:
    rows = "管理费用 7,764,789.98 15,753,158.14 本期减少\n财务费用 7,667.69 403,265.89 本期减少"
    assert clean(rows) == rows
    cells = "安徽省建设用地使用标准 | 公路技术等级车道数\n浙江省建设用地使用标准 | 高速公路"
    assert clean(cells) == cells


@pytest.mark.parametrize(
    "raw",
    [
        "(cid:12)(cid:7)(cid:9)",
        "/G065/G066 /G067",
        "\ue001\ue002\ue003",
        "ඪ४ΩϚʔέοτఅԹཧ",
        "͍͋͏͓͑೔ຊޠ",
        "꒢꒤꒦꒨꒪",
        "È« ÊÀ ½ç ÎÞ ²ú £¬",
    ],
)
def test_a_garbled_page_has_nothing_readable(raw: str) -> None:
    quality = assess(raw)
    assert (quality.fault, quality.readable) == ("garbled", 0)
    assert quality.characters > 0


@pytest.mark.parametrize(
    "raw",
    [
        "äöüÄÖÜß",
        "Ελληνικά",
        "हिन्दी",
        "العربية",
        "한국어",
        "tiếng Việt",
        "• item \uf0b7 item",
        "公司规定",
    ],
)
def test_other_scripts_are_not_taken_for_garbled(raw: str) -> None:
    assert assess(raw).fault == ""


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (" \n ", "empty"),
        ("a fine page of text with one \ufffd in it", "garbled"),
        ("\n".join("one letter a line"), "letters"),
        ("\n".join("公司规定员工每年可以享受"), "letters"),
        ("\n".join(line for line in ["ab", "cd", "ef", "gh"] for _ in range(2)), "doubled"),
        ("اﻟﻌﺮﺑﻴﺔ اﳋﻄﻮط", "forms"),
        ("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11", ""),
    ],
)
def test_faults_of_a_page_are_told(raw: str, fault: str) -> None:
    assert assess(raw).fault == fault


@pytest.mark.parametrize(
    ("second", "first", "expected"),
    [
        ("text", "", True),
        ("", "", False),
        ("标准", "ඪ४ΩϚʔέοτఅԹཧ", True),
        ("efficient work", "e\x0ccient work\x01", True),
        ("e\ufffdcient work", "e\ufffdcient work", False),
        ("work", "e\ufffdcient work of many hands", False),
        ("other words", "whole words", False),
    ],
)
def test_the_second_engine_is_taken_where_it_reads_more(
    second: str, first: str, expected: bool
) -> None:
    assert is_better(assess(second), assess(first)) is expected
