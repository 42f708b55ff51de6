"""Spreadsheets through the public ``load_bytes``: sheets as pages, cells as people see them."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from xlsxwriter.workbook import Workbook

from ingest.loaders import load_bytes
from ingest.loaders.office.sheet_tables import LAYOUT_ROWS
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, EmptyFile, EncryptedFile, NotText, UnsupportedFormat
from tests.office_documents import encrypted_manifest, odf_part, ole, part_of, rezipped, xls, zipped

Rows = list[list[object]]


def workbook(fill: Callable[[Workbook], object]) -> bytes:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    fill(book)
    book.close()
    return buffer.getvalue()


def xlsx(rows: Rows, name: str = "Sheet1") -> bytes:
    def fill(book: Workbook) -> None:
        sheet = book.add_worksheet(name)
        for row, cells in enumerate(rows):
            sheet.write_row(row, 0, cells)

    return workbook(fill)


def load(rows: Rows) -> LoadedText:
    return load_bytes("a.xlsx", xlsx(rows))


def tables(loaded: LoadedText) -> list[tuple[str, str]]:
    """Each table's header and its whole text."""
    return [
        (
            loaded.text[mark.char_start : mark.header_end],
            loaded.text[mark.char_start : mark.char_end],
        )
        for mark in loaded.marks
        if mark.kind == "table"
    ]


def test_every_sheet_is_a_page_under_its_name() -> None:
    def fill(book: Workbook) -> None:
        book.set_properties({"title": "花名册"})
        book.add_worksheet("员工").write_column(0, 0, ["姓名", "张三"])
        book.add_worksheet("Blank")
        hidden = book.add_worksheet("Old")
        hidden.write_row(0, 0, ["Name", "Days"])
        hidden.write_row(1, 0, ["Ann", 3])
        hidden.hide()

    loaded = load_bytes("a.xlsx", workbook(fill))
    assert loaded.text == "员工\n\n姓名\n张三\n\nOld\n\nName | Days\nAnn | 3"
    assert [
        (page.number, loaded.text[page.char_start : page.char_end]) for page in loaded.pages
    ] == [
        (1, "员工\n\n姓名\n张三"),
        (3, "\n\nOld\n\nName | Days\nAnn | 3"),
    ]
    assert loaded.warnings == ("Sheet 'Old' is hidden; it was read as well.",)
    assert loaded.title == "花名册"
    assert loaded.engine.startswith("python-calamine ")


_DAY = datetime.datetime(2024, 5, 1)


@pytest.mark.parametrize(
    ("value", "number_format", "expected"),
    [
        (12345678.0, "General", "12345678"),
        (0.1 + 0.2, "General", "0.3"),
        (-2.5, "General", "-2.5"),
        (0.153, "0.0%", "15.3%"),
        (0.5, "0%", "50%"),
        (0.12345, '0.000"%"', "0.12345"),
        (_DAY, "yyyy-mm-dd", "2024-05-01"),
        (_DAY, 'yyyy"年"m"月"d"日"', "2024-05-01"),
        (_DAY, "[$-804]yyyy/m/d", "2024-05-01"),
        (_DAY.replace(hour=8, minute=30), "d.m.yy hh:mm", "2024-05-01 08:30"),
        (datetime.time(8, 30, 15), "hh:mm:ss", "08:30:15"),
        (1.5, "[h]:mm:ss", "36:00:00"),
        (True, "General", "TRUE"),
    ],
)
def test_a_cell_shows_what_a_person_sees(value: object, number_format: str, expected: str) -> None:
    def fill(book: Workbook) -> None:
        book.add_worksheet("s").write(1, 2, value, book.add_format({"num_format": number_format}))

    assert load_bytes("a.xlsx", workbook(fill)).text == f"s\n\n{expected}"


def test_a_formula_shows_its_last_result() -> None:
    def fill(book: Workbook) -> None:
        book.add_worksheet("s").write_formula(0, 0, "=6*7", None, 42)

    assert load_bytes("a.xlsx", workbook(fill)).text == "s\n\n42"


