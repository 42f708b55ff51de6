"""From docutils' tree to text with marks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from docutils import nodes

from ingest.loaders.builder import TextBuilder
from ingest.loaders.web.html_text import laid_out, source_text

_Node = Any  # docutils is untyped

_LEFT_OUT = (
    nodes.comment,
    nodes.substitution_definition,
    nodes.target,
    nodes.raw,
    nodes.pending,
    nodes.transition,
    nodes.meta,
    nodes.decoration,
)
_CODE = (nodes.literal_block, nodes.doctest_block, nodes.math_block)
_LINES = (nodes.term, nodes.rubric, nodes.caption, nodes.attribution)
_ERROR = 3  # of a system message; below it docutils only remarks or refuses files
_REFUSED = ("disabled", "deactivated")


def write_rst(document: _Node, builder: TextBuilder) -> list[str]:
    """Add ``document`` to ``builder``; what the reader should be told."""
    writer = _Writer(builder)
    writer.write(document)
    return writer.warnings


class _Writer:
    def __init__(self, builder: TextBuilder) -> None:
        self.warnings: list[str] = []
        self._builder = builder
        self._depth = 0  # of sections
        self._lists = 0

    def write(self, node: _Node) -> None:
        if isinstance(node, _LEFT_OUT):
            return
        handler = self._handler(node)
        if handler is not None:
            handler(node)
            return
        for child in node.children:
            self.write(child)

    def _handler(self, node: _Node) -> Callable[[_Node], None] | None:
        if isinstance(node, _CODE):
            return self._code
        if isinstance(node, _LINES) or (isinstance(node, nodes.TextElement) and not _has_own(node)):
            return self._paragraph
        return getattr(self, f"_{type(node).__name__}", None)

    def _code(self, node: _Node) -> None:
        self._builder.code(node.astext())

    def _paragraph(self, node: _Node) -> None:
        self._builder.paragraph(inline_text(node))

    def _title(self, node: _Node) -> None:
        if isinstance(node.parent, nodes.document | nodes.section):
            self._builder.heading(inline_text(node), max(1, self._depth))
        else:
            self._paragraph(node)

    def _subtitle(self, node: _Node) -> None:
        self._builder.heading(inline_text(node), self._depth + 1)

    def _document(self, node: _Node) -> None:
        # A lone outermost section has become the document's title: what follows is below it.
        self._depth = 1 if isinstance(node.next_node(), nodes.title) else 0
        self._children(node)

    def _section(self, node: _Node) -> None:
        self._depth += 1
        self._children(node)
        self._depth -= 1

    def _children(self, node: _Node) -> None:
        for child in node.children:
            self.write(child)

    def _bullet_list(self, node: _Node) -> None:
        self._list(node, lambda _number: "-")

    def _enumerated_list(self, node: _Node) -> None:
        start = int(node.get("start", 1))
        self._list(node, lambda number: f"{start + number}.")

    def _list(self, node: _Node, bullet: Callable[[int], str]) -> None:
        for number, item in enumerate(node.children):
            first, *others = item.children or [nodes.paragraph()]
            if isinstance(first, nodes.paragraph):
                text = inline_text(first)
                self._builder.list_item(text, depth=self._lists, bullet=bullet(number))
            else:
                others = [first, *others]
            self._lists += 1
            for child in others:
                self.write(child)
            self._lists -= 1

    def _definition_list_item(self, node: _Node) -> None:
        heads = [child for child in node.children if not isinstance(child, nodes.definition)]
        bodies = [child for child in node.children if isinstance(child, nodes.definition)]
        self._led("\n".join(map(inline_text, heads)), bodies, ": " if len(heads) == 1 else "\n")

    def _field(self, node: _Node) -> None:
        name, body = node.children
        self._led(inline_text(name), [body], ": ")

    def _option_list_item(self, node: _Node) -> None:
        group, description = node.children
        self._led(group.astext(), [description], ": ")

    def _footnote(self, node: _Node) -> None:
        label, *body = node.children
        holder = nodes.container("", *body)
        self._led(f"[{label.astext()}]", [holder], " ")

    _citation = _footnote

    def _led(self, lead: str, bodies: list[_Node], between: str) -> None:
        """``lead`` and the first paragraph of what it introduces as one."""
        blocks = [child for body in bodies for child in body.children]
        if blocks and isinstance(blocks[0], nodes.paragraph):
            self._builder.paragraph(f"{lead}{between}{inline_text(blocks[0])}")
            del blocks[0]
        else:
            self._builder.paragraph(lead)
        for block in blocks:
            self.write(block)

    def _topic(self, node: _Node) -> None:
        if "contents" not in node.get("classes", ()):  # a list of the headings
            self._children(node)

    def _docinfo(self, node: _Node) -> None:
        for entry in node.children:
            if isinstance(entry, nodes.field):
                self._field(entry)
            else:
                name = type(entry).__name__.title()
                self._builder.paragraph(f"{name}: {inline_text(entry)}")

    def _line_block(self, node: _Node) -> None:
        self._builder.paragraph("\n".join(_lines(node)))

    def _image(self, node: _Node) -> None:
        self._builder.paragraph(node.get("alt", ""))

    def _table(self, node: _Node) -> None:
        for title in node.findall(nodes.title):
            self._paragraph(title)
        head = [_cells(row) for part in node.findall(nodes.thead) for row in part.children]
        body = [_cells(row) for part in node.findall(nodes.tbody) for row in part.children]
        merged = [[" ".join(filter(None, names)) for names in zip(*head, strict=False)]]
        self._builder.table((merged if head else []) + body, has_header=bool(head))

    def _system_message(self, node: _Node) -> None:
        """What docutils could not read stands in its message, as it stood in the source."""
        said = node.next_node(nodes.paragraph)
        if said is not None and any(word in said.astext() for word in _REFUSED):
            self.warnings.append(f"Line {node.get('line', '?')}: {said.astext()}")
        elif node.get("level", 0) >= _ERROR:
            for source in node.findall(nodes.literal_block):
                self._code(source)


def _has_own(node: _Node) -> bool:
    return isinstance(node, nodes.title | nodes.subtitle)


def inline_text(node: _Node) -> str:
    """The text of a paragraph on one line; images by what describes them."""
    found = node.findall(lambda child: isinstance(child, nodes.Text | nodes.image))
    return laid_out(source_text("".join(map(_piece, found))))


def _piece(leaf: _Node) -> str:
    if isinstance(leaf, nodes.image):
        return str(leaf.get("alt", ""))
    is_number = isinstance(leaf.parent, nodes.footnote_reference | nodes.citation_reference)
    return f"[{leaf.astext()}]" if is_number else str(leaf.astext())


def _lines(block: _Node, indent: str = "") -> list[str]:
    lines: list[str] = []
    for child in block.children:
        if isinstance(child, nodes.line_block):
            lines += _lines(child, indent + "  ")
        else:
            lines.append(indent + inline_text(child))
    return lines


def _cells(row: _Node) -> list[str]:
    cells: list[str] = []
    for entry in row.children:
        cells.append(" ".join(_block_texts(entry)))
        cells += [""] * int(entry.get("morecols", 0))
    return cells


def _block_texts(entry: _Node) -> list[str]:
    blocks = entry.findall(
        lambda node: (
            isinstance(node, nodes.TextElement)
            and not isinstance(node, nodes.Inline)
            and not isinstance(node.parent, nodes.system_message)
        )
    )
    return [text for block in blocks if (text := inline_text(block))]
