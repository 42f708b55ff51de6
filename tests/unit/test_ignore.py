"""Patterns that leave files out, and that they mean what they mean to git."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from ingest.discover import DiscoveryRules, discover
from ingest.ignore import IGNORE_FILE, PatternSet
from rag_service.errors import ConfigError


def matched(patterns: list[str], path: str) -> bool | None:
    verdict = PatternSet(patterns, "test").decide(path)
    return None if verdict is None else verdict.matched


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*.tmp", "a.tmp", True),
        ("*.tmp", "deep/down/a.tmp", True),
        ("*.tmp", "a.txt", None),
        ("/a.txt", "a.txt", True),
        ("/a.txt", "sub/a.txt", None),
        ("docs/*.md", "docs/a.md", True),
        ("docs/*.md", "docs/sub/a.md", None),
        ("docs/*.md", "x/docs/a.md", None),
        ("build/", "build/", True),
        ("build/", "build", None),  # a file
        ("build/", "build/a.txt", None),  # judged by itself; its folder was not entered
        ("build/**", "build/", None),
        ("build/**", "build/a.txt", True),
        ("a/**/z.md", "a/z.md", True),
        ("a/**/z.md", "a/b/c/z.md", True),
        ("**/草稿/", "项目/草稿/", True),
        ("*草稿*.md", "2024/年报草稿二.md", True),
        ("报告?.txt", "报告１.txt", True),
        (r"\#1.txt", "#1.txt", True),
        (r"\!a.txt", "!a.txt", True),
        ("a.txt   ", "a.txt", True),
        ("[ab].txt", "b.txt", True),
        ("[!ab].txt", "b.txt", None),
        ("[[]1].txt", "[1].txt", True),
        ("[A-Z]*.md", "readme.md", None),
        ("{a,b}.txt", "a.txt", None),  # braces mean nothing to git
        ("a.b", "axb", None),
    ],
)
def test_a_pattern_matches_as_in_gitignore(pattern: str, path: str, expected: bool | None) -> None:
    assert matched([pattern], path) is expected


def test_the_last_pattern_that_matches_decides() -> None:
    patterns = ["*.md", "!keep.md", "/old/*.md"]
    assert matched(patterns, "a.md") is True
    assert matched(patterns, "keep.md") is False
    assert matched(patterns, "old/keep.md") is True


def test_blank_lines_and_comments_are_no_patterns() -> None:
    assert matched(["", "   ", "# *.md", "\n"], "# a.md") is None


def test_the_verdict_names_the_pattern_and_its_place() -> None:
    verdict = PatternSet(["*.md\n", "*.txt\n"], "docs/.ragignore").decide("a.txt")
    assert verdict is not None
    assert (verdict.pattern, verdict.origin) == ("*.txt", "docs/.ragignore")


def test_a_composed_name_and_a_decomposed_one_are_the_same_name() -> None:
    assert matched(["caf\u00e9.txt"], "cafe\u0301.txt") is True
    assert matched(["cafe\u0301.txt"], "caf\u00e9.txt") is True


@pytest.mark.parametrize("pattern", ["!", "[", "a[b", "/", "a\\", "[z-a]", "[[:alpha:]]*"])
def test_what_is_no_pattern_is_an_error_that_names_it_and_its_place(pattern: str) -> None:
    with pytest.raises(ConfigError) as error:
        PatternSet(["fine", pattern], "docs/.ragignore")
    assert str(error.value).startswith(f"docs/.ragignore: {pattern!r}")


# -- the same as git -------------------------------------------------------------------

NAMES = ["a", "b", "ab", "a.md", "b.md", "c.txt", "x y", "[z]"]
# fmt: off
PATTERNS = [
    "*", "*.md", "a", "a/", "/a", "/a/", "a/*", "a/**", "**/a", "**/a/**", "a/**/b", "*/", "/*",
    "/*/", "**", "**/", "?", "[ab]", "[!a]*", "*.txt", "b/", "b/a", "/b/a.md", "a/*.md",
    "**/b/*.md", "x y", "\\[z]", "a*b", "a/**/", "a/b/**", "/*.md", "b/*/a", "a.*", "/**",
    "[[]z]",
]
# fmt: on


def grow(folder: Path, rng: random.Random, depth: int = 0) -> None:
    """Random files and folders, some of them with an ignore file."""
    for name in rng.sample(NAMES, rng.randint(1, 4)):
        if depth < 4 and "." not in name and rng.random() < 0.75:
            (folder / name).mkdir()
            grow(folder / name, rng, depth + 1)
        else:
            (folder / f"{name}.md").write_text("text")
    if depth == 0 or rng.random() < 0.4:
        lines = [
            ("!" if rng.random() < 0.4 else "") + rng.choice(PATTERNS)
            for _ in range(rng.randint(1, 4))
        ]
        (folder / IGNORE_FILE).write_text("\n".join(lines))


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("seed", range(40))
def test_the_files_that_are_found_are_those_that_git_would_not_ignore(
    tmp_path: Path, seed: int
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    grow(root, random.Random(seed))
    subprocess.run(["git", "init", "-q", tmp_path / "repository"], check=True)
    listing = subprocess.run(
        [
            "git",
            f"--git-dir={tmp_path / 'repository' / '.git'}",
            "--work-tree=.",
            "ls-files",
            "--others",
            f"--exclude-per-directory={IGNORE_FILE}",
            "-z",
        ],
        cwd=root,
        check=True,
        capture_output=True,
    )
    expected = [name for name in listing.stdout.decode().split("\0") if name.endswith(".md")]
    found = discover(root, DiscoveryRules(max_file_bytes=1000))
    assert [file.source for file in found.files] == sorted(expected)
