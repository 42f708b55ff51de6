"""Word documents through the public ``load_bytes``: text, marks, title."""

from __future__ import annotations

import io
from typing import Literal

import docx as python_docx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.loaders import load_bytes
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, EmptyFile, NoText, UnsupportedFormat
from tests.office_documents import (
    cell,
    docx,
    ole,
    paragraph,
    part_of,
    relationships,
    rezipped,
    style,
    table,
    word,
    zipped,
)


def load(body: str, **parts: str) -> LoadedText:
    return load_bytes("a.docx", docx(body, **parts))


def marked(loaded: LoadedText, kind: Literal["heading", "table", "code"]) -> list[str]:
    return [loaded.text[m.char_start : m.char_end] for m in loaded.marks if m.kind == kind]


def headings(loaded: LoadedText) -> list[tuple[int, str]]:
    return [
        (mark.level, loaded.text[mark.char_start : mark.char_end])
        for mark in loaded.marks
        if mark.kind == "heading"
    ]


def test_a_document_of_word_itself_is_read_in_order_with_its_structure() -> None:
    document = python_docx.Document()
    document.core_properties.title = "员工手册"
    document.add_heading("第一章 年假", level=1)
    document.add_paragraph("员工每年可以享受十天带薪年假。")
    document.add_paragraph("First", style="List Bullet")
    document.add_paragraph("Second", style="List Number")
    grid = document.add_table(rows=2, cols=2)
    for place, text in enumerate(["部门", "天数", "研发部", "10"]):
        grid.cell(place // 2, place % 2).text = text
    document.add_heading("Contact", level=2)
    document.add_paragraph("Ask the office.")
    buffer = io.BytesIO()
    document.save(buffer)

    loaded = load_bytes("handbook.docx", buffer.getvalue())
    assert loaded.text == (
        "第一章 年假\n\n员工每年可以享受十天带薪年假。\n\n- First\n1. Second\n\n"
        "部门 | 天数\n研发部 | 10\n\nContact\n\nAsk the office."
    )
    assert headings(loaded) == [(1, "第一章 年假"), (2, "Contact")]
    grid_mark = next(mark for mark in loaded.marks if mark.kind == "table")
    assert loaded.text[grid_mark.char_start : grid_mark.header_end] == "部门 | 天数"
    assert (loaded.title, loaded.syntax, loaded.pages) == ("员工手册", "marked", ())
    assert loaded.engine.startswith("lxml ")
    assert loaded.warnings == ()


@pytest.mark.parametrize(
    ("name", "properties", "expected"),
    [
        ("heading 3", "", [(3, "text")]),
        ("标题 2", "", [(2, "text")]),
        ("標題 1", "", [(1, "text")]),
        ("見出し 4", "", [(4, "text")]),
        ("Title", "", [(1, "text")]),
        ("My own", '<w:outlineLvl w:val="4"/>', [(5, "text")]),
        ("heading 1", '<w:outlineLvl w:val="9"/>', []),
        ("header", "", []),
    ],
)
def test_a_heading_is_told_by_its_style(
    name: str, properties: str, expected: list[tuple[int, str]]
) -> None:
    loaded = load(
        paragraph("text", '<w:pStyle w:val="x"/>') + paragraph("body"),
        styles=word("styles", style("x", name, properties)),
    )
    assert headings(loaded) == expected


def test_a_style_inherits_from_the_one_it_is_based_on() -> None:
    styles = style("a", "heading 2") + style("b", "Own", based_on="a")
    loaded = load(paragraph("x", '<w:pStyle w:val="b"/>'), styles=word("styles", styles))
    assert headings(loaded) == [(2, "x")]


def test_styles_based_on_one_another_in_a_circle_are_read() -> None:
    styles = style("a", "One", based_on="b") + style("b", "Other", based_on="a")
    loaded = load(paragraph("x", '<w:pStyle w:val="a"/>'), styles=word("styles", styles))
    assert loaded.text == "x"


def test_a_whole_paragraph_with_an_outline_level_is_no_heading() -> None:
    long = "很长的一段正文，" * 40
    assert headings(load(paragraph(long, '<w:outlineLvl w:val="0"/>'))) == []


_LEVELS = """
<w:abstractNum w:abstractNumId="0">
  <w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="chineseCounting"/>
    <w:lvlText w:val="第%1条"/></w:lvl>
  <w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:isLgl/>
    <w:lvlText w:val="%1.%2"/></w:lvl>
  <w:lvl w:ilvl="2"><w:numFmt w:val="bullet"/><w:lvlText w:val="•"/></w:lvl>
</w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>
<w:num w:numId="2"><w:abstractNumId w:val="0"/>
  <w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride></w:num>
"""


def _item(text: str, level: int, number: int = 1) -> str:
    return paragraph(
        text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>'
    )


def test_automatic_numbers_stand_in_the_text_as_the_reader_sees_them() -> None:
    body = (
        _item("总则", 0) + _item("one", 1) + _item("two", 1) + _item("dot", 2) + _item("分则", 0)
    ) + (_item("one", 1) + _item("重新", 0, number=2) + _item("不编号", 0, number=0))
    assert load(body, numbering=word("numbering", _LEVELS)).text == (
        "第一条 总则\n  1.1 one\n  1.2 two\n    - dot\n第二条 分则\n  2.1 one\n"
        "第一条 重新\n\n不编号"
    )


def test_numbered_headings_carry_their_number() -> None:
    numbered = '<w:numPr><w:numId w:val="1"/></w:numPr>'
    loaded = load(
        paragraph("总则", '<w:pStyle w:val="h"/>'),
        numbering=word("numbering", _LEVELS),
        styles=word("styles", style("h", "heading 1", numbered)),
    )
    assert headings(loaded) == [(1, "第一条 总则")]


def test_tracked_insertions_are_read_and_deletions_are_not() -> None:
    body = (
        "<w:p><w:r><w:t>Pay </w:t></w:r><w:del><w:r><w:delText>10</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>20</w:t></w:r></w:ins><w:moveFrom><w:r><w:t>gone</w:t></w:r></w:moveFrom>"
        "<w:moveTo><w:r><w:t> days</w:t></w:r></w:moveTo></w:p>"
    )
    assert load(body).text == "Pay 20 days"


def test_links_fields_and_controls_give_their_visible_text_alone() -> None:
    body = (
        '<w:p><w:hyperlink r:id="rId9"><w:r><w:t>link</w:t></w:r></w:hyperlink>'
        '<w:r><w:fldChar w:fldCharType="begin"/><w:instrText>HYPERLINK "x"</w:instrText>'
        '<w:fldChar w:fldCharType="separate"/><w:t> shown</w:t></w:r>'
        "<w:sdt><w:sdtContent><w:r><w:t> filled</w:t></w:r></w:sdtContent></w:sdt>"
        "<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent><w:r><w:t>Click here</w:t></w:r>"
        "</w:sdtContent></w:sdt><w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>"
        '<w:r><w:tab/><w:t>tabbed</w:t><w:br/><w:t>next</w:t><w:sym w:font="Wingdings" '
        'w:char="F0FC"/><w:noBreakHyphen/></w:r></w:p>'
    )
    assert load(body).text == "link shown filled\ttabbed\nnext✓-"


def test_a_text_box_follows_its_paragraph_and_is_read_once() -> None:
    box = f"<w:txbxContent>{paragraph('inside')}</w:txbxContent>"
    body = (
        "<w:p><w:r><w:t>before</w:t></w:r><w:r><mc:AlternateContent>"
        f'<mc:Choice Requires="wps"><w:drawing><wps:txbx>{box}</wps:txbx></w:drawing></mc:Choice>'
        f"<mc:Fallback><w:pict><v:textbox>{box}</v:textbox></w:pict></mc:Fallback>"
        "</mc:AlternateContent></w:r></w:p>"
    ) + paragraph("after")
    assert load(body).text == "before\n\ninside\n\nafter"


def test_notes_follow_the_paragraph_that_refers_to_them() -> None:
    body = (
        '<w:p><w:r><w:t>Claim</w:t><w:footnoteReference w:id="2"/></w:r><w:r><w:t>, more</w:t>'
        '<w:endnoteReference w:id="5"/></w:r></w:p>'
    ) + paragraph("next")
    loaded = load(
        body,
        footnotes=word("footnotes", f'<w:footnote w:id="2">{paragraph("见附件。")}</w:footnote>'),
        endnotes=word("endnotes", f'<w:endnote w:id="5">{paragraph("Source.")}</w:endnote>'),
    )
    assert loaded.text == "Claim[^1], more[^i]\n\n[^1]: 见附件。\n\n[^i]: Source.\n\nnext"


def test_merged_cells_are_not_repeated_and_keep_their_columns() -> None:
    body = table(
        cell("Name", '<w:vMerge w:val="restart"/>') + cell("Days", '<w:gridSpan w:val="2"/>'),
        cell("", "<w:vMerge/>") + cell("left") + cell("taken"),
        cell("Ann") + cell("3") + cell("7"),
    )
    loaded = load(body)
    assert loaded.text == "Name | Days\n | left | taken\nAnn | 3 | 7"
    assert marked(loaded, "table") == [loaded.text]


def test_a_nested_table_stands_within_its_cell() -> None:
    inner = table(cell("a") + cell("b"), cell("c") + cell("d"))
    outer = f"<w:tc>{paragraph('see')}{inner}{paragraph('')}</w:tc>"
    loaded = load(table(cell("k") + cell("v"), cell("x") + outer))
    assert loaded.text == "k | v\nx | see a b c d"


def test_a_table_of_one_column_is_a_frame_around_blocks() -> None:
    notice = paragraph("Notice", '<w:outlineLvl w:val="0"/>')
    loaded = load(table(f"<w:tc>{notice}{paragraph('Be kind.')}</w:tc>"))
    assert (loaded.text, headings(loaded)) == ("Notice\n\nBe kind.", [(1, "Notice")])


def test_a_row_that_repeats_on_every_page_is_the_header_even_of_numbers() -> None:
    row = "<w:trPr><w:tblHeader/></w:trPr>" + cell("1") + cell("2")
    (mark,) = load(table(row, cell("3") + cell("4"))).marks
    assert (mark.char_start, mark.header_end) == (0, 5)


def test_contents_lists_are_left_out() -> None:
    control = (
        '<w:sdt><w:sdtPr><w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj>'
        f"</w:sdtPr><w:sdtContent>{paragraph('Contents')}</w:sdtContent></w:sdt>"
    )
    loaded = load(
        control + paragraph("Leave ..... 3", '<w:pStyle w:val="t"/>') + paragraph("Body"),
        styles=word("styles", style("t", "toc 1")),
    )
    assert loaded.text == "Body"


def test_headers_and_footers_stand_once_at_the_end_without_page_numbers() -> None:
    loaded = load(
        paragraph("Body"),
        header1=word("hdr", paragraph("内部资料")),
        header2=word("hdr", paragraph("内部资料") + paragraph("Draft")),
        footer1=word("ftr", paragraph("第 1 页 共 9 页") + paragraph("Page 1 of 9")),
    )
    assert loaded.text == "Body\n\n内部资料\n\nDraft"


def test_code_paragraphs_become_one_block_with_its_indentation() -> None:
    code = '<w:pStyle w:val="c"/>'
    loaded = load(
        paragraph("if x:", code) + paragraph("    return", code) + paragraph("Done."),
        styles=word("styles", style("c", "Source Code")),
    )
    assert marked(loaded, "code") == ["if x:\n    return"]


def _math(name: str, **parts: str) -> str:
    """An OMML structure; a part named ``…Pr`` is its properties, "t" its text."""
    inner = "".join(f"<m:{part}>{content}</m:{part}>" for part, content in parts.items())
    return f"<m:{name}>{inner}</m:{name}>"


def _run(text: str) -> str:
    return _math("r", t=text)


_X, _SUM = _run("x"), _run("a+b")


@pytest.mark.parametrize(
    ("equation", "expected"),
    [
        (_math("sSup", e=_X, sup=_run("2")) + _run("="), "x^2="),
        (_math("f", num=_SUM, den=_run("2")), "(a+b)/2"),
        (_math("d", e=_math("f", fPr='<m:type m:val="noBar"/>', num=_X, den=_SUM)), "(x a+b)"),
        (_math("sSubSup", e=_X, sub=_run("i"), sup=_SUM), "x_i^(a+b)"),
        (_math("rad", deg=_run("3"), e=_SUM), "3√(a+b)"),
        (_math("nary", naryPr='<m:chr m:val="∑"/>', sub=_run("i"), sup=_run("n"), e=_X), "∑_i^n x"),
        (_math("nary", sub="", sup="", e=_X), "∫ x"),
        (_math("d", dPr='<m:begChr m:val="["/><m:endChr m:val="]"/>', e=_X), "[x]"),
        (_math("func", fName=_run("sin\u2061"), e=_X), "sin x"),
        (_math("m", mr=_math("e", r="<m:t>1</m:t>") + _math("e", r="<m:t>2</m:t>")), "[1, 2]"),
        (_math("limLow", e=_run("lim"), lim=_run("n→∞")), "lim_(n→∞)"),
    ],
)
def test_an_equation_is_written_on_one_line(equation: str, expected: str) -> None:
    assert load(f"<w:p><m:oMath>{equation}</m:oMath></w:p>").text == expected


def test_a_chart_shows_its_figures() -> None:
    chart = (
        '<c:chartSpace xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart">'
        "<c:chart><c:plotArea><c:barChart><c:ser><c:tx><c:strRef><c:strCache>"
        '<c:pt idx="0"><c:v>销量</c:v></c:pt></c:strCache></c:strRef></c:tx>'
        '<c:cat><c:strRef><c:strCache><c:pt idx="0"><c:v>一月</c:v></c:pt>'
        '<c:pt idx="1"><c:v>二月</c:v></c:pt></c:strCache></c:strRef></c:cat>'
        '<c:val><c:numRef><c:numCache><c:pt idx="0"><c:v>4.2999999999999998</c:v></c:pt>'
        '<c:pt idx="1"><c:v>5</c:v></c:pt></c:numCache></c:numRef></c:val>'
        "</c:ser></c:barChart></c:plotArea></c:chart></c:chartSpace>"
    )
    body = (
        '<w:p><w:r><w:drawing><a:graphic><a:graphicData><c:chart r:id="rId1"/></a:graphicData>'
        "</a:graphic></w:drawing></w:r></w:p>"
    )
    assert load(body, chart=chart).text == " | 销量\n一月 | 4.3\n二月 | 5"


@pytest.mark.parametrize("title", ["PowerPoint 演示文稿", "Document1", "C:\\a\\b", "x.docx", " "])
def test_a_templates_title_is_none(title: str) -> None:
    core = (
        '<cp:coreProperties xmlns:cp="http://x" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{title}</dc:title></cp:coreProperties>"
    )
    data = rezipped(
        docx(paragraph("x")),
        {
            "_rels/.rels": relationships(
                {"word/document.xml": "officeDocument", "core.xml": "core-properties"}
            ),
            "core.xml": core,
        },
    )
    assert load_bytes("a.docx", data).title == ""


def test_a_document_with_macros_is_read() -> None:
    assert load_bytes("a.docm", docx(paragraph("macro"))).text == "macro"


def test_a_strict_document_is_read() -> None:
    data = docx(paragraph("strict", '<w:outlineLvl w:val="0"/>'))
    changes = {
        name: part_of(data, name)
        .replace(
            b"schemas.openxmlformats.org/wordprocessingml/2006/",
            b"purl.oclc.org/ooxml/wordprocessingml/",
        )
        .replace(
            b"schemas.openxmlformats.org/officeDocument/2006/",
            b"purl.oclc.org/ooxml/officeDocument/",
        )
        for name in ("_rels/.rels", "word/document.xml")
    }
    assert headings(load_bytes("a.docx", rezipped(data, changes))) == [(1, "strict")]


def test_a_reference_to_a_part_that_is_missing_does_no_harm() -> None:
    relations = relationships({"NULL": "image", "footnotes.xml": "footnotes"})
    data = rezipped(docx(paragraph("x")), {"word/_rels/document.xml.rels": relations})
    assert load_bytes("a.docx", data).text == "x"


def test_damaged_styles_cost_the_styles_and_a_warning() -> None:
    loaded = load(paragraph("x", '<w:pStyle w:val="h"/>'), styles="<w:styles")
    assert loaded.text == "x"
    assert loaded.warnings[0].startswith("Left out: The part 'word/styles.xml' is damaged")


def test_an_embedded_document_is_named_as_not_read() -> None:
    assert load(paragraph("x") + '<w:altChunk r:id="rId1"/>').warnings == (
        "1 embedded document(s) within the document were not read.",
    )


def test_a_document_of_pictures_says_so() -> None:
    with pytest.raises(NoText, match=r"only pictures \(2\)") as caught:
        load("<w:p/>", image1="", image2="")
    assert not isinstance(caught.value, EmptyFile)


def test_a_blank_document_is_empty() -> None:
    with pytest.raises(EmptyFile, match="The document is empty"):
        load(paragraph("  "))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no archive", "no ZIP container"),
        (docx(paragraph("x"))[:300], "damaged or cut short"),
        (zipped({"a.txt": "x"}), "not an Office document"),
        (docx("").replace(b"word/document", b"word/elsewher"), "damaged|main part"),
        (rezipped(docx(""), {"word/document.xml": "<x/>"}), "not a Word document"),
        (docx("<w:p>"), r"'word/document.xml' is damaged"),
        (docx("<w:sdt><w:sdtContent>" * 200 + "</w:sdtContent></w:sdt>" * 200), "depth|deep"),
        (ole("Workbook", b"", in_circle=True), "run in circles"),
    ],
)
def test_damage_is_a_clear_error(data: bytes, message: str) -> None:
    with pytest.raises(BrokenFile, match=message):
        load_bytes("a.docx", data)


def test_an_old_word_file_under_a_new_name_is_told() -> None:
    with pytest.raises(UnsupportedFormat, match=r"Word 97-2003 document .* Save it as \.docx"):
        load_bytes("a.docx", ole("WordDocument", b""))


_BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9))
    + "]>"
)


@pytest.mark.parametrize(
    "declared", [_BOMB, '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>']
)
@pytest.mark.parametrize("entity", ["&j;", "&a;", ""])
def test_xml_entities_are_refused_in_no_time(declared: str, entity: str) -> None:
    body = word("document", f"<w:body>{paragraph(entity)}</w:body>")
    with pytest.raises(BrokenFile, match=r"entit|Entity"):
        load_bytes("a.docx", rezipped(docx(""), {"word/document.xml": declared + body}))


_TEXT = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=30
)


@settings(deadline=None, max_examples=30)
@given(st.lists(_TEXT, min_size=1, max_size=6))
def test_any_paragraphs_come_back_as_they_were_written(texts: list[str]) -> None:
    document = python_docx.Document()
    for text in texts:
        document.add_paragraph(text)
    buffer = io.BytesIO()
    document.save(buffer)
    assert load_bytes("a.docx", buffer.getvalue()).text == "\n\n".join(texts)
