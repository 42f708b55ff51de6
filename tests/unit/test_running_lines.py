"""Headers, footers and page numbers of a document's pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ingest.loaders.pdf.running_lines import remove_running_lines

BODY = ["The pump is started.", "It runs for an hour.", "Then it is stopped."]


def pages(count: int, page: Callable[[int], list[str]]) -> list[list[str]]:
    return [page(number) for number in range(1, count + 1)]


def body(number: int) -> list[str]:
    return [f"{line} ({number * 7})" for line in BODY]


@pytest.mark.parametrize(
    "footer",
    [
        "{0}",
        "- {0} -",
        "第 {0} 页",
        "第{0}頁 共10頁",
        "Page {0} of 10",
        "page {0} / 10",
        "p. {0}",
        "{0} | 10",
        "— {0} —",
        "１０ / {0}",
    ],
)
def test_page_numbers_are_dropped_everywhere(footer: str) -> None:
    written = pages(10, lambda number: [*body(number), footer.format(number + 4)])
    assert remove_running_lines(written) == pages(10, body)


def test_a_header_stays_on_the_first_page_alone() -> None:
    written = pages(6, lambda number: ["东北电气 2018 年第一季度报告", *body(number)])
    first, *others = remove_running_lines(written)
    assert first == ["东北电气 2018 年第一季度报告", *body(1)]
    assert others == [body(number) for number in range(2, 7)]


@pytest.mark.parametrize("header", ["Annual report of the works {0}", "{0} 公司年度财务报告"])
def test_a_header_with_the_page_number_in_it_stays_once(header: str) -> None:
    written = pages(6, lambda number: [header.format(number), *body(number)])
    cleaned = remove_running_lines(written)
    assert cleaned == [written[0], *(body(number) for number in range(2, 7))]


def test_headers_of_left_and_right_pages_are_told_apart() -> None:
    titles = ["The Author", "The Title of the Work"]
    written = pages(10, lambda number: [titles[number % 2], str(number), *body(number)])
    cleaned = remove_running_lines(written)
    assert cleaned[:2] == [[titles[1], *body(1)], [titles[0], *body(2)]]
    assert cleaned[2:] == [body(number) for number in range(3, 11)]


def test_a_title_page_without_a_header_does_not_save_the_others() -> None:
    written = [["A Manual"], *pages(9, lambda number: ["Manual of pumps", *body(number)])]
    cleaned = remove_running_lines(written)
    assert sum(page[0] == "Manual of pumps" for page in cleaned) == 1


def test_a_table_head_repeated_on_every_page_is_kept_once_and_its_rows_always() -> None:
    written = pages(
        5, lambda number: ["WARN Report", "Item | Count", f"Pump {number} | 3", "Seal | 4"]
    )
    cleaned = remove_running_lines(written)
    assert cleaned[0] == written[0]
    assert cleaned[1:] == [[f"Pump {number} | 3", "Seal | 4"] for number in range(2, 6)]


def test_three_pages_keep_everything() -> None:
    written = pages(3, lambda number: ["Header", *body(number), f"Page {number}"])
    assert remove_running_lines(written) == written


@pytest.mark.parametrize(
    "heading", ["Chapter {0}", "Step {0}", "第{0}章", "附件 {0}", "Table {0}", "Invoice 100{0}"]
)
def test_headings_that_count_with_the_pages_are_kept(heading: str) -> None:
    written = pages(8, lambda number: [heading.format(number), *body(number)])
    assert remove_running_lines(written) == written


def test_numbers_that_do_not_follow_the_pages_are_kept() -> None:
    written = pages(8, lambda number: [*body(number), str(number * number)])
    assert remove_running_lines(written) == written


def test_a_line_repeated_in_the_middle_of_pages_is_kept() -> None:
    written = pages(8, lambda number: [*body(number), "Danger!", *body(number + 50)])
    assert remove_running_lines(written) == written


def test_a_page_with_nothing_else_keeps_its_lines() -> None:
    written = pages(8, lambda number: [f"Page {number}"])
    assert remove_running_lines(written) == written


def test_pages_without_text_are_no_pages() -> None:
    written = [[""], ["Header", "a"], [], ["Header", "b"], [""]]
    assert remove_running_lines(written) == written
