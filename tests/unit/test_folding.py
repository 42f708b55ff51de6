"""Whether a quote stands in its source."""

from __future__ import annotations

import pytest

from rag_service.text.folding import contains_quote, fold_quote


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("", ""),
        (" \n\t\u3000\u00a0", ""),
        ("Ａ１，（b）", "A1,(b)"),
        ("知识\n  库", "知识库"),
        ("Two  words", "Twowords"),
        ("ｶﾞ", "ガ"),
        ("漢", "漢"),
    ],
)
def test_only_white_space_and_width_are_folded(text: str, folded: str) -> None:
    assert fold_quote(text) == folded


@pytest.mark.parametrize(
    ("source", "quote", "expected"),
    [
        ("水泵每小时\n排水 1,200 升。", "水泵每小时排水１，２００升", True),
        ("The pump runs\n   at night.", "pump runs at night.", True),
        ("The pump runs at night.", "The Pump", False),
        ("水泵排水", "水泵抽水", False),
        ("漢語", "汉语", False),
        ("anything", "", False),
        ("anything", " \n", False),
    ],
)
def test_a_quote_is_found_only_where_it_stands(source: str, quote: str, expected: bool) -> None:
    assert contains_quote(source, quote) is expected
