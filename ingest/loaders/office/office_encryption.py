"""Office files behind a password.

Microsoft's: an OLE container with the ZIP container encrypted inside (MS-OFFCRYPTO), opened by
msoffcrypto-tool. OpenDocument's: encrypted parts in an open ZIP container, only recognised.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Final

import msoffcrypto
from msoffcrypto.exceptions import DecryptionError, FileFormatError, InvalidKeyError, ParseError

from ingest.loaders.archive import Parts
from ingest.loaders.messages import password_refusal
from ingest.loaders.office.ole_container import OLE_MAGIC, streams
from rag_service.errors import EncryptedFile, UnsupportedFormat

# Excel writes it for "read-only" protection and opens such files without asking.
_DEFAULT_PASSWORD: Final = "VelvetSweatshop"  # noqa: S105  public, MS-OFFCRYPTO 2.4.2.3
_MANIFEST: Final = "META-INF/manifest.xml"
_ENCRYPTED_ENTRY: Final = b"encryption-data"  # OpenDocument 1.3 part 2, 4.5
_ENCRYPTED_PACKAGE: Final = "encrypted-package"  # LibreOffice from 24.2 on: all parts in one
_OLD_FORMATS: Final = {
    "WordDocument": ("Word 97-2003 document (.doc)", ".docx"),
    "PowerPoint Document": ("PowerPoint 97-2003 presentation (.ppt)", ".pptx"),
    "Workbook": ("Excel 97-2003 workbook (.xls)", ".xlsx"),
    "Book": ("Excel 5.0 workbook (.xls)", ".xlsx"),
}


def unlocked(data: bytes, passwords: Iterable[str]) -> bytes:
    """The ZIP container of an Office file, decrypted if need be.

    Raises:
        EncryptedFile: no password opens it.
        UnsupportedFormat: an Office file of before 2007 under a newer name.
        BrokenFile: the OLE container is damaged.
    """
    if not data.startswith(OLE_MAGIC):
        return data
    names = streams(data)
    if "EncryptedPackage" not in names:
        raise UnsupportedFormat(what_it_is(names))
    return decrypted(data, passwords)


def is_encrypted(data: bytes) -> bool:
    """Whether an OLE container is, or holds, an encrypted document; False for a damaged one."""
    try:
        return bool(msoffcrypto.OfficeFile(io.BytesIO(data)).is_encrypted())
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  damage meets it with many exceptions; the reader names it
        return False


def decrypted(data: bytes, passwords: Iterable[str]) -> bytes:
    """The file without its encryption; raises EncryptedFile where no password fits."""
    passwords = [password for password in passwords if password]
    for password in (_DEFAULT_PASSWORD, *passwords):
        plain = _try_password(data, password)
        if plain is not None:
            return plain
    raise EncryptedFile(password_refusal("file", given=bool(passwords)))


def _try_password(data: bytes, password: str) -> bytes | None:
    plain = io.BytesIO()
    try:
        office_file = msoffcrypto.OfficeFile(io.BytesIO(data))
        office_file.load_key(password=password)
        office_file.decrypt(plain)
    except (InvalidKeyError, DecryptionError, FileFormatError, ParseError):
        return None
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  a wrong key shows as nearly any exception
        return None
    return plain.getvalue()


def refuse_encrypted_odf(parts: Parts) -> None:
    """Raises EncryptedFile for an OpenDocument file that needs a password."""
    manifest = parts.read(_MANIFEST) if _MANIFEST in parts else b""
    if _ENCRYPTED_PACKAGE in parts or _ENCRYPTED_ENTRY in manifest:
        raise EncryptedFile(
            "The file needs a password, and those of OpenDocument files are not tried. Save a copy "
            "without one, or as .docx, .xlsx or .pptx with one."
        )


def what_it_is(names: set[str]) -> str:
    """What a container with these streams is, in a sentence that says what to do."""
    for stream, (kind, newer) in _OLD_FORMATS.items():
        if stream in names:
            return f"This is a {kind} under another name; it is not read. Save it as {newer}."
    return "This is an OLE container, not the document its name promises."
