"""Characters of fonts that put signs in the places of letters."""

from __future__ import annotations

from typing import Final

# Adobe's Symbol encoding, letters only; the rest is rare in running text.
_SYMBOL: Final = dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖαβχδεφγηιϕκλμνοπθρστυϖωξψζ",
        strict=True,
    )
) | {"\xa3": "≤", "\xa5": "∞", "\xae": "→", "\xb0": "°", "\xb1": "±", "\xb3": "≥", "\xb4": "×",
     "\xb7": "•", "\xb9": "≠", "\xbb": "≈", "\xe5": "∑", "\xd6": "√"}  # fmt: skip
_WINGDINGS: Final = {
    "\x6e": "■", "\x6f": "□", "\x6c": "●", "\x71": "❑", "\x75": "◆", "\x76": "❖", "\x9f": "•",
    "\xa7": "▪", "\xa8": "□", "\xd8": "➢", "\xe0": "→", "\xfb": "✗", "\xfc": "✓", "\xfd": "☒",
    "\xfe": "☑",
}  # fmt: skip
_WINGDINGS_2: Final = {"P": "✓", "O": "✗", "R": "☑", "S": "☒", "\xa3": "☐"}
_FONTS: Final = {"symbol": _SYMBOL, "wingdings": _WINGDINGS, "wingdings 2": _WINGDINGS_2}


def is_symbol_font(font: str) -> bool:
    return font.strip().lower() in _FONTS


def symbol(code: int, font: str) -> str:
    """The sign that ``font`` shows for ``code`` (also as U+F0xx); "" where it has no known one."""
    place = chr(code - 0xF000 if 0xF000 <= code <= 0xF0FF else code)
    return _FONTS.get(font.strip().lower(), {}).get(place, "")
