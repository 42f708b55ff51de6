"""OpenDocument texts and presentations through the public ``load_bytes``."""

from __future__ import annotations

import pytest

from ingest.loaders import load_bytes
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, EmptyFile, EncryptedFile, NoText
from tests.office_documents import encrypted_manifest, odf, odf_part, rezipped, zipped


def load(body: str, *, styles: str = "", automatic: str = "", meta: str = "") -> LoadedText:
    return load_bytes("a.odt", odf("text", body, styles=styles, automatic=automatic, meta=meta))


def p(text: str, style: str = "") -> str:
    return f'<text:p text:style-name="{style}">{text}</text:p>'


def h(text: str, level: int) -> str:
    return f'<text:h text:outline-level="{level}">{text}</text:h>'


def rows(*cells: str) -> str:
    return "".join(f"<table:table-row>{cell}</table:table-row>" for cell in cells)


def table(*cells: str) -> str:
    return f"<table:table>{rows(*cells)}</table:table>"


def _box(inner: str) -> str:
    return f"<draw:text-box>{inner}</draw:text-box>"


def cell(text: str, span: int = 1) -> str:
    covered = "<table:covered-table-cell/>" * (span - 1)
    return (
        f'<table:table-cell table:number-columns-spanned="{span}">{p(text)}</table:table-cell>'
        + covered
    )


def test_a_text_is_read_in_order_with_its_structure() -> None:
    loaded = load(
        h("第一章 年假", 1)
        + p("员工每年可以享受<text:span>十天</text:span>带薪年假。")
        + "<text:list><text:list-item>"
        + p("first")
        + "<text:list><text:list-item>"
        + p("inner")
        + "</text:list-item></text:list></text:list-item></text:list>"
        + h("Contact", 2)
        + table(cell("部门") + cell("Days"), cell("研发") + cell("10")),
        meta="<dc:title>员工手册</dc:title>",
    )
    assert loaded.text == (
        "第一章 年假\n\n员工每年可以享受十天带薪年假。\n\n- first\n  - inner\n\nContact\n\n"
        "部门 | Days\n研发 | 10"
    )
    assert [
        (mark.kind, mark.level, loaded.text[mark.char_start : mark.header_end or mark.char_end])
        for mark in loaded.marks
    ] == [("heading", 1, "第一章 年假"), ("heading", 2, "Contact"), ("table", 0, "部门 | Days")]
    assert (loaded.title, loaded.pages, loaded.syntax) == ("员工手册", (), "marked")


def test_white_space_is_that_of_the_format() -> None:
    body = p("a\n   b<text:s text:c='3'/>c<text:tab/>d<text:line-break/>e")
    assert load(body).text == "a b   c\td\ne"


_LIST = (
    '<text:list-style style:name="L1"><text:list-level-style-number text:level="1" '
    'style:num-format="1" style:num-suffix="."/><text:list-level-style-number text:level="2" '
    'style:num-format="一, 二, 三, ..." style:num-prefix="（" style:num-suffix="）" '
    'text:start-value="2"/></text:list-style>'
)


def _list(*items: str, more: str = "") -> str:
    inner = "".join(f"<text:list-item>{item}</text:list-item>" for item in items)
    return f'<text:list text:style-name="L1"{more}>{inner}</text:list>'


def test_lists_show_the_numbers_that_a_reader_sees() -> None:
    inner = f"<text:list><text:list-item>{p('deep')}</text:list-item></text:list>"
    body = (
        _list(p("one") + inner, p("two") + p("goes on"))
        + p("between")
        + _list(p("three"), more=' text:continue-numbering="true"')
        + _list(p("anew"))
    )
    assert load(body, automatic=_LIST).text == (
        "1. one\n  （二） deep\n2. two\n\ngoes on\n\nbetween\n\n3. three\n1. anew"
    )


def test_headings_carry_the_numbers_of_their_outline() -> None:
    outline = "".join(
        f'<text:outline-level-style text:level="{level}" style:num-format="1" '
        f'text:display-levels="{level}"/>'
        for level in (1, 2)
    )
    loaded = load(
        h("A", 1) + h("B", 2) + h("C", 2) + h("D", 1) + h("E", 3),
        styles=f"<office:styles><text:outline-style>{outline}</text:outline-style></office:styles>",
    )
    assert loaded.text.split("\n\n") == ["1 A", "1.1 B", "1.2 C", "2 D", "E"]


def test_styles_tell_titles_and_code() -> None:
    automatic = "".join(
        f'<style:style style:name="{name}" style:family="paragraph" '
        f'style:parent-style-name="{parent}"/>'
        for name, parent in (("P1", "Title"), ("P2", "Preformatted_20_Text"), ("P3", "P3"))
    )
    loaded = load(
        p("Handbook", "P1") + p("if x:", "P2") + p("<text:s text:c='2'/>y", "P2") + p("end", "P3"),
        automatic=automatic,
    )
    assert loaded.text == "Handbook\n\nif x:\n  y\n\nend"
    assert [mark.kind for mark in loaded.marks] == ["heading", "code"]


