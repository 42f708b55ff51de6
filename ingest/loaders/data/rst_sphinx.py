"""Sphinx's directives and roles for docutils, as far as their text goes.

Without them docutils takes each for an error and its text for an excerpt of the source.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive, directives, roles

_DOMAINS = ("", "py:", "c:", "cpp:", "js:", "rst:")
# Name the thing that they describe, then describe it.
_OBJECTS = """function method class exception attribute data decorator staticmethod classmethod
property member type macro struct enum enumerator union var describe object option
confval envvar program cmdoption directive role glossary opcode decoratormethod
awaitablefunction awaitablemethod coroutinefunction coroutinemethod abstractmethod""".split()  # noqa: SIM905
_LABELLED = {
    "versionadded": "New in version",
    "versionchanged": "Changed in version",
    "versionremoved": "Removed in version",
    "deprecated": "Deprecated since version",
    "seealso": "See also",
    "todo": "To do",
    "availability": "Availability:",
}
_TRANSPARENT = ("centered", "hlist", "tab", "tabs", "tab-set", "tab-item", "collapse", "details")
# About the site, about other files, or a list of the headings: docutils makes that anew for
# each directive, which takes hours where a thousand of them meet a thousand headings.
_SILENT = """contents module py:module toctree index highlight currentmodule moduleauthor
sectionauthor codeauthor tabularcolumns automodule autoclass autofunction automethod autoexception
autodata autoattribute autosummary testsetup testcleanup literalinclude audit-event""".split()  # noqa: SIM905
_ROLES = """mod class func meth attr data exc obj const ref doc term numref option envvar keyword
program command file samp guilabel menuselection kbd dfn download any token pep rfc abbr cve cwe
type macro member struct enum enumerator union var expr texpr module source issue gh dir
issue-number regexp mimetype newsgroup manpage makevar mailheader program envvar
pypi gh-file c-texpr""".split()  # noqa: SIM905
_EXPLICIT = re.compile(r"(.+?)\s*<[^<>]*>\s*", re.DOTALL)


class _AnyOptions(dict[str, Callable[[str], Any]]):
    """Accepts whatever options a directive has; none of them is text."""

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, _name: str) -> Callable[[str], Any]:
        return str


class _Transparent(Directive):  # type: ignore[misc]  # docutils is untyped
    """Its argument as a paragraph, its content as what it is."""

    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Callable[[str], Any]]] = _AnyOptions()
    has_content = True
    label = ""

    def run(self) -> list[Any]:
        """The nodes that stand for it."""
        return [*self.lead(" ".join(self.arguments)), *self.nested()]

    def lead(self, argument: str) -> list[Any]:
        """What stands before the content."""
        text = f"{self.label} {argument}".strip()
        return [nodes.paragraph(text, text)] if text else []

    def nested(self) -> list[Any]:
        """The content as what it is."""
        within = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, within)
        return list(within.children)


class _Object(_Transparent):
    """Signatures, one a line, not parsed: they are full of characters that mean markup."""

    def lead(self, argument: str) -> list[Any]:
        lines = [line.strip() for line in argument.split("\n") if line.strip()]
        return [nodes.line_block("", *(nodes.line(line, line) for line in lines))] if lines else []


class _Conditional(_Transparent):
    """Its argument is a condition, not text."""

    def lead(self, _argument: str) -> list[Any]:
        return []


class _Silent(_Transparent):
    def run(self) -> list[Any]:
        return []


class _Code(_Transparent):
    def run(self) -> list[Any]:
        text = "\n".join(self.content)
        return [nodes.literal_block(text, text)]


def _text_role(
    _name: str, _source: str, text: str, *_others: Any, **_more: Any
) -> tuple[list[Any], list[Any]]:
    """The title of "title <target>"; without the signs that shorten a name."""
    shown = nodes.unescape(text)
    explicit = _EXPLICIT.fullmatch(shown)
    shown = explicit[1] if explicit else shown.lstrip("~!")
    return [nodes.inline(shown, shown)], []


@cache
def register_sphinx_markup() -> None:
    """Teach docutils, once per process."""
    for name in _OBJECTS:
        for domain in _DOMAINS:
            directives.register_directive(domain + name, _Object)
    for name in _TRANSPARENT:
        directives.register_directive(name, _Transparent)
    for name, label in _LABELLED.items():
        labelled = type(f"_{name.title()}", (_Transparent,), {"label": label})
        directives.register_directive(name, labelled)
    directives.register_directive("only", _Conditional)
    for name in _SILENT:
        directives.register_directive(name, _Silent)
    for name in ("code-block", "sourcecode", "testcode", "testoutput", "doctest", "productionlist"):
        directives.register_directive(name, _Code)
    for name in _ROLES:
        for domain in _DOMAINS:
            roles.register_local_role(domain + name, _text_role)
