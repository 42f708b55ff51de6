"""Which questions need the conversation before them, and what they take from it."""

from __future__ import annotations

import pytest

from rag_service.text.follow_ups import completed, stands_alone


@pytest.mark.parametrize(
    "question",
    [
        "How long is the warranty of the Aldra recorder?",
        "How long does it take to charge the A200 battery?",
        "Is it possible to carry over unused annual leave?",
        "Which company that makes sensors has the highest revenue?",
        "What was the revenue of Acme in 2022?",
        "When did Luther broaden his attacks on the church?",
        "If the recorder gets wet, does it lose its warranty?",
        "How many chloroplast genomes and gene clusters are there?",
        "What is RAG_CHAT__MODEL used for?",
        "记录仪的保修期有多长？",
        "記錄儀的保修期有多長？",
        "Aldra记录仪应该存放在哪里？",
        "GB/T 7714-2015 是什么标准？",
        "其他部门的员工年假有几天？",
        "试用期员工应该怎么申请病假呢？",
        "巴塞罗那的常住人口是多少？",
        "记录仪的保修期多长，它从什么时候算起？",
        "维也纳音乐厅的地址，在其中文网站的哪一页？",
    ],
)
def test_a_question_that_says_what_it_is_about_stands_alone(question: str) -> None:
    assert stands_alone(question)


@pytest.mark.parametrize(
    "question",
    [
        "And where is the recorder stored after use?",
        "What about the Borea sensor?",
        "How long does its battery last at low temperature?",
        "When was she elected president of the council?",
        "Does that apply to external contractors as well?",
        "Who signed these delivery contracts?",
        "Which regulations apply there?",
        "What other documents are needed for the second one?",
        "Why?",
        "In 2023?",
        "Who is the manager?",
        "它应该存放在哪个房间里？",
        "他什么时候开始担任公司总经理？",
        "她的办公室电话号码是多少？",
        "其保修期从哪一天开始计算？",
        "该产品的零售价格是多少？",
        "這些規定適用於外籍員工嗎？",
        "那试用期员工的年假有几天？",
        "外籍员工的年假呢？",
        "还有哪些费用可以向公司报销？",
        "上述规定适用于外籍员工吗？",
        "2023年呢？",
        "价格是多少？",
        "为什么？",
    ],
)
def test_a_question_that_leaves_its_subject_to_the_conversation_does_not(question: str) -> None:
    assert not stands_alone(question)


WARRANTY = "How long is the warranty of the Aldra recorder?"
REVENUE = "What was the revenue of Acme in 2022?"
ZH_WARRANTY = "记录仪的保修期有多长？"
ZH_REVENUE = "2022年远山公司的营业收入是多少？"


@pytest.mark.parametrize(
    ("earlier", "question", "searched"),
    [
        ([WARRANTY], "Where is it stored?", "Where is it stored? (warranty Aldra recorder)"),
        ([WARRANTY], "What about the Borea sensor?", "What about the Borea sensor? (warranty)"),
        (
            [WARRANTY],
            "And the recorder's price?",
            "And the recorder's price? (warranty Aldra recorder)",
        ),
        ([REVENUE], "And in 2023?", "And in 2023? (revenue Acme)"),
        ([ZH_WARRANTY], "它应该怎么存放？", "它应该怎么存放？ (记录仪 保修期)"),
        (["記錄儀的保修期有多長？"], "它应该怎么存放？", "它应该怎么存放？ (記錄儀 保修期)"),
        ([ZH_REVENUE], "2023年呢？", "2023年呢？ (远山公司 营业收入)"),
        ([ZH_WARRANTY], "传感器的保修期呢？", "传感器的保修期呢？ (记录仪)"),
        ([ZH_WARRANTY], "Where is it stored?", "Where is it stored? (记录仪 保修期)"),
        ([WARRANTY], "它应该怎么存放？", "它应该怎么存放？ (warranty Aldra recorder)"),
    ],
)
def test_a_follow_up_takes_what_it_leaves_out_and_not_what_it_replaces(
    earlier: list[str], question: str, searched: str
) -> None:
    assert completed(question, earlier) == searched


def test_a_new_topic_takes_nothing_along() -> None:
    assert completed(ZH_WARRANTY, [REVENUE]) == ZH_WARRANTY
    assert completed(REVENUE, [WARRANTY, "And where is it stored?"]) == REVENUE


def test_a_chain_of_follow_ups_keeps_its_subject_until_the_topic_changes() -> None:
    chain = [WARRANTY, "And where is it stored?", "In what temperature?"]
    assert completed("What does it weigh?", chain) == (
        "What does it weigh? (warranty Aldra recorder stored temperature)"
    )
    changed = [*chain, "谁负责远山公司的年度审计？"]
    assert completed("他的电话是多少？", changed) == "他的电话是多少？ (负责远山公司 年度审计)"


def test_a_long_chain_keeps_its_subject_and_the_last_details() -> None:
    chain = [WARRANTY, *(f"And its {part}?" for part in ("display", "battery", "cable", "case"))]
    assert completed("And the price?", chain) == (
        "And the price? (warranty Aldra recorder battery cable case)"
    )


@pytest.mark.parametrize("earlier", [[], [""], ["Why?"]])
def test_without_anything_before_it_a_follow_up_stays_as_it_is(earlier: list[str]) -> None:
    assert completed("And where is it stored?", earlier) == "And where is it stored?"