def test_notes_boxes_and_fields_are_read_but_deletions_and_comments_are_not() -> None:
    note = (
        '<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation>'
        f"<text:note-body>{p('见附件。')}</text:note-body></text:note>"
    )
    box = f"<draw:frame><svg:title>t</svg:title>{_box(p('boxed'))}</draw:frame>"
    body = (
        f"<text:tracked-changes><text:changed-region>{p('deleted')}</text:changed-region>"
        "</text:tracked-changes>"
        + p(f"Claim{note}<office:annotation>{p('comment')}</office:annotation>{box} end")
        + f"<text:table-of-content><text:index-body>{p('Contents')}</text:index-body>"
        "</text:table-of-content>" + f"<text:section>{p('section')}</text:section>"
    )
    assert load(body).text == "Claim[^1] end\n\nboxed\n\n[^1]: 见附件。\n\nsection"


def test_merged_cells_keep_their_columns_and_a_marked_header_is_one() -> None:
    inner = (
        f"<table:table-header-rows>{rows(cell('1') + cell('2', span=2))}</table:table-header-rows>"
        + rows(cell("a") + cell("b") + cell("c"))
    )
    loaded = load(f"<table:table>{inner}</table:table>")
    assert loaded.text == "1 | 2\na | b | c"
    assert loaded.marks[0].header_end == len("1 | 2")


def test_a_claim_of_a_billion_columns_is_bounded() -> None:
    repeated = '<table:table-cell table:number-columns-repeated="1000000000">'
    loaded = load(
        f"<table:table>{rows(cell('a') + repeated + p('x') + '</table:table-cell>')}</table:table>"
    )
    assert loaded.text.count("x") == 1000


def test_headers_and_footers_stand_once_at_the_end() -> None:
    styles = (
        f"<office:master-styles><style:master-page><style:header>{p('内部资料')}</style:header>"
        f"<style:footer>{p('Page <text:page-number>3</text:page-number>')}</style:footer>"
        "</style:master-page></office:master-styles>"
    )
    assert load(p("Body"), styles=styles).text == "Body\n\n内部资料"


def _slide(*frames: str, notes: str = "") -> str:
    note = (
        '<presentation:notes><draw:frame presentation:class="page-number"><draw:text-box>'
        f'{p("9")}</draw:text-box></draw:frame><draw:frame presentation:class="notes">'
        f"<draw:text-box>{p(notes)}</draw:text-box></draw:frame></presentation:notes>"
    )
    return f"<draw:page>{''.join(frames)}{note}</draw:page>"


def _frame(inner: str, kind: str = "outline") -> str:
    return f'<draw:frame presentation:class="{kind}">{_box(inner)}</draw:frame>'


def test_every_slide_is_a_page_under_its_title() -> None:
    body = (
        _slide(
            _frame(_list(p("十天"))),
            _frame(p("年假规定"), "title"),
            _frame(p("1 / 9"), "page-number"),
            f"<draw:g><draw:custom-shape>{p('shape')}</draw:custom-shape></draw:g>",
            notes="Speak slowly.",
        )
        + _slide()
        + _slide(_frame(p("text")))
    )
    loaded = load_bytes("a.odp", odf("presentation", body))
    assert [
        (page.number, loaded.text[page.char_start : page.char_end].strip()) for page in loaded.pages
    ] == [(1, "年假规定\n\n- 十天\n\nshape\n\nNotes: Speak slowly."), (3, "Slide 3\n\ntext")]


def test_an_embedded_chart_shows_its_figures() -> None:
    table = rows(cell("") + cell("销量"), cell("一月") + cell("4.5"))
    chart = (
        f"<office:body><office:chart><chart:chart><chart:title>{p('Sales')}</chart:title>"
        f"<table:table>{table}</table:table></chart:chart></office:chart></office:body>"
    )
    data = rezipped(
        odf("text", p('<draw:frame><draw:object xlink:href="./Object 1"/></draw:frame>')),
        {"Object 1/content.xml": odf_part("document-content", chart)},
    )
    assert load_bytes("a.odt", data).text == "Sales\n\n | 销量\n一月 | 4.5"


def test_damaged_styles_cost_the_styles_and_a_warning() -> None:
    loaded = load_bytes("a.odt", rezipped(odf("text", p("x")), {"styles.xml": "<"}))
    assert loaded.text == "x"
    assert loaded.warnings[0].startswith("Left out: The part 'styles.xml' is damaged")


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"x", BrokenFile, "no ZIP container"),
        (zipped({"a": "b"}), BrokenFile, "'content.xml' is missing"),
        (odf("spreadsheet", ""), BrokenFile, "neither an OpenDocument text nor a presentation"),
        (odf("text", "<text:p>"), BrokenFile, "'content.xml' is damaged"),
        (odf("text", p(" ")), EmptyFile, "document is empty"),
        (rezipped(odf("text", ""), {"Pictures/1.png": ""}), NoText, r"only pictures \(1\)"),
        (
            rezipped(odf("text", ""), {"META-INF/manifest.xml": encrypted_manifest()}),
            EncryptedFile,
            "those of OpenDocument files are not tried",
        ),
        (zipped({"encrypted-package": b"x"}), EncryptedFile, "those of OpenDocument files"),
        (
            rezipped(
                odf("text", ""),
                {
                    "content.xml": '<!DOCTYPE a [<!ENTITY b "c">]>'
                    + odf_part("document-content", "")
                },
            ),
            BrokenFile,
            "entities",
        ),
    ],
)
def test_what_cannot_be_read_is_a_clear_error(
    data: bytes, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        load_bytes("a.odt", data)
