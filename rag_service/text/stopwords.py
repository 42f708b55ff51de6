"""Words that say how something is asked rather than what; dropped from questions only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_ENGLISH: Final = """
    a an the this that these those
    and or but if then than so as of at by for from in into on onto to with about
    is am are was were be been being do does did doing done have has had having
    can could may might must shall should will would
    i me my we our you your he him his she her it its they them their
    what which who whom whose when where why how
    there here not no any some such please tell
"""
# Words that hold a character dropped below; matched first, so they stay whole.
_CHINESE_KEPT: Final = """
    目的 标的 的士 的确 有的放矢 了解 了望 了结 受不了 是非 国是 实事求是
    哪吒 几何 几率 几内亚 茶几 可谓 何谓 吗啡 吧台 酒吧 网吧 贴吧 呢绒
    请求 请假 请愿 请客 请柬 申请 邀请 聘请 宴请 提请 报请
"""
_CHINESE_DROPPED: Final = """
    什么 甚么 为什么 为何 什么样 什么时候 什么地方 是什么 有什么
    哪 哪里 哪儿 哪些 哪个 哪位 哪一 有哪些 谁
    怎么 怎么样 怎么办 怎样 如何 多少 是多少 何时 哪种
    几个 几次 几种 几年 几月 几号 几天 几岁 几点
    多久 多长时间 之内 以内 自己
    这个 这些 那些 什么意思 代表什么 怎么回事
    是否 是不是 有没有 能不能 可不可以 会不会 能否 可否
    吗 呢 吧 啊 呀 嘛 的 了 是 分别是 请问 请 告诉我 一下 谢谢
"""

# "How old" and "how high" may meet their word in the answer; these do not.
_PHRASES: Final = re.compile(r"\bhow (?:long|many|much|often)\b|\bwhat (?:happens|happened)\b")

ENGLISH_STOP_WORDS: Final = frozenset(_ENGLISH.split())
_LONGEST_FIRST: Final = sorted(_CHINESE_DROPPED.split(), key=len, reverse=True)
_FIRST_LETTERS: Final = "".join({word[0] for word in (*_CHINESE_KEPT.split(), *_LONGEST_FIRST)})
# The look ahead spares every other letter the list of words: a tenth of the time.
_KEPT_OR_DROPPED: Final = re.compile(
    f"(?=[{_FIRST_LETTERS}])(?:({'|'.join(_CHINESE_KEPT.split())})|{'|'.join(_LONGEST_FIRST)})"
)


def drop_chinese_function_words(text: str) -> str:
    """Simplified ``text`` with a space for each function word, so that no pair spans the gap."""
    return _KEPT_OR_DROPPED.sub(lambda match: match[1] or " ", text)


def drop_question_words(text: str) -> str:
    """The same, and for "how many" as for 多少; ``text`` is in small letters."""
    return drop_chinese_function_words(_PHRASES.sub(" ", text))


def chinese_function_words(text: str) -> Iterator[tuple[int, int]]:
    """Where the function words of simplified ``text`` lie: first character, one past the last."""
    return (match.span() for match in _KEPT_OR_DROPPED.finditer(text) if not match[1])
