"""What Word, PowerPoint and Excel files share: tables, charts and diagrams of DrawingML."""

from __future__ import annotations

from typing import Final

from lxml import etree

from ingest.loaders.builder import TextBuilder
from ingest.loaders.office.equations import M, equation_text
from ingest.loaders.office.numerals import stated
from ingest.loaders.office.ooxml import MC, A, Package, R, chosen
from ingest.loaders.tables import looks_like_header, tidied

C: Final = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
DGM: Final = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_MAX_POINTS: Final = 10_000  # of a chart's series; their numbers count from a file's claim
_FIELDS_LEFT_OUT: Final = ("slidenum", "datetime")


def paragraph_text(paragraph: etree._Element) -> str:
    """The text of an ``a:p``."""
    pieces: list[str] = []
    for child in _inline(paragraph):
        if child.tag in {f"{A}r", f"{A}fld"}:
            if not child.get("type", "").startswith(_FIELDS_LEFT_OUT):
                pieces.append(child.findtext(f"{A}t") or "")
        elif child.tag == f"{A}br":
            pieces.append("\n")
        else:
            pieces.extend(equation_text(math) for math in child.iter(f"{M}oMath"))
    return "".join(pieces).strip()


def _inline(paragraph: etree._Element) -> list[etree._Element]:
    found: list[etree._Element] = []
    for child in paragraph:
        found.extend(chosen(child) if child.tag == f"{MC}AlternateContent" else [child])
    return found


def all_text(element: etree._Element) -> str:
    """The text of every paragraph within ``element``, a line each."""
    lines = (paragraph_text(paragraph) for paragraph in element.iter(f"{A}p"))
    return "\n".join(line for line in lines if line)


def add_table(builder: TextBuilder, table: etree._Element) -> None:
    """An ``a:tbl``; a merged cell's text stands in its first place only."""
    rows = tidied(
        [
            ["" if _is_covered(cell) else all_text(cell) for cell in row.iterfind(f"{A}tc")]
            for row in table.iterfind(f"{A}tr")
        ]
    )
    properties = table.find(f"{A}tblPr")
    marked = properties is not None and properties.get("firstRow") in {"1", "true"}
    builder.table(rows, has_header=marked or looks_like_header(rows))


def _is_covered(cell: etree._Element) -> bool:
    return any(cell.get(name) in {"1", "true"} for name in ("hMerge", "vMerge"))


def add_graphic(builder: TextBuilder, package: Package, part: str, data: etree._Element) -> None:
    """What an ``a:graphicData`` of ``part`` shows: a chart's figures, a diagram's texts."""
    chart = data.find(f"{C}chart")
    if chart is not None:
        root = package.optional_xml(package.target(part, chart.get(f"{R}id")))
        if root is not None:
            add_chart(builder, root)
    diagram = data.find(f"{DGM}relIds")
    if diagram is not None:
        root = package.optional_xml(package.target(part, diagram.get(f"{R}dm")))
        for text in [] if root is None else diagram_texts(root):
            builder.list_item(text)


def diagram_texts(root: etree._Element) -> list[str]:
    """The texts of a SmartArt graphic's points (its data part), in stored order."""
    texts = (all_text(point) for point in root.iterfind(f"{DGM}ptLst/{DGM}pt"))
    return [text for text in texts if text]


def add_chart(builder: TextBuilder, root: etree._Element) -> None:
    """A chart as its title and a table: a row a category, a column a series."""
    title = root.find(f"{C}chart/{C}title")
    if title is not None:
        builder.paragraph(all_text(title))
    series = list(root.iter(f"{C}ser"))
    categories = next(filter(None, (_points(one, "cat", "xVal") for one in series)), {})
    columns = [_points(one, "val", "yVal") for one in series]
    names = [" ".join(_points(one, "tx").values()) for one in series]
    places = sorted({place for column in [categories, *columns] for place in column})
    rows = [
        [categories.get(place, ""), *(column.get(place, "") for column in columns)]
        for place in places[:_MAX_POINTS]
    ]
    builder.table([["", *names], *rows], has_header=any(names))


def _points(series: etree._Element, *names: str) -> dict[int, str]:
    """The values that the chart keeps of its data, by their place."""
    for name in names:
        holder = series.find(f"{C}{name}")
        if holder is not None:
            return {
                stated(point.get("idx"), 0, most=0x7FFFFFFF): _number(point.findtext(f"{C}v") or "")
                for point in holder.iter(f"{C}pt")
            } or {0: holder.findtext(f"{C}v") or ""}
    return {}


def _number(text: str) -> str:
    """Without the noise of binary fractions: 4.2999999999999998 is 4.3."""
    try:
        number = float(text)
    except ValueError:
        return text
    return f"{number:.15g}" if len(text) > 15 else text
