"""Articles that a question asks for by their number."""

from __future__ import annotations

import pytest

from rag_service.generation.numbered_parts import Part, are_missing, asked_parts, stands_under
from rag_service.types import Chunk

RULES = "第五条 餐费\n每日一百元。\n**第六条** 住宿\n每晚五百元。详见第九条。"


def chunk(text: str, heading: str = "") -> Chunk:
    return Chunk(1, 1, 0, "a.md", "", heading, None, 0, len(text), text)


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("差旅管理办法第六条", {Part("条", "6")}),
        ("第 12 條和第三条規定了什麼", {Part("条", "12"), Part("条", "3")}),
        ("第二十一章", {Part("章", "21")}),
        ("What does Section 4.2 say?", {Part("section", "4.2")}),
        ("article IV", {Part("article", "4")}),
        ("民法典第一千零四十二条", {Part("条", "1042")}),
        ("六条规定", set()),
        ("深圳工厂第二条产线", set()),
        ("第二款产品和第三條消息", set()),
        ("", set()),
    ],
)
def test_the_parts_are_those_of_the_question(question: str, parts: set[Part]) -> None:
    assert asked_parts(question) == parts


def test_a_sentence_stands_under_the_last_number_that_begins_a_line() -> None:
    passage = chunk(RULES)
    ends = [RULES.index(words) + len(words) for words in ("一百元。", "五百元。", "第九条。")]

    assert [stands_under({Part("条", "5")}, passage, end) for end in ends] == [True, False, False]
    assert [stands_under({Part("条", "6")}, passage, end) for end in ends] == [False, True, True]


def test_a_passage_without_a_number_stands_under_that_of_its_heading() -> None:
    passage = chunk("每晚五百元。", "第二章 差旅 > 第六条 住宿")

    assert stands_under({Part("条", "6")}, passage, 6)
    assert stands_under({Part("条", "5"), Part("条", "6")}, passage, 6)
    assert not stands_under({Part("条", "2")}, passage, 6)
    assert not stands_under({Part("section", "6")}, passage, 6)
    assert not stands_under((), passage, 6)


def test_a_sentence_must_stand_under_every_number_of_the_question_that_its_document_tells() -> None:
    passage = chunk("每晚五百元。", "第二章 差旅 > 第六条 住宿")

    assert stands_under(asked_parts("第二章第六条"), passage, 6)
    assert stands_under(asked_parts("第一节第六条"), passage, 6)
    assert not stands_under(asked_parts("第二章第五条"), passage, 6)
    assert not stands_under(asked_parts("第三章第六条"), passage, 6)


def test_an_article_of_a_document_may_begin_with_a_word_that_is_counted_elsewhere() -> None:
    rules = "第九条披露时间。\n第十条信息披露应当真实。"

    assert stands_under({Part("条", "10")}, chunk(rules), len(rules))
    assert not stands_under({Part("条", "9")}, chunk(rules), len(rules))
    assert not are_missing({Part("条", "10")}, [chunk(rules)])


def test_a_section_is_not_missing_where_its_own_sections_are_told() -> None:
    manual = chunk("Section 3.1 Pump\nIt runs.")

    assert stands_under(asked_parts("Section 3"), manual, 25)
    assert not are_missing(asked_parts("Section 3"), [manual])
    assert are_missing(asked_parts("Section 31"), [chunk("Section 3 Pump\nIt runs."), manual])
    assert are_missing(asked_parts("Section 3.2"), [manual])
