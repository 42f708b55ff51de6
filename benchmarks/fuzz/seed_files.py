"""Seeds of the formats that are containers, and all seeds together."""

from __future__ import annotations

import datetime
import io
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.fuzz.mutate import read_parts, write_parts
from benchmarks.fuzz.seed_texts import CHINESE, HTML, RTF, XHTML, mail_bytes, text_seeds
from tests.documents import CHINESE_FONT, pdf_bytes
from tests.msg_files import ole_file, properties
from tests.office_documents import docx, odf, odf_part, rezipped, word, xls, zipped

_DOCX_BODY = """<w:p><w:pPr><w:pStyle w:val="H1"/></w:pPr><w:r><w:t>Pumps 水泵</w:t></w:r></w:p>
<w:p><w:r><w:t xml:space="preserve">Kept </w:t><w:tab/><w:br/>
<w:sym w:font="Symbol" w:char="F061"/></w:r><w:ins><w:r><w:t>inserted</w:t></w:r></w:ins><w:del>
<w:r><w:delText>gone</w:delText></w:r></w:del><w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t>
</w:r><w:hyperlink r:id="r9"><w:r><w:t>link</w:t></w:r></w:hyperlink><w:r>
<w:footnoteReference w:id="2"/></w:r><w:r><w:endnoteReference w:id="2"/></w:r></w:p><w:p><w:pPr>
<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>item</w:t></w:r></w:p>
<w:p><w:pPr><w:numPr><w:ilvl w:val="1"/><w:numId w:val="1"/></w:numPr></w:pPr><w:r>
<w:t>inner</w:t></w:r></w:p><w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr><w:tc><w:tcPr>
<w:gridSpan w:val="2"/></w:tcPr><w:p><w:r><w:t>Name</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r>
<w:t>kW</w:t></w:r></w:p></w:tc></w:tr><w:tr><w:trPr><w:gridBefore w:val="1"/></w:trPr><w:tc>
<w:tcPr><w:vMerge w:val="restart"/></w:tcPr><w:p><w:r><w:t>A-1</w:t></w:r></w:p></w:tc><w:tc>
<w:p/><w:tbl><w:tr><w:tc><w:p><w:r><w:t>in</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:tc></w:tr>
</w:tbl><w:p><w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:txbxContent><w:p><w:r>
<w:t>box</w:t></w:r></w:p></w:txbxContent></mc:Choice><mc:Fallback><w:t>fallback</w:t>
</mc:Fallback></mc:AlternateContent></w:r><m:oMath><m:f><m:num><m:r><m:t>a</m:t></m:r></m:num>
<m:den><m:r><m:t>b</m:t></m:r></m:den></m:f><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r>
<m:t>2</m:t></m:r></m:sup></m:sSup></m:oMath><w:r><w:drawing><a:graphic><a:graphicData>
<c:chart r:id="rId6"/></a:graphicData></a:graphic></w:drawing></w:r></w:p><w:sdt><w:sdtPr/>
<w:sdtContent><w:p><w:r><w:t>control</w:t></w:r></w:p></w:sdtContent></w:sdt><w:p><w:pPr>
<w:pStyle w:val="Code"/></w:pPr><w:r><w:t>x = 1</w:t></w:r></w:p><w:altChunk r:id="r7"/>
<w:sectPr/>"""
_DOCX_STYLES = """<w:style w:type="paragraph" w:styleId="H1"><w:name w:val="heading 1"/>
<w:basedOn w:val="Base"/><w:pPr><w:outlineLvl w:val="0"/></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="Base"><w:name w:val="Normal"/></w:style>
<w:style w:type="paragraph" w:styleId="Code"><w:name w:val="HTML Preformatted"/>
<w:basedOn w:val="Base"/></w:style>"""
_DOCX_NUMBERING = """<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="3"/>
<w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl><w:lvl w:ilvl="1">
<w:numFmt w:val="lowerRoman"/><w:lvlText w:val="%1.%2)"/></w:lvl></w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0">
<w:startOverride w:val="5"/></w:lvlOverride></w:num>"""
_CHART = """<c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Power</a:t></a:r></a:p></c:rich></c:tx>
</c:title><c:plotArea><c:barChart><c:ser><c:tx><c:strRef><c:strCache><c:pt idx="0"><c:v>kW</c:v>
</c:pt></c:strCache></c:strRef></c:tx><c:cat><c:strRef><c:strCache><c:pt idx="0"><c:v>A-1</c:v>
</c:pt></c:strCache></c:strRef></c:cat><c:val><c:numRef><c:numCache><c:pt idx="0">
<c:v>4.2999999999999998</c:v></c:pt></c:numCache></c:numRef></c:val></c:ser></c:barChart>
</c:plotArea></c:chart>"""
_ODT_TEXT = """<text:tracked-changes><text:changed-region text:id="c"><text:deletion>
<text:p>gone</text:p></text:deletion></text:changed-region></text:tracked-changes>
<text:h text:outline-level="1">Pumps 水泵</text:h>
<text:p text:style-name="P1">Kept<text:s text:c="3"/><text:tab/><text:line-break/>
<text:span>span</text:span><text:change text:change-id="c"/><text:note text:note-class="footnote">
<text:note-citation>1</text:note-citation><text:note-body><text:p>note</text:p></text:note-body>
</text:note><draw:frame><draw:text-box><text:p>box</text:p></draw:text-box></draw:frame>
<draw:frame><draw:object xlink:href="./Object 1"/></draw:frame></text:p>
<text:list text:style-name="L1"><text:list-item text:start-value="4"><text:p>item</text:p>
<text:list><text:list-item><text:p>inner</text:p></text:list-item></text:list></text:list-item>
</text:list><table:table><table:table-column table:number-columns-repeated="2"/>
<table:table-header-rows><table:table-row><table:table-cell><text:p>Name</text:p>
</table:table-cell><table:table-cell><text:p>kW</text:p></table:table-cell></table:table-row>
</table:table-header-rows><table:table-row table:number-rows-repeated="2">
<table:table-cell table:number-columns-spanned="2"><text:p>A-1</text:p></table:table-cell>
<table:covered-table-cell/></table:table-row></table:table><text:section>
<text:p text:style-name="Preformatted_20_Text">x = 1</text:p></text:section>
<text:table-of-content><text:index-body><text:p>toc</text:p></text:index-body>
</text:table-of-content>"""
_ODP_SLIDES = """<draw:page draw:name="p1"><draw:frame presentation:class="title"><draw:text-box>
<text:p>Pumps</text:p></draw:text-box></draw:frame><draw:g><draw:custom-shape>
<text:p>shape</text:p></draw:custom-shape></draw:g><presentation:notes>
<draw:frame presentation:class="notes"><draw:text-box><text:p>say this</text:p></draw:text-box>
</draw:frame></presentation:notes></draw:page><draw:page><draw:frame><draw:text-box>
<text:p>水泵</text:p></draw:text-box></draw:frame></draw:page> """
_ODF_OBJECT = """<office:body><office:chart><chart:chart><chart:title><text:p>Power</text:p>
</chart:title><table:table><table:table-row><table:table-cell><text:p>A</text:p>
</table:table-cell><table:table-cell><text:p>4</text:p></table:table-cell></table:table-row>
</table:table></chart:chart></office:chart></office:body>"""


