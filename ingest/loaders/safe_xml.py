"""XML from strangers: no entities, no network, bounded size.

libxml2 bounds the depth of elements and the length of one text as well; its limits stay on
(``huge_tree=False``).
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from rag_service.errors import BrokenFile

MAX_XML_BYTES: Final = 256 << 20  # of one part; its tree takes about ten times that


def parse_xml(data: bytes, name: str) -> etree._Element:
    """The root element; ``name`` is for the message.

    Raises:
        BrokenFile: the XML is damaged, too large, or declares entities, which no office
            program writes and attacks are made of.
    """
    if len(data) > MAX_XML_BYTES:
        raise BrokenFile(
            f"The part {name!r} has {len(data) >> 20:,} MiB; at most {MAX_XML_BYTES >> 20:,} are "
            "read."
        )
    try:
        root = etree.fromstring(data, hardened_parser())
    except etree.XMLSyntaxError as error:
        raise BrokenFile(f"The part {name!r} is damaged: {error}") from error
    if _declares_entities(root):
        raise BrokenFile(f"The part {name!r} declares XML entities; such files are not read.")
    return root


def hardened_parser(*, encoding: str | None = None, recover: bool = False) -> etree.XMLParser:
    """Expands no entity and reaches for nothing outside; comments are left out."""
    return etree.XMLParser(
        encoding=encoding,
        recover=recover,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        huge_tree=False,
    )


def _declares_entities(root: etree._Element) -> bool:
    dtd = root.getroottree().docinfo.internalDTD
    return dtd is not None and any(True for _ in dtd.iterentities())
