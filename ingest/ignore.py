"""Patterns that leave files out: the syntax of .gitignore, and its rules.

pathspec knows the syntax; the rules are git's own (gitignore(5)): every file and folder is
judged by itself on the way down from the root, in a set of patterns the last that matches
decides, the set nearest to the file decides first, and what lies in a folder that is left
out cannot be taken back in.

pathspec's own matching asks instead whether a file *or any folder above it* matches, which
differs as soon as a pattern takes something back in ("*", "!*/", "!*.md").
"""

from __future__ import annotations

import os
import re
import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from rag_service.errors import ConfigError

IGNORE_FILE = ".ragignore"
_CHARACTER_CLASS = re.compile(r"\[:\w+:\]")  # git knows them, pathspec would read them as letters


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the deciding pattern says; ``matched`` is False for one that begins with "!"."""

    matched: bool
    pattern: str
    origin: str


class PatternSet:
    """The patterns of one place, such as one ignore file, in their order.

    Raises:
        ConfigError: a line is not a pattern, or one that could never match.
    """

    def __init__(self, lines: Iterable[str], origin: str) -> None:
        patterns = [p for line in lines if (p := _pattern(line.rstrip("\n"), origin))]
        patterns.reverse()  # so that the first alternative that matches is the last pattern
        self._verdicts = [Verdict(bool(p.include), str(p.pattern), origin) for p in patterns]
        alternatives = "|".join(f"({_whole_path(p)})" for p in patterns)
        with _nested_sets_meant():
            self._regex = re.compile(alternatives, re.DOTALL) if patterns else None

    def decide(self, path: str) -> Verdict | None:
        """Judge a path relative to the patterns' place; a folder's ends in a slash."""
        if self._regex is None:
            return None
        if not path.isascii():  # the same name may be composed (Linux) or decomposed (macOS)
            path = unicodedata.normalize("NFC", path)
        found = self._regex.fullmatch(path)
        return self._verdicts[found.lastindex - 1] if found and found.lastindex else None


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The ignore files that speak about a folder, the nearest first.

    ``start`` is the length of the part of a source that names the place of ``patterns``.
    """

    patterns: PatternSet
    start: int
    outer: IgnoreRules | None

    def decide(self, source: str) -> Verdict | None:
        """Judge a source, relative to the root; a folder's ends in a slash."""
        rules: IgnoreRules | None = self
        while rules is not None:
            verdict = rules.patterns.decide(source[rules.start :])
            if verdict is not None:
                return verdict
            rules = rules.outer
        return None


def read_ignore_file(folder: str, prefix: str, outer: IgnoreRules | None) -> IgnoreRules:
    """The rules within a folder that holds an ignore file.

    Raises:
        ConfigError: the file cannot be read; what it was to leave out must not be taken in.
    """
    origin = f"{prefix}{IGNORE_FILE}"
    try:
        with open(os.path.join(folder, IGNORE_FILE), encoding="utf-8-sig") as stream:  # noqa: PTH118, PTH123
            return IgnoreRules(PatternSet(stream, origin), len(prefix), outer)
    except OSError as error:
        raise ConfigError(f"{origin} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{origin} is not UTF-8; save it as UTF-8.") from error


def _pattern(line: str, origin: str) -> GitIgnoreSpecPattern | None:
    if not line.strip() or line.startswith("#"):
        return None
    if _CHARACTER_CLASS.search(line):
        raise ConfigError(f"{origin}: {line!r}: classes such as [:alpha:] are not supported.")
    if line.endswith("/**/"):  # pathspec takes it for the folder, git for the folders in it
        line += "*/"
    try:
        with _nested_sets_meant():
            pattern = GitIgnoreSpecPattern(unicodedata.normalize("NFC", line))
    except (ValueError, re.error) as error:
        raise ConfigError(f"{origin}: {line!r} is not a valid pattern.") from error
    if pattern.include is None or pattern.regex is None:
        raise ConfigError(f"{origin}: {line!r} is a pattern that matches nothing.")
    return pattern


@contextmanager
def _nested_sets_meant() -> Iterator[None]:
    """ "[[]" is a set of one bracket, whatever Python may once make of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _whole_path(pattern: GitIgnoreSpecPattern) -> str:
    """pathspec's expression finds a folder's name anywhere in a path; this one matches the
    path of the folder, and nothing beneath it.
    """
    expression: str = pattern.regex.pattern  # type: ignore[union-attr]
    if expression == ".":  # "**" and the like: everything
        return ".+"
    everything_within = expression.endswith("/")  # "folder/**": what is in it, not itself
    expression = expression.replace("(?P<ps_d>/)", "/")
    expression = expression[1:] if expression.startswith("^") else f".*{expression}"
    return f"{expression}.+" if everything_within else expression
