from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.loaders import LOADER_VERSION, SUPPORTED_SUFFIXES, is_markdown, load
from ingest.loaders.pdf_text import clean_page
from rag_service.errors import (
    BrokenFile,
    EncryptedFile,
    NoText,
    NotText,
    UnreadableFile,
    UnsupportedFormat,
)
from rag_service.types import Page
from tests import documents

HANDBOOK = "公司规定，员工每年可以享受十天带薪年假。\n"


def test_the_supported_suffixes_are_these() -> None:
    assert {".txt", ".text", ".md", ".markdown", ".pdf"} == SUPPORTED_SUFFIXES
    assert LOADER_VERSION


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.md", True), ("a.MARKDOWN", True), ("a.txt", False), ("md", False)],
)
def test_markdown_is_told_by_its_suffix(name: str, expected: bool) -> None:
    assert is_markdown(Path(name)) is expected


def test_a_text_file_keeps_its_text_and_says_its_encoding(tmp_path: Path) -> None:
    path = tmp_path / "手册.TXT"
    path.write_bytes(HANDBOOK.encode("gbk"))
    loaded = load(path)
    assert (loaded.text, loaded.encoding, loaded.pages) == (HANDBOOK, "gb18030", ())


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("intro\n\n# Leave policy #\n\n# Other\n", "Leave policy"),
        ("---\ntitle: '年假 规定'\ndate: 2024\n---\n# Heading\n", "年假 规定"),
        ("---\nauthor: me\n---\n# Heading\n", "Heading"),
        ("```sh\n# a comment\n```\n# Real\n", "Real"),
        ("## Only a section\n", ""),
    ],
)
def test_a_markdown_title_is_found(tmp_path: Path, text: str, title: str) -> None:
    path = tmp_path / "note.md"
    path.write_text(text, encoding="utf-8")
    loaded = load(path)
    assert (loaded.title, loaded.text) == (title, text)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", b""),
        ("a.md", b""),
        ("a.pdf", b""),
        ("a.txt", b"\xef\xbb\xbf"),
        ("a.md", b" \r\n\t\n"),
    ],
)
def test_an_empty_file_is_not_a_success(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(NoText, match="The file is empty"):
        load(path)


def test_an_unknown_suffix_is_refused_with_the_supported_ones(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFormat) as caught:
        load(tmp_path / "a.docx")
    assert str(caught.value) == (
        ".docx files are not supported; supported are .markdown, .md, .pdf, .text, .txt."
    )


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="No such file"):
        load(tmp_path / "gone.txt")


def test_a_folder_with_a_text_name_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(UnreadableFile, match="Is a directory"):
        load(tmp_path / "folder.txt")


def test_a_pdf_under_a_text_name_is_not_text(tmp_path: Path) -> None:
    path = documents.write_pdf(tmp_path / "a.txt", [["x"]])
    with pytest.raises(NotText, match="a PDF"):
        load(path)


def test_pdf_pages_are_spans_of_the_text(tmp_path: Path) -> None:
    path = documents.write_pdf(
        tmp_path / "a.PDF", [["First page"], [], ["Third page", "second line"]], title="A study"
    )
    loaded = load(path)
    assert loaded.text == "First page\n\n\n\nThird page\nsecond line"
    assert loaded.pages == (Page(1, 0, 10), Page(2, 12, 12), Page(3, 14, 36))
    assert loaded.text[14:36] == "Third page\nsecond line"
    assert (loaded.title, loaded.encoding, loaded.warnings) == ("A study", "", ())
    assert loaded.engine.startswith("pypdf ")


@pytest.mark.parametrize(
    "title", ["untitled", "Microsoft Word - report.doc", "C:\\tmp\\x", "draft.indd", "2024", "..."]
)
def test_a_title_no_person_wrote_is_left_out(tmp_path: Path, title: str) -> None:
    path = documents.write_pdf(tmp_path / "a.pdf", [["x"]], title=title)
    assert load(path).title == ""


def test_words_hyphenated_at_line_ends_are_joined(tmp_path: Path) -> None:
    path = documents.write_pdf(tmp_path / "a.pdf", [["The transfor-", "mer reads text."]])
    assert load(path).text == "The transformer reads text."


def test_a_compound_keeps_its_hyphen_at_a_line_end(tmp_path: Path) -> None:
    lines = ["A well-", "known fact is well-known."]
    assert load(documents.write_pdf(tmp_path / "a.pdf", [lines])).text == (
        "A well-known fact is well-known."
    )


