"""The parts of a mail: which of them are its text, which are attached to it."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass, field
from email.message import Message

from ingest.decoding import Decoded
from ingest.loaders.builder import clean_text
from ingest.loaders.data.records import paragraphs
from ingest.loaders.mail.mail_headers import file_name, parameter
from ingest.loaders.web.declared import decode_declared
from ingest.loaders.web.html import html_document
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, DocumentError

_MAX_PARTS = 1_000
_MAX_NESTING = 50  # of multiparts in multiparts; real mail has five
_TEXT_TYPES = frozenset({"text/plain", "text/html", "text/enriched", "message/delivery-status"})
# Signatures, and the version line of an encrypted mail.
_ABOUT_OTHERS = frozenset(
    {
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pgp-encrypted",
    }
)
# A text this much shorter than the page it should say the same as only says "see the page".
_TOO_SHORT = 5
_MAX_STUB = 200


@dataclass(frozen=True, slots=True)
class Attached:
    """A file in a mail; ``message`` instead of ``data`` where it is a mail itself.

    ``is_text`` says that the mail calls it text, whatever its name.
    """

    name: str
    data: bytes = b""
    is_text: bool = False
    message: Message | None = None


@dataclass(slots=True)
class MailParts:
    """``texts`` are the readable parts in order."""

    texts: list[LoadedText] = field(default_factory=list)
    attached: list[Attached] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    is_encrypted: bool = False


def mail_parts(message: Message) -> MailParts:
    """Sort out the parts of ``message``.

    Raises:
        BrokenFile: parts are nested more deeply than any mail program does.
    """
    found = MailParts()
    _collect(message, found, 0)
    return found


def _collect(part: Message, found: MailParts, depth: int) -> None:
    if depth > _MAX_NESTING:
        raise BrokenFile("The parts of the mail are nested too deeply to be read.")
    kind = part.get_content_type()
    children = _children(part)
    if kind == "multipart/encrypted" or _is_enveloped(part):
        found.is_encrypted = True
    elif kind == "multipart/alternative":
        _collect_best(children, found, depth)
    elif kind == "multipart/related":
        _collect_page(part, children, found, depth)
    elif children and kind.startswith("multipart/"):
        for child in children:
            _collect(child, found, depth + 1)
    else:
        _collect_leaf(part, kind, children, found)


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    if not isinstance(payload, list):
        return []
    if len(payload) > _MAX_PARTS:
        raise BrokenFile(f"The mail has {len(payload):,} parts; at most {_MAX_PARTS:,} are read.")
    return [child for child in payload if isinstance(child, Message)]


def _collect_best(children: list[Message], found: MailParts, depth: int) -> None:
    """The plain text of several versions, unless it is empty or stands in for the page."""
    versions = []
    for child in children:
        version = MailParts()
        _collect(child, version, depth + 1)
        found.attached += version.attached
        found.is_encrypted = found.is_encrypted or version.is_encrypted
        versions.append((child.get_content_type() == "text/plain", version))
    readable = [(plain, version) for plain, version in versions if version.texts]
    if not readable:
        found.warnings += [said for _, version in versions for said in version.warnings]
        return
    plain = next((version for is_plain, version in readable if is_plain), None)
    longest = max((version for _, version in readable), key=_length)
    best = longest if plain is None or _is_stub(plain, longest) else plain
    found.texts += best.texts
    found.warnings += best.warnings


def _length(parts: MailParts) -> int:
    return sum(len(text.text) for text in parts.texts)


def _is_stub(plain: MailParts, other: MailParts) -> bool:
    length = _length(plain)
    return length < _MAX_STUB and length * _TOO_SHORT < _length(other)


def _collect_page(part: Message, children: list[Message], found: MailParts, depth: int) -> None:
    """A page with what it shows: its images are left out, other files are attachments."""
    start = parameter(part, "start")
    root = next((child for child in children if child.get("content-id") == start), None)
    root = root if root is not None else next(iter(children), None)
    for child in children:
        if child is root or not (child.get("content-id") or _is_shown(child)):
            _collect(child, found, depth + 1)


def _is_shown(part: Message) -> bool:
    return part.get_content_maintype() in {"image", "audio", "video"} or bool(
        part.get("content-location")
    )


def _collect_leaf(part: Message, kind: str, children: list[Message], found: MailParts) -> None:
    is_attachment = part.get_content_disposition() == "attachment"
    name = file_name(part)
    main = part.get_content_maintype()
    if kind == "message/rfc822" and children:
        found.attached.append(Attached(name or "message.eml", message=children[0]))
    elif kind in _TEXT_TYPES and not is_attachment and not (name and kind == "text/plain"):
        _collect_text(part, kind, children, found)
    elif main == "image" and (part.get("content-id") or not is_attachment):
        return
    elif kind not in _ABOUT_OTHERS:
        named = name or f"unnamed{mimetypes.guess_extension(kind) or ''}"
        found.attached.append(Attached(named, _content(part), is_text=main == "text"))


def _collect_text(part: Message, kind: str, children: list[Message], found: MailParts) -> None:
    if children:  # a delivery status: blocks of headers
        text = "\n\n".join(str(child).strip() for child in children)
        found.texts.append(plain_text(Decoded(text, "ascii")))
        return
    data = _content(part)
    if not data.strip():
        return
    try:
        decoded = decode_declared(data, parameter(part, "charset"))
        if kind == "text/html":
            found.texts.append(html_document(decoded))
        else:
            found.texts.append(plain_text(_unwrapped(part, decoded)))
    except DocumentError as error:
        found.warnings.append(f"The {'page' if kind == 'text/html' else 'text'}: {error}")


def _unwrapped(part: Message, decoded: Decoded) -> Decoded:
    """Lines that a mail program wrapped, whole again: RFC 3676."""
    if parameter(part, "format").lower() != "flowed":
        return decoded
    deletes_space = parameter(part, "delsp").lower() == "yes"
    lines: list[str] = []
    is_open = False
    for line in decoded.text.split("\n"):
        quoted = line.startswith(">")
        if is_open and not quoted:
            lines[-1] += line.removeprefix(" ")
        else:
            lines.append(line.removeprefix(" "))
        is_open = line.endswith(" ") and line != "-- " and not quoted
        if is_open and deletes_space:
            lines[-1] = lines[-1][:-1]
    return Decoded("\n".join(lines), decoded.encoding, decoded.warnings)


def plain_text(decoded: Decoded) -> LoadedText:
    """Plain text, its paragraphs a blank line apart."""
    text = "\n\n".join(paragraphs(clean_text(decoded.text)))
    return LoadedText(text, encoding=decoded.encoding, warnings=decoded.warnings, syntax="marked")


def _content(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _is_enveloped(part: Message) -> bool:
    is_smime = part.get_content_type() in {"application/pkcs7-mime", "application/x-pkcs7-mime"}
    return is_smime and parameter(part, "smime-type").lower() != "signed-data"
