"""JSON, and JSON lines: one value a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ingest.decoding import Decoded, decode, fold_line_ends
from ingest.loaders.builder import TextBuilder
from ingest.loaders.options import LoadOptions
from ingest.loaders.data.records import Line, write_records
from rag_service.errors import BrokenFile, EmptyFile
from rag_service.document_types import LoadedText

ENGINE = "json"
_MAX_WARNINGS = 20
_LITERALS = {True: "true", False: "false", None: ""}


class InvalidJson(ValueError):
    """``str`` says what is wrong and where."""


def load_json(data: bytes, _options: LoadOptions) -> LoadedText:
    """Records as paragraphs of "key: value" lines; an array of objects is records.

    What is no JSON (comments, a missing end) is read as plain text, with a warning.

    Raises:
        BrokenFile: nested too deeply.
        NotText, UnknownEncoding, EmptyFile, NoText: as for any text.
    """
    decoded = _decode_not_blank(data)
    try:
        value = parse_json(decoded.text)
    except InvalidJson as error:
        return _json_lines(decoded) or _plain(decoded, f"The file is not valid JSON: {error}.")
    builder = TextBuilder()
    write_records(_lines(value), builder)
    return builder.build(engine=ENGINE, encoding=decoded.encoding, warnings=decoded.warnings)


def load_jsonl(data: bytes, _options: LoadOptions) -> LoadedText:
    """A record a line. A line that is not valid is left out and named in the warnings.

    Raises:
        BrokenFile: no line is valid.
        NotText, UnknownEncoding, EmptyFile, NoText: as for any text.
    """
    decoded = _decode_not_blank(data)
    values, bad = _parse_lines(decoded.text)
    if not values:
        raise BrokenFile(f"No line of the file is valid JSON. {bad[0]}")
    return _records(decoded, values, _shortened(bad))


def parse_json(text: str) -> Any:
    """The value; numbers as they are written, as ``str``.

    Raises:
        InvalidJson: it is not JSON.
        BrokenFile: nested too deeply.
    """
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        raise InvalidJson(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise BrokenFile("The JSON is nested too deeply to be read.") from error


def _decode_not_blank(data: bytes) -> Decoded:
    decoded = decode(data, keep_separators=True)
    if not decoded.text.strip():
        raise EmptyFile("The file is empty: it holds nothing but white space.")
    return decoded


def _plain(decoded: Decoded, reason: str) -> LoadedText:
    warnings = (*decoded.warnings, f"{reason} It was read as plain text.")
    text = fold_line_ends(decoded.text)
    return LoadedText(text, encoding=decoded.encoding, engine="text", warnings=warnings)


def _json_lines(decoded: Decoded) -> LoadedText | None:
    """JSON lines under the name of JSON, which is common; None where a line is not valid."""
    values, bad = _parse_lines(decoded.text)
    return None if bad or len(values) < 2 else _records(decoded, values, [])


def _records(decoded: Decoded, values: list[Any], warnings: list[str]) -> LoadedText:
    builder = TextBuilder()
    write_records(_lines(values), builder)
    return builder.build(
        engine=ENGINE, encoding=decoded.encoding, warnings=(*decoded.warnings, *warnings)
    )


def _parse_lines(text: str) -> tuple[list[Any], list[str]]:
    values: list[Any] = []
    bad: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values.append(parse_json(line))
        except InvalidJson as error:
            column = str(error).partition(", ")[2]
            bad.append(f"Line {number} is not valid JSON and was left out ({column}).")
        except BrokenFile:
            bad.append(f"Line {number} is nested too deeply and was left out.")
    return values, bad


def _shortened(warnings: list[str]) -> list[str]:
    more = len(warnings) - _MAX_WARNINGS
    if more <= 0:
        return warnings
    return [*warnings[:_MAX_WARNINGS], f"{more} more lines are not valid JSON and were left out."]


@dataclass(frozen=True, slots=True)
class _Node:
    value: Any
    path: tuple[str, ...]
    record: int
    in_record: bool


def _lines(root: Any) -> Iterator[Line]:
    """The values within ``root`` in order, without recursion.

    The outermost arrays of objects or arrays hold records; outside of them each top-level key
    begins one.
    """
    stack = [_Node(root, (), 0, in_record=False)]
    records = 0
    while stack:
        node = stack.pop()
        if isinstance(node.value, dict):
            children = list(_members(node))
        elif isinstance(node.value, list) and any(isinstance(v, dict | list) for v in node.value):
            children = []
            for item in node.value:
                records += not node.in_record
                record = node.record if node.in_record else records
                children.append(_Node(item, node.path, record, in_record=True))
        else:
            yield Line(node.record, node.path, _scalar(node.value))
            continue
        stack.extend(reversed(children))


def _members(node: _Node) -> Iterator[_Node]:
    for place, (key, value) in enumerate(node.value.items()):
        is_top = not node.path and not node.in_record and isinstance(value, dict | list)
        record = -1 - place if is_top else node.record
        yield _Node(value, (*node.path, str(key)), record, node.in_record)


def _scalar(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(filter(None, map(_scalar, value)))
    if isinstance(value, bool) or value is None:
        return _LITERALS[value]
    return str(value)