def docx_bytes() -> bytes:
    """A Word file of the constructs that the loader knows."""
    note = '<w:{0} w:id="2"><w:p><w:r><w:t>a note</w:t></w:r></w:p></w:{0}>'
    return docx(
        _DOCX_BODY,
        styles=word("styles", _DOCX_STYLES),
        numbering=word("numbering", _DOCX_NUMBERING),
        footnotes=word("footnotes", note.format("footnote")),
        endnotes=word("endnotes", note.format("endnote")),
        header1=word("hdr", "<w:p><w:r><w:t>head</w:t></w:r></w:p>"),
        chart=word("chartSpace", _CHART),
    )


def saved_docx_bytes() -> bytes:
    """A Word file as a program writes it, with its hundred styles."""
    from docx import Document

    document = Document()
    document.add_heading("Pumps 水泵", 1)
    document.add_paragraph("Kept well.", style="List Bullet")
    document.add_paragraph("First", style="List Number")
    table = document.add_table(2, 2)
    table.cell(0, 0).text, table.cell(1, 1).text = "Name", "A-1"
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def pptx_bytes() -> bytes:
    from pptx import Presentation
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Inches

    presentation = Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[1])
    slide.shapes.title.text = "Pumps 水泵"
    slide.placeholders[1].text = "first\nsecond"
    slide.notes_slide.notes_text_frame.text = "say this"
    plain = presentation.slides.add_slide(presentation.slide_layouts[6])
    size = (Inches(1), Inches(1), Inches(4), Inches(2))
    table = plain.shapes.add_table(2, 2, *size).table
    table.cell(0, 0).text, table.cell(1, 1).text = "Name", "A-1"
    data = CategoryChartData()
    data.categories = ["A", "B"]
    data.add_series("kW", (4.5, 7.0))
    plain.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *size, data)
    buffer = io.BytesIO()
    presentation.save(buffer)
    # The chart's workbook, which says when it was made, is not read.
    return rezipped(buffer.getvalue(), {"ppt/embeddings/Microsoft_Excel_Sheet1.xlsx": None})


