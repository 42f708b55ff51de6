"""Sentence boundaries, as the exact sentences they leave."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rag_service.text.sentences import asking_sentences, sentence_spans


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\u3000", []),
        ("没有标点", ["没有标点"]),
        ("你好。我很好！真的吗？", ["你好。", "我很好！", "真的吗？"]),
        ("他说：“走吧。”大家走了。", ["他说：“走吧。”", "大家走了。"]),
        ("他說：「好。」然後走了。", ["他說：「好。」", "然後走了。"]),
        ("（见附录。）下一句。", ["（见附录。）", "下一句。"]),
        ("什么？！真的。", ["什么？！", "真的。"]),
        ("甲负责供水；乙负责排水。", ["甲负责供水；乙负责排水。"]),
        ("等等……他走了。", ["等等……", "他走了。"]),
        ("我…不知道。", ["我…不知道。"]),
        ("我读了《怎么办？》一书。好。", ["我读了《怎么办？》一书。", "好。"]),
        ("很好.他也是! 是吗?对", ["很好.", "他也是!", "是吗?", "对"]),
        ("水温是3.5度。压力2.0。", ["水温是3.5度。", "压力2.0。"]),
        ("J. A. 霍布森和J.A.霍布森是一人。好。", ["J. A. 霍布森和J.A.霍布森是一人。", "好。"]),
        ("使用Docker。It works. 很好。", ["使用Docker。", "It works.", "很好。"]),
    ],
)
def test_chinese_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Lee met Mr. Wu. They left.", ["Dr. Lee met Mr. Wu.", "They left."]),
        ("A pump, e.g. this, i.e. A. The end.", ["A pump, e.g. this, i.e. A.", "The end."]),
        ("By J. K. Rowling. It sold.", ["By J. K. Rowling.", "It sold."]),
        (
            "Brown v. Board lost. At speed v. The end.",
            ["Brown v. Board lost.", "At speed v.", "The end."],
        ),
        ("Vitamin C. It is good.", ["Vitamin C.", "It is good."]),
        ("The U.S. Navy. The U.S. The law.", ["The U.S. Navy.", "The U.S.", "The law."]),
        ("See No. 5 and Fig. S1. No. I refuse.", ["See No. 5 and Fig. S1.", "No.", "I refuse."]),
        ("Smith et al. (2019) agree. Yes.", ["Smith et al. (2019) agree.", "Yes."]),
        ("Acme Inc. The firm. Acme Inc. Paris.", ["Acme Inc.", "The firm.", "Acme Inc. Paris."]),
        ("It is 3.5 m. Use v2.1.0 now. Go.", ["It is 3.5 m.", "Use v2.1.0 now.", "Go."]),
        ("Well... maybe. Done... Next.", ["Well... maybe.", "Done...", "Next."]),
        ('"Go!" he said. "Stop." Then left.', ['"Go!" he said.', '"Stop."', "Then left."]),
        ("It rose.[12] Then fell.", ["It rose.[12]", "Then fell."]),
        ("tests were run . they passed . end", ["tests were run .", "they passed .", "end"]),
        ("i went home. then i slept.", ["i went home.", "then i slept."]),
        ("Visit example.com today. Now.", ["Visit example.com today.", "Now."]),
        ("1. Open the lid. 2. Close it.", ["1. Open the lid.", "2. Close it."]),
    ],
)
def test_english_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("第一段\n\n第二段", ["第一段", "第二段"]),
        ("one\n \ntwo", ["one", "two"]),
        ("page one\x0cpage two", ["page one", "page two"]),
        (
            "The pump that stands in the cellar has been\nrunning since the day it was built. End.",
            [
                "The pump that stands in the cellar has been\nrunning since the day it was built.",
                "End.",
            ],
        ),
        (
            "这台放在地下室里的水泵从建成的那一天起就一直在\r\n运转到今天。结束。",
            ["这台放在地下室里的水泵从建成的那一天起就一直在\r\n运转到今天。", "结束。"],
        ),
        (
            "Introduction\nThe pump that stands in the cellar has been running.",
            ["Introduction", "The pump that stands in the cellar has been running."],
        ),
        ("- open it\n- close it", ["- open it", "- close it"]),
        ("甲方应当：\n（一）付款；\n（二）收货。", ["甲方应当：", "（一）付款；", "（二）收货。"]),
        ("# Title\ntext that goes on\n## Next", ["# Title", "text that goes on", "## Next"]),
        ("| a | b |\n| 1. x | 2 |", ["| a | b |", "| 1. x | 2 |"]),
        ("苹果\n香蕉\n西瓜", ["苹果", "香蕉", "西瓜"]),
    ],
)
def test_a_line_break_ends_a_sentence_only_where_a_line_ends_something(
    text: str, expected: list[str]
) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize("unit", ["a", "。", "!", ". ", " ", "。”", "字", "《？》", ".)"])
def test_a_megabyte_of_one_sign_is_covered(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    spans = sentence_spans(text)
    assert sum(end - start for start, end in spans) >= len("".join(text.split()))


_TEXT = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("aB1 \n\r\t\x0c.!?。！？；…“”'\"）)》、,，字句#-|[]"),
    ),
    max_size=120,
)


@given(_TEXT)
@example("\x1c.\x1d a")
@settings(deadline=None)
def test_spans_are_ordered_disjoint_trimmed_and_cover_all_but_white_space(text: str) -> None:
    last = 0
    for start, end in sentence_spans(text):
        assert last <= start < end
        assert text[last:start].strip() == ""
        assert text[start:end] == text[start:end].strip()
        last = end
    assert text[last:].strip() == ""


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("This is Peter. How long is it? Thanks.", "How long is it?"),
        ("我是彼得。年假有几天？病假呢？", "年假有几天？ 病假呢？"),
        ("the price of the lamp", "the price of the lamp"),
        ("", ""),
    ],
)
def test_what_is_told_beside_a_question_is_not_asked(text: str, asked: str) -> None:
    assert asking_sentences(text) == asked
