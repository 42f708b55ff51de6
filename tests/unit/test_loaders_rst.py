"""reStructuredText through the public ``load_bytes``."""

from __future__ import annotations

import pytest

from ingest.loaders import load_bytes
from rag_service.document_types import LoadedText
from rag_service.errors import EmptyFile


def marks(loaded: LoadedText) -> list[tuple[str, int, str]]:
    return [
        (mark.kind, mark.level, loaded.text[mark.char_start : mark.char_end])
        for mark in loaded.marks
    ]


RST = """\
.. module:: store

Store
=====

The :class:`~store.Shelf` keeps *boxes*, see [1]_
or `the site <https://example.com>`_.

.. function:: put(box, *, where=None)

   Put a box away.

   .. versionadded:: 2.1

Usage
-----

Write::

    put(box)

=====  ====
Name   Size
=====  ====
small  1
big    2
=====  ====

1. Open

   - gently

2. Close

年假
  十天

.. toctree::

   other

.. [1] A note.
"""


def test_restructured_text_is_read_as_sphinx_means_it() -> None:
    loaded = load_bytes("a.rst", RST.encode())
    assert loaded.text == (
        "Store\n\nThe store.Shelf keeps boxes, see [1] or the site.\n\nput(box, *, where=None)\n\n"
        "Put a box away.\n\nNew in version 2.1\n\nUsage\n\nWrite:\n\nput(box)\n\n"
        "Name | Size\nsmall | 1\nbig | 2\n\n1. Open\n  - gently\n2. Close\n\n年假: 十天\n\n"
        "[1] A note."
    )
    assert loaded.title == "Store"
    assert marks(loaded) == [
        ("heading", 1, "Store"),
        ("heading", 2, "Usage"),
        ("code", 0, "put(box)"),
        ("table", 0, "Name | Size\nsmall | 1\nbig | 2"),
    ]


def test_restructured_text_reads_no_other_file() -> None:
    loaded = load_bytes(
        "a.rst", b"Text.\n\n.. include:: /etc/hostname\n\n.. raw:: html\n\n   <b>\n"
    )
    assert loaded.text == "Text."
    assert loaded.warnings == (
        'Line 3: "include" directive disabled.',
        'Line 5: "raw" directive disabled.',
    )


def test_restructured_text_that_docutils_cannot_read_keeps_its_text() -> None:
    loaded = load_bytes("a.rst", b".. unheard-of:: x\n\n   kept words\n\n====\nA | B\n")
    assert "kept words" in loaded.text
    assert "A | B" in loaded.text


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("\n\n".join(" " * depth + "a" for depth in range(2_000)), "nested too deeply"),
        ("*a " * 50_000, "too full of markup"),
        ("\n\n".join(f".. |s{n}| replace:: |s{n + 1}| |s{n + 1}|" for n in range(30)), "nested"),
    ],
)
def test_restructured_text_of_an_attack_is_read_as_plain_text(source: str, reason: str) -> None:
    loaded = load_bytes("a.rst", source.encode())
    assert loaded.text == source
    assert reason in loaded.warnings[0]
    assert loaded.warnings[0].endswith("It was read as plain text.")


def test_blank_restructured_text_is_empty() -> None:
    with pytest.raises(EmptyFile):
        load_bytes("a.rst", b" \n")
