"""Files of a multipart/form-data body (RFC 7578), written to disk as they arrive.

Starlette's own form parser spools to the temporary folder, which in a container is often
memory, and takes a body that breaks off for a whole one.
"""

from __future__ import annotations

from collections.abc import Callable

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from rag_service.errors import InvalidFileName, InvalidRequest
from rag_service.store.uploads import Upload, checked_name

MAX_FILES = 1000
_PLAIN_ENCODINGS = (b"", b"7bit", b"8bit", b"binary")


def boundary_of(content_type: str) -> bytes | None:
    """The boundary that a Content-Type header names; None if it is not multipart/form-data."""
    kind, options = parse_options_header(content_type)
    return options.get(b"boundary") if kind == b"multipart/form-data" else None


class MultipartReceiver:
    """Feeds the files of a body to ``upload``, whatever the fields are called.

    ``check_name`` is called with every file's name before anything is written, and may raise.
    """

    def __init__(self, boundary: bytes, upload: Upload, check_name: Callable[[str], None]) -> None:
        self._upload = upload
        self._check_name = check_name
        self._field, self._value = b"", b""
        self._headers: dict[bytes, bytes] = {}
        self._in_file = False
        self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise InvalidRequest(f"The multipart body cannot be read: {error}.") from error

    def feed(self, data: bytes) -> None:
        """The next bytes of the body.

        Raises:
            InvalidRequest, InvalidFileName; whatever ``upload`` and ``check_name`` raise.
        """
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise InvalidRequest(f"The multipart body cannot be read: {error}.") from error

    def close(self) -> None:
        """The body has ended.

        Raises:
            InvalidRequest: in its middle, or without a file.
        """
        if not self._ended:
            raise InvalidRequest("The multipart body breaks off before its last boundary.")
        if not self._upload.files:
            raise InvalidRequest("The body holds no file.")

    def _on_part_begin(self) -> None:
        self._headers = {}

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field, self._value = b"", b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        if b"filename" not in options:
            field = options.get(b"name", b"").decode(errors="replace")
            raise InvalidRequest(f"The field {field[:60]!r} is not a file; send files only.")
        if self._headers.get(b"content-transfer-encoding", b"").lower() not in _PLAIN_ENCODINGS:
            raise InvalidRequest("Content-Transfer-Encoding is not supported; send the bytes.")
        # What a browser sends for a file input that was left empty.
        self._in_file = options[b"filename"] != b""
        if self._in_file:
            self._begin(options[b"filename"])

    def _begin(self, raw_name: bytes) -> None:
        if len(self._upload.files) == MAX_FILES:
            raise InvalidRequest(f"At most {MAX_FILES} files can be uploaded at once.")
        try:
            name = raw_name.decode()
        except UnicodeDecodeError:
            shown = raw_name[:80].decode(errors="backslashreplace")
            raise InvalidFileName(f"The file name {shown!r} is not UTF-8.") from None
        name = checked_name(name)
        self._check_name(name)
        self._upload.begin(name)

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._upload.write(data[start:end])

    def _on_part_end(self) -> None:
        if self._in_file:
            self._upload.end()
            self._in_file = False

    def _on_end(self) -> None:
        self._ended = True
