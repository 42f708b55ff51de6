"""What it costs to end a chunk at a place, as a share of the chunk's size.

The figures are judgement: a chunk may miss its even size by a quarter to end at a paragraph, not
at a sentence.
"""

from __future__ import annotations

import re
from typing import Final

from ingest.lines import holds_line_break, is_paragraph_gap

AFTER_LINE: Final = 0.1
AFTER_SENTENCE: Final = 0.25
AFTER_ROW: Final = 0.4
AFTER_COLON: Final = 0.5
WITHIN_SENTENCE: Final = 0.7  # at a clause or a cell
WITHIN_CLAUSE: Final = 1.0
WITHIN_WORD: Final = 1.3
BINDING: Final = 2.0  # not while there is any other place: headings, lead-ins, table headers

_ITEM: Final = re.compile(
    r"[-*+•·●○▪■◆►※–—]\s|[(（]?(?:\d{1,3}(?:\.\d{1,2})*|[A-Za-z]|[一二三四五六七八九十]{1,3})"
    r"[.)、）．](?!\d)|[①-⑳]"
)

# Code, in no particular language: what is not indented or looks like a definition begins
# something, and what only closes a block belongs to what stands before.
_DEFINITION: Final = re.compile(
    r"(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|inline"
    r"|pub(?:\([a-z]+\))?|virtual|override|unsafe|extern|const)\s+)*"
    r"(?:def|class|func|function|fn|fun|sub|struct|enum|interface|trait|impl|module|namespace"
    r"|type|object|record|package|procedure|create\s+\w+)\b",
    re.IGNORECASE,
)
_CLOSES: Final = re.compile(
    r"[)\]}]|</|(?:end|fi|done|esac|else|elif|except|finally|catch)\b|`{3}|~{3}"
)
_OPENS_BODY: Final = re.compile(r"\{[ \t]*(?:[\r\n]|\Z)")
_LEADS_IN: Final = re.compile(r"@\w|#\[|\[\w|//|/\*|\*|#|--|`{3}|~{3}")
_CODE_BLANK_LINE, _CODE_LINE, _CODE_JOINED = 0.25, 0.4, 0.8


def after_prose(text: str, end: int, next_start: int, *, next_is_prose: bool) -> float:
    """Behind a sentence that ends at ``end``, by what comes next."""
    if text[end - 1] in "：:":
        announces = not next_is_prose or _ITEM.match(text, next_start) is not None
        return BINDING if announces else AFTER_COLON
    return after_line(text[end:next_start])


def after_line(gap: str) -> float:
    """By the white space between two sentences, or two lines of different kinds."""
    if is_paragraph_gap(gap) or gap.endswith("\u3000"):
        return 0.0
    return AFTER_LINE if holds_line_break(gap) else AFTER_SENTENCE


def after_row(gap: str) -> float:
    """Between two rows."""
    return 0.0 if is_paragraph_gap(gap) else AFTER_ROW


def after_code(text: str, start: int, gap: str, next_start: int) -> float:
    """Behind the line of code at ``start``, by the ``gap`` to the line that comes next."""
    is_indented = gap.endswith((" ", "\t"))
    if _CLOSES.match(text, next_start) or _is_head(text, start, next_start, is_indented):
        return _CODE_JOINED
    begins = not is_indented or _DEFINITION.match(text, next_start) is not None
    if is_paragraph_gap(gap):
        return 0.0 if begins else _CODE_BLANK_LINE
    if not begins:
        return _CODE_LINE
    return _CODE_JOINED if _LEADS_IN.match(text, start) else AFTER_LINE


def _is_head(text: str, start: int, next_start: int, is_next_indented: bool) -> bool:
    """Whether the line at ``start`` heads what comes next: a signature, or a brace by itself."""
    if is_next_indented:
        head = _DEFINITION.match(text, start) or _OPENS_BODY.match(text, start)
        return head is not None
    return _OPENS_BODY.match(text, next_start) is not None
