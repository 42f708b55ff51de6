"""The numbers that a text states."""

from __future__ import annotations

import pytest

from rag_service.generation.figures import held_figures, stated_figures


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("Twenty-Five of 1.2 Million", {"25", "1200000"}),
        ("On the ſixth day of the Third month", {"6", "3"}),  # NFKC makes s of the long one
        ("fıve and sıx, 7 mıllıon", {"7"}),  # without a dot it is another letter
        ("二十五", {"25"}),
        ("World War II ended a decade before both", {"2", "10"}),
        ("20世纪70年代", {"20", "70", "1970"}),
    ],
)
def test_numbers_are_read_whatever_letters_they_are_written_with(
    text: str, figures: set[str]
) -> None:
    assert held_figures(text) == figures


@pytest.mark.parametrize(
    "text", ["一" * 5_000 + "年", "万" * 1_200 + "人", "two" + " million" * 900]
)
def test_numerals_without_end_are_no_number(text: str) -> None:
    assert stated_figures(text) == frozenset()


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("20世纪70年代", {"1970"}),
        ("二十世紀七十年代", {"1970"}),
        ("一百三十万升", {"1300000"}),
        ("三千五百万", {"35000000"}),
        ("几十年", set()),
        ("一些公司", set()),
    ],
)
def test_chinese_numerals_are_stated_where_they_can_be_nothing_else(
    text: str, figures: set[str]
) -> None:
    assert stated_figures(text) == figures
