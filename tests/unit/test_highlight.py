"""Marking what a text was found by."""

from __future__ import annotations

import pytest

from rag_service.text.analysis import analyze_query
from rag_service.text.highlight import matched_spans


def marked(question: str, text: str) -> str:
    """``text`` with angle brackets around what matches the question."""
    for start, end in reversed(matched_spans(text, analyze_query(question))):
        text = f"{text[:start]}<{text[start:end]}>{text[end:]}"
    return text


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("warranty", "<Warranties>, <warranty>; no warrant, unwarranty?"),
        ("warranty recorder", "The <recorder’s> <warranty>,<recorder>"),
        ("warranties", "ＳＥＥ <ＷＡＲＲＡＮＴＹ>！"),
        ("cafe", "Le <CAFÉ>, un <cafe\u0301>"),
        ("configuration", "its <config-\n  uration> file"),
        ("How long is it?", "a <long>-term loan"),
        ("GB/T 7714-2015", "see <GB/T> <7714-2015>, ISO/IEC <7714>:1"),
        ("C++17, C# and 5%", "<C++17> or <C#>: <5%>, 15%"),
        ("1,234", "<1,234> and <1234>, 1,234.5"),
        ("年假", "2024年<年假>，休假"),
        ("年假有几天？", "2024<年>规定：放<假>"),
        ("保證期", "<保证期>三年，<保證>\n<期>"),
        ("保证期", "<保證期>三年"),
        ("ＧＰＵ 显存", "RTX 4090 的<gpu显存>和显卡存"),
        ("warranty", "nothing here 什么都没有"),
        ("warranty", ""),
    ],
)
def test_what_the_question_finds_is_marked_as_it_is_written(question: str, text: str) -> None:
    assert marked(question, text.replace("<", "").replace(">", "")) == text
