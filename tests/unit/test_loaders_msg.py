"""Messages of Outlook through the public ``load_bytes``."""

from __future__ import annotations

import binascii

import pytest

from ingest.loaders import load_bytes
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, EncryptedFile
from tests.msg_files import Tree, ole_file, properties

CHINESE = "公司规定，员工每年可以享受十天带薪年假，超过部分按事假处理。"


def body(loaded: LoadedText) -> str:
    return loaded.text.partition("\n\n")[2]


SUBJECT, FROM, ADDRESS, TO, BODY, HTML, RTF = 0x37, 0xC1A, 0xC1F, 0xE04, 0x1000, 0x1013, 0x1009
FILE_NAME, DATA = 0x3707, 0x3701
SENT = 133_590_294_000_000_000  # 2024-05-01 09:30, in tenths of microseconds since 1601


def msg(tree: Tree) -> LoadedText:
    return load_bytes("a.msg", ole_file(tree))


def test_a_message_of_outlook_is_read_with_headers_and_attachments() -> None:
    inner = properties({SUBJECT: "Inner", BODY: "Within."}, header=24)
    loaded = msg(
        {
            **properties(
                {
                    SUBJECT: "年假",
                    FROM: "Li Lei",
                    ADDRESS: "li@example.com",
                    TO: "All",
                    BODY: "Ten days.\r\n\r\nAsk first.\0",
                },
                sent=SENT,
            ),
            "__attach_version1.0_#00000000": properties(
                {FILE_NAME: "制度.txt"}, {DATA: CHINESE.encode()}, header=8
            ),
            "__attach_version1.0_#00000001": {
                **properties({}, header=8),
                "__substg1.0_3701000D": inner,
            },
            "__attach_version1.0_#00000002": properties(
                {FILE_NAME: "a.png"}, {DATA: b"x"}, header=8
            ),
        }
    )
    assert loaded.text == (
        "Subject: 年假\nFrom: Li Lei <li@example.com>\nTo: All\nDate: 2024-05-01 09:30 UTC\n\n"
        f"Ten days.\n\nAsk first.\n\nAttachment: 制度.txt\n\n{CHINESE}\n\n"
        "Attachment: Inner\n\nSubject: Inner\n\nWithin."
    )
    assert loaded.title == "年假"
    assert loaded.warnings == ("Attachment a.png was not read: .png files are not read.",)


def test_a_message_in_8_bit_text_is_read_in_its_code_page_or_despite_it() -> None:
    texts: dict[int, str | bytes] = {SUBJECT: CHINESE.encode("gbk"), BODY: CHINESE.encode("gbk")}
    for code_page in (936, 1252, 0):
        assert body(msg(properties(texts, code_page=code_page))) == CHINESE


def test_a_message_without_plain_text_is_read_from_its_page() -> None:
    page = f"<h1>T</h1><p>{CHINESE}</p>".encode("gbk")
    loaded = msg(properties({SUBJECT: "s"}, {HTML: page}, code_page=936))
    assert body(loaded) == f"T\n\n{CHINESE}"


# The example of [MS-OXRTFCP] section 3.1.
COMPRESSED = binascii.unhexlify(
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
)
# Section 3.2: a reference into what it copies itself.
OVERLAPPING = binascii.unhexlify("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")


@pytest.mark.parametrize(
    ("rtf", "text"),
    [
        (COMPRESSED, "hello world"),
        (OVERLAPPING, "WXYZ" * 5),
        (b"\x20\0\0\0\x14\0\0\0MELA\0\0\0\0{\\rtf1\\ansi plain} ", "plain"),
    ],
)
def test_a_message_with_nothing_but_rtf_is_read_from_that(rtf: bytes, text: str) -> None:
    assert body(msg(properties({SUBJECT: "s"}, {RTF: rtf}))) == text


@pytest.mark.parametrize("rtf", [b"short", COMPRESSED[:8] + b"XXXX" + COMPRESSED[12:]])
def test_rtf_that_is_damaged_costs_the_text_and_is_told(rtf: bytes) -> None:
    loaded = msg(properties({SUBJECT: "s"}, {RTF: rtf}))
    assert loaded.text == "Subject: s"
    assert loaded.warnings[0].startswith("A version of the text was not read: The RTF of the")


def test_an_encrypted_message_of_outlook_is_told_so() -> None:
    with pytest.raises(EncryptedFile):
        msg(properties({SUBJECT: "s", 0x1A: "IPM.Note.SMIME"}))


def test_what_is_no_message_of_outlook_is_refused() -> None:
    with pytest.raises(BrokenFile, match="no OLE container"):
        load_bytes("a.msg", b"Subject: s\r\n\r\ntext")
    with pytest.raises(BrokenFile, match="no properties"):
        msg({"Workbook": b"x"})
    with pytest.raises(BrokenFile):
        load_bytes("a.msg", ole_file(properties({SUBJECT: "s"}))[:600])
