"""XML of any vocabulary: data as records, documents as headings and paragraphs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from lxml import etree
from lxml.etree import _Element as Element

from ingest.decoding import Decoded
from ingest.loaders.builder import TextBuilder
from ingest.loaders.web.declared import decode_declared
from ingest.loaders.safe_xml import hardened_parser
from ingest.loaders.web.html import declared_charset, html_document
from ingest.loaders.web.html_text import laid_out, source_text
from ingest.loaders.options import LoadOptions
from ingest.loaders.data.records import Line, write_records
from rag_service.errors import BrokenFile, EmptyFile
from rag_service.document_types import LoadedText

ENGINE = f"lxml {etree.__version__}"
_XHTML = "{http://www.w3.org/1999/xhtml}html"
# What running text is called, in DocBook, JATS, TEI, DITA and their kind.
_PROSE = frozenset({"p", "para", "simpara", "paragraph"})
_TITLES = frozenset({"title", "head", "heading"})
_CODE = frozenset({"programlisting", "screen", "codeblock", "literallayout", "preformat"})
_TABLES = frozenset({"table", "informaltable"})
_HALF_A_PAIR = re.compile(
    rb"&#(?:x0*d[89a-f][0-9a-f]{2}|0*(?:55(?:29[6-9]|[3-9]\d\d)|56\d{3}|57(?:[0-2]\d\d|3[0-3]\d|34[0-3])));",
    re.IGNORECASE,
)
_CUT = "The XML is damaged, {where}. What follows the damage may be missing."
# Depth, the length of a text, what entities would expand to: libxml2 bounds them all.
_LIMITS = frozenset({etree.ErrorTypes.ERR_RESOURCE_LIMIT, etree.ErrorTypes.ERR_ENTITY_LOOP})


def load_xml(data: bytes, _options: LoadOptions) -> LoadedText:
    """The text of the elements with their names; entities are not expanded.

    Raises:
        BrokenFile: no XML, or nested too deeply.
        EmptyFile, NoText: no element holds text.
        NotText, UnknownEncoding: see ``ingest.decoding.decode``.
    """
    decoded = decode_declared(data, declared_charset(data))
    if not decoded.text.strip():
        raise EmptyFile("The file is empty: it holds nothing but white space.")
    root, warnings = _parse(decoded.text)
    if root.tag == _XHTML:
        return html_document(decoded)
    builder = TextBuilder()
    if next(root.iter(*(f"{{*}}{name}" for name in _PROSE)), None) is not None:
        _write_document(root, builder)
    else:
        write_records(_lines(root), builder)
    return _built(builder, decoded, warnings, title=_title(root))


def _built(
    builder: TextBuilder, decoded: Decoded, warnings: tuple[str, ...], *, title: str
) -> LoadedText:
    return builder.build(
        engine=ENGINE,
        title=title,
        encoding=decoded.encoding,
        warnings=(*decoded.warnings, *warnings),
    )


def _parse(text: str) -> tuple[Element, tuple[str, ...]]:
    data = text.strip().encode("utf-8", errors="replace")
    try:
        return etree.fromstring(data, _parser(recover=False)), ()
    except etree.XMLSyntaxError as error:
        reason = _words(error)
        where = f"line {error.lineno}: {reason}"
        root = None if error.code in _LIMITS else _recovered(data)
    if root is None:
        raise BrokenFile(f"The file cannot be read as XML, {where}.")
    return root, (_CUT.format(where=where),)


def _words(error: etree.XMLSyntaxError) -> str:
    if "amplification" in error.msg:  # libxml2 names the function that would lift the limit
        return "its entities expand without bound, as in an attack"
    return str(error.msg.partition(", line ")[0].rstrip("."))


def _recovered(data: bytes) -> Element | None:
    """What can be read of damaged XML.

    References to halves of surrogate pairs go first: libxml2 turns them into bytes that are no
    UTF-8 when it recovers, and lxml fails on those later.
    """
    return etree.fromstring(_HALF_A_PAIR.sub(b"\xef\xbf\xbd", data), _parser(recover=True))


def _parser(*, recover: bool) -> etree.XMLParser:
    return hardened_parser(encoding="utf-8", recover=recover)


def _name(element: Element) -> str:
    return str(element.tag.rpartition("}")[2])


def _title(root: Element) -> str:
    """The title that the root or its one child gives itself."""
    for holder in (root, *root[:1]):
        for child in holder.iterchildren("*"):
            if _name(child) in _TITLES:
                return _text(child)
    return ""


def _text(element: Element) -> str:
    """All text within, entities by their names: they are not expanded."""
    own = element.text or ""
    if not len(element) and "\n" not in own:
        return str(own).strip()
    return laid_out(source_text("".join(element.itertext())))


def _lines(root: Element) -> Iterator[Line]:
    """A line for each attribute and each element that holds text.

    An element whose siblings have the same name is a record, the outermost such.
    """
    names: list[str] = []
    record, base, count = None, 1, 0
    repeated: list[frozenset[str]] = [frozenset()]
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        if not isinstance(element.tag, str):
            continue
        if event == "end":
            names.pop()
            repeated.pop()
            if element is record:
                record, base, count = None, 1, count + 1
            continue
        if record is None and element.tag in repeated[-1] and (len(element) or element.attrib):
            record, base, count = element, len(names), count + 1
        names.append(_name(element))
        repeated.append(_repeated(element))
        path = tuple(names[base:])
        yield from _attributes(element, count, path)
        if _holds_text(element):
            yield Line(count, path, _text(element))
            walk.skip_subtree()


def _repeated(element: Element) -> frozenset[str]:
    if len(element) < 2:
        return frozenset()
    counts = Counter(child.tag for child in element)
    return frozenset(tag for tag, count in counts.items() if count > 1)


def _attributes(element: Element, record: int, path: tuple[str, ...]) -> Iterator[Line]:
    for key, value in element.attrib.items():
        if not key.startswith("{"):  # of a namespace: about the XML, not in it
            yield Line(record, (*path, key), value)


def _holds_text(element: Element) -> bool:
    return _is_text(element.text) or any(
        _is_text(child.tail) or not isinstance(child.tag, str) for child in element
    )


def _is_text(text: str | None) -> bool:
    return bool(text and text.strip())


def _write_document(root: Element, builder: TextBuilder) -> None:
    walk = etree.iterwalk(root, events=("start", "end"))
    depth = 0
    for event, element in walk:
        if not isinstance(element.tag, str):
            continue
        if event == "end":
            depth -= 1
            continue
        depth += 1
        name = _name(element)
        if name in _TABLES:
            _write_table(element, builder)
        elif name in _CODE:
            builder.code("".join(element.itertext()))
        elif name in _TITLES:
            builder.heading(_text(element), depth - 1)
        elif _holds_text(element):
            builder.paragraph(_text(element))
        else:
            continue
        walk.skip_subtree()


def _write_table(element: Element, builder: TextBuilder) -> None:
    rows = list(element.iter("{*}row", "{*}tr"))
    head = next(element.iter("{*}thead"), None)
    caption = next(
        (child for child in element.iterchildren("*") if _name(child) in _TITLES | {"caption"}),
        None,
    )
    builder.paragraph("" if caption is None else _text(caption))
    builder.table([[_text(cell) for cell in row] for row in rows], has_header=head is not None)
