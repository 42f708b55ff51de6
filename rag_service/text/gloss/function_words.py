"""Chinese words that a gloss leaves out: grammar, and measures that English has no word for."""

from __future__ import annotations

from typing import Final

_WORDS: Final = """
    的 了 着 是 在 和 与 及 或 也 都 就 而 被 把 将 对 于 从 向 以 为 由 之 其 该 有 得 地 所 并
    且 但 则 即 等 吗 呢 吧 啊 呀 嘛 这 那 此 这个 那个 这些 那些 一个 一种 一些 个 些 位 名 种
    次 条 号 件 只 家 座 分 我 你 他 她 它 们 我们 你们 他们 她们 它们 什么 哪 哪个 哪些 哪里
    哪儿 谁 怎么 怎样 如何 为什么 为何 多少 几 是否 因为 所以 如果 虽然 但是 而且 并且 以及 或者
    关于 对于 由于 通过 根据 作为 可以 能 会 要 应 已 已经 曾 还 又 再 很 更 最 不 没 没有 无 年
    月 日 中 上 下 里 内 外 前 后 时 时候 期间 之间 之后 之前 以后 以前 来 去 过 到 给 让 使 用
    请 请问
"""

FUNCTION_WORDS: Final = frozenset(_WORDS.split())
