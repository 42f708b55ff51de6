"""JSON, notebooks and XML through the public ``load_bytes``."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingest.loaders import load_bytes
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, EmptyFile, NoText


def of_json(value: Any) -> LoadedText:
    return load_bytes("a.json", json.dumps(value, ensure_ascii=False).encode())


def marks(loaded: LoadedText) -> list[tuple[str, int, str]]:
    return [
        (mark.kind, mark.level, loaded.text[mark.char_start : mark.char_end])
        for mark in loaded.marks
    ]


def test_records_become_paragraphs_whose_lines_name_their_values() -> None:
    loaded = of_json(
        [
            {"name": "水泵", "price": 12.5, "tags": ["a", "b"], "maker": {"city": "上海"}},
            {"name": "Valve", "ok": True, "n": None, "parts": [{"id": 1}, {"id": 2}]},
        ]
    )
    assert loaded.text == (
        "name: 水泵\nprice: 12.5\ntags: a, b\nmaker.city: 上海\n\n"
        "name: Valve\nok: true\nparts.id: 1\nparts.id: 2"
    )
    assert loaded.marks == ()
    assert loaded.syntax == "marked"


def test_nested_objects_keep_their_key_paths() -> None:
    loaded = of_json({"version": 1, "db": {"host": "h", "ports": [1, 2]}, "users": [{"id": 7}]})
    assert loaded.text == "version: 1\n\ndb.host: h\ndb.ports: 1, 2\n\nusers.id: 7"


def test_a_long_record_is_headed_by_its_name_and_its_text_stands_in_paragraphs() -> None:
    first, second = "年假十天。" * 50, "病假另算。" * 50
    loaded = of_json([{"id": 1, "标题": "休假", "content": f"{first}\n\n{second}"}])
    assert loaded.text == f"休假\n\nid: 1\n\ncontent: {first}\n\n{second}"
    assert marks(loaded) == [("heading", 1, "休假")]


def test_numbers_stand_as_they_are_written() -> None:
    digits = "9" * 6_000
    source = f'{{"a": 1.10, "b": 1E3, "c": {digits}, "d": NaN}}'
    expected = f"a: 1.10\nb: 1E3\nd: NaN\n\nc: {digits}"
    loaded = load_bytes("a.json", source.encode())
    assert sorted(loaded.text.split()) == sorted(expected.split())


def test_what_is_nearly_json_keeps_its_text_and_a_warning() -> None:
    source = '{\n  // a comment\n  "a": 1,\n}\n'
    loaded = load_bytes("a.json", source.encode())
    assert loaded.text == source
    assert loaded.warnings == (
        "The file is not valid JSON: line 2, column 3: Expecting property name enclosed in "
        "double quotes. It was read as plain text.",
    )


def test_json_lines_under_the_name_of_json_are_read() -> None:
    loaded = load_bytes("a.json", b'{"a": 1}\n{"a": 2}\n')
    assert (loaded.text, loaded.warnings) == ("a: 1\n\na: 2", ())


def test_a_bad_line_costs_that_line_and_is_named() -> None:
    loaded = load_bytes("a.jsonl", b'{"a": 1}\n{"a": \n\n{"a": 3}\n')
    assert loaded.text == "a: 1\n\na: 3"
    assert loaded.warnings == (
        "Line 2 is not valid JSON and was left out (column 7: Expecting value).",
    )


def test_many_bad_lines_are_counted() -> None:
    loaded = load_bytes("a.ndjson", b'{"a": 1}\n' + b"x\n" * 25)
    assert len(loaded.warnings) == 21
    assert loaded.warnings[-1] == "5 more lines are not valid JSON and were left out."


def test_no_valid_line_at_all_is_damage() -> None:
    with pytest.raises(BrokenFile, match="No line of the file is valid JSON"):
        load_bytes("a.jsonl", b"a\nb\n")


@pytest.mark.parametrize("source", ["[" * 200_000, '{"a":' * 200_000])
def test_json_nested_without_end_is_refused(source: str) -> None:
    with pytest.raises(BrokenFile, match="nested too deeply"):
        load_bytes("a.json", source.encode())


def test_json_nested_as_deep_as_it_can_be_is_read() -> None:
    loaded = load_bytes("a.json", b'{"k":' * 900 + b"1" + b"}" * 900)
    assert loaded.text == "….k.k.k.k.k.k: 1"


@pytest.mark.parametrize(("source", "error"), [("[]", NoText), ("{}", NoText), (" ", EmptyFile)])
def test_json_without_any_text_is_told_so(source: str, error: type[NoText]) -> None:
    with pytest.raises(error):
        load_bytes("a.json", source.encode())


def notebook(*cells: dict[str, Any], **metadata: Any) -> LoadedText:
    data = {"cells": list(cells), "metadata": metadata, "nbformat": 4}
    return load_bytes("a.ipynb", json.dumps(data).encode())


def test_a_notebook_becomes_markdown_with_its_code_and_text_outputs() -> None:
    loaded = notebook(
        {"cell_type": "markdown", "source": ["# 分析\n", "Text."]},
        {
            "cell_type": "code",
            "source": "print('```')",
            "outputs": [
                {"output_type": "stream", "text": ["10%\r100%\n", "\x1b[31mred\x1b[0m\n"]},
                {"output_type": "execute_result", "data": {"text/plain": "42", "image/png": "x"}},
                {"output_type": "error", "ename": "ValueError", "evalue": "no"},
            ],
        },
        language_info={"name": "python"},
    )
    assert loaded.text == (
        "# 分析\nText.\n\n````python\nprint('```')\n````\n\n```\n100%\nred\n```\n\n"
        "```\n42\n```\n\n```\nValueError: no\n```"
    )
    assert (loaded.syntax, loaded.title) == ("markdown", "分析")


def test_a_fence_that_a_cell_leaves_open_ends_with_the_cell() -> None:
    loaded = notebook(
        {"cell_type": "markdown", "source": "```sh\nls"},
        {"cell_type": "markdown", "source": "# Next"},
        title="Named",
    )
    assert loaded.text == "```sh\nls\n```\n\n# Next"
    assert loaded.title == "Named"


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (b"{", BrokenFile),
        (b"[1]", BrokenFile),
        (b'{"cells": []}', NoText),
        (b'{"cells": [1, {"cell_type": "code"}]}', NoText),
        (b"\n", EmptyFile),
    ],
)
def test_what_is_no_notebook_is_told_from_an_empty_one(
    source: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        load_bytes("a.ipynb", source)


def xml(source: str) -> LoadedText:
    return load_bytes("a.xml", source.encode())


def test_repeated_elements_are_records_and_the_rest_keeps_its_path() -> None:
    loaded = xml(
        '<?xml version="1.0"?><shop><owner><name>李</name></owner>'
        '<item id="1"><name>Pump</name><size unit="mm">5</size></item>'
        '<item id="2"><name>Valve</name></item><note>A <b>bold</b>\n word</note></shop>'
    )
    assert loaded.text == (
        "owner.name: 李\n\nitem.id: 1\nitem.name: Pump\nitem.size.unit: mm\nitem.size: 5\n\n"
        "item.id: 2\nitem.name: Valve\n\nnote: A bold word"
    )


def test_a_document_in_xml_keeps_headings_code_and_tables() -> None:
    loaded = xml(
        '<book xmlns="http://docbook.org/ns/docbook"><title>手册</title><chapter><title>One</title>'
        "<para>Some <em>text</em>.</para><programlisting>a\n  b</programlisting>"
        "<table><title>Sizes</title><thead><row><entry>A</entry><entry>B</entry></row></thead>"
        "<row><entry>1</entry><entry/></row></table></chapter></book>"
    )
    assert loaded.text == "手册\n\nOne\n\nSome text.\n\na\n  b\n\nSizes\n\nA | B\n1 | "
    assert loaded.title == "手册"
    assert [(kind, level) for kind, level, _ in marks(loaded)] == [
        ("heading", 1),
        ("heading", 2),
        ("code", 0),
        ("table", 0),
    ]


def test_xml_in_another_encoding_than_it_declares_is_read_with_a_warning() -> None:
    source = '<?xml version="1.0" encoding="utf-8"?><r><a>公司规定员工每年可以享受十天年假</a></r>'
    loaded = load_bytes("a.xml", source.encode("gbk"))
    assert loaded.text == "a: 公司规定员工每年可以享受十天年假"
    assert loaded.warnings == ("The file says its encoding is utf-8; it was read as gb18030.",)


def test_entities_are_not_expanded() -> None:
    loaded = xml(
        '<!DOCTYPE r [<!ENTITY a "boo"><!ENTITY f SYSTEM "file:///etc/hostname">]>'
        "<r><x>1 &a; 2</x><y>&f;</y></r>"
    )
    assert loaded.text == "x: 1 &a; 2\ny: &f;"


def test_entities_that_expand_without_end_are_refused() -> None:
    layers = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    with pytest.raises(BrokenFile, match="line 1: its entities expand without bound"):
        xml(f'<!DOCTYPE r [<!ENTITY l0 "lol">{layers}]><r a="&l11;">&l11;</r>')


def test_xml_nested_without_end_is_refused() -> None:
    with pytest.raises(BrokenFile, match="Excessive depth"):
        xml("<a>" * 100_000)


def test_xml_that_is_cut_short_keeps_what_is_there_with_a_warning() -> None:
    loaded = xml("<r><a>one</a><b>two")
    assert loaded.text == "a: one\nb: two"
    assert loaded.warnings[0].startswith("The XML is damaged, line 1: ")
    assert loaded.warnings[0].endswith("What follows the damage may be missing.")


@pytest.mark.parametrize(
    ("source", "error"), [("no xml", BrokenFile), ("<r/>", NoText), ("\n", EmptyFile)]
)
def test_what_is_no_xml_is_told_from_what_is_empty(source: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        xml(source)