def xlsx_bytes() -> bytes:
    import xlsxwriter

    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    book.set_properties({"title": "Pumps", "created": datetime.datetime(2024, 5, 3)})
    sheet = book.add_worksheet("水泵")
    sheet.write_row(0, 0, ["Name", "Power", "Since", "Share"])
    percent = book.add_format({"num_format": "0.0%"})
    date = book.add_format({"num_format": "yyyy-mm-dd"})
    for row in range(1, 5):
        sheet.write_row(row, 0, [f"A-{row}", row * 1.1])
        sheet.write_datetime(row, 2, datetime.datetime(2024, 5, row), date)
        sheet.write(row, 3, 0.25, percent)
    sheet.write_row(6, 0, ["note", None, True])
    sheet.merge_range("A8:B9", "merged")
    sheet.write_formula("A11", "=SUM(B2:B5)", value=11)
    hidden = book.add_worksheet("hidden")
    hidden.write("C3", CHINESE)
    hidden.hide()
    book.close()
    return buffer.getvalue()


def odt_bytes() -> bytes:
    plain = odf(
        "text",
        _ODT_TEXT,
        styles="<office:master-styles><style:master-page><style:header><text:p>head</text:p>"
        "</style:header></style:master-page></office:master-styles>",
        automatic='<text:list-style style:name="L1"><text:list-level-style-number text:level="1" '
        'style:num-format="1" style:num-suffix="."/></text:list-style>',
        meta="<dc:title>水泵</dc:title>",
    )
    return rezipped(plain, {"Object 1/content.xml": odf_part("document-content", _ODF_OBJECT)})


