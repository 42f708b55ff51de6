"""Characters that are not seen where text is shown, but are there for a model or a terminal.

Controls can steer a terminal, marks of direction show one name as another, and what has no
shape at all can spell a message that only a model reads. What is stored keeps its exact
characters; this is for what goes into prompts and onto screens.
"""

from __future__ import annotations

import re

_JOINERS = "\u200c\u200d"  # spell Persian and emoji
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"  # choose the shape of the letter before
# Controls but for white space, and what Unicode calls default ignorable, but for the above and
# the Mongolian ones: https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e"
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]"
)
_RUN = re.compile(f"[{_JOINERS}{_SELECTORS}]{{2,}}")
_SELECTED_AND_JOINED = re.compile(f"[{_SELECTORS}][{_JOINERS}]")


def without_unseen(text: str) -> str:
    """``text`` as it is seen: a joiner or selector stays where one is due, and no run of them."""
    if text.isascii() and text.isprintable():
        return text
    return _RUN.sub(_one, _UNSEEN.sub("", text))


def _one(run: re.Match[str]) -> str:
    return run[0] if _SELECTED_AND_JOINED.fullmatch(run[0]) else run[0][0]
