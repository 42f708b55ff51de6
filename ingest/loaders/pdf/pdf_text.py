"""Repair of text as it comes out of a PDF page.

A PDF stores glyphs at places, so line ends fall where the paper ended, ligatures and
radicals stand for letters, and spaced-out Chinese headings come apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from ingest.invisible import without_invisible
from ingest.loaders.builder import CELL_SEPARATOR
from ingest.loaders.pdf.pdf_quality import CID, GARBLED

_CJK = "\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_CJK_OR_MARK = _CJK + "\u3001-\u3003\u3008-\u3011\uff01-\uff60"
# Latin, Armenian and Arabic ligatures and forms, and the Kangxi radicals that some fonts map
# hanzi to.
_COMPATIBILITY = re.compile("[\ufb00-\ufb17\ufb50-\ufdfb\ufe70-\ufefc\u2f00-\u2fd5]+")
# Radicals that look like whole characters and that NFKC leaves alone; Unicode's
# EquivalentUnifiedIdeograph.txt. Fonts made on a Mac map the characters to them.
_RADICALS = str.maketrans(
    "⺟⺠⻁⻄⻅⻆⻉⻋⻑⻓⻔⻗⻘⻙⻚⻛⻜⻝⻡⻢⻣⻤⻥⻦⻧⻨⻩⻪⻫⻬⻭⻮⻯⻰⻲⻳",
    "母民虎西见角贝车長长门雨青韦页风飞食首马骨鬼鱼鸟卤麦黄黾斉齐歯齿竜龙亀龟",
)
_BULLETS = re.compile("[\uf0b7\uf0a7\uf0d8\uf06c\uf06e\uf0fc]")  # Symbol and Wingdings
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SPACES = re.compile("[ \t\u00a0\u2000-\u200a\u202f]+")
_DIRECTION_MARKS = re.compile("[\u200e\u200f]")
_SOFT_HYPHEN = re.compile("\u00ad\n?")
_BLANK_LINES = re.compile(r"\n{3,}")
# Three or more single hanzi with a space between each: a spaced-out heading.
_SPACED_CJK = re.compile(f"(?<![{_CJK}])[{_CJK}](?: [{_CJK}]){{2,}}(?![{_CJK}])")
_SPACED_PAIR_LINE = re.compile(f"^([{_CJK}]) ([{_CJK}])$")
_CJK_TAIL = re.compile(f"[{_CJK_OR_MARK}]$")
_CJK_CHARACTER = re.compile(f"[{_CJK_OR_MARK}]")
_MIN_PROSE_SHARE = 0.7  # of CJK characters in a line; table rows have fewer
_SENTENCE_END = re.compile("[。！？；：!?;:.…」』”）)]$")
_FULL_LINE_SHARE = 0.8
_BROKEN_WORD = re.compile(r"\b([^\W\d_]{2,})[-\u2010]\n([^\W\d_]{2,})")
_WORDS = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


def clean_lines(raw: str) -> list[str]:
    """The lines of a page with their characters repaired; garbled ones are left out."""
    text = CID.sub("", _BULLETS.sub("•", raw))
    text = GARBLED.sub("", _LINE_ENDS.sub("\n", text))
    text = _COMPATIBILITY.sub(lambda found: unicodedata.normalize("NFKC", found.group()), text)
    text = _SOFT_HYPHEN.sub("", _DIRECTION_MARKS.sub("", text.translate(_RADICALS)))
    text = without_invisible(text)
    return [_close_up(_SPACES.sub(" ", line).strip()) for line in text.split("\n")]


def join_lines(lines: Sequence[str]) -> str:
    """The text of a page: Chinese lines joined within their sentence, one blank line at most."""
    return _BLANK_LINES.sub("\n\n", "\n".join(_join_wrapped_cjk(lines))).strip()


def _close_up(line: str) -> str:
    line = _SPACED_CJK.sub(lambda found: found.group().replace(" ", ""), line)
    return _SPACED_PAIR_LINE.sub(r"\1\2", line)


def _width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)


def _join_wrapped_cjk(lines: Sequence[str]) -> list[str]:
    """Join a Chinese line to the next when it is full and its sentence goes on.

    English keeps its line ends: a newline there is as good as a space.
    """
    widths = [_width(line) for line in lines]
    full = _FULL_LINE_SHARE * _column_width(widths)
    joined: list[str] = []
    goes_on = False
    for line, width in zip(lines, widths, strict=True):
        if goes_on and _CJK_CHARACTER.match(line) and CELL_SEPARATOR not in line:
            joined[-1] += line
        else:
            joined.append(line)
        goes_on = width >= full and _is_open_cjk(line)
    return joined


def _is_open_cjk(line: str) -> bool:
    """Whether Chinese prose stops at the end of ``line`` without ending a sentence."""
    if not _CJK_TAIL.search(line) or _SENTENCE_END.search(line) or CELL_SEPARATOR in line:
        return False
    return len(_CJK_CHARACTER.findall(line)) >= _MIN_PROSE_SHARE * len(line.replace(" ", ""))


def _column_width(widths: Sequence[int]) -> int:
    """The width of a full line: few lines are wider than this one."""
    ordered = sorted(width for width in widths if width)
    return ordered[int(0.9 * len(ordered))] if ordered else 0


def repair_hyphens(pages: Sequence[str]) -> list[str]:
    """Join words cut at a line end.

    The hyphen stays where the document writes the word with a hyphen elsewhere and never
    as one word ("state-of-the-art").
    """
    words = {word.lower() for page in pages for word in _WORDS.findall(page)}

    def repaired(found: re.Match[str]) -> str:
        head, tail = found.groups()
        is_compound = f"{head}-{tail}".lower() in words and (head + tail).lower() not in words
        if is_compound or tail[0].isupper():
            return f"{head}-{tail}"
        return head + tail

    return [_BROKEN_WORD.sub(repaired, page) for page in pages]
