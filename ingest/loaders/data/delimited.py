"""Tables as text: comma, semicolon, tab or bar between the fields."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from typing import Final

from ingest.decoding import decode
from ingest.loaders.builder import TextBuilder
from ingest.loaders.damage import damage_reported
from ingest.loaders.options import LoadOptions
from ingest.loaders.tables import HEADER_SAMPLE, captions, looks_like_header
from rag_service.errors import EmptyFile
from rag_service.document_types import LoadedText

ENGINE: Final = "csv"
# Where two fit equally well: a comma is the likeliest to stand in numbers and sentences.
_DELIMITERS: Final = "\t;|,"
_SNIFFED_CHARS: Final = 65_536
_SNIFFED_ROWS: Final = 100
_HINT: Final = re.compile(r"sep=(.)\n")  # Excel's first line
_MAX_FIELD: Final = 2**31 - 1  # the csv module refuses fields of more than 128 KiB by default
_MAX_ROW_LINES: Final = 2_000  # a "row" of more is a quote that nobody closed


def load_csv(data: bytes, _options: LoadOptions) -> LoadedText:
    """The rows in order as one table; the delimiter is told by the file itself.

    Raises what ``decode`` raises, and EmptyFile for a file without a filled field.
    """
    return _load(data, usual=",")


def load_tsv(data: bytes, _options: LoadOptions) -> LoadedText:
    """Like ``load_csv``, with the tab where no delimiter stands out."""
    return _load(data, usual="\t")


def _load(data: bytes, *, usual: str) -> LoadedText:
    decoded = decode(data, keep_separators=True)
    text, delimiter = _delimiter(decoded.text, usual)
    builder = TextBuilder()
    with damage_reported("table"):
        rows = _rows(text, delimiter)
        head = list(islice(rows, HEADER_SAMPLE))
        for caption in captions(head):
            builder.paragraph(caption)
        builder.table(chain(head, rows), has_header=looks_like_header(head))
    if builder.is_blank:
        raise EmptyFile("The file is empty: it holds no filled field.")
    return builder.build(engine=ENGINE, encoding=decoded.encoding, warnings=decoded.warnings)


def _delimiter(text: str, usual: str) -> tuple[str, str]:
    """The text without a delimiter's hint, and the delimiter."""
    hint = _HINT.match(text)
    if hint:
        return text[hint.end() :], hint.group(1)
    sample = text[:_SNIFFED_CHARS]
    best = max(_DELIMITERS, key=lambda delimiter: _fitness(sample, delimiter))
    return text, best if _fitness(sample, best) else usual


def _fitness(sample: str, delimiter: str) -> float:
    """How much alike, and how many, the fields of the rows are; 0 for a single column."""
    widths = Counter(len(row) for row in islice(_rows(sample, delimiter), _SNIFFED_ROWS) if row)
    if not widths:
        return 0.0
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
    return count / widths.total() * (1 - 1 / width)


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """The rows; what follows a quote that is never closed is read line by line."""
    csv.field_size_limit(_MAX_FIELD)
    stream = io.StringIO(text)
    reader = csv.reader(stream, delimiter=delimiter)
    start = line = 0
    for row in reader:
        end = stream.tell()
        lines = reader.line_num - line
        if lines > 1 and (lines > _MAX_ROW_LINES or _is_open(text, start, end)):
            yield from (part.split(delimiter) for part in text[start:end].split("\n"))
        else:
            yield _trimmed(row)
        start, line = end, reader.line_num


def _is_open(text: str, start: int, end: int) -> bool:
    """Whether the file ended before a quote did."""
    return end == len(text) and text.count('"', start, end) % 2 == 1


def _trimmed(row: list[str]) -> list[str]:
    while row and not row[-1]:
        row.pop()
    return row
