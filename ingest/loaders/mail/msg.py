"""Outlook messages (MS-OXMSG): mail in an OLE container."""

from __future__ import annotations

import io
from collections.abc import Callable

import olefile

from ingest.decoding import Decoded
from ingest.loaders.about import stated_day
from ingest.loaders.builder import TextBuilder
from ingest.loaders.damage import damage_reported
from ingest.loaders.mail.attachments import Attachments
from ingest.loaders.mail.mail_parts import plain_text
from ingest.loaders.mail.msg_rtf import decompress_rtf
from ingest.loaders.mail.msg_storage import MsgStorage
from ingest.loaders.office.ole_container import streams
from ingest.loaders.options import LoadOptions
from ingest.loaders.web.declared import decode_declared
from ingest.loaders.web.html import declared_charset, html_document
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, DocumentError, EncryptedFile

ENGINE = f"olefile {olefile.__version__}"

# Property ids: [MS-OXPROPS].
_SUBJECT, _BODY, _HTML, _RTF = 0x0037, 0x1000, 0x1013, 0x1009
_SENDER_NAME, _SENDER_ADDRESS, _SENDER_SMTP = 0x0C1A, 0x0C1F, 0x5D01
_TO, _CC = 0x0E04, 0x0E03
_SENT, _RECEIVED = 0x0039, 0x0E06
_CLASS = 0x001A
_FILE_NAME, _SHORT_FILE_NAME, _DISPLAY_NAME = 0x3707, 0x3704, 0x3001
_DATA, _CONTENT_ID, _MIME_TYPE = 0x3701, 0x3712, 0x370E
_PROPERTIES = "__properties_version1.0"


def load_msg(data: bytes, options: LoadOptions) -> LoadedText:
    """Headers, text and attachments of a message; the subject is its title.

    The plain text is taken, else the page, else the RTF. An attachment that cannot be read is
    named in the warnings with the reason.

    Raises:
        BrokenFile: it is no Outlook message, or damaged.
        EncryptedFile: its text is encrypted.
    """
    if not data.startswith(olefile.MAGIC):
        raise BrokenFile("The file is no Outlook message: it is no OLE container.")
    if _PROPERTIES not in streams(data):
        raise BrokenFile("The file is no Outlook message: it has no properties.")
    with damage_reported("Outlook message"), olefile.OleFileIO(io.BytesIO(data)) as ole:
        return _message(MsgStorage(ole), options)


def _message(storage: MsgStorage, options: LoadOptions) -> LoadedText:
    if "SMIME" in storage.text(_CLASS) and "Signed" not in storage.text(_CLASS):
        raise EncryptedFile("The message is encrypted. Save a copy of it that is not.")
    builder = TextBuilder()
    builder.paragraph("\n".join(_header_lines(storage)))
    body, warnings = _body(storage, options)
    if body is not None:
        builder.insert(body)
        warnings += body.warnings
    attachments = Attachments(builder, options)
    for attached in storage.attachments():
        _add(attached, attachments, options)
    return builder.build(
        engine=ENGINE,
        title=storage.text(_SUBJECT),
        encoding=body.encoding if body is not None else "",
        warnings=[*warnings, *attachments.warnings],
        date=stated_day(_time(storage)),
    )


def _header_lines(storage: MsgStorage) -> list[str]:
    address = storage.text(_SENDER_SMTP) or storage.text(_SENDER_ADDRESS)
    name = storage.text(_SENDER_NAME)
    # Within one organisation the address is a directory path that tells nobody anything.
    sender = f"{name} <{address}>" if "@" in address and address != name else name or address
    values = (
        ("Subject", storage.text(_SUBJECT)),
        ("From", sender.strip()),
        ("To", storage.text(_TO)),
        ("Cc", storage.text(_CC)),
        ("Date", _time(storage)),
    )
    return [f"{name}: {value}" for name, value in values if value]


def _time(storage: MsgStorage) -> str:
    return storage.time(_SENT) or storage.time(_RECEIVED)


def _body(storage: MsgStorage, options: LoadOptions) -> tuple[LoadedText | None, list[str]]:
    warnings: list[str] = []
    for read in (_plain_body, _html_body, _rtf_body):
        try:
            body = read(storage, options)
        except DocumentError as error:
            warnings.append(f"A version of the text was not read: {error}")
            continue
        if body is not None:
            return body, []
    return None, warnings


def _plain_body(storage: MsgStorage, _options: LoadOptions) -> LoadedText | None:
    text = storage.text(_BODY)
    return plain_text(Decoded(text, "")) if text.strip() else None


def _html_body(storage: MsgStorage, _options: LoadOptions) -> LoadedText | None:
    data = storage.binary(_HTML)
    if not data:
        text = storage.text(_HTML)
        return html_document(Decoded(text, "")) if text else None
    return html_document(decode_declared(data, declared_charset(data) or storage.code_page))


def _rtf_body(storage: MsgStorage, options: LoadOptions) -> LoadedText | None:
    from ingest.loaders import load_bytes  # it imports the loaders of mail

    data = storage.binary(_RTF)
    return load_bytes("body.rtf", decompress_rtf(data), options) if data else None


def _add(attached: MsgStorage, attachments: Attachments, options: LoadOptions) -> None:
    name = attached.text(_FILE_NAME) or attached.text(_SHORT_FILE_NAME)
    inner = attached.embedded()
    if inner is not None:
        shown = inner.text(_SUBJECT) or attached.text(_DISPLAY_NAME) or name or "message"
        attachments.add(shown, _reader(inner, options))
    elif not (attached.text(_CONTENT_ID) and attached.text(_MIME_TYPE).startswith("image/")):
        attachments.add_file(name or "unnamed", attached.binary(_DATA))


def _reader(inner: MsgStorage, options: LoadOptions) -> Callable[[], LoadedText]:
    return lambda: _message(inner, options.nested())
