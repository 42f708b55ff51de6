"""The date and the tags that files state of themselves."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

import docx
import pptx
import pytest
import xlsxwriter
from reportlab.pdfgen.canvas import Canvas

from ingest.loaders import load_bytes


def about(name: str, data: bytes | str) -> tuple[str, tuple[str, ...]]:
    loaded = load_bytes(name, data.encode() if isinstance(data, str) else data)
    return loaded.date, loaded.tags


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        ("tags: [hr, Travel policy]\ndate: 2024-05-31", ("2024-05-31", ("hr", "Travel policy"))),
        ("tags: hr, travel", ("", ("hr", "travel"))),
        ("tags:\n  - hr\n  - 'a, b'\ntitle: x", ("", ("hr", "a", "b"))),
        ('tags:\n- 财务\n- "差旅"', ("", ("财务", "差旅"))),
        (
            "标签：财务、差旅\n日期: 2024年5月31日".replace("：", ": "),
            ("2024-05-31", ("财务", "差旅")),
        ),
        ("Title: Costs: a guide\nTags: hr\nDate: 2024/5/3", ("2024-05-03", ("hr",))),
        ("date: 2023-01-01\nlastmod: 2024-05-31T10:00:00+08:00", ("2024-05-31", ())),
        ("keywords: pump; valve\ndate: last spring", ("", ("pump", "valve"))),
        ("tags: []\ndate: 2023-02-30", ("", ())),
        ("author: me", ("", ())),
    ],
)
def test_markdown_front_matter_has_date_and_tags(
    front: str, expected: tuple[str, tuple[str, ...]]
) -> None:
    assert about("a.md", f"---\n{front}\n---\n# Text\n\ntags: none\n") == expected


def test_toml_front_matter_is_read_as_well() -> None:
    front = '+++\ntitle = \'Pumps\'\ndate = 2024-05-31\ntags = ["hr",\n  "a b"]\n+++\nText\n'
    assert about("a.md", front) == ("2024-05-31", ("hr", "a b"))
    assert load_bytes("a.md", front.encode()).title == "Pumps"


def test_what_only_looks_like_front_matter_says_nothing() -> None:
    assert about("a.md", "Text\n\n---\ntags: hr\n---\n") == ("", ())
    assert about("a.txt", "---\ntags: hr\n---\n") == ("", ())


def test_a_mail_has_the_day_its_sender_had() -> None:
    mail = EmailMessage()
    mail["Subject"], mail["From"] = "Pumps", "a@example.org"
    mail["Date"] = "Sat, 01 Jun 2024 00:30:00 +0800"
    mail.set_content("The pump runs.")
    assert about("a.eml", mail.as_bytes()) == ("2024-06-01", ())
    del mail["Date"]
    mail["Date"] = "yesterday"
    assert about("a.eml", mail.as_bytes()) == ("", ())


def test_a_web_page_has_its_meta_elements() -> None:
    page = (
        "<html><head><meta name=keywords content='pump, valve'>"
        "<meta property='article:published_time' content='2024-05-31T10:00:00Z'>"
        "<meta property='article:tag' content='水泵'></head><body><p>Text.</body></html>"
    )
    assert about("a.html", page) == ("2024-05-31", ("pump", "valve", "水泵"))


def test_a_pdf_has_its_last_change_and_its_keywords() -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, invariant=True)  # of the year 2000
    canvas.setKeywords("pump; 水泵")
    canvas.drawString(72, 700, "The pump runs at nine bar.")
    canvas.save()
    assert about("a.pdf", buffer.getvalue()) == ("2000-01-01", ("pump", "水泵"))


def test_word_and_powerpoint_files_have_their_last_change_and_their_keywords() -> None:
    word, slides = docx.Document(), pptx.Presentation()
    word.add_paragraph("Text")
    slides.slides.add_slide(slides.slide_layouts[0]).shapes[0].text_frame.text = "Text"
    for name, file in (("a.docx", word), ("a.pptx", slides)):
        file.core_properties.created = datetime(2019, 1, 1)
        file.core_properties.modified = datetime(2024, 5, 31, 23, 0)
        file.core_properties.keywords = "pump, 水泵"
        buffer = io.BytesIO()
        file.save(buffer)
        assert about(name, buffer.getvalue()) == ("2024-05-31", ("pump", "水泵"))


def test_a_workbook_has_its_date_and_its_keywords() -> None:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        book.add_worksheet().write("A1", "Text")
        book.set_properties({"created": datetime(2024, 5, 31), "keywords": "pump；水泵"})
    assert about("a.xlsx", buffer.getvalue()) == ("2024-05-31", ("pump", "水泵"))


def test_an_opendocument_text_has_its_last_change_and_its_keywords() -> None:
    office = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
    text = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
    meta = "urn:oasis:names:tc:opendocument:xmlns:meta:1.0"
    parts = {
        "mimetype": "application/vnd.oasis.opendocument.text",
        "content.xml": f"<o:document-content xmlns:o='{office}' xmlns:t='{text}'><o:body><o:text>"
        "<t:p>Text</t:p></o:text></o:body></o:document-content>",
        "meta.xml": f"<o:document-meta xmlns:o='{office}' xmlns:m='{meta}' "
        "xmlns:dc='http://purl.org/dc/elements/1.1/'><o:meta>"
        "<m:creation-date>2019-01-01T00:00:00</m:creation-date><dc:date>2024-05-31T10:00:00</dc:date>"
        "<m:keyword>pump</m:keyword><m:keyword>水泵</m:keyword></o:meta></o:document-meta>",
    }
    assert about("a.odt", _zipped(parts)) == ("2024-05-31", ("pump", "水泵"))


def test_a_book_has_its_date_and_its_subjects() -> None:
    parts = {
        "META-INF/container.xml": "<container><rootfiles><rootfile full-path='b.opf'/></rootfiles>"
        "</container>",
        "b.opf": "<package xmlns:dc='http://purl.org/dc/elements/1.1/'><metadata>"
        "<dc:date>2024-05-31</dc:date><dc:subject>Pumps</dc:subject><dc:subject>水泵</dc:subject>"
        "</metadata><manifest><item id='p' href='p.xhtml' media-type='application/xhtml+xml'/>"
        "</manifest><spine><itemref idref='p'/></spine></package>",
        "p.xhtml": "<html><body><p>Text</p></body></html>",
    }
    assert about("a.epub", _zipped(parts)) == ("2024-05-31", ("Pumps", "水泵"))


def _zipped(parts: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name, text in parts.items():
            package.writestr(name, text)
    return buffer.getvalue()


def test_a_file_without_a_date_has_none(tmp_path: Path) -> None:
    assert about("a.txt", "Of 2024-05-31, says the text.") == ("", ())