def test_tables_set_apart_by_blank_rows_or_columns_are_tables_of_their_own() -> None:
    loaded = load(
        [
            ["Leave of 2024"],
            ["Name", "Days", "", "City", "Code"],
            ["Ann", 3, "", "北京", 10],
            [],
            ["Part", "Price"],
            ["Bolt", 1.5],
        ]
    )
    assert loaded.text.startswith("Sheet1\n\nLeave of 2024\n\n")
    assert tables(loaded) == [
        ("Name | Days", "Name | Days\nAnn | 3"),
        ("City | Code", "City | Code\n北京 | 10"),
        ("Part | Price", "Part | Price\nBolt | 1.5"),
    ]


def test_rows_after_a_blank_one_go_on_with_the_table_when_they_have_no_header() -> None:
    loaded = load([["Name", "Days"], ["Ann", 3], [], ["合计", 3]])
    assert tables(loaded) == [("Name | Days", "Name | Days\nAnn | 3\n合计 | 3")]


@pytest.mark.parametrize(
    ("rows", "header"),
    [
        ([["Item", 2023, 2024], ["Sales", 12.5, 13]], "Item | 2023 | 2024"),
        ([["Ann", 1990], ["Bob", 1985], ["Cy", 1999]], ""),
        ([[1, 2], [3, 4]], ""),
        ([["a", "a"], ["b", "c"]], ""),
        ([["x" * 101, "b"], ["c", "d"]], ""),
        ([["Line one"], ["Line two"]], ""),
        ([["Amount"], [12], [13]], "Amount"),
    ],
)
def test_a_header_is_a_row_of_names_unlike_what_stands_below(rows: Rows, header: str) -> None:
    assert [found for found, _ in tables(load(rows))] == [header]


def test_a_line_end_within_a_cell_does_not_break_its_row() -> None:
    assert tables(load([["a\nb", " c  d "], [1, 2]])) == [("a b | c d", "a b | c d\n1 | 2")]


def test_merged_cells_stand_in_their_first_place() -> None:
    def fill(book: Workbook) -> None:
        sheet = book.add_worksheet("s")
        sheet.write_row(0, 0, ["Team", "Name"])
        sheet.merge_range(1, 0, 2, 0, "研发")
        sheet.write_column(1, 1, ["Ann", "Bob"])

    assert load_bytes("a.xlsx", workbook(fill)).text == "s\n\nTeam | Name\n研发 | Ann\n | Bob"


def test_a_long_list_is_one_table_read_as_a_stream() -> None:
    count = LAYOUT_ROWS + 10
    rows: Rows = [["No", "Text"], *([number, f"r{number}"] for number in range(count))]
    rows.insert(5, [])
    loaded = load(rows)
    ((header, text),) = tables(loaded)
    assert header == "No | Text"
    assert text.split("\n") == [header, *(f"{number} | r{number}" for number in range(count))]


def test_reading_stops_at_the_limit_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.loaders.office.spreadsheet.MAX_CHARS", 20)
    loaded = load([["Name", "Days"], *([f"name{number}", number] for number in range(100))])
    assert loaded.text == "Sheet1\n\nName | Days\nname0 | 0\nname1 | 1"
    assert loaded.warnings == ("Only the first 20 characters of the file were read.",)


def test_a_sheet_that_spans_billions_of_cells_is_named_and_not_read() -> None:
    def fill(book: Workbook) -> None:
        wide = book.add_worksheet("wide")
        wide.write(0, 0, "a")
        wide.write(1_048_575, 16_383, "z")
        book.add_worksheet("small").write(0, 0, "text")

    loaded = load_bytes("a.xlsx", workbook(fill))
    assert loaded.text == "small\n\ntext"
    assert loaded.warnings == ("Sheet 'wide' spans 17,179,869,184 cells and was not read.",)


def test_a_claim_of_a_billion_texts_is_refused_before_room_is_made_for_them() -> None:
    data = xlsx([["a", "b"]])
    strings = part_of(data, "xl/sharedStrings.xml").replace(b'ount="2"', b'ount="9999999999"')
    with pytest.raises(BrokenFile, match="table of texts"):
        load_bytes("a.xlsx", rezipped(data, {"xl/sharedStrings.xml": strings}))


def test_an_old_excel_file_is_read() -> None:
    data = xls("表一", {(0, 0): "姓名", (0, 1): "年龄", (1, 0): "张三", (1, 1): 30.0})
    loaded = load_bytes("a.xls", data)
    assert loaded.text == "表一\n\n姓名 | 年龄\n张三 | 30"
    assert load_bytes("a.xlsx", data).text == loaded.text


