"""Sentences of an answer over sources in the other language: confirmed, denied, or left open."""

from __future__ import annotations

import pytest

from rag_service.generation.citations import cite, without_unsupported
from rag_service.types import Chunk, Hit

PUMP = (
    "The Alder pump was designed by Patrick Keller in Denver in 1987. "
    "It moves 1.2 million litres of water every day. "
    "The housing is not made of plastic. "
    "The company sold 25 pumps to hospitals in Germany during the 1970s."
)
PUMP_ZH = (
    "这台水泵由帕特里克·凯勒于1987年在丹佛设计。它每天输送120万升水。外壳不是由塑料制成的。"
    "20世纪70年代，该公司向德国的医院出售了二十五台水泵。"
)
REST = "Visitors meet the guide at the northern gate. Dogs must stay outside the museum."


def hit(text: str, n: int = 1) -> Hit:
    return Hit(Chunk(n, n, 0, f"{n}.txt", "", "", None, 0, len(text), text), 1.0)


def status(sentence: str, *texts: str) -> str:
    hits = [hit(text, n) for n, text in enumerate(texts, start=1)]
    (statement,) = cite(sentence, hits).statements
    return statement.status


@pytest.mark.parametrize(
    "sentence",
    [
        "水泵由帕特里克·凯勒于1987年在丹佛设计。",
        "它每天输送120万升水。",
        "它每天輸送一百二十萬升水。",
        "外壳不是用塑料制造的。",
        "该公司在20世纪70年代向德国的医院出售了二十五台水泵。",
    ],
)
def test_a_faithful_translation_into_chinese_is_supported(sentence: str) -> None:
    assert status(sentence, REST, PUMP) == "supported"


@pytest.mark.parametrize(
    "sentence",
    [
        "The pump was designed by Patrick Keller in Denver in 1987.",
        "It moves 1.2 million litres of water every day.",
        "The housing is not made of plastic.",
        "The company sold 25 pumps to hospitals in Germany in the 1970s.",
    ],
)
def test_a_faithful_translation_into_english_is_supported(sentence: str) -> None:
    assert status(sentence, PUMP_ZH) == "supported"


@pytest.mark.parametrize(
    "sentence",
    [
        # another number
        "水泵由帕特里克·凯勒于1978年在丹佛设计。",
        "它每天输送一百三十万升水。",
        "该公司在20世纪80年代向德国的医院出售了二十五台水泵。",
        # another name
        "水泵由伊丽莎白·泰勒于1987年在丹佛设计。",
        "水泵由帕特里克·凯勒于1987年在伦敦设计。",
        "该公司在20世纪70年代向法国的医院出售了二十五台水泵。",
        # the opposite
        "外壳是用塑料制造的。",
        "它每天不输送120万升水。",
        # from nowhere
        "公司计划明年在海外设立研究中心。",
    ],
)
def test_a_chinese_sentence_that_the_source_contradicts_is_unsupported(sentence: str) -> None:
    assert status(sentence, REST, PUMP) == "unsupported"
    assert status(f"{sentence[:-1]}[1][2]。", REST, PUMP) == "unsupported"


@pytest.mark.parametrize(
    "sentence",
    [
        "The pump was designed by Patrick Keller in Denver in 1978.",
        "The pump was designed by Elizabeth Taylor in Denver in 1987.",
        "The company sold 25 pumps to hospitals in France in the 1970s.",
        "The housing is made of plastic.",
        "A research centre opens abroad next spring.",
    ],
)
def test_an_english_sentence_that_the_source_contradicts_is_unsupported(sentence: str) -> None:
    assert status(sentence, PUMP_ZH) == "unsupported"


@pytest.mark.parametrize(
    ("sentence", "source", "expected"),
    [
        ("所有申请由王芳批准。", "Wang Fang approves all requests.", "supported"),
        ("所有申请由张伟批准。", "Wang Fang approves all requests.", "unsupported"),
        ("Wang Fang approves all requests.", "所有申请由王芳批准。", "supported"),
        ("Li Na approves all requests.", "所有申请由王芳批准。", "unsupported"),
    ],
)
def test_a_chinese_person_is_told_by_the_pinyin(sentence: str, source: str, expected: str) -> None:
    assert status(sentence, source) == expected


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        # too few of the words are found, and nothing contradicts them
        ("该设备日输水量为120万升。", PUMP),
        # a translation may make a negation of another word
        ("狗不得进入博物馆。", REST),
        ("Dogs must not enter the museum.", "博物馆禁止携带狗入内。"),
    ],
)
def test_what_can_neither_be_confirmed_nor_denied_is_unverified(sentence: str, source: str) -> None:
    assert status(sentence, source) == "unverified"


def test_a_first_name_that_only_begins_like_that_of_the_source_is_not_supported() -> None:
    source = "帕特里克·史密斯于2019年在丹佛创立了蓝鸟公司，员工120人。"
    founded = "{} Smith founded Bluebird in Denver in 2019."
    assert status(founded.format("Patrick"), source) == "supported"
    assert status(founded.format("Peter"), source) == "unverified"


def test_the_citation_of_an_unverified_sentence_is_kept_and_not_verified() -> None:
    cited = cite("该设备日输水量为120万升[1]。", [hit(PUMP)])
    assert [(s.status, s.citations) for s in cited.statements] == [("unverified", (0,))]
    assert [(c.n, c.verified, c.added) for c in cited.citations] == [(1, False, False)]
    assert without_unsupported(cited) == cited


def test_a_source_in_the_same_language_leaves_nothing_open() -> None:
    assert status("该设备日输水量为120万升。", PUMP_ZH) == "unsupported"


def test_the_same_words_in_two_documents_do_not_make_a_place_doubtful() -> None:
    copied = PUMP.replace("25 pumps", "26 pumps")
    assert status("它每天输送120万升水。", PUMP, copied) == "supported"
