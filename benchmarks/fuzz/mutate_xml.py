"""Mutations of XML that leave it well-formed, so that they reach beyond the XML parser."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from random import Random
from typing import Final

from lxml import etree

from benchmarks.fuzz.vocabulary import HOSTILE, NUMBERS

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DEPTHS: Final = (2, 10, 60, 200, 240)  # libxml2 refuses more than 256
_MOST_ELEMENTS: Final = 100_000

Mutation = Callable[[Random, list[etree._Element]], None]


def mutate_xml(rng: Random, data: bytes) -> bytes | None:
    """``data`` with one to six things changed in its tree; None where it is no XML."""
    try:
        root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return None
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        elements = [element for element in root.iter() if isinstance(element.tag, str)]
        if len(elements) < _MOST_ELEMENTS:
            rng.choice(_MUTATIONS)(rng, elements)
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True))


def _remove(rng: Random, elements: list[etree._Element]) -> None:
    victim = rng.choice(elements)
    parent = victim.getparent()
    if parent is not None:
        parent.remove(victim)


def _unwrap(rng: Random, elements: list[etree._Element]) -> None:
    victim = rng.choice(elements)
    parent = victim.getparent()
    if parent is not None:
        place = parent.index(victim)
        parent[place : place + 1] = list(victim)


def _repeat(rng: Random, elements: list[etree._Element]) -> None:
    original = rng.choice(elements)
    parent = original.getparent()
    size = sum(1 for _ in original.iter())
    if parent is not None:
        for _ in range(min(rng.choice((1, 1, 3, 50, 2_000)), 20_000 // size)):
            original.addnext(copy.deepcopy(original))


def _copy_elsewhere(rng: Random, elements: list[etree._Element]) -> None:
    target = rng.choice(elements)
    target.insert(rng.randint(0, len(target)), copy.deepcopy(rng.choice(elements)))


def _nest(rng: Random, elements: list[etree._Element]) -> None:
    """An element within itself, again and again, or within others of its kind and the next."""
    inner = rng.choice(elements)
    parent = inner.getparent()
    if parent is None:
        return
    place = parent.index(inner)
    kinds = [inner.tag, parent.tag] if rng.random() < 0.5 else [rng.choice(elements).tag]
    for number in range(rng.choice(_DEPTHS)):
        outer = etree.Element(kinds[number % len(kinds)])
        outer.append(inner)
        inner = outer
    parent.insert(place, inner)


def _rename(rng: Random, elements: list[etree._Element]) -> None:
    rng.choice(elements).tag = rng.choice(elements).tag


def _change_attribute(rng: Random, elements: list[etree._Element]) -> None:
    holders = [element for element in elements if element.attrib]
    if not holders:
        return
    holder = rng.choice(holders)
    name = rng.choice(sorted(holder.attrib))
    other = rng.choice(holders)
    known = other.get(name) or rng.choice(sorted(other.attrib.values()))
    value = rng.choice(
        (known, known, rng.choice(NUMBERS), rng.choice(NUMBERS), rng.choice(HOSTILE))
    )
    holder.set(name, _NOT_XML.sub("", value))


def _remove_attribute(rng: Random, elements: list[etree._Element]) -> None:
    holders = [element for element in elements if element.attrib]
    if holders:
        holder = rng.choice(holders)
        del holder.attrib[rng.choice(sorted(holder.attrib))]


def _change_text(rng: Random, elements: list[etree._Element]) -> None:
    changed = rng.choice(elements)
    known = rng.choice(elements).text or ""
    value = rng.choice((known, known * 50, rng.choice(HOSTILE), rng.choice(NUMBERS), ""))
    value = _NOT_XML.sub("", value)
    if rng.random() < 0.8:
        changed.text = value
    else:
        changed.tail = value


def _shuffle(rng: Random, elements: list[etree._Element]) -> None:
    parent = rng.choice(elements)
    children = list(parent)
    rng.shuffle(children)
    parent[:] = children


_MUTATIONS: Final[tuple[Mutation, ...]] = (
    _remove, _remove, _unwrap, _repeat, _copy_elsewhere, _copy_elsewhere, _nest, _rename,
    _change_attribute, _change_attribute, _change_attribute, _remove_attribute, _change_text,
    _change_text, _shuffle,
)  # fmt: skip
