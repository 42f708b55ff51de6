"""Codes and years that no document mentions."""

from __future__ import annotations

import pytest

from rag_service.text.analysis import analyze
from rag_service.text.identifiers import asks_for_unknown_codes

DOCUMENT = "Error E307 of the YF-310 and the GB 50016 rule, 2024, 二〇一九年, A 320"
INDEXED = frozenset(analyze(DOCUMENT))


@pytest.mark.parametrize(
    "question",
    [
        "What does E999 mean?",
        "错误代码E999是什么意思？",
        "YF-777多少钱",
        "2023年的销售额",
        "sales of 2023 and 2022",
        "Price of the YF-310 in 2023",
    ],
)
def test_a_code_or_a_year_that_stands_nowhere_is_unknown(question: str) -> None:
    assert asks_for_unknown_codes(question, INDEXED.__contains__)


@pytest.mark.parametrize(
    "question",
    [
        "What does E307 mean?",
        "e307",
        "GB50016规定了什么",
        "2019年的销售额",
        "the A320",
        "Compare the YF-310 and the YF-777",
        "sales of 2023 and 2024",
        "Q3 sales",
        "the 1990s",
        "page 2023-4",
        "第777条",
        "Who is Smith?",
        "",
    ],
)
def test_what_stands_somewhere_or_is_no_code_is_not(question: str) -> None:
    assert not asks_for_unknown_codes(question, INDEXED.__contains__)