def ods_bytes() -> bytes:
    row = "<table:table-row>{}</table:table-row>".format
    cell = (
        '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    ).format
    number = (
        '<table:table-cell office:value-type="float" office:value="{0}"><text:p>{0}</text:p>'
        "</table:table-cell>"
    ).format
    rows = row(cell("Name") + cell("kW")) + row(cell("A-1") + number(4.5)) * 2
    plain = odf("spreadsheet", f'<table:table table:name="s">{rows}</table:table>')
    return rezipped(plain, {"META-INF/manifest.xml": "<manifest/>"})


def epub_bytes() -> bytes:
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>水泵</dc:title></metadata><manifest>'
        '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="b" href="b%20b.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
        '<item id="x" href="toc.ncx" media-type="application/x-dtbncx+xml"/></manifest>'
        '<spine toc="x"><itemref idref="n"/><itemref idref="a"/><itemref idref="b"/></spine>'
        "</package>"
    )
    contents = (
        '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel>'
        '<text>One</text></navLabel><content src="a.xhtml#p"/><navPoint><navLabel><text>Two'
        '</text></navLabel><content src="b%20b.xhtml"/></navPoint></navPoint></navMap></ncx>'
    )
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:'
            'container"><rootfiles><rootfile full-path="OEBPS/p.opf"/></rootfiles></container>',
            "OEBPS/p.opf": package,
            "OEBPS/toc.ncx": contents,
            "OEBPS/a.xhtml": XHTML,
            "OEBPS/b b.xhtml": XHTML.replace("h1", "p"),
            "OEBPS/nav.xhtml": '<nav><ol><li><a href="a.xhtml">One</a></li></ol></nav>',
        }
    )


def msg_bytes() -> bytes:
    """An Outlook message with a text, a page, an RTF body, a file and a message within."""
    texts = {0x37: "水泵", 0xC1A: "Reed", 0xC1F: "r@example.org", 0xE04: "All", 0x1000: CHINESE}
    attached = properties({0x3707: "a.csv"}, {0x3701: b"a,b\n1,2\n"}, header=8)
    inner = properties({0x37: "Inner", 0x1000: "Within."}, header=24)
    return ole_file(
        {
            **properties(texts, {0x1013: HTML.encode()[:2_000], 0x1009: RTF.encode()[:900]}),
            "__attach_version1.0_#00000000": attached,
            "__attach_version1.0_#00000001": {
                **properties({}, header=8),
                "__substg1.0_3701000D": inner,
            },
        }
    )


def plain_pdf_bytes() -> bytes:
    """A PDF whose content is not packed, so that mutations reach it."""
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer, pageCompression=0)
    canvas.setTitle("Pumps")
    for page in range(3):
        canvas.bookmarkPage(f"p{page}")
        canvas.addOutlineEntry(f"Chapter {page}", f"p{page}", page % 2)
        for row in range(12):
            for column in range(3):
                canvas.drawString(72 + 120 * column, 760 - 16 * row, f"cell {row}.{column} trans-")
        canvas.drawCentredString(300, 30, str(page + 1))
        canvas.linkURL("https://example.org", (72, 700, 120, 720))
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def all_seeds() -> dict[str, bytes]:
    """File names and contents of every format; the same bytes every time."""
    with _pdf_without_dates():
        chinese = pdf_bytes([CHINESE.split("\n")] * 2, title="水泵", font=CHINESE_FONT)
        found = {"a.pdf": plain_pdf_bytes(), "zh.pdf": chinese}
    containers = {
        "a.docx": docx_bytes(), "saved.docx": saved_docx_bytes(), "a.pptx": pptx_bytes(),
        "a.xlsx": xlsx_bytes(), "a.odt": odt_bytes(), "a.odp": odf("presentation", _ODP_SLIDES),
        "a.ods": ods_bytes(), "a.epub": epub_bytes(),
    }  # fmt: skip
    found |= {name: write_parts(read_parts(data)) for name, data in containers.items()}
    found["a.xls"] = xls("Pumps", {(0, 0): "Name", (0, 1): "kW", (1, 0): "水泵", (1, 1): 4.5})
    found["a.msg"] = msg_bytes()
    found["a.eml"] = mail_bytes({"a.docx": found["a.docx"], "水泵.pdf": chinese, "a.csv": b"a,b\n"})
    return found | text_seeds()


@contextmanager
def _pdf_without_dates() -> Iterator[None]:
    from reportlab import rl_config

    before, rl_config.invariant = rl_config.invariant, 1
    try:
        yield
    finally:
        rl_config.invariant = before
