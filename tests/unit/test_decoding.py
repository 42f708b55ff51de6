from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decoding import decode
from ingest.invisible import without_invisible
from rag_service.errors import NotText, RagError, UnknownEncoding

SIMPLIFIED = "公司规定，员工每年可以享受十天带薪年假；没有用完的假期不能转到下一年。\n"
TRADITIONAL = "公司規定，員工每年可以享受十天帶薪年假；沒有用完的假期不能轉到下一年。\n"
JAPANESE = "社員は毎年十日の有給休暇を取ることができます。残った休暇は翌年に繰り越せません。\n"
KOREAN = "직원은 매년 열흘의 유급 휴가를 사용할 수 있으며 남은 휴가는 다음 해로 넘길 수 없다.\n"
RUSSIAN = "Каждый сотрудник имеет право на десять дней оплачиваемого отпуска в течение года.\n"
FRENCH = "Chaque salarié a droit à dix jours de congés payés ; l’année suivante, c’est perdu.\n"
ENGLISH = "Every employee has ten days of paid leave a year.\n"


@pytest.mark.parametrize(
    ("text", "codec", "name"),
    [
        (ENGLISH, "ascii", "utf-8"),
        (SIMPLIFIED, "utf-8", "utf-8"),
        (TRADITIONAL, "utf-8", "utf-8"),
        (SIMPLIFIED, "utf-8-sig", "utf-8-sig"),
        (SIMPLIFIED, "gb2312", "gb18030"),
        (SIMPLIFIED, "gbk", "gb18030"),
        (SIMPLIFIED + "𠮷\n", "gb18030", "gb18030"),
        (TRADITIONAL, "gbk", "gb18030"),
        (TRADITIONAL, "big5", "big5"),
        (TRADITIONAL, "utf-16-le", "utf-16-le"),
        (SIMPLIFIED, "utf-16-be", "utf-16-be"),
        (SIMPLIFIED.strip(), "utf-16-le", "utf-16-le"),
        (ENGLISH, "utf-16-be", "utf-16-be"),
        (ENGLISH, "utf-32-le", "utf-32-le"),
        (SIMPLIFIED, "utf-32-be", "utf-32-be"),
        (JAPANESE, "shift_jis", "shift_jis"),
        (JAPANESE, "euc_jp", "euc-jp"),
        (KOREAN, "euc_kr", "euc-kr"),
    ],
)
def test_text_comes_back_as_written(text: str, codec: str, name: str) -> None:
    decoded = decode(text.encode(codec))
    assert (decoded.text, decoded.encoding, decoded.warnings) == (text, name, ())


@pytest.mark.parametrize("codec", ["utf-16", "utf-32"])
def test_a_byte_order_mark_decides_and_is_not_part_of_the_text(codec: str) -> None:
    decoded = decode(SIMPLIFIED.encode(codec))
    assert (decoded.text, decoded.encoding) == (SIMPLIFIED, f"{codec}-le")


