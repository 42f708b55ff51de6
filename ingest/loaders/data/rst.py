"""reStructuredText, also as Sphinx writes it, read with docutils."""

from __future__ import annotations

import re
from typing import Any

from docutils import __version__ as docutils_version
from docutils.core import publish_doctree
from docutils.readers import standalone
from docutils.transforms.misc import Transitions

from ingest.decoding import Decoded, decode
from ingest.loaders.builder import TextBuilder
from ingest.loaders.damage import damage_reported
from ingest.loaders.options import LoadOptions
from ingest.loaders.data.rst_sphinx import register_sphinx_markup
from ingest.loaders.data.rst_writer import write_rst
from rag_service.errors import BrokenFile, EmptyFile
from rag_service.document_types import LoadedText

ENGINE = f"docutils {docutils_version}"

# docutils looks for the end of each piece of markup to the end of the paragraph: this much takes
# it a few seconds.
_MAX_EFFORT = 100_000_000
_MARKUP = re.compile(r"[*`|_]")
# Each may repeat the one before it, and docutils expands them all.
_NESTED_SUBSTITUTION = re.compile(r"^ *\.\. +\|[^|\n]+\| +replace::[^|\n]*\|", re.MULTILINE)
_MAX_NESTED_SUBSTITUTIONS = 3
# No access to files or the network, no configuration files, no messages but in the tree.
_SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 5,
    "halt_level": 6,
    "warning_stream": False,
    "syntax_highlight": "none",
    "smart_quotes": False,
    "line_length_limit": 10_000_000,
    "input_encoding": "unicode",
}


class _Reader(standalone.Reader):  # type: ignore[misc]  # docutils is untyped
    """Leaves lines of dashes where they are: docutils looks for a better place among all blocks
    around each, and nothing is written for them anyway.
    """

    def get_transforms(self) -> list[Any]:
        """What is done to the tree once it is parsed."""
        return [each for each in super().get_transforms() if each is not Transitions]


def load_rst(data: bytes, _options: LoadOptions) -> LoadedText:
    """Headings, lists, tables and code as marks; what docutils cannot read stays plain text.

    Other files that the text would include are not read.

    Raises:
        EmptyFile: nothing but white space.
        NotText, UnknownEncoding: see ``ingest.decoding.decode``.
    """
    decoded = decode(data)
    if not decoded.text.strip():
        raise EmptyFile("The file is empty: it holds nothing but white space.")
    if reason := _unreasonable(decoded.text):
        return _plain(decoded, reason)
    try:
        with damage_reported("markup"):
            return _structured(decoded)
    except BrokenFile as error:
        return _plain(decoded, str(error))


def _unreasonable(text: str) -> str:
    """Why docutils should not see the text; "" where it may."""
    if any(_effort(block) > _MAX_EFFORT for block in text.split("\n\n")):
        return "A paragraph is too long and too full of markup."
    if len(_NESTED_SUBSTITUTION.findall(text)) > _MAX_NESTED_SUBSTITUTIONS:
        return "Substitutions are nested in substitutions."
    return ""


def _effort(block: str) -> int:
    return len(block) * len(_MARKUP.findall(block))


def _structured(decoded: Decoded) -> LoadedText:
    register_sphinx_markup()
    document = publish_doctree(decoded.text, reader=_Reader(), settings_overrides=dict(_SETTINGS))
    builder = TextBuilder()
    warnings = write_rst(document, builder)
    return builder.build(
        engine=ENGINE,
        title=document.get("title", ""),
        encoding=decoded.encoding,
        warnings=(*decoded.warnings, *warnings),
    )


def _plain(decoded: Decoded, reason: str) -> LoadedText:
    return LoadedText(
        decoded.text,
        encoding=decoded.encoding,
        engine="text",
        warnings=(*decoded.warnings, f"{reason} It was read as plain text."),
    )
