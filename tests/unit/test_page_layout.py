"""Lines, tables and reading order from words with places."""

from __future__ import annotations

from ingest.loaders.pdf.page_layout import layout_text, reading_order
from ingest.loaders.pdf.page_tables import Word

WIDTH, LINE = 6.0, 14.0  # of a letter, of a line


def line(text: str, left: float, row: float) -> list[Word]:
    """The words of ``text``, which starts at ``left`` in line ``row``."""
    words: list[Word] = []
    for part in text.split(" "):
        right = left + WIDTH * len(part)
        words.append(Word(part, left, row * LINE, right, row * LINE + 12))
        left = right + WIDTH / 2
    return words


def table(rows: list[list[str]], lefts: list[float]) -> list[Word]:
    return [
        word
        for number, cells in enumerate(rows)
        for cell, left in zip(cells, lefts, strict=True)
        if cell
        for word in line(cell, left, number)
    ]


def text_of(words: list[Word]) -> str:
    return layout_text(words)[0]


def test_words_of_a_line_are_joined_and_lines_kept_in_order() -> None:
    words = line("Pumps are checked", 0, 0) + line("every week.", 0, 1)
    assert layout_text(words) == ("Pumps are checked\nevery week.", False)


def test_empty_cells_keep_figures_below_their_heading() -> None:
    rows = [
        ["Code", "Old", "New", "Note"],
        ["A-1", "4", "", "checked"],
        ["A-2", "", "7", ""],
        ["A-3", "5", "6", ""],
    ]
    assert text_of(table(rows, [0, 100, 160, 220])) == (
        "Code | Old | New | Note\nA-1 | 4 |  | checked\nA-2 |  | 7 |\nA-3 | 5 | 6 |"
    )


def test_a_cell_too_wide_for_its_column_does_not_merge_columns() -> None:
    rows = [["Name", "Town", "Count"], *([f"Firm {n}", "Leeds", str(n)] for n in range(12))]
    rows[5][0] = "A firm of an overlong name"
    lines = text_of(table(rows, [0, 100, 200])).split("\n")
    assert lines[1] == "Firm 0 | Leeds | 0"
    assert lines[12] == "Firm 11 | Leeds | 11"


def test_a_cell_of_two_lines_stays_one_cell() -> None:
    words = table(
        [["Item", "Count", "Price"], ["Pump", "3", "9"], ["Valve", "4", "8"]], [0, 120, 200]
    )
    words += line("of steel", 0, 3) + line("5", 120, 3.5) + line("7", 200, 3.5)
    words += line("and brass", 0, 4)
    assert text_of(words).split("\n")[3:] == ["of steel and brass | 5 | 7"]


def test_text_around_a_table_stays_around_it() -> None:
    words = line("Counts of the year:", 0, 0)
    words += [
        word._replace(top=word.top + 30, bottom=word.bottom + 30)
        for word in table([["a", "b", "c"], ["1", "2", "3"], ["4", "5", "6"]], [0, 90, 180])
    ]
    words += line("That is all there is to say.", 0, 12)
    assert text_of(words) == (
        "Counts of the year:\na | b | c\n1 | 2 | 3\n4 | 5 | 6\nThat is all there is to say."
    )


def prose(count: int, left: float, name: str, top: float = 0) -> list[list[Word]]:
    return [
        line(f"{name} {number} tells of pumps and of seals", left, top + number)
        for number in range(count)
    ]


def test_columns_of_prose_are_no_table_even_when_written_line_by_line() -> None:
    columns = [prose(6, left, name) for left, name in ((0, "one"), (300, "two"), (600, "three"))]
    by_line = [word for lines in zip(*columns, strict=True) for part in lines for word in part]
    assert layout_text(by_line)[1] is False


def test_a_list_with_its_bullets_is_no_table() -> None:
    words = [word for row in range(5) for word in (*line("•", 0, row), *line("Seal it", 40, row))]
    assert text_of(words) == "\n".join(["• Seal it"] * 5)


def test_chinese_lines_of_a_cell_are_joined_without_a_blank() -> None:
    words = table([["项目", "期末", "期初"], ["货币", "3", "9"], ["存货", "4", "8"]], [0, 120, 200])
    words += line("应收", 0, 3) + line("5", 120, 3.5) + line("7", 200, 3.5) + line("账款", 0, 4)
    assert text_of(words).split("\n")[3:] == ["应收账款 | 5 | 7"]


def test_columns_are_read_from_left_to_right_below_their_title() -> None:
    left, right = prose(4, 0, "left", 3), prose(4, 300, "right", 3)
    title = line("A title over both of the columns, which is long", 60, 0)
    shuffled = [word for rows in zip(right, left, strict=True) for row in rows for word in row]
    ordered = text_of(reading_order([*shuffled, *title]))
    assert ordered.split("\n") == [
        "A title over both of the columns, which is long",
        *(f"left {number} tells of pumps and of seals" for number in range(4)),
        *(f"right {number} tells of pumps and of seals" for number in range(4)),
    ]


def test_a_table_is_not_taken_apart_by_reading_order() -> None:
    rows = [["Item", "Count", "Price"], *([f"Pump {n}", str(n), str(9 * n)] for n in range(6))]
    words = table(rows, [0, 200, 400])
    assert text_of(reading_order(words)) == text_of(words)
    assert "Pump 5 | 5 | 45" in text_of(words)


def test_nothing_gives_nothing() -> None:
    assert layout_text(reading_order([])) == ("", False)
