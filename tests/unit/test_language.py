"""Which language a text is in, and the two Chinese scripts."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rag_service.text.language import (
    Language,
    cjk_share,
    detect_language,
    is_cjk,
    to_simplified,
    to_traditional,
)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("", "en"),
        ("12 345", "en"),
        ("Where is the pump?", "en"),
        ("水泵在哪里？", "zh-Hans"),
        ("信息检索", "zh-Hans"),
        ("資訊檢索", "zh-Hant"),
        ("這本書的作者是誰？", "zh-Hant"),
        ("你好", "zh-Hans"),  # the same in both scripts
        ("皇后在台北", "zh-Hans"),  # 后 and 台 are Traditional too, so they prove nothing
        ("皇后在台北裡", "zh-Hant"),
        ("使用 Docker 部署 LLM", "zh-Hans"),
        ("What does 知识库 mean?", "en"),
        ("汉语和漢語和国语", "zh-Hans"),
        ("YF-310呢？", "zh-Hans"),
        ("GB/T 7714-2015 條", "zh-Hant"),
        ("Is it YF-310 呢?", "en"),
    ],
)
def test_detects_the_language(text: str, language: Language) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("", 0.0),
        ("。，！", 0.0),
        ("hello world", 0.0),
        ("知识", 1.0),
        ("知识 base", 2 / 3),
        ("don't 停", 0.5),
        ("4090 显卡", 2 / 3),
    ],
)
def test_a_latin_word_weighs_as_much_as_a_chinese_letter(text: str, share: float) -> None:
    assert cjk_share(text) == pytest.approx(share)


@pytest.mark.parametrize("char", "中㐀𠮷かカ한ㄅ〇")
def test_letters_written_without_spaces_are_cjk(char: str) -> None:
    assert is_cjk(char)


@pytest.mark.parametrize("char", "a1。， é“１")
def test_other_characters_are_not_cjk(char: str) -> None:
    assert not is_cjk(char)


def test_conversion_minds_the_context() -> None:
    assert to_simplified("乾隆把衣服晾乾") == "乾隆把衣服晾干"
    assert to_traditional("皇后在后面") == "皇后在後面"


def test_conversion_is_the_same_from_many_threads() -> None:
    text = "漢語與資訊檢索" * 2000
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(to_simplified, [text] * 8)) == {"汉语与资讯检索" * 2000}


def test_a_long_run_of_digits_is_looked_at_once() -> None:
    started = time.perf_counter()
    assert detect_language("1" * 20_000 + "'s") == "en"
    assert time.perf_counter() - started < 1
