"""RTF (specification 1.9.1) as tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(
    rb"\\([A-Za-z]{1,32})(-?\d{1,10})? ?"  # control word
    rb"|\\'([0-9A-Fa-f]{2})"  # a byte
    rb"|\\(.)"  # control symbol
    rb"|([{}])"
    rb"|[\r\n\0]+"
    rb"|([^\\{}\r\n\0]+)",
    re.DOTALL,
)


class Token(NamedTuple):
    """``kind``: "word", "symbol", "byte", "text", "open" or "close".

    ``name`` is a control word's or symbol's; ``data`` a text's or byte's bytes.
    """

    kind: str
    name: str = ""
    number: int | None = None
    data: bytes = b""


def tokens(data: bytes) -> Iterator[Token]:
    """The tokens in order; binary data of ``\\bin`` is left out."""
    position = 0
    while match := _TOKEN.match(data, position):
        position = match.end()
        word, number, byte, symbol, brace, text = match.groups()
        if word is not None:
            value = None if number is None else int(number)
            if word == b"bin":
                position += max(0, value or 0)
            yield Token("word", word.decode("ascii"), value)
        elif byte is not None:
            yield Token("byte", data=bytes.fromhex(byte.decode("ascii")))
        elif symbol is not None:
            yield Token("symbol", symbol.decode("latin-1"))
        elif brace is not None:
            yield Token("open" if brace == b"{" else "close")
        elif text is not None:
            yield Token("text", data=text)
