"""Office equations (OMML) on one line, as one would type them: (a+b)/c, x^2, √(x), ∑_(i=1)^n."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lxml import etree

M: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"

_INVISIBLE: Final = dict.fromkeys(range(0x2061, 0x2065))  # function application, times, comma, plus


def equation_text(element: etree._Element) -> str:
    """The text of an ``m:oMath`` or of any part of one."""
    written = _STRUCTURES.get(element.tag)
    if written:
        return written(element)
    if element.tag == f"{M}t":
        return (element.text or "").translate(_INVISIBLE)
    return "".join(equation_text(child) for child in element if not _is_property(child))


def _is_property(element: etree._Element) -> bool:
    return isinstance(element.tag, str) and element.tag.startswith(M) and element.tag.endswith("Pr")


def _part(element: etree._Element, name: str) -> str:
    found = element.find(f"{M}{name}")
    return "" if found is None else equation_text(found)


def _grouped(text: str) -> str:
    return text if len(text) <= 1 or text.isalnum() else f"({text})"


def _fraction(element: etree._Element) -> str:
    kind = element.find(f"{M}fPr/{M}type")
    if kind is not None and kind.get(f"{M}val") == "noBar":  # binomial coefficients
        return f"{_part(element, 'num')} {_part(element, 'den')}"
    return f"{_grouped(_part(element, 'num'))}/{_grouped(_part(element, 'den'))}"


def _scripts(element: etree._Element) -> str:
    sub, sup = _part(element, "sub"), _part(element, "sup")
    return (
        _part(element, "e")
        + (f"_{_grouped(sub)}" if sub else "")
        + (f"^{_grouped(sup)}" if sup else "")
    )


def _radical(element: etree._Element) -> str:
    degree = _part(element, "deg")
    return f"{degree}√{_grouped(_part(element, 'e'))}"


def _operator(element: etree._Element) -> str:
    sign = element.find(f"{M}naryPr/{M}chr")
    shown = "∫" if sign is None else sign.get(f"{M}val", "")
    sub, sup = _part(element, "sub"), _part(element, "sup")
    limits = (f"_{_grouped(sub)}" if sub else "") + (f"^{_grouped(sup)}" if sup else "")
    return f"{shown}{limits} {_part(element, 'e')}"


def _delimited(element: etree._Element) -> str:
    def sign(name: str, usual: str) -> str:
        found = element.find(f"{M}dPr/{M}{name}")
        return usual if found is None else found.get(f"{M}val", "")

    inner = sign("sepChr", "|").join(equation_text(part) for part in element.iterfind(f"{M}e"))
    return f"{sign('begChr', '(')}{inner}{sign('endChr', ')')}"


def _function(element: etree._Element) -> str:
    return f"{_part(element, 'fName')} {_part(element, 'e')}"


def _matrix(element: etree._Element) -> str:
    rows = (
        ", ".join(equation_text(cell) for cell in row.iterfind(f"{M}e"))
        for row in element.iterfind(f"{M}mr")
    )
    return "[" + "; ".join(rows) + "]"


def _limit(element: etree._Element) -> str:
    return f"{_part(element, 'e')}_{_grouped(_part(element, 'lim'))}"


_STRUCTURES: Final[dict[str, Callable[[etree._Element], str]]] = {
    f"{M}f": _fraction,
    f"{M}sSub": _scripts,
    f"{M}sSup": _scripts,
    f"{M}sSubSup": _scripts,
    f"{M}rad": _radical,
    f"{M}nary": _operator,
    f"{M}d": _delimited,
    f"{M}func": _function,
    f"{M}m": _matrix,
    f"{M}limLow": _limit,
}
