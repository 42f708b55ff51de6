"""Mail and saved web pages through the public ``load_bytes``."""

from __future__ import annotations

import base64
from email.message import EmailMessage

import pytest

from ingest.loaders import load_bytes
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, EncryptedFile, NoText

CHINESE = "公司规定，员工每年可以享受十天带薪年假，超过部分按事假处理。"
JAPANESE = "公司では、社員は年に十日の休暇を取ることができます。"


def eml(source: str | bytes) -> LoadedText:
    return load_bytes("a.eml", source if isinstance(source, bytes) else source.encode())


def headings(loaded: LoadedText) -> list[tuple[int, str]]:
    return [
        (mark.level, loaded.text[mark.char_start : mark.char_end])
        for mark in loaded.marks
        if mark.kind == "heading"
    ]


def plain(body: bytes, charset: str, *, encoding: str = "8bit") -> bytes:
    return (
        b"Subject: s\r\nContent-Type: text/plain; charset=%b\r\n"
        b"Content-Transfer-Encoding: %b\r\n\r\n%b" % (charset.encode(), encoding.encode(), body)
    )


def body(loaded: LoadedText) -> str:
    return loaded.text.partition("\n\n")[2]


def test_a_mail_begins_with_its_headers_and_keeps_quoted_text() -> None:
    loaded = eml(
        "From: Li Lei <li@example.com>\r\nTo: a@example.com,\r\n b@example.com\r\n"
        "Subject: =?utf-8?B?5bm05YGH?= plan\r\nDate: Fri, 3 May 2024 10:00:00 +0800\r\n"
        "X-Other: no\r\n\r\nHello,\r\n\r\nten days.\r\n> asked before\r\n"
    )
    assert loaded.text == (
        "Subject: 年假 plan\nFrom: Li Lei <li@example.com>\nTo: a@example.com, b@example.com\n"
        "Date: Fri, 3 May 2024 10:00:00 +0800\n\nHello,\n\nten days.\n> asked before"
    )
    assert loaded.title == "年假 plan"
    assert loaded.syntax == "marked"


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        ("=?gb2312?B?" + base64.b64encode("镕基年假".encode("gbk")).decode() + "?=", "镕基年假"),
        ("=?big5?Q?=A6~=B0=B2?=", "年假"),
        ("=?utf-8?B?5bm0?= =?utf-8?B?5YGH?=", "年假"),
        # One character cut in half between two encoded words.
        ("=?gbk?Q?=C4=EA=BC?= =?gbk?Q?=D9?=", "年假"),
        ("=?utf-8?Q?a?==?utf-8?Q?b?=", "ab"),
        ("=?utf-8?B?bad!?= x", "=?utf-8?B?bad!?= x"),
    ],
)
def test_encoded_subjects_are_decoded(raw: str, subject: str) -> None:
    assert eml(f"Subject: {raw}\r\n\r\ntext").title == subject


def test_a_subject_in_bare_bytes_is_decoded() -> None:
    loaded = eml(b"Subject: " + "关于员工年假的规定".encode("gbk") + b"\r\n\r\ntext")
    assert loaded.title == "关于员工年假的规定"


@pytest.mark.parametrize(
    ("text", "encoding", "declared"),
    [
        (CHINESE, "gbk", "gb2312"),
        (CHINESE, "gbk", "us-ascii"),
        (CHINESE, "gbk", "utf-8"),
        (CHINESE, "utf-8", "gb2312"),
        (CHINESE, "hz", "hz-gb-2312"),
        (JAPANESE, "iso2022_jp", "iso-2022-jp"),
        (JAPANESE, "iso2022_jp", "us-ascii"),
        (JAPANESE, "shift_jis", "iso-8859-1"),
    ],
)
def test_a_body_is_read_in_its_encoding_whatever_it_declares(
    text: str, encoding: str, declared: str
) -> None:
    assert body(eml(plain(text.encode(encoding), declared))) == text


def test_a_mail_written_as_utf_16_is_read() -> None:
    assert body(eml(("Subject: s\r\n\r\n" + CHINESE).encode("utf-16"))) == CHINESE


