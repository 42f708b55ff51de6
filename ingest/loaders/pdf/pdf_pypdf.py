"""PDF through pypdf: text by content order, title, bookmarks, form fields and annotations."""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

import pypdf
from pypdf import PageObject, PasswordType, PdfReader, apply_configuration
from pypdf.generic import Destination, DictionaryObject, StreamObject

from ingest.loaders.about import About, split_tags, stated_day
from ingest.loaders.builder import MAX_TITLE, one_line
from ingest.loaders.messages import password_refusal
from rag_service.errors import EncryptedFile

ENGINE = f"pypdf {pypdf.__version__}"

_MAX_NOTES = 2000  # annotations and form fields of a page
_MAX_NOTE = 5000  # characters of one
_NOTE_KINDS = frozenset(
    (
        "/Text",
        "/FreeText",
        "/Highlight",
        "/Underline",
        "/StrikeOut",
        "/Squiggly",
        "/Caret",
        "/Stamp",
    )
)
_HIDDEN = 0b10  # of an annotation's flags; ISO 32000-1, table 165
_SECRET = 1 << 13  # of a text field's flags: a password; ISO 32000-1, table 228
_MAX_PARENTS = 32
MAX_FORM_CALLS = 100_000
_MAX_FORM_DEPTH = 16
_CHECKED = "☒"
# "topmostSubform[0].Page1[0].f1_01[0]", "Text12": names that programs give to fields.
_MACHINE_NAME = re.compile(r".*\[\d+\]|[A-Za-z]+[ _-]?\d+|\S*_\S*")
_NOT_A_TITLE = re.compile(
    r"^(untitled|\(anonymous\)|title|document|\S+\.\w{2,4}"
    r"|microsoft (word|powerpoint|excel) - .*|.*[/\\].*"
    r"|.*\.(docx?|pptx?|xlsx?|pdf|tex|dvi|ps|indd|qxd|odt|rtf|wps|html?|txt|eps))\s*\d*$",
    re.IGNORECASE,
)


class Bookmark(NamedTuple):
    """``level`` starts at 1, ``page`` at 0."""

    title: str
    level: int
    page: int


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pypdf's remarks on damaged files off stderr, and let it start no other program."""
    logger = logging.getLogger("pypdf")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings(), apply_configuration(jbig2dec_binary=None):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def open_reader(data: bytes, passwords: Sequence[str]) -> tuple[PdfReader, str]:
    """The opened PDF and the password that opened it, "" where none was needed.

    Raises:
        EncryptedFile: no password opens it.
    """
    reader = PdfReader(io.BytesIO(data), strict=False)
    if not reader.is_encrypted:
        return reader, ""
    for password in ("", *passwords):
        if reader.decrypt(password) != PasswordType.NOT_DECRYPTED:
            return reader, password
    raise EncryptedFile(password_refusal("PDF", given=bool(passwords)))


def content_bytes(page: PageObject) -> int:
    """Size of the page's drawing instructions, unpacked."""
    contents = page.get_contents()
    return len(contents.get_data()) if contents is not None else 0


def form_calls(page: PageObject) -> int:
    """At least how often the page's reusable drawings are drawn, each within others.

    A few of them can call one another a billion times; ``MAX_FORM_CALLS`` is returned for that.
    """
    contents = page.get_contents()
    return _calls(page, contents.get_data() if contents is not None else b"", {}, 0)


def _calls(node: DictionaryObject, content: bytes, known: dict[int, int], depth: int) -> int:
    forms = _forms(node)
    if not forms:
        return 0
    if depth == _MAX_FORM_DEPTH:  # a circle, most likely
        return MAX_FORM_CALLS
    for form in forms:
        if id(form) not in known:
            known[id(form)] = _calls(form, form.get_data(), known, depth + 1)
    deepest = max(known[id(form)] for form in forms)
    return min(content.count(b"Do") * (1 + deepest), MAX_FORM_CALLS)


def _forms(node: DictionaryObject) -> list[StreamObject]:
    resources = _dictionary(node.get("/Resources"))
    named = _dictionary(resources.get("/XObject"))
    found = [_dictionary(value) for value in islice(named.values(), _MAX_NOTES)]
    return [
        item for item in found if isinstance(item, StreamObject) and item.get("/Subtype") == "/Form"
    ]


def _dictionary(value: Any) -> DictionaryObject:
    found = value.get_object() if value is not None else None
    return found if isinstance(found, DictionaryObject) else DictionaryObject()


def title(reader: PdfReader) -> str:
    """What the PDF names itself, or the one bookmark above all others; "" where unusable."""
    try:
        named = reader.metadata.title if reader.metadata else None
    except Exception:  # noqa: BLE001  a damaged title is no reason to lose the text
        named = None
    found = _real_title(named) if isinstance(named, str) else ""
    if found:
        return found
    tops = [mark for mark in bookmarks(reader) if mark.level == 1]
    return _real_title(tops[0].title) if len(tops) == 1 and tops[0].page == 0 else ""


