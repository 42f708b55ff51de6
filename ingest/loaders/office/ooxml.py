"""Office Open XML packages (ECMA-376 part 2): parts and how they refer to one another.

Our own, because python-docx opens no .docm, no strict file, and none with a dangling reference.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from lxml import etree

from ingest.loaders.about import About, about_properties
from ingest.loaders.archive import Parts
from ingest.loaders.office.document_title import sensible_title
from ingest.loaders.safe_xml import parse_xml
from rag_service.errors import BrokenFile

W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
A: Final = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
R: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
MC: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_DC_TITLE: Final = "{http://purl.org/dc/elements/1.1/}title"
# ISO 29500 "strict" names the same elements in other namespaces.
_STRICT: Final = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/(\w+)")
_TRANSITIONAL: Final = rb"http://schemas.openxmlformats.org/\1/2006/\2"


@dataclass(frozen=True, slots=True)
class Relationship:
    """``kind`` is the last part of its type, e.g. "footnotes"; ``part`` "" when outside."""

    kind: str
    part: str


class Package:
    """One file's parts; ``warnings`` names those that had to be left out.

    Raises what ``open_zip`` raises.
    """

    def __init__(self, data: bytes) -> None:
        self._parts = Parts(data)
        self.warnings: list[str] = []
        self._relations: dict[str, dict[str, Relationship]] = {}

    def __contains__(self, part: str) -> bool:
        return part in self._parts

    def names(self) -> list[str]:
        return self._parts.names()

    def read(self, part: str) -> bytes:
        """The part as it is; BrokenFile where it is missing or damaged."""
        return self._parts.read(part)

    def main_part(self, usual: str) -> str:
        """The name of the document's part: what the package names, else the usual one."""
        named = self.related("", "officeDocument")
        found = next((part for part in [*named, usual] if part in self._parts), "")
        if not found:
            raise BrokenFile("The file is not an Office document: it has no main part.")
        return found

    def xml(self, part: str) -> etree._Element:
        """The part's root element; BrokenFile where it is missing or damaged."""
        return parse_xml(_STRICT.sub(_TRANSITIONAL, self.read(part)), part)

    def optional_xml(self, part: str) -> etree._Element | None:
        """Like ``xml``; None, and a warning, for a damaged part, None for one that is not there.

        For parts that a document can be read without, such as its styles.
        """
        if not part or part not in self._parts:
            return None
        try:
            return self.xml(part)
        except BrokenFile as error:
            self.warnings.append(f"Left out: {error}")
            return None

    def related(self, part: str, kind: str) -> list[str]:
        """The parts that ``part`` refers to by this kind of relationship."""
        found = self._relationships(part).values()
        return [relation.part for relation in found if relation.kind == kind and relation.part]

    def related_xml(self, part: str, kind: str) -> etree._Element | None:
        """The root of the first part of that kind which is there."""
        roots = (self.optional_xml(name) for name in self.related(part, kind))
        return next((root for root in roots if root is not None), None)

    def target(self, part: str, relation_id: str | None) -> str:
        """The part behind a relationship's id; "" for an unknown or outside one."""
        relation = self._relationships(part).get(relation_id or "")
        return relation.part if relation else ""

    def title(self) -> str:
        """What the core properties name the document; "" for nothing sensible."""
        core = self._properties()
        return sensible_title("" if core is None else core.findtext(_DC_TITLE) or "")

    def about(self) -> About:
        """The date of its last change and its keywords."""
        return about_properties(self._properties())

    def _properties(self) -> etree._Element | None:
        return self.related_xml("", "core-properties")

    def _relationships(self, part: str) -> dict[str, Relationship]:
        if part not in self._relations:
            self._relations[part] = self._read_relationships(part)
        return self._relations[part]

    def _read_relationships(self, part: str) -> dict[str, Relationship]:
        folder, name = posixpath.split(part)
        root = self.optional_xml(posixpath.join(folder, "_rels", f"{name}.rels"))
        if root is None:
            return {}
        return {
            element.get("Id", ""): _relationship(folder, element)
            for element in root.iterfind("{*}Relationship")
        }


def _relationship(folder: str, element: etree._Element) -> Relationship:
    kind = element.get("Type", "").rsplit("/", 1)[-1]
    target = unquote(element.get("Target", ""))
    if element.get("TargetMode") == "External" or not target:
        return Relationship(kind, "")
    part = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
    return Relationship(kind, part)


def is_on(element: etree._Element | None, attribute: str = f"{W}val") -> bool:
    """Whether a property that may be switched off by its value is there and on."""
    if element is None:
        return False
    return element.get(attribute, "1") not in {"0", "false", "off", "none"}


def chosen(alternate: etree._Element) -> list[etree._Element]:
    """The content of an ``mc:AlternateContent``: that for the newest program that has any."""
    for option in alternate:
        if option.tag in {f"{MC}Choice", f"{MC}Fallback"} and len(option):
            return list(option)
    return []
