"""What the name of a file or folder says by itself."""

from __future__ import annotations

from pathlib import PurePosixPath

# Lower case: Windows, macOS and the commoner NAS systems.
_SYSTEM_NAMES = frozenset(
    {
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "icon\r",
        "__macosx",
        "lost+found",
        "$recycle.bin",
        "system volume information",
        "#recycle",
        "@eadir",
    }
)
_OFFICE_LOCK = "~$"
_SAVE_AS = {
    ".doc": ".docx",
    ".dot": ".docx",
    ".wps": ".docx",
    ".pages": ".docx",
    ".ppt": ".pptx",
    ".key": ".pptx",
    ".numbers": ".xlsx",
}
_ARCHIVES = frozenset({".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz"})


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is no document, but a program's own."""
    return name.startswith((".", _OFFICE_LOCK)) or name.lower() in _SYSTEM_NAMES


def why_unsupported(name: str) -> str:
    """Why no loader reads a file of this name, and what may be done about it."""
    suffix = PurePosixPath(name).suffix
    if not suffix:
        return "files without a suffix are not read"
    better = _SAVE_AS.get(suffix.lower())
    advice = f"; save it as {better}" if better else ""
    if suffix.lower() in _ARCHIVES:
        advice = "; unpack it into the folder"
    return f"{suffix} files are not read{advice}"


def is_utf8(source: str) -> bool:
    """Whether a path can be stored; on Linux a name may be any bytes."""
    try:
        source.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(source: str) -> str:
    """A path for people, with what is not UTF-8 written as escapes."""
    return source.encode(errors="surrogateescape").decode(errors="backslashreplace")