def test_chinese_lines_wrapped_inside_a_sentence_are_joined(tmp_path: Path) -> None:
    lines = [
        "安全生产通知",
        "本公司自今年起在全国范围内推行新的质量管理制度并要求各分公司在",
        "规定期限内完成整改。",
        "请遵照执行。",
    ]
    path = documents.write_pdf(tmp_path / "a.pdf", [lines], font=documents.CHINESE_FONT)
    assert load(path).text == (
        "安全生产通知\n本公司自今年起在全国范围内推行新的质量管理制度并要求各分公司在"
        "规定期限内完成整改。\n请遵照执行。"
    )


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("eﬃcient ﬁles", "efficient files"),
        ("⼀年", "一年"),
        ("目 录", "目录"),
        ("安 全 生 产 通 知", "安全生产通知"),
        ("管理费用 财务费用", "管理费用 财务费用"),
        ("姓名 年龄", "姓名 年龄"),
        ("a  b\u00a0c", "a b c"),
        ("co\u00ad\noperate", "cooperate"),
        ("\uf0b7 item", "• item"),
        ("x\r\ny\x00\ud835", "x\ny"),
        ("Ⅳ ２", "Ⅳ ２"),
    ],
)
def test_page_text_is_repaired(raw: str, clean: str) -> None:
    assert clean_page(raw).text == clean


def test_table_rows_are_not_joined() -> None:
    rows = "管理费用 7,764,789.98 15,753,158.14 本期减少\n财务费用 7,667.69 403,265.89 本期减少"
    assert clean_page(rows).text == rows


@pytest.mark.parametrize(
    "raw",
    ["(cid:12)(cid:7)(cid:9)", "\ue001\ue002\ue003", "ඪ४ΩϚʔέοτఅԹཧ", "È« ÊÀ ½ç ÎÞ ²ú £¬"],
)
def test_a_page_of_garbled_characters_gives_no_text(raw: str) -> None:
    cleaned = clean_page(raw)
    assert cleaned.text == ""
    assert cleaned.garbled == cleaned.characters > 0


@pytest.mark.parametrize("raw", ["äöüÄÖÜß", "Ελληνικά", "हिन्दी", "العربية", "한국어"])
def test_other_scripts_are_not_taken_for_garbled(raw: str) -> None:
    assert clean_page(raw).text == raw


def test_a_pdf_that_needs_a_password_is_refused(tmp_path: Path) -> None:
    path = documents.write_encrypted_pdf(tmp_path / "a.pdf", [["secret"]], password="sesame")
    with pytest.raises(EncryptedFile, match="password"):
        load(path)


def test_a_pdf_encrypted_with_the_empty_password_opens(tmp_path: Path) -> None:
    path = documents.write_encrypted_pdf(tmp_path / "a.pdf", [["readable"]], password="")
    assert load(path).text == "readable"


def test_a_scanned_pdf_has_no_text_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoText, match=r"no text: scanned pages"):
        load(documents.write_image_pdf(tmp_path / "a.pdf", pages=2))


def test_a_blank_pdf_has_no_text_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoText, match=r"no text: the pages are blank"):
        load(documents.write_pdf(tmp_path / "a.pdf", [[], []]))


def test_scanned_pages_among_others_are_named(tmp_path: Path) -> None:
    path = documents.write_image_pdf(tmp_path / "a.pdf", pages=2, text_pages=["Cover"])
    loaded = load(path)
    assert loaded.text.strip() == "Cover"
    assert loaded.warnings == ("No text, only images, on pages 2, 3.",)


def test_a_page_that_fails_costs_that_page(tmp_path: Path) -> None:
    loaded = load(documents.write_pdf_with_broken_page(tmp_path / "a.pdf", ["kept"]))
    assert loaded.text == "\n\nkept"
    assert loaded.pages == (Page(1, 0, 0), Page(2, 2, 6))
    assert len(loaded.warnings) == 1
    assert loaded.warnings[0].startswith("Page 1 could not be read: ")


def _rubbish(path: Path) -> Path:
    return documents.write_broken_pdf(path)


def _not_pdf(path: Path) -> Path:
    path.write_text("just text", encoding="utf-8")
    return path


def _cut_off(path: Path) -> Path:
    path.write_bytes(documents.pdf_bytes([["x"]])[:120])
    return path


def _page_cycle(path: Path) -> Path:
    data = documents.pdf_bytes([["x"]])
    kids = data.index(b"/Kids [")
    end = data.index(b"]", kids)
    pages = data.rindex(b" 0 obj", 0, kids)
    number = data[data.rindex(b"\n", 0, pages) + 1 : pages]
    cycle = b"/Kids [ " + number + b" 0 R"
    path.write_bytes(data[:kids] + cycle.ljust(end - kids) + data[end:])
    return path


@pytest.mark.parametrize("write", [_rubbish, _not_pdf, _cut_off, _page_cycle])
def test_a_damaged_pdf_is_broken_and_nothing_reaches_stderr(
    tmp_path: Path, write: Callable[[Path], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "a.pdf")
    with pytest.raises(BrokenFile, match="PDF"):
        load(path)
    assert capfd.readouterr() == ("", "")


def test_a_truncated_pdf_never_raises_anything_foreign(tmp_path: Path) -> None:
    data = documents.pdf_bytes([["some text"]], title="t")
    path = tmp_path / "a.pdf"
    for end in range(0, len(data), 97):
        path.write_bytes(data[:end])
        try:
            load(path)
        except (BrokenFile, NoText):
            continue


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_read_permission_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x", encoding="utf-8")
    path.chmod(0)
    with pytest.raises(UnreadableFile, match="Permission denied"):
        load(path)
