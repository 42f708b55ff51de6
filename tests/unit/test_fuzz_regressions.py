"""What the fuzzer (`python -m benchmarks.fuzz`) found, each as the smallest input that shows it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from ingest.chunking import chunk_document
from ingest.decoding import decode
from ingest.loaders import LoadOptions, load_bytes
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile
from tests.chunks import count_letters
from tests.office_documents import docx, odf, paragraph, word, zipped

_HANG_S = 20  # of CPU time: a hundred times what any test here takes


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    """Ends a test that would go on for hours."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError("This takes far too long: is it quadratic?")

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, _HANG_S)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


def load(name: str, data: bytes) -> LoadedText:
    return load_bytes(name, data, LoadOptions(ocr=False))


def test_a_long_line_of_ascii_in_a_legacy_encoding_is_decoded_without_delay() -> None:
    text = "x" * 500_000 + "\n每十四天更换一次滤网，轴承每年加油。\n"
    decoded = decode(text.encode("gb18030"))
    assert (decoded.text, decoded.encoding) == (text, "gb18030")


def test_a_row_of_commas_is_chunked_without_delay() -> None:
    loaded = LoadedText("," * 300_000)
    found = chunk_document(loaded, count_tokens=count_letters, max_tokens=200)
    assert "".join(chunk.text for chunk in found) == loaded.text


@pytest.mark.parametrize("half", ["&#xD800;", "&#x00dfff;", "&#55296;", "&#57343;"])
def test_half_a_surrogate_pair_in_damaged_xml_is_replaced(half: str) -> None:
    loaded = load("a.xml", f"<r><a>x{half}y</a><b k='{half}'>z</r>".encode())
    assert loaded.text == "a: x\ufffdy\nb.k: \ufffd\nb: z"
    assert len(loaded.warnings) == 1


def test_what_a_file_makes_a_loader_say_is_bounded_and_cannot_command_a_terminal() -> None:
    page = f"%1b[31m{'9' * 5_000}.xhtml"
    package = (
        f'<package><manifest><item id="a" href="{page}" media-type="text/html"/></manifest>'
        '<spine><itemref idref="a"/></spine></package>'
    )
    with pytest.raises(BrokenFile) as caught:
        load("a.epub", zipped({"book.opf": package}))
    said = str(caught.value)
    assert said.startswith("No chapter of the book can be read. [31m999")
    assert (len(said), said[-1]) == (1_000, "…")


def test_a_thousand_warnings_are_cut_short() -> None:
    loaded = load("a.rst", b"text\n\n" + b".. include:: x\n\n" * 500)
    assert len(loaded.warnings) == 101
    assert loaded.warnings[-1] == "There are 400 more warnings of this file."


@pytest.mark.parametrize("level", ["-1", "x", "2147483647", "9" * 5_000])
def test_a_list_item_at_an_impossible_depth_is_read(level: str) -> None:
    properties = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="1"/></w:numPr>'
    numbering = word(
        "numbering",
        f'<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="{level}"/></w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/>'
        f'<w:lvlOverride w:ilvl="{level}"><w:startOverride w:val="{level}"/></w:lvlOverride>'
        "</w:num>",
    )
    loaded = load("a.docx", docx(paragraph("item", properties), numbering=numbering))
    assert loaded.text.strip(" -") == "item"


def test_numbers_that_are_none_do_not_cost_an_opendocument_file() -> None:
    level = (
        '<text:list-level-style-number text:level="x" text:start-value="²" style:num-format="1"/>'
    )
    styles = f'<text:list-style style:name="L1">{level}</text:list-style>'
    item = "<text:list-item text:start-value='-'><text:p>item</text:p></text:list-item>"
    body = f'<text:list text:style-name="L1">{item}</text:list>'
    assert load("a.odt", odf("text", body, automatic=styles)).text == "1 item"


def test_a_point_of_a_chart_without_a_place_is_read() -> None:
    point = '<c:pt idx="first"><c:v>4.5</c:v></c:pt>'
    chart = f"<c:chart><c:ser><c:val><c:numCache>{point}</c:numCache></c:val></c:ser></c:chart>"
    drawing = '<a:graphic><a:graphicData><c:chart r:id="rId1"/></a:graphicData></a:graphic>'
    body = paragraph("before") + f"<w:p><w:r><w:drawing>{drawing}</w:drawing></w:r></w:p>"
    assert "4.5" in load("a.docx", docx(body, chart=word("chartSpace", chart))).text


def test_a_list_of_the_headings_in_every_section_takes_no_hours() -> None:
    loaded = load("a.rst", b"Section\n=======\n\n.. contents::\n\ntext\n\n" * 1_000)
    assert [mark.kind for mark in loaded.marks] == ["heading"] * 1_000
    assert loaded.text.count("Section") == 1_000


def test_tables_within_tables_around_a_long_page_take_no_minutes() -> None:
    page = "<p>x<table><tr><td>" * 480 + "<b>y</b>" * 100_000
    assert load("a.html", page.encode()).text.count("y") == 100_000


def test_thousands_of_lines_of_dashes_in_restructured_text_take_no_minutes() -> None:
    loaded = load("a.rst", b"text\n\n----\n\n" * 5_000)
    assert loaded.text.split("\n\n") == ["text"] * 5_000


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_a_line_separator_within_a_value_tears_no_record_apart(separator: str) -> None:
    value = f"before{separator}after"
    rows = [{"a": value, "b": "1"}, {"a": "z", "b": "2"}]
    expected = "a: before\nafter\nb: 1\n\na: z\nb: 2"
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    for name, text in (("a.json", json.dumps(rows, ensure_ascii=False)), ("a.jsonl", lines)):
        loaded = load(name, text.encode())
        assert (loaded.text, loaded.warnings) == (expected, ())
    assert load("a.csv", f"a,b\n{value},1\n".encode()).text == "a | b\nbefore after | 1"


def test_what_is_no_json_has_plain_line_ends() -> None:
    assert load("a.json", "no json\u2028at all".encode()).text == "no json\nat all"


def test_a_delivery_report_with_a_character_no_store_can_hold_is_read_without_it() -> None:
    mail = (
        b"Subject: Undelivered\nContent-Type: message/delivery-status\n\n"
        b"Reporting-MTA: dns; relay\x00.example.com\n\nFinal-Recipient: rfc822; a@example.com\n"
    )
    text = load_bytes("a.eml", mail, LoadOptions()).text
    assert "relay.example.com" in text
    assert "\0" not in text
