"""Files within a mail, read like files of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ingest.loaders.builder import TextBuilder
from ingest.loaders.formats import format_of
from ingest.loaders.options import LoadOptions
from ingest.names import why_unsupported
from rag_service.document_types import LoadedText
from rag_service.errors import DocumentError

MAX_DEPTH: Final = 3  # of a mail in a mail in a mail
MAX_ATTACHMENTS: Final = 100
MAX_BYTES: Final = 256 << 20  # all attachments of one mail together

Reader = Callable[[], LoadedText]


class Attachments:
    """Adds attachments to the text of a mail; what cannot be read is named in ``warnings``."""

    def __init__(self, builder: TextBuilder, options: LoadOptions) -> None:
        self.warnings: list[str] = []
        self._builder = builder
        self._options = options
        self._count = 0
        self._bytes = 0

    def add_file(self, name: str, data: bytes, *, is_text: bool = False) -> None:
        """Read ``data`` as the file ``name``; ``is_text`` where it is said to be text."""
        from ingest.loaders import load_bytes  # it imports the loaders of mail

        self._bytes += len(data)
        is_known = format_of(name) is not None
        if not is_known and not is_text:
            self._say(name, f"was not read: {why_unsupported(name)}.")
        elif self._bytes > MAX_BYTES:
            self._say(name, f"was not read: the attachments exceed {MAX_BYTES >> 20} MiB.")
        else:
            read_as = name if is_known else "unnamed.txt"
            self.add(name, lambda: load_bytes(read_as, data, self._options.nested()))

    def add(self, name: str, read: Reader) -> None:
        """Add what ``read`` returns under a heading that names it."""
        self._count += 1
        if self._options.depth >= MAX_DEPTH:
            self._say(name, f"was not read: it is nested more than {MAX_DEPTH} deep.")
        elif self._count > MAX_ATTACHMENTS:
            self._say(name, f"was not read: only {MAX_ATTACHMENTS} attachments are.")
        else:
            self._read(name, read)

    def _read(self, name: str, read: Reader) -> None:
        try:
            loaded = read()
        except DocumentError as error:
            self._say(name, f"was not read: {error}")
            return
        self._builder.heading(f"Attachment: {name}", 1)
        self._builder.insert(loaded)
        self.warnings += [f"Attachment {name}: {said}" for said in loaded.warnings]

    def _say(self, name: str, what: str) -> None:
        self.warnings.append(f"Attachment {name} {what}")
