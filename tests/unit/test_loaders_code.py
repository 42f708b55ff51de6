"""Source code through the public ``load_bytes``."""

from __future__ import annotations

import pytest

from ingest.loaders import load_bytes
from rag_service.document_types import LoadedText
from rag_service.errors import EmptyFile, NotText


def marks(loaded: LoadedText) -> list[tuple[str, int, str]]:
    return [
        (mark.kind, mark.level, loaded.text[mark.char_start : mark.char_end])
        for mark in loaded.marks
    ]


PYTHON = """\
import os

LIMIT = 10


# Holds boxes.
@final
class Shelf:
    size = 1

    def put(self, box):
        \"\"\"class of objects that go away\"\"\"
        self.box = box
        return box


def main():
    shelf = Shelf()
    shelf.put(1)
"""


def headings(name: str, source: str) -> list[tuple[int, str]]:
    loaded = load_bytes(name, source.encode())
    assert loaded.text == source
    return [(level, text.strip()) for kind, level, text in marks(loaded) if kind == "heading"]


def test_code_is_kept_exactly_and_every_line_of_it_is_marked() -> None:
    loaded = load_bytes("a.py", PYTHON.encode())
    assert loaded.text == PYTHON
    assert [(kind, level, text.split("\n")[0]) for kind, level, text in marks(loaded)] == [
        ("code", 0, "import os"),
        ("heading", 1, "# Holds boxes."),
        ("heading", 1, "@final"),
        ("heading", 1, "class Shelf:"),
        ("code", 0, "    size = 1"),
        ("heading", 2, "    def put(self, box):"),
        ("code", 0, '        """class of objects that go away"""'),
        ("heading", 1, "def main():"),
        ("code", 0, "    shelf = Shelf()"),
    ]
    covered = "".join(text for _, _, text in marks(loaded))
    assert "".join(covered.split()) == "".join(PYTHON.split())


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        (
            "a.go",
            "// Run runs.\nfunc (s *Server) Run(c int) error {\n\tif c {\n\t}\n\treturn nil\n}\n",
            [(1, "// Run runs."), (1, "func (s *Server) Run(c int) error {")],
        ),
        (
            "a.java",
            "public class A extends B {\n    public int f(int a) throws X {\n"
            "        return a;\n    }\n\n    void g();\n}\n",
            [(1, "public class A extends B {"), (2, "public int f(int a) throws X {")],
        ),
        ("a.rs", "pub fn f<T>(a: T) -> T {\n  a;\n  a\n}\n", [(1, "pub fn f<T>(a: T) -> T {")]),
        (
            "a.js",
            "export const f = async (a) => {\n  a;\n  b;\n}\n",
            [(1, "export const f = async (a) => {")],
        ),
        ("a.ts", "interface Shape<T> {\n  a: T;\n  b: T;\n}\n", [(1, "interface Shape<T> {")]),
        (
            "a.sql",
            "create table users (\n  id int,\n  name text\n);\n",
            [(1, "create table users (")],
        ),
        ("a.toml", "[tool.x]\na = 1\nb = 2\nc = 3\n", [(1, "[tool.x]")]),
        (
            "a.c",
            "static int f(int a) {\n  if (a) {\n    return 1;\n  }\n}\n",
            [(1, "static int f(int a) {")],
        ),
        (
            "a.cs",
            "class A\n{\n    public int F(int a)\n    {\n        Log(a);\n        return a;\n"
            "    }\n}\n",
            [(1, "class A"), (2, "public int F(int a)")],
        ),
        (
            "a.cpp",
            "void A::f(int a) const\n{\n  FOR_EACH(a)\n  {\n    g();\n  }\n  g(a);\n}\n\n"
            "int g();\n",
            [(1, "void A::f(int a) const")],
        ),
        ("a.rb", "def name\n  1\n  2\nend\n", [(1, "def name")]),
        ("a.pyi", "def f(a): ...\ndef g(a): ...\ndef h(a): ...\n", []),
        ("a.yaml", "a: 1\nb:\n  - class of x\n", []),
    ],
)
def test_definitions_of_many_languages_are_headings(
    name: str, source: str, expected: list[tuple[int, str]]
) -> None:
    assert headings(name, source) == expected


def test_tex_is_prose_under_its_sections() -> None:
    source = "\\documentclass{article}\n\\section{年假}\nText.\n\\subsection*{B}\nMore.\n"
    loaded = load_bytes("a.tex", source.encode())
    assert marks(loaded) == [
        ("heading", 3, "\\section{年假}"),
        ("heading", 4, "\\subsection*{B}"),
    ]


def test_code_in_another_encoding_is_decoded_and_binary_refused() -> None:
    source = "# 公司规定，员工每年可以享受十天带薪年假。\nx = 1\n"
    loaded = load_bytes("a.py", source.encode("gbk"))
    assert (loaded.text, loaded.encoding) == (source, "gb18030")
    with pytest.raises(NotText):
        load_bytes("a.py", bytes(range(256)) * 8)
    with pytest.raises(EmptyFile):
        load_bytes("a.py", b"\n\n")