UKRAINIAN = "Кожен працівник має право на десять днів оплачуваної відпустки протягом року.\n"
POLISH = "Każdy pracownik ma prawo do dziesięciu dni płatnego urlopu, też świąteczny i ósmy.\n"
CZECH = "Každý zaměstnanec má nárok na deset dní placené dovolené, která se nepřevádí do příště.\n"
HUNGARIAN = (
    "Minden dolgozónak évente tíz nap fizetett szabadsága van, később és előre nem tölthető.\n"
)
TURKISH = (
    "Her çalışanın yılda on gün ücretli izin hakkı vardır; kullanılmayan günler geçersizdir.\n"
)
LITHUANIAN = (
    "Kiekvienas darbuotojas turi teisę į dešimt apmokamų atostogų dienų, ir tai yra viskas.\n"
)
GREEK = "Κάθε εργαζόμενος δικαιούται δέκα ημέρες άδεια με αποδοχές κάθε χρόνο.\n"
HEBREW = "כל עובד זכאי לעשרה ימי חופשה בתשלום בכל שנה, והיתרה אינה עוברת לשנה הבאה.\n"
ARABIC = "يحق لكل موظف عشرة أيام إجازة مدفوعة الأجر في السنة ولا تنتقل إلى السنة التالية.\n"
THAI = "พนักงานทุกคนมีสิทธิลาพักร้อนโดยได้รับค่าจ้างปีละสิบวันและไม่สามารถเก็บไว้ใช้ในปีถัดไปได้\n"
GERMAN = (
    "Jeder Beschäftigte hat Anspruch auf zehn bezahlte Urlaubstage – für übrige gibt es nichts.\n"
)


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (FRENCH, "cp1252"),
        (GERMAN, "cp1252"),
        (POLISH, "cp1250"),
        (POLISH, "iso8859_2"),
        (CZECH, "cp1250"),
        (HUNGARIAN, "cp1250"),
        (TURKISH, "cp1254"),
        (LITHUANIAN, "cp1257"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (RUSSIAN, "iso8859_5"),
        (RUSSIAN, "cp866"),
        (UKRAINIAN, "cp1251"),
        (UKRAINIAN, "koi8_u"),
        (GREEK, "cp1253"),
        (HEBREW, "cp1255"),
        (ARABIC, "cp1256"),
        (ARABIC, "iso8859_6"),
        (THAI, "cp874"),
    ],
)
def test_a_single_byte_encoding_is_read_and_the_inference_is_said(text: str, codec: str) -> None:
    decoded = decode(text.encode(codec))
    assert (decoded.text, decoded.encoding) == (text, codec)
    assert len(decoded.warnings) == 1
    assert codec in decoded.warnings[0]


@pytest.mark.parametrize("start", range(0, 24, 6))
@pytest.mark.parametrize(
    ("text", "codec", "name"), [(SIMPLIFIED, "gbk", "gb18030"), (TRADITIONAL, "big5", "big5")]
)
def test_a_dozen_characters_are_enough_for_gbk_and_big5(
    text: str, codec: str, name: str, start: int
) -> None:
    piece = text[start : start + 12]
    decoded = decode(piece.encode(codec))
    assert (decoded.text, decoded.encoding) == (piece, name)


@pytest.mark.parametrize("codec", ["shift_jis", "euc_jp"])
def test_japanese_names_without_kana_are_told(codec: str) -> None:
    text = "名前,年齢,住所\n佐藤太郎,30,東京\n三木英子,25,大阪\n"
    assert decode(text.encode(codec)).text == text


def test_english_with_chinese_punctuation_is_gbk() -> None:
    text = "LoRA（low rank）“adapts” models，cheaply。\n"
    decoded = decode(text.encode("gbk"))
    assert (decoded.text, decoded.encoding) == (text, "gb18030")
    assert "was inferred" in decoded.warnings[0]


@pytest.mark.parametrize("text", ["forward和backward", "与sentence", "Lora类"])
def test_a_single_chinese_letter_in_english_is_gbk(text: str) -> None:
    assert decode(text.encode("gbk")).text == text


@pytest.mark.parametrize("text", ["L'être et le néant", "Les déclarations égalitaires"])
def test_french_is_not_taken_for_chinese(text: str) -> None:
    assert decode(text.encode("cp1252")).text == text


def test_chinese_late_in_a_long_english_file_still_decides() -> None:
    text = ENGLISH * 5000 + SIMPLIFIED
    assert decode(text.encode("gbk")).text == text


@pytest.mark.parametrize("missing", [1, 2])
def test_a_utf8_character_cut_at_the_end_is_dropped_with_a_warning(missing: int) -> None:
    decoded = decode(SIMPLIFIED.strip().encode()[:-missing])
    assert decoded.text == SIMPLIFIED.strip()[:-1]
    assert decoded.encoding == "utf-8"
    assert decoded.warnings == (
        "The file ends in the middle of a character; that character was dropped.",
    )


