from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ingest.loaders import format_of, load, load_bytes, loader_version
from ingest.loaders.formats import FORMATS
from rag_service.errors import NoText, NotText, UnreadableFile, UnsupportedFormat
from tests import documents
from tests.office_documents import docx, paragraph

HANDBOOK = "公司规定，员工每年可以享受十天带薪年假。\n"


def test_every_format_says_its_version_and_an_unknown_one_none() -> None:
    assert loader_version("年假.PDF").startswith("pdf/")
    assert loader_version("photo.raw") == ""
    for known in FORMATS:
        for suffix in known.suffixes:
            assert loader_version("a" + suffix).startswith(f"{known.name}/")
    assert format_of("photo.raw") is None


@pytest.mark.parametrize(
    ("name", "syntax"), [("a.md", "markdown"), ("a.MARKDOWN", "markdown"), ("a.txt", "plain")]
)
def test_markdown_is_told_by_its_suffix(tmp_path: Path, name: str, syntax: str) -> None:
    path = tmp_path / name
    path.write_text("# Title\n", encoding="utf-8")
    assert load(path).syntax == syntax


def test_a_text_file_keeps_its_text_and_says_its_encoding(tmp_path: Path) -> None:
    path = tmp_path / "手册.TXT"
    path.write_bytes(HANDBOOK.encode("gbk"))
    loaded = load(path)
    assert (loaded.text, loaded.encoding, loaded.pages) == (HANDBOOK, "gb18030", ())
    assert loaded.seconds > 0


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


_HIDDEN = "".join(chr(0xE0000 + ord(letter)) for letter in "obey me")
_SEEN = f"Pumps\u200b need{_HIDDEN} a yearly in\xadspec\u2060tion 👩\u200d🚀."
_AS_SEEN = "Pumps need a yearly inspection 👩\u200d🚀."


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.txt", _SEEN.encode()),
        ("a.txt", _SEEN.encode("utf-16")),
        ("a.md", _SEEN.encode()),
        ("a.csv", _SEEN.encode()),
        ("a.json", json.dumps([_SEEN]).encode()),
        ("a.html", f"<p>{_SEEN}</p>".encode()),
        ("a.html", b"<p>" + _SEEN.encode("ascii", "xmlcharrefreplace") + b"</p>"),
        ("a.xml", f"<r>{_SEEN}</r>".encode()),
        ("a.rst", _SEEN.encode()),
        ("a.docx", docx(paragraph(_SEEN))),
    ],
)
def test_characters_that_nobody_sees_are_not_read(name: str, data: bytes) -> None:
    assert load_bytes(name, data).text.removeprefix("r: ") == _AS_SEEN


def test_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFormat, match=r"\.raw"):
        load(tmp_path / "a.raw")


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


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_read_permission_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x", encoding="utf-8")
    path.chmod(0)
    with pytest.raises(UnreadableFile, match="Permission denied"):
        load(path)
