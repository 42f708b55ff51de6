"""Presentations through the public ``load_bytes``: slides as pages, titles, notes, graphics."""

from __future__ import annotations

import io

import pptx as python_pptx
import pytest
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.presentation import Presentation
from pptx.util import Inches

from ingest.loaders import load_bytes
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, EmptyFile, UnsupportedFormat
from tests.office_documents import docx, ole, paragraph, part_of, rezipped

_BOX = (Inches(1), Inches(1), Inches(4), Inches(1))
_TITLE_AND_CONTENT, _TITLE_ONLY, _BLANK = 1, 5, 6


def saved(presentation: Presentation) -> bytes:
    buffer = io.BytesIO()
    presentation.save(buffer)
    return buffer.getvalue()


def load(presentation: Presentation) -> LoadedText:
    return load_bytes("a.pptx", saved(presentation))


def titled(*titles: str) -> Presentation:
    """A presentation of slides with nothing but a title."""
    presentation = python_pptx.Presentation()
    for title in titles:
        slide = presentation.slides.add_slide(presentation.slide_layouts[_TITLE_ONLY])
        slide.shapes.title.text = title
    return presentation


def pages(loaded: LoadedText) -> dict[int, str]:
    return {
        page.number: loaded.text[page.char_start : page.char_end].strip() for page in loaded.pages
    }


def test_every_slide_is_a_page_under_its_title() -> None:
    presentation = python_pptx.Presentation()
    presentation.core_properties.title = "年度报告"
    slide = presentation.slides.add_slide(presentation.slide_layouts[_TITLE_AND_CONTENT])
    slide.shapes.title.text = "年假规定"
    body = slide.placeholders[1].text_frame
    body.text = "十天带薪年假"
    inner = body.add_paragraph()
    inner.text, inner.level = "Ask in time", 1
    slide.notes_slide.notes_text_frame.text = "Speak slowly."
    presentation.slides.add_slide(presentation.slide_layouts[_BLANK])
    last = presentation.slides.add_slide(presentation.slide_layouts[_BLANK])
    last.shapes.add_textbox(*_BOX).text_frame.text = "A free box"

    loaded = load(presentation)
    assert pages(loaded) == {
        1: "年假规定\n\n- 十天带薪年假\n  - Ask in time\n\nNotes: Speak slowly.",
        3: "Slide 3\n\nA free box",
    }
    assert [
        (mark.kind, mark.level, loaded.text[mark.char_start : mark.char_end])
        for mark in loaded.marks
    ] == [("heading", 1, "年假规定"), ("heading", 1, "Slide 3")]
    assert (loaded.title, loaded.syntax, loaded.warnings) == ("年度报告", "marked", ())


def test_hidden_slides_are_read() -> None:
    presentation = titled("shown", "hidden")
    presentation.slides[1]._element.set("show", "0")
    assert pages(load(presentation)) == {1: "shown", 2: "hidden"}


def test_slides_are_in_showing_order_not_in_that_of_their_files() -> None:
    presentation = titled("first file", "second file")
    order = presentation.slides._sldIdLst
    order.append(order[0])
    assert pages(load(presentation)) == {1: "second file", 2: "first file"}


def test_a_table_keeps_its_header_and_merged_cells_once() -> None:
    presentation = titled("Leave")
    shape = presentation.slides[0].shapes.add_table(3, 3, *_BOX)
    grid = shape.table
    for place, text in enumerate(["部门", "天数", "", "研发", "10", "x", "", "12", "y"]):
        grid.cell(place // 3, place % 3).text = text
    grid.cell(0, 1).merge(grid.cell(0, 2))
    grid.cell(1, 0).merge(grid.cell(2, 0))
    loaded = load(presentation)
    assert loaded.text == "Leave\n\n部门 | 天数\n研发 | 10 | x\n | 12 | y"
    mark = loaded.marks[-1]
    assert loaded.text[mark.char_start : mark.header_end] == "部门 | 天数"


def test_shapes_in_groups_within_groups_are_read() -> None:
    presentation = titled("Groups")
    outer = presentation.slides[0].shapes.add_group_shape()
    outer.shapes.add_textbox(*_BOX).text_frame.text = "outer"
    inner = outer.shapes.add_group_shape()
    inner.shapes.add_textbox(*_BOX).text_frame.text = "inner"
    assert load(presentation).text == "Groups\n\nouter\n\ninner"


def test_a_chart_becomes_a_table_of_its_figures() -> None:
    presentation = titled("Sales")
    data = CategoryChartData()
    data.categories = ["一月", "二月"]
    data.add_series("North", (4.3, 5))
    data.add_series("South", (1, 2.5))
    presentation.slides[0].shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *_BOX, data)
    loaded = load(presentation)
    assert loaded.text == "Sales\n\n | North | South\n一月 | 4.3 | 1\n二月 | 5 | 2.5"
    assert loaded.marks[-1].header_end > loaded.marks[-1].char_start