def test_flowed_lines_are_joined() -> None:
    flowed = "text/plain; format=flowed"
    source = f"Subject: s\r\nContent-Type: {flowed}\r\n\r\nOne \r\nline.\r\n> a \r\n> b\r\nEnd"
    assert body(eml(source)) == "One line.\n> a\n> b\nEnd"


def alternative(plain_text: str, page: str) -> LoadedText:
    mail = EmailMessage()
    mail["Subject"] = "s"
    mail.set_content(plain_text)
    mail.add_alternative(page, subtype="html")
    return eml(mail.as_bytes())


def test_the_plain_version_is_taken_unless_it_is_empty_or_a_stub() -> None:
    page = "<h1>Title</h1><p>" + "In the page. " * 30 + "</p>"
    assert body(alternative("The plain text.\n", "<p>The page.</p>")) == "The plain text."
    assert headings(alternative(" \n", page)) == [(2, "Title")]
    assert headings(alternative("Please view as HTML.\n", page)) == [(2, "Title")]


def test_attachments_are_read_under_headings_and_images_of_the_page_ignored() -> None:
    mail = EmailMessage()
    mail["Subject"] = "s"
    mail.set_content("Body.")
    mail.add_attachment(
        CHINESE.encode("gbk"), maintype="text", subtype="plain", filename="制度.txt"
    )
    mail.add_attachment(
        b"<title>T</title><h1>One</h1><p>Page.</p>",
        maintype="text",
        subtype="html",
        filename="p.html",
    )
    mail.add_attachment(b"BEGIN:VCALENDAR", maintype="text", subtype="calendar", filename="a.ics")
    mail.add_attachment(b"\x89PNG", maintype="image", subtype="png", cid="<1@x>")
    loaded = eml(mail.as_bytes())
    assert loaded.text == (
        f"Subject: s\n\nBody.\n\nAttachment: 制度.txt\n\n{CHINESE}\n\n"
        "Attachment: p.html\n\nOne\n\nPage.\n\nAttachment: a.ics\n\nBEGIN:VCALENDAR"
    )
    assert headings(loaded) == [
        (1, "Attachment: 制度.txt"),
        (1, "Attachment: p.html"),
        (2, "One"),
        (1, "Attachment: a.ics"),
    ]
    assert loaded.warnings == ()


def attached(name: str, data: bytes) -> LoadedText:
    mail = EmailMessage()
    mail["Subject"] = "s"
    mail.set_content("Body.")
    mail.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return eml(mail.as_bytes())


def test_an_attachment_keeps_the_structure_that_its_own_signs_give_it() -> None:
    source = "# Rules\n\nOne.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n## Leave\n\n```\nx = 1\n```\n"
    loaded = attached("rules.md", source.encode())
    assert loaded.text.endswith(
        "Attachment: rules.md\n\nRules\n\nOne.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
        "Leave\n\n```\nx = 1\n```"
    )
    assert headings(loaded) == [(1, "Attachment: rules.md"), (2, "Rules"), (3, "Leave")]
    table, code = (mark for mark in loaded.marks if mark.kind != "heading")
    assert loaded.text[table.char_start : table.header_end] == "| a | b |\n|---|---|"
    assert loaded.text[code.char_start : code.char_end] == "```\nx = 1\n```"


@pytest.mark.parametrize(
    ("name", "data", "warning"),
    [
        ("p.png", b"\x89PNG", "Attachment p.png was not read: .png files are not read."),
        ("a.txt", b" ", "Attachment a.txt was not read: The file is empty"),
        ("a.pdf", b"no pdf", "Attachment a.pdf was not read: "),
    ],
)
def test_an_attachment_that_cannot_be_read_costs_that_attachment(
    name: str, data: bytes, warning: str
) -> None:
    loaded = attached(name, data)
    assert loaded.text == "Subject: s\n\nBody."
    (said,) = loaded.warnings
    assert said.startswith(warning)


