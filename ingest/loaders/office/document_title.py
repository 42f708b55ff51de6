"""Titles that programs put into document properties."""

from __future__ import annotations

import re
from typing import Final

_NOT_A_TITLE: Final = re.compile(
    r"(untitled|title|document|presentation|workbook|slide|no slide title)[\s\d]*"
    r"|(标题|標題|文档|文件|演示文稿|簡報)[\s\d]*|新建.*(文档|演示文稿|工作表)"
    r"|powerpoint (presentation|演示文稿|簡報)"
    r"|microsoft (word|powerpoint|excel)\b.*"
    r"|/.*|file:.*|.*\\.*"
    r"|.*\.(docx?|docm|dotx?|pptx?|potx?|xlsx?|xlsm|od[tps]|rtf|wps|pdf|tmp|txt|html?|eps)",
    re.IGNORECASE,
)


def sensible_title(text: str) -> str:
    """``text`` trimmed; "" for a template's words or a file's name."""
    title = " ".join(text.split())
    return "" if _NOT_A_TITLE.fullmatch(title) else title
