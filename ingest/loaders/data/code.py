"""Source code: the file as it is, with its definitions as headings.

No grammar of any language: what a line begins with tells a definition well enough to cut there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from ingest.decoding import decode
from ingest.loaders.options import LoadOptions
from rag_service.errors import EmptyFile
from rag_service.document_types import LoadedText, Mark

_MODIFIERS = (
    r"(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|pub|unsafe"
    r"|extern|virtual|override|inline|const|sealed|partial|open|data|suspend|local|declare)\s+"
    r"|pub\([^)]{0,40}\)\s+)*"
)
_DEFINITION = re.compile(
    rf"\s*{_MODIFIERS}"
    r"(?:"
    # Something that holds others, and what may follow its name.
    r"(?:class|interface|struct|enum|trait|impl|module|namespace|object|record|protocol|extension"
    r"|service|message)\b\s*(?:<[^>]{0,80}>\s*)?[\w:.$]+\s*"
    r"(?:[:({<\[;]|$|(?:extends|implements|where|with|for)\b)"
    # Something that is called.
    r"|(?:def|func|function|fn|fun|sub|proc|procedure)\b\s*(?:\([^)]{0,80}\)\s*)?\*?[\w:.$!?=<>]+"
    r"\s*[(\[{<:;]"
    r"|(?:def|sub|function)\s+[\w.!?]+\s*$"
    r"|macro_rules!\s*\w+"
    r"|type\s+\w+\s+(?:struct|interface)\b"
    r"|(?:const|let|var)\s+\w+\s*=\s*(?:async\s*)?(?:function\b|\([^)]{0,200}\)\s*=>|\w+\s*=>)"
    r")"
)
_STATEMENT = re.compile(
    r"\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:\w+\s+){0,2}?"
    r"(?:TABLE|VIEW|FUNCTION|PROCEDURE|TRIGGER|TYPE|INDEX|SCHEMA|DATABASE)\s",
    re.IGNORECASE,
)
# Types and a name before parentheses and an opening brace: a function of C and its descendants.
_C_HEAD = (
    r"\s*(?!(?:if|for|while|switch|return|else|catch|new|throw|do|try|case|using|lock|foreach"
    r"|synchronized|fixed)\b)"
    r"(?:[\w<>\[\],.:*&~?@]+\s+){%s}[*&]{0,2}[\w:~]+\s*\([^;{}=]{0,300}\)\s*"
    r"(?:const|noexcept|override|final|throws\s[\w.,\s]{1,120})?\s*"
)
_C_FUNCTION = re.compile(_C_HEAD % "0,6" + r"\{\s*$")
# Its brace opens the next line. The type must be there: a macro's call looks the same.
_C_HEAD_ALONE = re.compile(_C_HEAD % "1,6" + "$")
_SECTION = re.compile(r"\[{1,2}[\w .:\"'/-]{1,100}\]{1,2}\s*$")  # of INI and TOML files
_TEX = re.compile(r"\\(part|chapter|section|subsection|subsubsection)\*?(?:\[[^\]]*\])?\{")
_TEX_LEVELS = {"part": 1, "chapter": 2, "section": 3, "subsection": 4, "subsubsection": 5}
_IS_TEX = re.compile(r"^\\(?:documentclass|begin\{document\}|(?:sub)?section\*?\{)", re.MULTILINE)
# What belongs to the definition below it: decorators, annotations, comments.
_LEAD = re.compile(
    r"\s*(?:@\w|#\[|//|/\*|\*|#(?!\s*(?:include|define|if|endif|pragma))|--|\"\"\"|%)"
)
_MAX_LEAD = 40  # lines
_MAX_LINE = 400  # characters that a definition is looked for in
_MIN_BODY = 2  # lines below a definition that make it worth a section of its own


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    text: str

    @property
    def indent(self) -> int:
        expanded = self.text.expandtabs(4)
        return len(expanded) - len(expanded.lstrip())


@dataclass(frozen=True, slots=True)
class _Definition:
    lead: int  # the first line that belongs to it
    line: int
    level: int


def load_code(data: bytes, _options: LoadOptions) -> LoadedText:
    """The text of the file, unchanged; definitions are marked as headings, the rest as code.

    Raises:
        EmptyFile: nothing but white space.
        NotText, UnknownEncoding: see ``ingest.decoding.decode``.
    """
    decoded = decode(data)
    if not decoded.text.strip():
        raise EmptyFile("The file is empty: it holds nothing but white space.")
    return LoadedText(
        decoded.text,
        encoding=decoded.encoding,
        engine="text",
        warnings=decoded.warnings,
        syntax="marked",
        marks=tuple(_marks(decoded.text)),
    )


def _marks(text: str) -> Iterator[Mark]:
    lines = [line for line in _lines(text) if line.text.strip()]
    is_tex = _IS_TEX.search(text) is not None
    definitions = list(_tex_headings(lines) if is_tex else _definitions(lines))
    end = 0
    for found in definitions:
        if not is_tex:
            yield from _code(lines[end : found.lead])
        # Headings that follow one another open one section, named after the last of a level.
        for line in lines[found.lead : found.line + 1]:
            yield Mark("heading", line.start, line.end, level=found.level)
        end = found.line + 1
    if not is_tex:
        yield from _code(lines[end:])


def _code(lines: Sequence[_Line]) -> Iterator[Mark]:
    if lines:
        yield Mark("code", lines[0].start, lines[-1].end)


def _lines(text: str) -> Iterator[_Line]:
    start = 0
    for line in text.split("\n"):
        yield _Line(start, start + len(line), line)
        start += len(line) + 1


def _tex_headings(lines: Sequence[_Line]) -> Iterator[_Definition]:
    for index, line in enumerate(lines):
        if found := _TEX.match(line.text):
            yield _Definition(index, index, _TEX_LEVELS[found[1]])


def _definitions(lines: Sequence[_Line]) -> Iterator[_Definition]:
    indents: list[int] = []  # of the definitions around the line
    found: list[_Definition] = []
    for index, line in enumerate(lines):
        below = lines[index + 1] if index + 1 < len(lines) else None
        if not (_defines(line.text) or (below and _is_c_head(line, below))):
            continue
        while indents and indents[-1] >= line.indent:
            indents.pop()
        indents.append(line.indent)
        last = found[-1].line if found else -1
        found.append(_Definition(_lead(lines, index, last), index, len(indents)))
    return _worth_a_section(found, len(lines))


def _defines(line: str) -> bool:
    head = line[:_MAX_LINE]
    if head.endswith(";") and not head.lstrip().startswith("type "):
        return False  # a declaration of what is defined elsewhere
    return any(pattern.match(head) for pattern in (_DEFINITION, _STATEMENT, _C_FUNCTION, _SECTION))


def _is_c_head(line: _Line, below: _Line) -> bool:
    is_open = below.text.strip() == "{" and below.indent == line.indent
    return is_open and _C_HEAD_ALONE.match(line.text[:_MAX_LINE]) is not None


def _lead(lines: Sequence[_Line], index: int, last: int) -> int:
    """The first of the decorators and comments right above line ``index``."""
    first = index
    while first - 1 > last and index - first < _MAX_LEAD:
        above, below = lines[first - 1], lines[first]
        is_apart = below.start - above.end > 1
        is_level = 0 <= above.indent - lines[index].indent <= 1  # " * " in a comment of Java
        if is_apart or not is_level or not _LEAD.match(above.text):
            break
        first -= 1
    return first


def _worth_a_section(found: Sequence[_Definition], line_count: int) -> Iterator[_Definition]:
    """Without declarations that have nothing below them and would be sections of one line."""
    for definition, later in zip_longest(found, found[1:]):
        end = later.lead if later else line_count
        holds_others = later is not None and later.level > definition.level
        if holds_others or end - definition.line > _MIN_BODY:
            yield definition
