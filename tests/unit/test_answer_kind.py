"""What a question asks for, and which passages hold it, in both languages."""

from __future__ import annotations

import pytest

from rag_service.retrieval.answer_kind import answer_kind


def held(question: str, text: str) -> float:
    kind = answer_kind(question)
    assert kind is not None
    return kind.held(text)


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("When was the pump installed?", "date"),
        ("In what year did it open?", "date"),
        ("泵是什么时候安装的？", "date"),
        ("泵是什麼時候安裝的？", "date"),
        ("工厂成立的日期", "date"),
        ("What percentage of the staff is part-time?", "percentage"),
        ("2021年的合格率是多少？", "percentage"),
        ("How much does the recorder cost?", "money"),
        ("记录仪的价格", "money"),
        ("記錄儀要多少錢？", "money"),
        ("How many sensors are there?", "number"),
        ("How far is the store?", "number"),
        ("员工有多少人？", "number"),
        ("一共有几个传感器？", "number"),
        ("Who approves a leave?", "person"),
    ],
)
def test_a_question_says_what_it_asks_for(question: str, name: str) -> None:
    kind = answer_kind(question)
    assert kind is not None
    assert kind.name == name


@pytest.mark.parametrize(
    "question",
    ["", "Describe the warranty.", "Whenever it rains", "保修条款有哪些内容？", "谁批准病假？"],
)
def test_most_questions_ask_for_no_kind_that_can_be_told(question: str) -> None:
    assert answer_kind(question) is None


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("When did it open?", "It opened in 1987."),
        ("When did it open?", "It opened on 3 May."),
        ("When did it open?", "工厂于五年前建成，6月开放。"),
        ("什么时候开放？", "工厂于１９８７年开放。"),
        ("What percentage is sold?", "About 12 percent is sold."),
        ("合格率是多少？", "合格率為百分之九十。"),
        ("What was the revenue?", "They took in 3.5 million."),
        ("What was the price?", "It was sold for $40."),
        ("记录仪多少钱？", "售价三百元。"),
        ("How many sensors are there?", "There are twelve of them."),
        ("有多少传感器？", "共有三个。"),
        ("Who designed the pump?", "It was designed by Mary Okafor."),
    ],
)
def test_a_passage_that_holds_such_an_answer_is_recognised(question: str, text: str) -> None:
    assert held(question, text) == 1.0


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("When did it open?", "It opened long ago, after 12 tries."),
        ("什么时候开放？", "工厂早已开放。"),
        ("What percentage is sold?", "All 12 are sold."),
        ("记录仪多少钱？", "售价三个数。"),
        ("How many sensors are there?", "There are some of them."),
        ("Who designed the pump?", "The pump was designed in Norway."),
    ],
)
def test_a_passage_without_one_is_not(question: str, text: str) -> None:
    assert held(question, text) == 0.0


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("When in 2021 did it open?", "It was open in 2021."),
        ("2021年什么时候开放？", "2021年开放。"),
        ("How many sensors has the R 200?", "The R 200 has sensors."),
        ("Who is Mary Okafor?", "Everybody knows Mary Okafor."),
    ],
)
def test_what_the_question_says_itself_answers_nothing(question: str, text: str) -> None:
    assert held(question, text) == 0.0


def test_a_name_in_a_chinese_passage_cannot_be_told() -> None:
    assert held("Who designed the pump?", "这台泵由王小明设计。") == 0.5


def test_a_question_that_asks_without_end_is_read_at_once() -> None:
    kind = answer_kind("how much " * 50_000)
    assert kind is not None
    assert kind.name == "number"
