"""Data as text: a record is a paragraph of lines "key: value".

A line says what its value is even when a chunk holds only part of the record, and a question
("the price of the pump") uses the names of the keys as well as the values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from ingest.loaders.builder import TextBuilder

_LONG_RECORD = 400  # characters; a longer one may be cut, so its name heads every chunk of it
_LONG_VALUE = 200  # characters of text that stands as a paragraph of its own
_MAX_NAME = 120
_NAMES = frozenset(
    {"title", "name", "question", "subject", "heading"}
    | {"标题", "名称", "名字", "姓名", "问题", "主题", "標題", "名稱", "問題", "主題"}
)
_SHOWN_KEYS = 6  # of a path: what is nested deeper shows its innermost keys
_MAX_KEY = 60


@dataclass(frozen=True, slots=True)
class Line:
    """A value and where it stands. Lines of one ``record`` that follow one another belong together.

    ``path`` is relative to the record; empty for a value without a name.
    """

    record: int
    path: tuple[str, ...]
    value: str


def write_records(lines: Iterable[Line], builder: TextBuilder) -> None:
    """Add ``lines``, those of one record as one paragraph, its long texts as others."""
    for _, members in groupby(lines, key=lambda line: line.record):
        _write_record([line for line in members if line.value.strip()], builder)


def _write_record(lines: list[Line], builder: TextBuilder) -> None:
    if sum(len(line.value) for line in lines) > _LONG_RECORD:
        name = next((line for line in lines if _is_name(line)), None)
        if name is not None:
            builder.heading(name.value, 1)
            lines.remove(name)
    for is_long, members in groupby(lines, key=_is_long):
        if is_long:
            for line in members:
                _write_long(line, builder)
        else:
            builder.paragraph("\n".join(map(_shown, members)))


def _is_name(line: Line) -> bool:
    is_short = len(line.value) <= _MAX_NAME and "\n" not in line.value
    return len(line.path) == 1 and line.path[0].lower() in _NAMES and is_short


def _is_long(line: Line) -> bool:
    return len(line.value) > _LONG_VALUE or "\n" in line.value.strip()


def _write_long(line: Line, builder: TextBuilder) -> None:
    for paragraph in paragraphs(_shown(line)):
        builder.paragraph(paragraph)


def paragraphs(text: str) -> Iterator[str]:
    """The parts of ``text`` that blank lines set apart."""
    kept: list[str] = []
    for line in text.splitlines():
        if line.strip():
            kept.append(line.rstrip())
        elif kept:
            yield "\n".join(kept)
            kept = []
    if kept:
        yield "\n".join(kept)


def _shown(line: Line) -> str:
    value = line.value.strip()
    return f"{_key(line.path)}: {value}" if line.path else value


def _key(path: tuple[str, ...]) -> str:
    shown = [" ".join(key.split())[:_MAX_KEY] for key in path[-_SHOWN_KEYS:]]
    return ".".join(["…", *shown] if len(path) > _SHOWN_KEYS else shown)
