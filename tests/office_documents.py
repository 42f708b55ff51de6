"""Office files built part by part, where a library would not write what a test needs."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_WORD_NAMESPACES = " ".join(
    f'xmlns:{prefix}="{uri}"'
    for prefix, uri in {
        "w": _W,
        "r": _OFFICE,
        "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
        "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
        "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
        "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
        "v": "urn:schemas-microsoft-com:vml",
        "wps": "http://schemas.microsoft.com/office/word/2010/wordprocessingShape",
    }.items()
)
_ODF_NAMESPACES = (
    " ".join(
        f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for prefix, name in {
            "office": "office",
            "text": "text",
            "table": "table",
            "draw": "drawing",
            "style": "style",
            "chart": "chart",
            "presentation": "presentation",
            "manifest": "manifest",
            "svg": "svg-compatible",
        }.items()
    )
    + ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:dc="http://purl.org/dc/elements/1.1/"'
)


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    """A ZIP container with these parts in order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def rezipped(data: bytes, changes: Mapping[str, str | bytes | None]) -> bytes:
    """The container with some parts replaced, added or (None) taken out."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    for name, content in changes.items():
        parts.pop(name, None)
        if content is not None:
            parts[name] = content
    return zipped(parts)


def part_of(data: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(name)


def relationships(kinds: Mapping[str, str]) -> str:
    """A .rels part: ids rId1, rId2 …, each a target and its kind ("footnotes")."""
    entries = "".join(
        f'<Relationship Id="rId{index}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for index, (target, kind) in enumerate(kinds.items(), start=1)
    )
    return f'<Relationships xmlns="{_RELATIONS}">{entries}</Relationships>'


def word(root: str, inner: str) -> str:
    """A part of WordprocessingML with its namespaces."""
    return f"<w:{root} {_WORD_NAMESPACES}>{inner}</w:{root}>"


def docx(body: str, **parts: str) -> bytes:
    """A Word document of this ``w:body``; ``styles=``, ``footnotes=`` … give further parts.

    They become related parts of that kind: rId1, rId2 … in the order given. A digit at the
    end (``header2``) is not part of the kind.
    """
    related = {f"{name}.xml": name.rstrip("0123456789") for name in parts}
    return zipped(
        {
            "_rels/.rels": relationships({"word/document.xml": "officeDocument"}),
            "word/document.xml": word("document", f"<w:body>{body}</w:body>"),
            "word/_rels/document.xml.rels": relationships(related),
            **{f"word/{name}.xml": content for name, content in parts.items()},
        }
    )


def paragraph(text: str, properties: str = "") -> str:
    """A ``w:p`` of one run."""
    return (
        f'<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'
    )


def style(style_id: str, name: str, properties: str = "", based_on: str = "") -> str:
    """A paragraph style."""
    base = f'<w:basedOn w:val="{based_on}"/>' if based_on else ""
    return (
        f'<w:style w:type="paragraph" w:styleId="{style_id}"><w:name w:val="{name}"/>{base}'
        f"<w:pPr>{properties}</w:pPr></w:style>"
    )


def table(*rows: str) -> str:
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>"


def cell(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"


def odf(kind: str, body: str, *, styles: str = "", automatic: str = "", meta: str = "") -> bytes:
    """An OpenDocument file; ``kind`` is "text" or "presentation"."""
    return zipped(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": (
                f"<office:document-content {_ODF_NAMESPACES}><office:automatic-styles>{automatic}"
                f"</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}>"
                "</office:body></office:document-content>"
            ),
            "styles.xml": f"<office:document-styles {_ODF_NAMESPACES}>{styles}"
            "</office:document-styles>",
            "meta.xml": f"<office:document-meta {_ODF_NAMESPACES}><office:meta>{meta}"
            "</office:meta></office:document-meta>",
        }
    )


def odf_part(root: str, inner: str) -> str:
    return f"<office:{root} {_ODF_NAMESPACES}>{inner}</office:{root}>"


def encrypted_manifest() -> str:
    return (
        f"<manifest:manifest {_ODF_NAMESPACES}><manifest:file-entry manifest:full-path="
        '"content.xml"><manifest:encryption-data/></manifest:file-entry></manifest:manifest>'
    )


_SECTOR = 512
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def ole(stream: str, content: bytes, *, in_circle: bool = False) -> bytes:
    """An OLE container (MS-CFB, version 3) with one stream, of at least 4,096 bytes.

    Sector 0 is the FAT, 1 the directory, the stream fills the rest; ``in_circle`` leads its
    last sector back to its first.
    """
    content = content.ljust(4096, b"\0")
    content += b"\0" * (-len(content) % _SECTOR)
    last = 1 + len(content) // _SECTOR
    fat = [_FAT, _END, *range(3, last + 1), 2 if in_circle else _END]
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        *(0x3E, 3, 0xFFFE, 9, 6),  # versions, byte order, sector shifts
        *(0, 1, 1, 0, 4096, _END, 0, _END, 0),  # one FAT sector, directory at 1
    )
    directory = _entry("Root Entry", 5, 1, _END, 0) + _entry(stream, 2, _FREE, 2, len(content))
    return b"".join(
        (
            header + struct.pack("<I", 0) + b"\xff" * (_SECTOR - len(header) - 4),
            struct.pack(f"<{len(fat)}I", *fat).ljust(_SECTOR, b"\xff"),
            directory.ljust(_SECTOR, b"\0"),
            content,
        )
    )


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    encoded = (name + "\0").encode("utf-16-le")
    return struct.pack(
        "<64sHBBIII16xI16xIQ", encoded, len(encoded), kind, 1, _FREE, _FREE, child, 0, start, size
    )


def xls(
    name: str, cells: Mapping[tuple[int, int], str | float], *, encrypted: bool = False
) -> bytes:
    """An Excel 97 workbook (BIFF8) of one sheet; ``encrypted`` only says so (FilePass, RC4)."""
    begin = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0))
    if encrypted:
        begin += _record(0x002F, struct.pack("<HHH48x", 1, 1, 1))
    bound = struct.pack("<IBBBB", 0, 0, 0, len(name), 1) + name.encode("utf-16-le")
    bound_record = _record(0x0085, bound)
    offset = len(begin) + len(bound_record) + 4
    bound = struct.pack("<I", offset) + bound[4:]
    sheet = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0))
    for (row, column), value in cells.items():
        place = struct.pack("<HHH", row, column, 0)
        if isinstance(value, str):
            text = struct.pack("<HB", len(value), 1) + value.encode("utf-16-le")
            sheet += _record(0x0204, place + text)
        else:
            sheet += _record(0x0203, place + struct.pack("<d", value))
    end = _record(0x000A, b"")
    return ole("Workbook", begin + _record(0x0085, bound) + end + sheet + end)


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content
