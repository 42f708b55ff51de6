"""Telling whether what an engine read from a PDF page is the page's text.

Nothing here knows words. It knows what fonts without a Unicode map, doubled glyphs and turned
pages leave behind.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

# Not letters: controls, surrogates, private use, specials.
GARBLED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\uf8ff\ufff0-\uffff]")
CID = re.compile(r"\(cid:\d+\)")  # a glyph's number where its letter is not known
_GLYPH_NAMES = re.compile(r"(?:/[A-Za-z]{1,3}\d{2,5})+")  # "/G065/G066": the same
_BULLETS = re.compile("[\uf0b7\uf0a7\uf0d8\uf06c\uf06e\uf0fc]")  # of Symbol and Wingdings
_HIGH_LATIN = re.compile("[\u00a1-\u00ff]")
_MIN_SIGN_SHARE = 0.15  # GBK bytes land on signs like £ and ¬ as often as on letters
_RARE_SCRIPTS = re.compile("[\u0530-\u10ff\u1200-\u1cff\ua000-\ua4cf\ua500-\ua6ff]")
_MIN_RARE_SHARE = 0.15
_MIN_RARE_SCRIPTS = 3
# Radicals of Yi and marks of medieval manuscripts, which no text consists of.
_UNLIKELY = re.compile("[\ua490-\ua4cf\u0347-\u036f]")
_MAX_UNLIKELY = 0.1
_ARABIC_FORMS = re.compile("[\ufb50-\ufdfb\ufe70-\ufefc]")
_SINGLE_LETTER = re.compile(r"[^\W\d_]")
_MIN_LINES = 8
_MOSTLY = 0.5
_DOUBLED = 0.1  # share of a page's text in lines that repeat the line before

Fault = Literal["", "empty", "garbled", "letters", "doubled", "forms"]


@dataclass(frozen=True, slots=True)
class Quality:
    """``characters`` and ``garbled`` count what is not white space.

    ``fault``: "" is none; "letters": a letter a line; "doubled": lines stand twice; "forms":
    Arabic by shape, which is often in the wrong order.
    """

    characters: int
    garbled: int
    fault: Fault

    @property
    def readable(self) -> int:
        return self.characters - self.garbled


def assess(raw: str) -> Quality:
    """Judge the text of one page."""
    text = CID.sub("\ufffd", _GLYPH_NAMES.sub("\ufffd", _BULLETS.sub("•", raw)))
    visible = "".join(text.split())
    garbled = len(GARBLED.findall(visible))
    if garbled > _MOSTLY * len(visible) or _is_misread(visible):
        return Quality(len(visible), len(visible), "garbled")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return Quality(len(visible), garbled, _fault(visible, garbled, lines))


def _fault(visible: str, garbled: int, lines: Sequence[str]) -> Fault:
    if not visible:
        return "empty"
    if garbled:
        return "garbled"
    if len(_ARABIC_FORMS.findall(visible)) > _MOSTLY * len(visible):
        return "forms"
    if _repeated(lines) > _DOUBLED * len(visible):
        return "doubled"
    letters = sum(_SINGLE_LETTER.fullmatch(line) is not None for line in lines)
    if len(lines) >= _MIN_LINES and letters > _MOSTLY * len(lines):
        return "letters"
    return ""


def _repeated(lines: Sequence[str]) -> int:
    """Characters in lines that say what the line before says."""
    if len(lines) < _MIN_LINES:
        return 0
    return sum(
        len("".join(line.split()))
        for before, line in pairwise(lines)
        if line == before and _SINGLE_LETTER.search(line)
    )


def _is_misread(visible: str) -> bool:
    """Whether glyph numbers were taken for code points, or GBK bytes for Latin letters.

    Fonts with a CJK character collection but no Unicode map come out as letters of many
    scripts at once, which no language mixes.
    """
    accented = _HIGH_LATIN.findall(visible)
    signs = sum(not char.isalpha() for char in accented)
    if len(accented) > len(visible) / 2 and signs > _MIN_SIGN_SHARE * len(accented):
        return True
    if len(_UNLIKELY.findall(visible)) > _MAX_UNLIKELY * len(visible):
        return True
    rare = _RARE_SCRIPTS.findall(visible)
    if len(rare) < _MIN_RARE_SHARE * len(visible):
        return False
    scripts = {unicodedata.name(char, "?").split()[0] for char in set(rare)}
    return len(scripts - {"?"}) >= _MIN_RARE_SCRIPTS


def is_better(second: Quality, first: Quality) -> bool:
    """Whether ``second`` is to be taken where ``first`` has a fault."""
    if not first.fault or not second.readable:
        return False
    if second.garbled * first.characters > first.garbled * second.characters:
        return False
    if first.fault == "empty" or not first.readable:
        return True
    enough = 0.4 if first.fault == "doubled" else 0.8
    has_gain = second.fault == "" or second.garbled < first.garbled
    return has_gain and second.readable >= enough * first.readable