def about(reader: PdfReader) -> About:
    """The date of its last change and its keywords."""
    try:
        named: Mapping[str, object] = reader.metadata or {}
        texts = [str(named.get(name) or "") for name in ("/ModDate", "/CreationDate", "/Keywords")]
    except Exception:  # noqa: BLE001  damaged properties are no reason to lose the text
        return About()
    changed, made, keywords = texts
    tags = split_tags("" if "\ufffd" in keywords else keywords)
    return About(stated_day(changed) or stated_day(made), tags)


def _real_title(text: str) -> str:
    """``text`` if a person could have written it, or ""."""
    line = one_line(text)
    is_named = any(char.isalpha() for char in line) and "\ufffd" not in line
    if not is_named or not line.isprintable() or _NOT_A_TITLE.match(line):
        return ""
    return line[:MAX_TITLE]


def bookmarks(reader: PdfReader) -> list[Bookmark]:
    """The outline, in its order; entries that lead nowhere are left out."""
    try:
        return [mark for mark in _flattened(reader, reader.outline, 1) if mark.title]
    except Exception:  # noqa: BLE001  nor is a damaged outline
        return []


def _flattened(reader: PdfReader, entries: Sequence[Any], level: int) -> Iterator[Bookmark]:
    for entry in entries:
        if isinstance(entry, list):
            yield from _flattened(reader, entry, level + 1)
        elif isinstance(entry, Destination):
            page = reader.get_destination_page_number(entry)
            if page is not None and page >= 0:
                yield Bookmark(one_line(entry.title or ""), level, page)


def notes(page: PageObject) -> list[str]:
    """Lines that stand on the page but not in its text: form values and annotations."""
    try:
        annotations = [
            entry.get_object() for entry in islice(page.get("/Annots") or (), _MAX_NOTES)
        ]
        lines = [_note(entry) for entry in annotations if isinstance(entry, DictionaryObject)]
    except Exception:  # noqa: BLE001  nor are damaged annotations
        return []
    return list(dict.fromkeys(line for line in lines if line))


def _note(annotation: DictionaryObject) -> str:
    if int(annotation.get("/F", 0)) & _HIDDEN:
        return ""
    if annotation.get("/Subtype") == "/Widget":
        return _field(annotation)
    if annotation.get("/Subtype") in _NOTE_KINDS:
        return one_line(_string(annotation.get("/Contents")))[:_MAX_NOTE]
    return ""


def _field(widget: DictionaryObject) -> str:
    """ "Label: value" of a form field that is filled in."""
    kind = _inherited(widget, "/FT")
    label = _label(widget)
    if kind == "/Btn":
        is_on = widget.get("/AS") not in (None, "/Off")
        return f"{_CHECKED} {label}" if is_on and label else ""
    if kind not in ("/Tx", "/Ch") or int(_inherited(widget, "/Ff") or 0) & _SECRET:
        return ""
    value = _inherited(widget, "/V")
    values = value if isinstance(value, list) else [value]
    text = one_line(", ".join(filter(None, map(_string, values))))[:_MAX_NOTE]
    return f"{label}: {text}" if text and label else text


def _label(widget: DictionaryObject) -> str:
    """The tooltip, or a name that is fit to be read."""
    tooltip = one_line(_string(_inherited(widget, "/TU")))
    name = one_line(_string(_inherited(widget, "/T")))
    return tooltip or ("" if _MACHINE_NAME.fullmatch(name) else name)


def _inherited(widget: DictionaryObject, key: str) -> Any:
    node: Any = widget
    for _ in range(_MAX_PARENTS):
        if not isinstance(node, DictionaryObject):
            return None
        if key in node:
            return node[key]
        node = node.get("/Parent")
        node = node.get_object() if node is not None else None
    return None


def _string(value: Any) -> str:
    """Text of a PDF string; names ("/Yes"), numbers and streams give ""."""
    return str(value) if isinstance(value, str) and not str(value).startswith("/") else ""


def attached_files(reader: PdfReader) -> list[str]:
    try:
        return [one_line(item.name) for item in islice(reader.attachment_list, _MAX_NOTES)]
    except Exception:  # noqa: BLE001  nor are damaged attachments
        return []


def is_dynamic_form(reader: PdfReader) -> bool:
    """Whether the pages only hold the place of an XFA form, which few programs can show."""
    try:
        root: Any = reader.trailer["/Root"]
        form = root.get("/AcroForm")
        return bool(
            form is not None and "/XFA" in form.get_object() and root.get("/NeedsRendering")
        )
    except Exception:  # noqa: BLE001
        return False
