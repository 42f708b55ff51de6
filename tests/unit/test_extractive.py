"""Answers quoted from the documents, without a chat model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rag_service.generation.extractive import Extract, extract
from rag_service.retrieval.answer_kind import answer_kind
from rag_service.types import Chunk, Citation, Hit


def hit(text: str, *, chunk_id: int = 1, start: int = 0, title: str = "", heading: str = "") -> Hit:
    chunk = Chunk(chunk_id, 1, 0, "hr/leave.pdf", title, heading, 4, start, start + len(text), text)
    return Hit(chunk, 1.0)


def even(term: str) -> float:
    """Every term counts the same."""
    return 1.0


def nothing(term: str) -> float:
    return 0.0


def quotes(found: Extract) -> list[str]:
    return [citation.quote for citation in found.citations]


OFFICE = (
    "The canteen opens at noon. Annual leave is 25 days. The garage is closed on Sundays. "
    "Parking costs money."
)


def test_the_sentence_that_covers_the_question_is_quoted_with_its_place() -> None:
    found = extract("How many days of annual leave?", [hit(OFFICE, start=1000)], idf=even)
    assert found.text == "Annual leave is 25 days. [1]"
    assert found.citations == (
        Citation(
            n=1,
            chunk_id=1,
            doc_id=1,
            source="hr/leave.pdf",
            page=4,
            char_start=1027,
            char_end=1051,
            quote="Annual leave is 25 days.",
            verified=True,
        ),
    )


@pytest.mark.parametrize("question", ["年假有多少天？", "年假有多少天", "員工年假有幾天？"])
def test_chinese_is_quoted_in_either_script(question: str) -> None:
    text = "食堂中午开门。员工年假为十五天。车库周日关闭。"
    found = extract(question, [hit(text)], idf=even, max_sentences=1)
    assert found.text == "员工年假为十五天。[1]"


def test_traditional_text_answers_a_simplified_question() -> None:
    text = "食堂中午開門。員工的特別休假為十五天。車庫週日關閉。"
    found = extract("特别休假多少天？", [hit(text)], idf=even, max_sentences=1)
    assert found.text == "員工的特別休假為十五天。[1]"


def test_rare_terms_weigh_more_than_common_ones() -> None:
    text = "The common rule of the house holds. The zylophane is blue."
    weights = {"zylophan": 9.0}
    found = extract(
        "Common rule of the house on zylophane?",
        [hit(text)],
        idf=lambda term: weights.get(term, 0.5),
        max_sentences=1,
    )
    assert quotes(found) == ["The zylophane is blue."]


def test_a_sentence_with_a_pronoun_wins_through_the_one_before_it() -> None:
    text = "The old lighthouse stands on Gull Rock. It was built in 1912. Birds nest there."
    other = "Many houses were built in brick. Brick is red."
    found = extract(
        "When was the lighthouse on Gull Rock built?",
        [hit(text), hit(other, chunk_id=2)],
        idf=even,
        max_sentences=2,
    )
    assert quotes(found) == [
        "The old lighthouse stands on Gull Rock.",
        "It was built in 1912.",
    ]


def test_the_heading_tells_passages_apart() -> None:
    text = "The warranty lasts two years."
    first, second = hit(text), hit("The warranty lasts ten years.", heading="Boilers")
    found = extract("Warranty of boilers?", [first, second], idf=even, max_sentences=1)
    assert found.text == "The warranty lasts ten years. [2]"
    assert found.support == 1.0


def test_an_answer_is_preferred_to_the_question_it_answers() -> None:
    faq = "How do I reset my password? Hold the red button for ten seconds. Clean the fan."
    found = extract("How do I reset my password?", [hit(faq)], idf=even, max_sentences=1)
    assert quotes(found) == ["Hold the red button for ten seconds."]


def test_near_identical_sentences_are_quoted_once() -> None:
    first = hit("Annual leave is 25 days.")
    second = hit("The annual leave is 25 days!", chunk_id=2)
    third = hit("Annual leave must be requested.", chunk_id=3)
    found = extract("annual leave", [first, second, third], idf=even)
    assert quotes(found) == ["Annual leave is 25 days.", "Annual leave must be requested."]


def test_a_sentence_worth_much_less_than_the_best_is_left_out() -> None:
    first = hit("Annual leave for part-time staff is 12 days. Bread is baked fresh.")
    second = hit("A staff room exists.", chunk_id=2)
    found = extract("annual leave part-time staff", [first, replace(second, score=0.5)], idf=even)
    assert quotes(found) == ["Annual leave for part-time staff is 12 days."]


def test_sentences_come_best_passage_first_and_in_document_order_within() -> None:
    weak = hit("Leave of absence is rare.", chunk_id=1)
    strong = hit("Unpaid leave needs consent. Annual leave is 25 days.", chunk_id=2)
    found = extract("annual leave days unpaid", [weak, strong], idf=even)
    assert [(c.n, c.quote) for c in found.citations][:2] == [
        (2, "Unpaid leave needs consent."),
        (2, "Annual leave is 25 days."),
    ]


def test_a_very_long_sentence_gives_way_to_a_short_one_that_covers_as_much() -> None:
    long = hit("Annual leave days, " + "and this and that, " * 30 + "amount to 25.")
    short = hit("Annual leave: 25 days.", chunk_id=2)
    assert quotes(extract("annual leave days", [long, short], idf=even)) == [short.chunk.text]
    unlike = hit("Leave the door open.", chunk_id=2)
    assert quotes(extract("annual leave days", [long, unlike], idf=even))[0] == long.chunk.text


def test_support_is_the_weighted_share_of_the_question_that_the_passages_cover() -> None:
    weights = {"annual": 1.0, "leav": 1.0, "norway": 2.0}
    found = extract("Annual leave in Norway", [hit(OFFICE)], idf=weights.__getitem__)
    assert found.support == 0.5


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("zebra?", [OFFICE]),
        ("斑马？", [OFFICE]),
        ("annual leave", []),
        ("annual leave", [""]),
        ("", [OFFICE]),
        ("?!", [OFFICE]),
    ],
)
def test_without_evidence_there_is_no_answer(question: str, texts: list[str]) -> None:
    assert extract(question, [hit(text) for text in texts], idf=even) == Extract((), (), 0.0)


def test_terms_without_weight_support_nothing() -> None:
    assert extract("annual leave", [hit(OFFICE)], idf=nothing) == Extract((), (), 0.0)


def test_quotes_keep_the_line_breaks_of_the_document() -> None:
    wrapped = "Annual leave is\n25 days a year."
    found = extract("annual leave days", [hit(wrapped)], idf=even, max_sentences=1)
    assert wrapped.startswith(quotes(found)[0])
    assert found.citations[0].verified


def test_an_answer_is_in_one_language_that_of_the_best_source() -> None:
    english = hit("The lamps warm up for 18 minutes.", chunk_id=1)
    chinese = replace(hit("开机后需要预热 18 分钟。", chunk_id=2), crossed=True)
    question = "How long do the lamps warm up?"
    assert quotes(extract(question, [english, chinese], idf=even)) == [english.chunk.text]


def test_a_sentence_of_the_other_language_that_answers_plainly_better_is_quoted() -> None:
    chinese = hit("氘灯开机后需要预热。氘灯的寿命有限。", chunk_id=1)
    english = replace(hit("Deuterium lamp: EUR 420.", chunk_id=2), crossed=True)
    question = "氘灯多少钱？"
    found = extract(
        question, [chinese, english], idf=even, kind=answer_kind(question), max_sentences=1
    )
    assert quotes(found) == ["Deuterium lamp: EUR 420."]


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("Prices.\n\n| No. | item | price |\n|---|---|---|\n| 3 | cuvette | 120 |\n", ""),
        ("| 3 | cuvette | 120 |\n| 4 | lamp | 130 |", "No. | item | price"),
        ("No. | item | price\n3 | cuvette | 120\n4 | lamp | 130", ""),
    ],
)
def test_a_row_of_a_table_is_said_with_the_names_of_its_columns(text: str, header: str) -> None:
    source = hit(text)
    source = replace(source, chunk=replace(source.chunk, table_header=header))
    found = extract("What is the price of a cuvette?", [source], idf=even, max_sentences=1)
    assert found.text == "No.: 3; item: cuvette; price: 120 [1]"
    assert found.citations[0].quote.strip("| ") == "3 | cuvette | 120"
    assert text[found.citations[0].char_start : found.citations[0].char_end] == (
        found.citations[0].quote
    )


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-01 | INFO | started\n2024-01-02 | WARN | slow disk",
        "3 | cuvette | 120\n4 | slow disk | 130",
        "cuvette | cuvette\nslow disk | sdb",
    ],
)
def test_a_row_is_not_said_with_the_cells_of_a_row_that_names_nothing(text: str) -> None:
    found = extract("Which disk is slow?", [hit(text)], idf=even, max_sentences=1)
    assert found.text == f"{text.splitlines()[1]} [1]"


def test_columns_are_named_without_a_row_of_dashes() -> None:
    text = "item | CO2 (ppm) | 2024\ncuvette | 12 | 30\nlamp | 15 | 40"
    found = extract("What of the lamp?", [hit(text)], idf=even, max_sentences=1)
    assert found.text == "item: lamp; CO2 (ppm): 15; 2024: 40 [1]"


def test_a_row_of_a_chinese_table_is_said_in_chinese() -> None:
    text = "| 编号 | 名称 | 价格（元） |\n|---|---|---|\n| 3 | 比色皿 | 120 |"
    found = extract("比色皿的价格是多少？", [hit(text)], idf=even, max_sentences=1)
    assert found.text == "编号：3；名称：比色皿；价格（元）：120[1]"


@pytest.mark.parametrize(
    ("title", "quoted"),
    [("用电管理", ["文件编号 SL-018"]), ("用电", ["用电管理规定", "文件编号 SL-018"])],
)
def test_a_first_line_that_the_file_is_called_by_is_a_title(title: str, quoted: list[str]) -> None:
    found = extract("用电管理文件", [hit("用电管理规定\n文件编号 SL-018", title=title)], idf=even)
    assert quotes(found) == quoted


@pytest.mark.parametrize("title", ["", "实验室废液与用电管理规定"])
def test_a_title_on_the_line_above_is_no_part_of_the_answer(title: str) -> None:
    text = "实验室废液与用电管理规定\n实验室废液必须分类收集，每周五下午送到三号楼。"
    found = extract("实验室废液怎么处理？", [hit(text, title=title)], idf=even)
    assert found.text == "实验室废液必须分类收集，每周五下午送到三号楼。[1]"


def test_the_sentence_that_shows_the_kind_of_answer_wins() -> None:
    text = "The old mill on the hill burned down. The old mill was built on the hill in 1912."
    kind = answer_kind("When did the old mill on the hill burn down?")
    question = "When was the old mill on the hill?"
    assert quotes(extract(question, [hit(text)], idf=even, kind=kind, max_sentences=1)) == [
        "The old mill was built on the hill in 1912."
    ]


@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        (
            "Who leads the northern office?",
            "The northern office opens early. The northern office is led by Ada Quill.",
            "The northern office is led by Ada Quill.",
        ),
        (
            "Why is the north gate locked?",
            "The north gate is locked at night. The north gate is locked because of thieves.",
            "The north gate is locked because of thieves.",
        ),
        ("北门为什么上锁？", "北门晚上上锁。北门上锁是因为失窃。", "北门上锁是因为失窃。"),
        (
            "谁主持北区办公室？",
            "北区办公室每天开门。北区办公室由艾达·奎尔主持。",
            "北区办公室由艾达·奎尔主持。",
        ),
    ],
)
def test_a_name_or_a_reason_answers_who_and_why(question: str, text: str, answer: str) -> None:
    assert quotes(extract(question, [hit(text)], idf=even, max_sentences=1)) == [answer]


def test_what_only_repeats_the_question_is_no_answer() -> None:
    text = "Annual leave of staff. Staff have 25 days of leave."
    found = extract("Annual leave of staff?", [hit(text)], idf=even, max_sentences=1)
    assert quotes(found) == ["Staff have 25 days of leave."]


def test_meaning_decides_where_words_do_not() -> None:
    text = "The canteen serves lunch. The canteen shuts at four."

    def nearness(question: str, passages: Sequence[Sequence[str]]) -> list[list[float]]:
        return [[float("shuts" in sentence) for sentence in passage] for passage in passages]

    found = extract(
        "When does the canteen close?", [hit(text)], idf=even, nearness=nearness, max_sentences=1
    )
    assert quotes(found) == ["The canteen shuts at four."]


def test_of_equal_sentences_the_one_in_the_better_passage_is_quoted() -> None:
    better = hit("The fee is nine euros.", chunk_id=1)
    worse = replace(hit("The fee is ten euros.", chunk_id=2), score=0.5)
    assert quotes(extract("fee?", [better, worse], idf=even, max_sentences=1)) == [
        "The fee is nine euros."
    ]


def test_numbers_of_notes_in_a_document_do_not_pass_for_citations() -> None:
    text = "The bridge was opened in 1932[12] and painted grey.[3] Boats pass below."
    quoted = extract("When was the bridge opened?", [hit(text)], idf=even)
    assert quoted.pieces[0] == "The bridge was opened in 1932 and painted grey. [1]"
    assert quoted.citations[0].quote == "The bridge was opened in 1932[12] and painted grey.[3]"


@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        (
            "怎么启动记录仪？",
            "二、启动与停止\n长按绿色键四秒，记录仪启动。",
            "长按绿色键四秒，记录仪启动。[1]",
        ),
        (
            "What does error code E-12 mean?",
            "7 Error codes\nError code E-12 means that the lamp is cold.",
            "Error code E-12 means that the lamp is cold. [1]",
        ),
    ],
)
def test_a_numbered_heading_does_not_take_the_place_of_the_answer(
    question: str, text: str, answer: str
) -> None:
    assert extract(question, [hit(text)], idf=even, max_sentences=1).text == answer


@pytest.mark.parametrize(
    ("asked", "quoted"),
    [
        ("差旅管理办法第二十条是什么？", []),
        ("差旅管理办法第九条是什么？", ["第六条 差旅住宿依第九条每晚五百元。"]),
        ("差旅管理办法第二章是什么？", ["第五条 差旅餐费每日一百元。"]),
    ],
    ids=["stands nowhere", "is mentioned", "is not counted here"],
)
def test_an_article_that_the_documents_do_not_have_is_not_answered_from_another(
    asked: str, quoted: list[str]
) -> None:
    rules = "第五条 差旅餐费每日一百元。\n第六条 差旅住宿依第九条每晚五百元。"
    found = extract(asked, [hit(rules)], idf=even, max_sentences=1)

    assert quotes(found) == quoted


def test_what_only_repeats_the_question_or_announces_is_not_quoted_alone() -> None:
    minutes = "4. Shenzhen factory. The factory has a second line. Its manager:\nLi Wenbo."
    asked = "Who is the manager of the Shenzhen factory?"
    found = extract(asked, [hit(minutes)], idf=even)

    assert quotes(found) == ["The factory has a second line.", "Its manager:", "Li Wenbo."]
    assert extract(asked, [hit("4. Shenzhen factory.")], idf=even) == Extract((), (), 0.0)


def test_a_heading_over_a_heading_that_is_left_out_is_left_out_too() -> None:
    text = "A lamp lasts 900 hours.\n\n# Lamp care\n## Lamp safety"
    found = extract("lamp hours and care, what of the safety?", [hit(text)], idf=even)

    assert quotes(found) == ["A lamp lasts 900 hours."]


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("Is the office open on Sunday?", "The office is open on Sunday."),
        ("年假可以跨年吗？", "年假可以跨年。"),
        ("年假能不能跨年？", "年假能跨年。"),
    ],
)
def test_a_question_for_yes_or_no_is_answered_by_its_own_words(asked: str, answer: str) -> None:
    assert quotes(extract(asked, [hit(answer)], idf=even)) == [answer]


def test_of_an_article_asked_for_by_its_number_only_that_is_quoted() -> None:
    rules = "差旅管理办法第十二条适用于全体员工。\n第五条 餐费每日一百元。\n第六条 住宿每晚五百元。"
    question = "差旅管理办法第6条"
    found = extract(question, [hit(rules)], idf=even)
    assert quotes(found) == ["第六条 住宿每晚五百元。"]


@pytest.mark.parametrize(
    ("asked", "text", "quoted"),
    [
        (
            "报销流程是什么？",
            "报销流程如下：\n一、填写申请单\n二、部门经理审批\n\n报销单据须保存三年。",
            ["报销流程如下：", "一、填写申请单", "报销单据须保存三年。"],
        ),
        (
            "How do I reset the pump?",
            "To reset the pump:\n1. Press the red button\n2. Wait\n\nThe pump is serviced in May.",
            ["To reset the pump:", "1. Press the red button", "The pump is serviced in May."],
        ),
    ],
)
def test_an_item_of_a_list_is_quoted_without_the_one_after_it(
    asked: str, text: str, quoted: list[str]
) -> None:
    assert quotes(extract(asked, [hit(text)], idf=even)) == quoted


def test_rows_of_other_items_are_not_quoted_beside_the_one_asked_for() -> None:
    table = "| Room | Seats |\n| --- | --- |\n| Thames | 12 |\n| Fleet | 20 |"
    found = extract("How many seats does the Fleet room have?", [hit(table)], idf=even)
    assert found.text == "Room: Fleet; Seats: 20 [1]"


def test_a_line_break_beside_a_digit_is_a_blank() -> None:
    wrapped = "本实验室全部大型仪器设备的编号自2025\n年起由设备科统一分配给各个部\n门。"
    found = extract("设备编号由谁分配", [hit(wrapped)], idf=even)
    told = "本实验室全部大型仪器设备的编号自2025 年起由设备科统一分配给各个部门。[1]"
    assert found.text == told