def test_an_old_excel_file_with_a_password_is_told() -> None:
    data = xls("a", {(0, 0): "x"}, encrypted=True)
    with pytest.raises(EncryptedFile, match="needs a password"):
        load_bytes("a.xls", data)


def test_nothing_is_printed_even_where_native_code_panics(
    capfd: pytest.CaptureFixture[str],
) -> None:
    short_record = b"\x09\x08\x10\0\0\x06\x05\0" + bytes(12) + b"\x85\0\x02\0\x01\x01"
    with pytest.raises(BrokenFile, match="spreadsheet is damaged: PanicException"):
        load_bytes("a.xls", ole("Workbook", short_record))
    assert capfd.readouterr() == ("", "")


def _ods(table: str) -> bytes:
    body = f"<office:body><office:spreadsheet>{table}</office:spreadsheet></office:body>"
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": odf_part("document-content", body),
            "META-INF/manifest.xml": odf_part("manifest", ""),
            "meta.xml": odf_part("document-meta", "<dc:title>Stock</dc:title>"),
        }
    )


def test_an_opendocument_sheet_is_read_whatever_it_repeats() -> None:
    def text(value: str) -> str:
        typed = '<table:table-cell office:value-type="string">'
        return f"{typed}<text:p>{value}</text:p></table:table-cell>"

    blank = '<table:table-cell table:number-columns-repeated="16380"/>'
    loaded = load_bytes(
        "a.ods",
        _ods(
            '<table:table table:name="库存">'
            f"<table:table-row>{text('零件')}{text('Price')}{blank}</table:table-row>"
            f'<table:table-row>{text("Bolt")}<table:table-cell office:value-type="float" '
            'office:value="1.50"><text:p>1,50</text:p></table:table-cell></table:table-row>'
            f'<table:table-row table:number-rows-repeated="1048570">{blank}</table:table-row>'
            "</table:table>"
        ),
    )
    assert loaded.text == "库存\n\n零件 | Price\nBolt | 1.5"
    assert loaded.title == "Stock"


def test_an_encrypted_opendocument_sheet_needs_its_password() -> None:
    data = rezipped(_ods(""), {"META-INF/manifest.xml": encrypted_manifest()})
    with pytest.raises(EncryptedFile, match="those of OpenDocument files are not tried"):
        load_bytes("a.ods", data)


def test_a_web_page_under_the_name_of_a_spreadsheet_is_read_as_one() -> None:
    page = "<html><body><table><tr><td>姓名</td><td>Days</td></tr></table></body></html>"
    loaded = load_bytes("export.xls", page.encode())
    assert "姓名" in loaded.text
    assert loaded.warnings[0] == (
        "The file is a web page under the name of a spreadsheet; it was read as that."
    )


def test_text_under_the_name_of_a_spreadsheet_is_read_as_a_table() -> None:
    loaded = load_bytes("export.xls", "姓名\tDays\n张三\t3\n".encode("gb18030"))
    assert (loaded.text, loaded.encoding) == ("姓名 | Days\n张三 | 3", "gb18030")


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (xlsx([["a"]])[:400], BrokenFile, "damaged or cut short"),
        (zipped({"a.txt": "x"}), BrokenFile, "spreadsheet is damaged, or of another kind"),
        (ole("Workbook", b"rubbish"), BrokenFile, "spreadsheet is damaged"),
        (ole("Workbook", b"", in_circle=True), BrokenFile, "run in circles"),
        (ole("WordDocument", b""), UnsupportedFormat, r"Word 97-2003 document \(\.doc\)"),
        (xlsx([]), EmptyFile, "no filled cell"),
        (xlsx([["", " "]]), EmptyFile, "no filled cell"),
        (bytes(range(256)) * 20, NotText, "binary"),
    ],
)
def test_damage_is_a_clear_error(data: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load_bytes("a.xlsx", data)


_WORD = st.text(st.characters(categories=("Lu", "Lo")), min_size=1, max_size=8)
_CELL = st.one_of(st.integers(-(10**9), 10**9), _WORD)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(_CELL, min_size=2, max_size=4), min_size=2, max_size=8))
def test_every_cell_comes_back_in_its_order(rows: list[list[object]]) -> None:
    text = load(rows).text.removeprefix("Sheet1")
    assert text.replace(" | ", "\n").split() == [str(cell) for row in rows for cell in row]
