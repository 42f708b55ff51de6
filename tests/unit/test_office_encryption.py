"""Office files behind a password."""

from __future__ import annotations

import io

import docx as python_docx
import pytest
from msoffcrypto.format.ooxml import OOXMLFile

from ingest.loaders import LoadOptions, load_bytes
from rag_service.errors import EncryptedFile
from tests.unit.test_loaders_spreadsheet import xlsx


def encrypted(data: bytes, password: str) -> bytes:
    """Agile encryption, as Office has written it since 2010."""
    buffer = io.BytesIO()
    OOXMLFile(io.BytesIO(data)).encrypt(password, buffer)
    return buffer.getvalue()


def _docx(text: str) -> bytes:
    document = python_docx.Document()
    document.add_paragraph(text)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


FILES = {"a.docx": _docx("机密"), "a.xlsx": xlsx([["机密"]])}


@pytest.mark.parametrize("name", FILES)
def test_without_the_password_the_user_is_told_what_to_do(name: str) -> None:
    with pytest.raises(
        EncryptedFile, match=r"needs a password\. Put it in RAG_INGEST__PASSWORDS, or save"
    ):
        load_bytes(name, encrypted(FILES[name], "secret"))


@pytest.mark.parametrize("name", FILES)
def test_wrong_passwords_are_named_as_such(name: str) -> None:
    options = LoadOptions(passwords=("", "wrong"))
    with pytest.raises(EncryptedFile, match="none of those in RAG_INGEST__PASSWORDS opens it"):
        load_bytes(name, encrypted(FILES[name], "secret"), options)


@pytest.mark.parametrize("name", FILES)
def test_one_of_the_given_passwords_opens_the_file(name: str) -> None:
    options = LoadOptions(passwords=("wrong", "密码"))
    loaded = load_bytes(name, encrypted(FILES[name], "密码"), options)
    assert loaded.text.endswith("机密")


def test_a_read_only_workbook_opens_with_the_password_that_excel_always_tries() -> None:
    data = encrypted(FILES["a.xlsx"], "VelvetSweatshop")
    assert load_bytes("a.xlsx", data).text == "Sheet1\n\n机密"
