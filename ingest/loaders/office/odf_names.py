"""Namespaces of OpenDocument 1.3 (OASIS), in lxml's notation."""

from __future__ import annotations

from typing import Final

_BASE: Final = "{urn:oasis:names:tc:opendocument:xmlns:"
OFFICE: Final = f"{_BASE}office:1.0}}"
TEXT: Final = f"{_BASE}text:1.0}}"
TABLE: Final = f"{_BASE}table:1.0}}"
DRAW: Final = f"{_BASE}drawing:1.0}}"
STYLE: Final = f"{_BASE}style:1.0}}"
CHART: Final = f"{_BASE}chart:1.0}}"
PRESENTATION: Final = f"{_BASE}presentation:1.0}}"
SVG: Final = f"{_BASE}svg-compatible:1.0}}"
XLINK: Final = "{http://www.w3.org/1999/xlink}"
MATHML: Final = "{http://www.w3.org/1998/Math/MathML}"
