"""Mail (RFC 5322 and MIME), and web pages saved with all their parts (MHTML)."""

from __future__ import annotations

import codecs
import email
from dataclasses import replace
from email.message import Message

from ingest.decoding import decode
from ingest.loaders.builder import TextBuilder
from ingest.loaders.damage import damage_reported
from ingest.loaders.mail.attachments import Attachments
from ingest.loaders.mail.mail_headers import RAW_HEADERS, SHOWN_HEADERS, header_text, sent_day
from ingest.loaders.mail.mail_parts import Attached, MailParts, mail_parts
from ingest.loaders.options import LoadOptions
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, EncryptedFile, NoText

ENGINE = "email"
_PGP = "-----BEGIN PGP MESSAGE-----"
_EXPECTED = ("from", "to", "subject", "date", "received", "message-id", "mime-version")


def load_eml(data: bytes, options: LoadOptions) -> LoadedText:
    """Headers, text and attachments of a mail; the subject is its title.

    Of several versions of the text the plain one is taken. An attachment that cannot be read
    is named in the warnings with the reason.

    Raises:
        BrokenFile: it is no mail.
        EncryptedFile: its text is encrypted.
    """
    message = _parse(data)
    if not any(name in message for name in _EXPECTED):
        raise BrokenFile("The file is no mail: it has none of a mail's headers.")
    return mail_text(message, options)


def load_mhtml(data: bytes, _options: LoadOptions) -> LoadedText:
    """The page of an MHTML file.

    Raises:
        BrokenFile: there is no page in it.
        NoText: nothing on the page is visible text.
    """
    message = _parse(data)
    parts = _sorted_parts(message) if "content-type" in message else MailParts()
    if not parts.texts:
        if parts.warnings:
            raise NoText(f"The page cannot be read. {parts.warnings[0]}")
        raise BrokenFile("The file is no saved web page: it holds no HTML.")
    page = parts.texts[0]
    return replace(
        page,
        title=page.title or header_text(message, "Subject"),
        warnings=(*page.warnings, *parts.warnings),
    )


def mail_text(message: Message, options: LoadOptions) -> LoadedText:
    """A parsed mail; see ``load_eml``."""
    parts = _sorted_parts(message)
    if _is_encrypted(parts):
        raise EncryptedFile("The mail is encrypted. Save a copy of it that is not.")
    builder = TextBuilder()
    builder.paragraph("\n".join(_header_lines(message)))
    warnings = parts.warnings
    for text in parts.texts:
        builder.insert(text)
        warnings += text.warnings
    attachments = Attachments(builder, options)
    for attached in parts.attached:
        _add(attached, attachments, options)
    return builder.build(
        engine=ENGINE,
        title=header_text(message, "Subject"),
        encoding=next((text.encoding for text in parts.texts), ""),
        warnings=[*warnings, *attachments.warnings],
        date=sent_day(message),
    )


def _parse(data: bytes) -> Message:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF8)):
        data = decode(data).text.encode("utf-8")
    with damage_reported("mail"):
        return email.message_from_bytes(data.lstrip(), policy=RAW_HEADERS)


def _sorted_parts(message: Message) -> MailParts:
    with damage_reported("mail"):
        return mail_parts(message)


def _is_encrypted(parts: MailParts) -> bool:
    if not parts.texts:
        return parts.is_encrypted
    return all(text.text.startswith(_PGP) for text in parts.texts)


def _header_lines(message: Message) -> list[str]:
    values = ((name, header_text(message, name)) for name in SHOWN_HEADERS)
    return [f"{name}: {value}" for name, value in values if value]


def _add(attached: Attached, attachments: Attachments, options: LoadOptions) -> None:
    message = attached.message
    if message is None:
        attachments.add_file(attached.name, attached.data, is_text=attached.is_text)
    else:
        name = header_text(message, "Subject") or attached.name
        attachments.add(name, lambda: mail_text(message, options.nested()))