_DIAGRAM = "http://schemas.openxmlformats.org/drawingml/2006/diagram"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"


def test_a_smart_art_graphic_gives_its_texts() -> None:
    data = saved(titled("Steps"))
    frame = (
        f'<p:graphicFrame><a:graphic><a:graphicData uri="{_DIAGRAM}"><dgm:relIds '
        f'xmlns:dgm="{_DIAGRAM}" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/'
        'relationships" r:dm="rId77"/></a:graphicData></a:graphic></p:graphicFrame></p:spTree>'
    )
    points = "".join(
        f"<dgm:pt><dgm:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p></dgm:t></dgm:pt>"
        for text in ("申请", "批准")
    )
    relations = part_of(data, "ppt/slides/_rels/slide1.xml.rels").decode()
    changed = rezipped(
        data,
        {
            "ppt/slides/slide1.xml": part_of(data, "ppt/slides/slide1.xml")
            .decode()
            .replace("</p:spTree>", frame),
            "ppt/slides/_rels/slide1.xml.rels": relations.replace(
                "</Relationships>",
                '<Relationship Id="rId77" Type="http://x/diagramData" '
                'Target="../diagrams/data1.xml"/></Relationships>',
            ),
            "ppt/diagrams/data1.xml": f'<dgm:dataModel xmlns:dgm="{_DIAGRAM}" xmlns:a="{_DRAWING}">'
            f"<dgm:ptLst>{points}</dgm:ptLst></dgm:dataModel>",
        },
    )
    assert load_bytes("a.pptx", changed).text == "Steps\n\n- 申请\n- 批准"


def test_a_damaged_slide_costs_that_slide_and_is_named() -> None:
    data = rezipped(saved(titled("good", "bad")), {"ppt/slides/slide2.xml": "<p:sld"})
    loaded = load_bytes("a.pptx", data)
    assert loaded.text == "good"
    assert [warning.split(":")[0] for warning in loaded.warnings] == ["Slide 2 was not read whole"]


def test_a_presentation_without_text_is_empty() -> None:
    presentation = python_pptx.Presentation()
    presentation.slides.add_slide(presentation.slide_layouts[_TITLE_ONLY])
    with pytest.raises(EmptyFile, match="no text in its slides"):
        load(presentation)


def test_other_files_under_this_name_are_told() -> None:
    with pytest.raises(BrokenFile, match="not a PowerPoint presentation"):
        load_bytes("a.pptx", docx(paragraph("x")))
    with pytest.raises(UnsupportedFormat, match=r"\(\.ppt\) .* Save it as \.pptx"):
        load_bytes("a.pptx", ole("PowerPoint Document", b""))


def test_a_list_that_names_a_slide_a_million_times_is_refused() -> None:
    data = saved(titled("x"))
    listed = part_of(data, "ppt/presentation.xml").decode()
    start, end = listed.index("<p:sldId "), listed.index("</p:sldIdLst>")
    slide = listed[start:end]
    many = listed[:start] + slide * 30_000 + listed[end:]
    with pytest.raises(BrokenFile, match="30,000 slides"):
        load_bytes("a.pptx", rezipped(data, {"ppt/presentation.xml": many}))