def test_what_an_attachment_warns_of_names_it() -> None:
    loaded = attached("a.jsonl", b'{"a": 1}\nbad\n')
    assert loaded.warnings == (
        "Attachment a.jsonl: Line 2 is not valid JSON and was left out "
        "(column 1: Expecting value).",
    )


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("filename*=gb2312''%C4%EA%BC%D9.txt", "年假.txt"),
        ("filename*0*=utf-8''%E5%B9%B4; filename*1*=%E5%81%87.txt", "年假.txt"),
        ('filename="=?gbk?B?xOq82S50eHQ=?="', "年假.txt"),
        ('filename="C:\\\\dir\\\\a.txt"', "a.txt"),
        ("filename*x*=utf-8''a.txt", ""),
        ("filename=员工年假规定.txt", "员工年假规定.txt"),
    ],
)
def test_file_names_are_decoded_and_lose_their_folders(header: str, name: str) -> None:
    source = (
        "Subject: s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nBody.\r\n"
        f"--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; {header}\r\n\r\n"
        "Inside.\r\n--b--\r\n"
    )
    loaded = eml(source.encode("gbk"))
    assert headings(loaded) == [(1, f"Attachment: {name or 'unnamed.txt'}")]
    assert loaded.text.endswith("\n\nInside.")


def nested_mail(depth: int) -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = f"Level {depth}"
    mail.set_content(f"Body {depth}.")
    if depth:
        mail.add_attachment(nested_mail(depth - 1))
    return mail


def test_a_mail_within_a_mail_is_read_to_a_depth_of_three() -> None:
    loaded = eml(nested_mail(5).as_bytes())
    assert [level for level, _ in headings(loaded)] == [1, 2, 3]
    assert "Body 2." in loaded.text
    assert "Body 1." not in loaded.text
    (warning,) = loaded.warnings
    assert warning.endswith("Attachment Level 1 was not read: it is nested more than 3 deep.")


def test_an_encrypted_mail_is_told_so() -> None:
    boundary = 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b'
    part = "--b\r\nContent-Type: application/octet-stream\r\n\r\nxx\r\n--b--\r\n"
    with pytest.raises(EncryptedFile):
        eml(f"Subject: s\r\nContent-Type: {boundary}\r\n\r\n{part}")
    with pytest.raises(EncryptedFile):
        eml("Subject: s\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nxx\r\n")
    with pytest.raises(EncryptedFile):
        eml("Subject: s\r\nContent-Type: application/pkcs7-mime\r\n\r\nxx")


def test_a_signed_mail_is_read_without_its_signature() -> None:
    loaded = eml(
        "Subject: s\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nSigned.\r\n"
        "--b\r\nContent-Type: application/pgp-signature; name=s.asc\r\n\r\nxx\r\n--b--\r\n"
    )
    assert (body(loaded), loaded.warnings) == ("Signed.", ())


def test_what_is_no_mail_is_refused() -> None:
    with pytest.raises(BrokenFile, match="no mail"):
        eml("Just some text.\n")


def test_parts_nested_without_end_are_refused_and_do_not_crash() -> None:
    parts = "".join(
        f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(2_000)
    )
    with pytest.raises(BrokenFile, match="nested too deeply"):
        eml(f"Subject: s\r\nMIME-Version: 1.0\r\n{parts}")


MHTML = (
    "From: <Saved by a browser>\r\nSubject: Saved\r\nMIME-Version: 1.0\r\n"
    'Content-Type: multipart/related; boundary=b; type="text/html"\r\n\r\n'
    "--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n"
    "Content-Location: http://example.com/\r\n\r\n"
    "<h1>=E5=B9=B4=E5=81=87</h1><p>Ten=20days.</p>\r\n"
    "--b\r\nContent-Type: text/html\r\nContent-Location: http://example.com/ad\r\n\r\n"
    "<p>An advertisement.</p>\r\n--b--\r\n"
)


def test_a_saved_page_is_read_without_its_frames() -> None:
    loaded = load_bytes("a.mhtml", MHTML.encode())
    assert (loaded.text, loaded.title) == ("年假\n\nTen days.", "Saved")
    assert headings(loaded) == [(1, "年假")]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (b"<p>no MIME</p>", BrokenFile),
        (b"Subject: s\r\nContent-Type: image/png\r\n\r\nxx", BrokenFile),
        (b"Content-Type: text/html\r\n\r\n<p hidden>x</p>", NoText),
    ],
)
def test_a_saved_page_without_a_page_is_told_so(source: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        load_bytes("a.mht", source)