def test_a_gbk_character_cut_at_the_end_is_dropped_with_a_warning() -> None:
    decoded = decode(SIMPLIFIED.strip().encode("gbk")[:-1])
    assert decoded.text == SIMPLIFIED.strip()[:-1]
    assert "middle of a character" in decoded.warnings[0]


@pytest.mark.parametrize(("codec", "name"), [("utf-8", "utf-8"), ("gbk", "gb18030")])
def test_rare_wrong_bytes_are_replaced_and_counted(codec: str, name: str) -> None:
    good = (SIMPLIFIED * 3).encode(codec)
    decoded = decode(good + b"\xff\n" + good)
    assert decoded.text == SIMPLIFIED * 3 + "\ufffd\n" + SIMPLIFIED * 3
    assert decoded.warnings == (f"1 character could not be read as {name} and became \ufffd.",)


def test_line_ends_become_newlines() -> None:
    assert decode(b"one\r\ntwo\rthree\nfour\x0cfive").text == "one\ntwo\nthree\nfour\nfive"


def test_a_stray_nul_is_removed_and_said() -> None:
    decoded = decode(ENGLISH.encode() * 2 + b"\0" + ENGLISH.encode())
    assert decoded.text == ENGLISH * 3
    assert decoded.warnings == ("1 NUL character was removed.",)


def test_nothing_decodes_to_nothing() -> None:
    assert decode(b"").text == ""


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"%PDF-1.7\n%abc", "a PDF"),
        (b"PK\x03\x04word/document.xml", "a ZIP archive or an Office document"),
        (b"\x7fELF\x02\x01\x01", "a program"),
        (b"\x89PNG\r\n\x1a\nIHDR", "a PNG image"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a JPEG image"),
        (b"\x1f\x8b\x08\x00", "a gzip archive"),
    ],
)
def test_another_format_under_a_text_name_is_named(data: bytes, what: str) -> None:
    with pytest.raises(NotText, match=f"This is {what}, not a text file"):
        decode(data)


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(256)) * 8,
        b"abc\0\x01\x02\x03def\0\0\0\x04" * 20,
        b"\x01\x02\x03\x04 control characters \x05\x06\x07\x08",
    ],
)
def test_binary_content_is_refused(data: bytes) -> None:
    with pytest.raises(NotText):
        decode(data)


@pytest.mark.parametrize(
    "data",
    [
        "РУССКИЙ".encode("cp1251"),
        "“Qué ñandú” — ¿señor? ±±±".encode("cp1252"),
        b"caf\x82 au lait, d\x82j\x85 vu",  # code page 850
        b"\xfc\xfd\xfe\xf0\xf1\xf2",
    ],
)
def test_what_no_encoding_explains_is_refused_with_the_way_out(data: bytes) -> None:
    with pytest.raises(UnknownEncoding, match="Convert the file to UTF-8"):
        decode(data)


@given(st.binary(max_size=400))
def test_any_bytes_give_text_or_a_refusal(data: bytes) -> None:
    try:
        decoded = decode(data)
    except RagError as error:
        assert isinstance(error, NotText | UnknownEncoding)  # noqa: PT017
    else:
        assert "\0" not in decoded.text
        assert "\r" not in decoded.text


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        ("公司规定员工每年休假十天", 0),
        ("徂漆傧熄盂你", 1),  # hardly a frequent letter: rubbish, or a list of rare names
    ],
)
def test_letters_that_speak_faintly_for_an_encoding_give_a_warning(
    text: str, warnings: int
) -> None:
    decoded = decode(text.encode("gbk"))
    assert (decoded.text, decoded.encoding) == (text, "gb18030")
    assert len(decoded.warnings) == warnings
    assert all("gb18030 was inferred" in said for said in decoded.warnings)


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), max_size=200))
def test_what_can_be_seen_of_utf8_text_survives_unchanged(text: str) -> None:
    text = without_invisible(text.replace("\u2028", "").replace("\u2029", ""))
    if not any(text.encode().startswith(magic) for magic in (b"PK", b"%PDF", b"{\\rtf", b"GIF8")):
        assert decode(text.encode()).text == text
