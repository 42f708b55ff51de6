"""PDF files: what comes out of them, and what is said of what does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from ingest.loaders.options import LoadOptions
from ingest.loaders.pdf import pdf_pdfium, pdf_pypdf
from ingest.loaders.pdf.pdf import load_pdf
from rag_service.document_types import LoadedText, Mark, Page
from rag_service.errors import EncryptedFile, NoText
from tests import documents

RESCUED = "was used where pypdf's text was missing, garbled or doubled"
TABLE = [
    ["Item", "Count", "Price"],
    ["Pump", "3", "1,200"],
    ["Valve", "12", "85"],
    ["Seal", "7", "9"],
    ["Bolt", "100", "1"],
    ["Pipe", "", "70"],
]


def read(data: bytes, *passwords: str) -> LoadedText:
    return load_pdf(data, LoadOptions(passwords=passwords, ocr=False))


def drawn(*pages: Callable[[Canvas], object]) -> LoadedText:
    return read(documents.drawn_pdf(*pages))


def lines(*texts: str) -> Callable[[Canvas], object]:
    return lambda canvas: documents.draw_lines(canvas, texts)


def test_pages_are_spans_of_the_text() -> None:
    pages = [["First page"], [], ["Third page", "second line"]]
    loaded = read(documents.pdf_bytes(pages, title="A study"))
    assert loaded.text == "First page\n\n\n\nThird page\nsecond line"
    assert loaded.pages == (Page(1, 0, 10), Page(2, 12, 12), Page(3, 14, 36))
    assert loaded.text[14:36] == "Third page\nsecond line"
    assert (loaded.title, loaded.encoding, loaded.warnings) == ("A study", "", ())
    assert (loaded.engine, loaded.syntax) == (pdf_pypdf.ENGINE, "plain")


@pytest.mark.parametrize(
    "title", ["untitled", "Microsoft Word - report.doc", "C:\\tmp\\x", "draft.indd", "2024", "..."]
)
def test_a_title_no_person_wrote_is_left_out(title: str) -> None:
    assert read(documents.pdf_bytes([["x"]], title=title)).title == ""


def test_the_one_bookmark_above_all_others_is_the_title() -> None:
    def page(canvas: Canvas) -> None:
        canvas.bookmarkPage("top")
        canvas.addOutlineEntry("Safety manual", "top", level=0)
        documents.draw_lines(canvas, ["Text"])

    assert drawn(page).title == "Safety manual"


def test_words_hyphenated_at_line_ends_are_joined() -> None:
    assert drawn(lines("The transfor-", "mer reads text.")).text == "The transformer reads text."


def test_a_compound_keeps_its_hyphen_at_a_line_end() -> None:
    text = drawn(lines("A well-", "known fact is well-known.")).text
    assert text == "A well-known fact is well-known."


def test_chinese_lines_wrapped_inside_a_sentence_are_joined() -> None:
    page = [
        "安全生产通知",
        "本公司自今年起在全国范围内推行新的质量管理制度并要求各分公司在",
        "规定期限内完成整改。",
        "请遵照执行。",
    ]
    assert read(documents.pdf_bytes([page], font=documents.CHINESE_FONT)).text == (
        "安全生产通知\n本公司自今年起在全国范围内推行新的质量管理制度并要求各分公司在"
        "规定期限内完成整改。\n请遵照执行。"
    )


@pytest.mark.parametrize("by_column", [False, True])
def test_a_table_keeps_its_rows_however_it_was_written(by_column: bool) -> None:
    loaded = drawn(lambda canvas: documents.draw_table(canvas, TABLE, by_column=by_column))
    assert loaded.text == (
        "Item | Count | Price\nPump | 3 | 1,200\nValve | 12 | 85\nSeal | 7 | 9\n"
        "Bolt | 100 | 1\nPipe | | 70"
    )
    assert loaded.warnings == ()


def test_two_columns_of_prose_are_read_one_after_the_other() -> None:
    words = ["much", "more", "news", "still"]
    left = [f"The left column tells {word} of pumps" for word in words]
    right = [f"The right column tells {word} of seals" for word in words]

    def page(canvas: Canvas) -> None:
        documents.draw_lines(canvas, left)
        canvas.translate(260, 0)
        documents.draw_lines(canvas, right)

    assert drawn(page).text.splitlines() == left + right


def test_letters_printed_twice_for_boldness_are_read_once_by_the_second_engine() -> None:
    def page(canvas: Canvas) -> None:
        canvas.setFont("Courier", 12)
        for place, letter in enumerate("DANGER high voltage"):
            canvas.drawString(72 + 7.2 * place, 700, letter)
            canvas.drawString(72.4 + 7.2 * place, 700, letter)

    loaded = drawn(page)
    assert loaded.text == "DANGER high voltage"
    assert RESCUED in loaded.warnings[0]


def test_text_garbled_by_pypdf_is_read_by_the_second_engine_and_this_is_said() -> None:
    loaded = read(documents.japanese_pdf_without_unicode("社員は毎年十日"))
    assert loaded.text == "社員は毎年十日"
    assert loaded.engine == pdf_pdfium.ENGINE
    assert loaded.warnings == (f"{loaded.engine} {RESCUED}: page 1.",)


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_turned_text_is_read_line_by_line(angle: int) -> None:
    def page(canvas: Canvas) -> None:
        canvas.translate(300, 400)
        canvas.rotate(angle)
        documents.draw_lines(canvas, ["A turned line", "and another one"], top=0)

    assert drawn(page).text == "A turned line\nand another one"


def test_a_turned_table_keeps_its_rows() -> None:
    def page(canvas: Canvas) -> None:
        canvas.translate(600, 0)
        canvas.rotate(90)
        canvas.translate(0, -200)
        documents.draw_table(canvas, TABLE, by_column=True)

    canvas = documents.drawn_pdf(lambda page_canvas: page(_turned_frame(page_canvas)))
    assert "Valve | 12 | 85" in read(canvas).text


def _turned_frame(canvas: Canvas) -> Canvas:
    canvas.setPageSize((842, 1200))
    return canvas


def test_text_beyond_the_edge_of_the_page_belongs_to_the_next_page() -> None:
    left, right = "On the left page stand pumps.", "On the right page stand the seals."

    def spread(shift: float) -> Callable[[Canvas], None]:
        def page(canvas: Canvas) -> None:
            canvas.translate(shift, 0)
            canvas.drawString(72, 700, left)
            canvas.drawString(72 + 595, 700, right)

        return page

    assert drawn(spread(0), spread(-595)).text == f"{left}\n\n{right}"


def test_form_values_and_notes_are_text_of_their_page() -> None:
    def page(canvas: Canvas) -> None:
        canvas.drawString(72, 700, "Application")
        form = canvas.acroForm
        form.textfield(name="f1_01[0]", tooltip="Full name", value="Li Lei", x=72, y=600)
        form.textfield(name="Town", value="Leeds", x=72, y=560)
        form.textfield(name="f1_02[0]", value="", x=72, y=520)
        form.checkbox(name="box", tooltip="I agree", checked=True, x=72, y=480)
        form.checkbox(name="other", tooltip="I object", checked=False, x=72, y=440)
        canvas.textAnnotation("Please check this.", Rect=[10, 10, 30, 30])

    assert drawn(page, lines("Next")).text == (
        "Application\nFull name: Li Lei\nTown: Leeds\n☒ I agree\nPlease check this.\n\nNext"
    )


def test_bookmarks_found_as_lines_become_headings() -> None:
    def chapter(number: int, name: str) -> Callable[[Canvas], None]:
        def page(canvas: Canvas) -> None:
            for level, title in enumerate((f"{number}. {name}", "Scope")):
                canvas.bookmarkPage(f"{name} {title}")
                canvas.addOutlineEntry(title, f"{name} {title}", level=level)
            documents.draw_lines(canvas, [f"{number}.  {name}", "Scope", f"Text of {name}."])

        return page

    loaded = drawn(chapter(1, "Pumps"), chapter(2, "Seals"))
    assert loaded.text == "1. Pumps\nScope\nText of Pumps.\n\n2. Seals\nScope\nText of Seals."
    assert loaded.syntax == "marked"
    assert loaded.marks == (
        Mark("heading", 0, 8, level=1),
        Mark("heading", 9, 14, level=2),
        Mark("heading", 31, 39, level=1),
        Mark("heading", 40, 45, level=2),
    )


def test_bookmarks_that_are_not_lines_of_the_text_are_not_trusted() -> None:
    def page(canvas: Canvas) -> None:
        for name in ("Alpha", "Beta", "Gamma"):
            canvas.bookmarkPage(name)
            canvas.addOutlineEntry(name, name, level=0)
        documents.draw_lines(canvas, ["Alpha", "Text", "Beta"])

    assert (drawn(page).syntax, drawn(page).marks) == ("plain", ())


def test_a_pdf_that_needs_a_password_is_refused(tmp_path: Path) -> None:
    path = documents.write_encrypted_pdf(tmp_path / "a.pdf", [["secret"]], password="sesame")
    with pytest.raises(EncryptedFile, match="needs a password"):
        read(path.read_bytes())
    with pytest.raises(EncryptedFile, match="none of those in RAG_INGEST__PASSWORDS"):
        read(path.read_bytes(), "one", "two")


def test_a_given_password_opens_it_for_both_engines(tmp_path: Path) -> None:
    path = documents.write_encrypted_pdf(tmp_path / "a.pdf", [["secret"]], password="开门")
    assert read(path.read_bytes(), "wrong", "开门").text == "secret"


def test_a_pdf_encrypted_with_the_empty_password_opens(tmp_path: Path) -> None:
    path = documents.write_encrypted_pdf(tmp_path / "a.pdf", [["readable"]], password="")
    assert read(path.read_bytes()).text == "readable"


def test_a_scanned_pdf_has_no_text_and_says_so(tmp_path: Path) -> None:
    path = documents.write_image_pdf(tmp_path / "a.pdf", pages=2)
    with pytest.raises(NoText, match=r"^no text: scanned pages\. OCR is switched off\.$"):
        read(path.read_bytes())


def test_a_blank_pdf_has_no_text_and_says_so() -> None:
    with pytest.raises(NoText, match=r"^no text: the pages are blank\.$"):
        read(documents.pdf_bytes([[], []]))


def test_scanned_pages_among_others_are_named(tmp_path: Path) -> None:
    path = documents.write_image_pdf(tmp_path / "a.pdf", pages=2, text_pages=["Cover"])
    loaded = read(path.read_bytes())
    assert loaded.text.strip() == "Cover"
    assert loaded.warnings == ("No text, only images, on pages 2, 3. OCR is switched off.",)


def test_a_page_that_fails_costs_that_page(tmp_path: Path) -> None:
    path = documents.write_pdf_with_broken_page(tmp_path / "a.pdf", ["kept"])
    loaded = read(path.read_bytes())
    assert loaded.text == "\n\nkept"
    assert loaded.pages == (Page(1, 0, 0), Page(2, 2, 6))
    assert len(loaded.warnings) == 1
    assert loaded.warnings[0].startswith("Page 1 could not be read: ")


def test_attached_files_are_named() -> None:
    import io

    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(documents.pdf_bytes([["See attached."]]))))
    writer.add_attachment("plan.txt", b"secret plan")
    buffer = io.BytesIO()
    writer.write(buffer)
    loaded = read(buffer.getvalue())
    assert loaded.text == "See attached."
    assert loaded.warnings == ("Files attached to the PDF were not read: plan.txt.",)
