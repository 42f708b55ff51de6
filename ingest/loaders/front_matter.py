"""Front matter: the lines on top of a Markdown file that say what it is.

Read line by line rather than as YAML: a title with a colon in it, which YAML refuses, is no
reason to lose the tags.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ingest.loaders.about import NOTHING_STATED, About, split_tags, stated_day

_BLOCK: Final = re.compile(
    r"\A(?P<fence>---|\+\+\+)[ \t]*\n(?P<body>.*?)\n(?:(?P=fence)|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL
)
# "key: value" in YAML, "key = value" in TOML, with what belongs to it on the lines below.
_ENTRY: Final = re.compile(
    r"^(?P<key>[^\s:=#-][^:=\n]*?)[ \t]*[:=][ \t]*(?P<value>.*(?:\n(?:[ \t]+|-|\]).*)*)",
    re.MULTILINE,
)
_ITEM: Final = re.compile(r"\s*-\s+")
_QUOTES: Final = "\"'"

_DATES: Final = ("updated", "lastmod", "last_modified_at", "modified", "date", "日期", "更新日期")
_TAGS: Final = ("tags", "tag", "keywords", "标签", "標籤", "关键词", "關鍵詞")


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """``end`` is where the text proper begins; 0 where there is no front matter."""

    title: str = ""
    about: About = NOTHING_STATED
    end: int = 0


def read_front_matter(text: str) -> FrontMatter:
    """What the front matter of ``text`` says; nothing where there is none."""
    block = _BLOCK.match(text)
    if block is None:
        return FrontMatter()
    entries = {found["key"].lower(): found["value"] for found in _ENTRY.finditer(block["body"])}
    days = (stated_day(entries[key]) for key in _DATES if key in entries)
    tags = [tag for key in _TAGS if key in entries for tag in _list(entries[key])]
    title = entries.get("title", "").split("\n", 1)[0].strip().strip(_QUOTES)
    return FrontMatter(title, About(next(filter(None, days), ""), split_tags(*tags)), block.end())


def _list(value: str) -> list[str]:
    """``a, b``, ``[a, "b"]``, or an item a line after a dash."""
    if value.lstrip().startswith("-"):
        items = [_ITEM.sub("", line) for line in value.splitlines()]
    else:
        items = list(split_tags(value.strip().strip("[]")))
    return [item.strip().strip(_QUOTES) for item in items]
