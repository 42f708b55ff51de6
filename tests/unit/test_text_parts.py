"""Large text files in parts: what the parts hold is what the whole holds."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.decoding import decode
from ingest.loaders.text_parts import load_part, plan_parts
from rag_service.errors import NotText, UnknownEncoding, UnreadableFile

CHINESE = "公司规定，员工每年可以享受十天带薪年假；没有用完的假期不能转到下一年。"
TRADITIONAL = "公司規定，員工每年可以享受十天帶薪年假；沒有用完的假期不能轉到下一年。"
JAPANESE = "社員は毎年十日の有給休暇を取ることができます。残った休暇は翌年に繰り越せません。"
KOREAN = "직원은 매년 열흘의 유급 휴가를 사용할 수 있으며 남은 휴가는 다음 해로 넘길 수 없다."
RUSSIAN = "Каждый сотрудник имеет право на десять дней оплачиваемого отпуска в течение года."
FRENCH = "Chaque salarié a droit à dix jours de congés payés ; l’année suivante, c’est perdu."
ENGLISH = "Every employee has ten days of paid leave a year."

# The last is a character of four bytes in GB18030, UTF-8 and UTF-16.
WRITTEN = [
    ("utf-8", CHINESE + "𠮷"),
    ("utf-8-sig", CHINESE),
    ("utf-8", ENGLISH),
    ("utf-16", CHINESE + ENGLISH + "𠮷"),
    ("utf-16-le", ENGLISH + CHINESE + "𠮷"),
    ("utf-16-be", ENGLISH + CHINESE + "𠮷"),
    ("utf-32", CHINESE + "𠮷"),
    ("utf-32-be", CHINESE + ENGLISH),
    ("gbk", CHINESE),
    ("gb18030", CHINESE + "𠮷"),
    ("big5", TRADITIONAL),
    ("shift_jis", JAPANESE),
    ("euc_jp", JAPANESE),
    ("euc_kr", KOREAN),
    ("cp1251", RUSSIAN),
    ("koi8_r", RUSSIAN),
    ("cp1252", FRENCH),
]


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def joined(path: Path, part_bytes: int) -> tuple[str, str, int]:
    """The texts of all parts together, the encoding, and the size of the largest part."""
    plan = plan_parts(path, part_bytes=part_bytes)
    texts = [load_part(path, plan, index).text for index in range(len(plan))]
    sizes = [end - start for start, end in zip(plan.offsets, plan.offsets[1:], strict=False)]
    return "".join(texts), plan.encoding, max(sizes)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parts") / "a.txt"


@pytest.mark.parametrize(("codec", "sentence"), WRITTEN)
@given(
    part_bytes=st.integers(8, 400),
    ends=st.lists(st.sampled_from(["", "\n", "\r\n", "\r", "\n\n", " "]), min_size=2, max_size=8),
)
@settings(max_examples=40, deadline=None)
def test_the_parts_together_are_the_whole(
    file: Path, codec: str, sentence: str, part_bytes: int, ends: list[str]
) -> None:
    data = "".join(sentence + end for end in ends).encode(codec)
    whole = decode(data)
    text, encoding, largest = joined(write(file, data), part_bytes)
    assert (text, encoding) == (whole.text, whole.encoding)
    assert largest <= part_bytes


def test_parts_end_at_line_ends(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", (CHINESE + "\r\n").encode("gbk") * 100)
    plan = plan_parts(path, part_bytes=1000)
    for index in range(len(plan)):
        assert load_part(path, plan, index).text.endswith("。\n")
    assert len(plan) > 1


def test_a_line_longer_than_a_part_is_cut_between_characters(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", (CHINESE * 50).encode("gb18030"))
    plan = plan_parts(path, part_bytes=101)
    assert load_part(path, plan, 0).text == (CHINESE * 2)[:50]
    assert joined(path, 101)[0] == CHINESE * 50


def test_letters_late_in_a_long_english_file_decide_its_encoding(tmp_path: Path) -> None:
    data = (ENGLISH + "\n").encode() * 60_000 + (CHINESE + "\n").encode("gbk") * 3
    path = write(tmp_path / "a.txt", data)
    plan = plan_parts(path, part_bytes=1 << 20)
    assert plan.encoding == "gb18030"
    assert load_part(path, plan, len(plan) - 1).text.endswith(CHINESE + "\n")


def test_a_plan_survives_pickling_and_knows_its_parts(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", (ENGLISH + "\n").encode() * 10)
    plan = plan_parts(path, part_bytes=100)
    assert pickle.loads(pickle.dumps(plan)) == plan
    assert (len(plan), plan.size, plan.offsets[-1]) == (5, 500, 500)


def test_an_empty_file_has_no_parts(tmp_path: Path) -> None:
    assert len(plan_parts(write(tmp_path / "a.txt", b""), part_bytes=100)) == 0


def test_a_rare_wrong_byte_is_replaced_and_counted(tmp_path: Path) -> None:
    line = (CHINESE + "\n").encode()
    path = write(tmp_path / "a.txt", line * 100 + b"\xff" + line * 100)
    plan = plan_parts(path, part_bytes=1 << 20)
    loaded = load_part(path, plan, 0)
    assert loaded.text.replace("\ufffd", "") == (CHINESE + "\n") * 200
    assert loaded.warnings == ("1 character could not be read as utf-8 and became \ufffd.",)


def test_a_part_in_another_encoding_is_refused_and_its_place_named(tmp_path: Path) -> None:
    line = (CHINESE + "\n").encode()
    other = (CHINESE + "\n").encode("gbk")
    path = write(tmp_path / "a.txt", line * 5000 + other * 1000 + line * 20_000)
    plan = plan_parts(path, part_bytes=len(line) * 5000)
    load_part(path, plan, 0)
    with pytest.raises(UnknownEncoding, match=f"Byte {len(line) * 5000:,} and others"):
        load_part(path, plan, 1)


def test_a_file_cut_in_mid_character_loses_that_character_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", (CHINESE * 3).encode()[:-1])
    plan = plan_parts(path, part_bytes=200)
    last = load_part(path, plan, len(plan) - 1)
    assert joined(path, 200)[0] == (CHINESE * 3)[:-1]
    assert "middle of a character" in last.warnings[0]


def test_binary_content_is_refused(tmp_path: Path) -> None:
    text = (ENGLISH + "\n").encode() * 20_000
    path = write(tmp_path / "a.txt", text + bytes(range(1, 9)) * 100_000 + text)
    plan = plan_parts(path, part_bytes=len(text))
    with pytest.raises(NotText):
        load_part(path, plan, 1)


def test_another_format_under_a_text_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotText, match="a gzip archive"):
        plan_parts(write(tmp_path / "a.txt", b"\x1f\x8b\x08\x00" * 1000), part_bytes=100)


def test_a_file_that_changes_meanwhile_is_not_mixed_up(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", (ENGLISH + "\n").encode() * 10)
    plan = plan_parts(path, part_bytes=100)
    os.utime(path, ns=(plan.mtime_ns + 1, plan.mtime_ns + 1))
    with pytest.raises(UnreadableFile, match="changed"):
        load_part(path, plan, 0)


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="No such file"):
        plan_parts(tmp_path / "gone.txt", part_bytes=100)
