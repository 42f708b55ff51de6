"""Web pages through the public ``load_bytes``."""

from __future__ import annotations

import pytest

from ingest.loaders import load_bytes
from rag_service.document_types import LoadedText
from rag_service.errors import BrokenFile, NoText

CHINESE = "公司规定，员工每年可以享受十天带薪年假，超过部分按事假处理。"
TRADITIONAL = "公司規定，員工每年可以享受十天帶薪年假，超過部分按事假處理。"
JAPANESE = "公司では、社員は年に十日の休暇を取ることができます。"


def html(body: str, head: str = "") -> LoadedText:
    page = f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>"
    return load_bytes("a.html", page.encode())


def marks(loaded: LoadedText) -> list[tuple[str, int, str]]:
    """Kind, level and text of every mark."""
    return [
        (mark.kind, mark.level, loaded.text[mark.char_start : mark.char_end])
        for mark in loaded.marks
    ]


def table_header(loaded: LoadedText) -> str:
    (table,) = [mark for mark in loaded.marks if mark.kind == "table"]
    return loaded.text[table.char_start : table.header_end]


def test_a_page_becomes_text_with_its_structure_marked() -> None:
    loaded = html(
        "<h1>Leave <em>policy</em></h1><p>Ten days\n a year.<br>Ask first.</p>"
        "<ul><li>Paid<ul><li>Full</li></ul></li><li><p>Unpaid</p></li></ul>"
        "<h2>年假</h2><pre>def f():\n    return 1\n</pre><p>End.</p>",
        "<title>The  handbook</title>",
    )
    assert loaded.text == (
        "Leave policy\n\nTen days a year.\nAsk first.\n\n- Paid\n  - Full\n- Unpaid\n\n"
        "年假\n\ndef f():\n    return 1\n\nEnd."
    )
    assert loaded.title == "The handbook"
    assert loaded.syntax == "marked"
    assert marks(loaded) == [
        ("heading", 1, "Leave policy"),
        ("heading", 2, "年假"),
        ("code", 0, "def f():\n    return 1"),
    ]


def test_inline_elements_do_not_break_words_and_chinese_gets_no_spaces() -> None:
    loaded = html("<p>Hel<b>lo</b>, <i>wor</i>ld</p><p>员工每年\n  可以<b>享受\n</b>十天 OK</p>")
    assert loaded.text == "Hello, world\n\n员工每年可以享受十天 OK"


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>SECRET</script>",
        "<style>SECRET</style>",
        "<template>SECRET</template>",
        "<noscript>SECRET</noscript>",
        "<p hidden>SECRET</p>",
        "<p style='color: red; Display : NONE'>SECRET</p>",
        "<p style='visibility:hidden'>SECRET</p>",
        "<p style='font-size:0px'>SECRET</p>",
        "<p style='font-size: 1px'>SECRET</p>",
        "<p style='font-size:0em'><b>SECRET</b></p>",
        "<p style='font-size&#58;0'>SECRET</p>",
        "<p style='display:/**/none'>SECRET</p>",
        "<p style='font-size/* small */:/**/0'>SECRET</p>",
        "<p style='&#x63;olor&colon;transparent'>SECRET</p>",
        "<p style='opacity:0'>SECRET</p>",
        "<p style='color:red; opacity: 0.0 !important'>SECRET</p>",
        "<p style='color:#fff;background:white'>SECRET</p>",
        "<p style='background-color: rgb(255, 255, 255); COLOR: #FFFFFE'>SECRET <i>SECRET</i></p>",
        "<span style='color:transparent'>SECRET</span>",
        "<p style='color:rgba(0,0,0,0)'>SECRET</p>",
        "<table style='color:#000;background:#000'><tr><td>SECRET</td><td>SECRET</td></tr></table>",
        "<p style='position:absolute; left:-9999px'>SECRET</p>",
        "<p style='margin-left:-9999px'>SECRET</p>",
        "<div aria-hidden='true'><p>SECRET</p></div>",
        "<span class='sr-only'>SECRET</span>",
        "<dialog>SECRET</dialog>",
        "<!-- SECRET -->",
        "<table><tr><th>A</th></tr><tr style='display:none'><td>SECRET</td></tr></table>",
        "<table><tr><th>A</th><td><span hidden>SECRET</span></td></tr></table>",
        "<p>\U000e0053\U000e0045\U000e0043</p>",
    ],
)
def test_text_that_nobody_sees_is_left_out(hidden: str) -> None:
    text = html(f"<p>Seen.</p>{hidden}<p>Also.</p>").text
    assert "SECRET" not in text
    assert text.isprintable() or "\n" in text
    assert text.startswith("Seen.")
    assert text.endswith("Also.")
    assert not any(char >= "\U000e0000" for char in text)


def test_text_beside_a_hidden_element_stays() -> None:
    assert html("<p>Before <span hidden>x</span>after</p>").text == "Before after"
    assert html("<p>Before <b style='font-size:0'>x</b>after</p>").text == "Before after"


@pytest.mark.parametrize(
    "shown",
    [
        "<div style='font-size:0'><p style='font-size:13px'>Text</p></div>",  # mail does this
        "<div style='color:#fff;background:#fff'><p style='color:#333'>Text</p></div>",
        "<table style='color:white;background:white'><tr><td bgcolor='navy'>Text</td></tr></table>",
        "<div style='color:#fff;background:#fff'><font color='#000'>Text</font></div>",
        "<p style='font-size:0.8em'>Text</p>",
        "<p style='font-size:12px; opacity:0.9'>Text</p>",
        "<p style='fill-opacity:0'>Text</p>",
        "<p style='opacity:'>Text</p>",
        "<div style='position:absolute; left:50%; margin-left:-480px'>Text</div>",  # in the middle
        "<div style='margin-top: -120px'>Text</div>",
        "<p style='opacity:0; transform:translateY(20px)'>Text</p>",  # fades in as one scrolls
        "<p style='color:#fff'>Text</p>",  # on a background that a style sheet may colour
        "<p style='color:#fff;background:#000'>Text</p>",
        "<p style='color:#fff;background:#fff url(night.jpg)'>Text</p>",
        "<p style='color:transparent;background-clip:text'>Text</p>",
    ],
)
def test_text_in_a_size_and_a_colour_that_can_be_read_stays(shown: str) -> None:
    assert "Text" in html(shown).text


def test_navigation_and_cookie_notices_are_left_out_but_not_a_page_of_nothing_else() -> None:
    nav = "<nav><a href='/'>Home</a></nav><ul class='nav_list'><li><a>首页</a></li></ul>"
    cookie = "<div id='cookie-banner'>We use cookies.</div>"
    footer = "<footer>Imprint</footer>"
    article = "<article><p>Text.</p><footer>By Li</footer></article>"
    assert html(nav + cookie + article + footer).text == "Text.\n\nBy Li"
    assert html(nav).text == "Home\n\n- 首页"


def test_a_menu_by_name_that_is_no_list_of_links_is_kept() -> None:
    assert html("<div class='menu'><p>Noodles, 20 yuan</p></div>").text == "Noodles, 20 yuan"


def test_a_data_table_keeps_its_header_and_its_spans() -> None:
    loaded = html(
        "<table><caption>Scores</caption>"
        "<thead><tr><th rowspan=2>School</th><th colspan=2>2024</th></tr>"
        "<tr><th>Max</th><th>Min</th></tr></thead>"
        "<tr><td rowspan=2>North</td><td>643</td><td>640</td></tr>"
        "<tr><td>638</td><td></td></tr>"
        "<tr><td colspan=3>All figures are final</td></tr></table>"
    )
    assert loaded.text == (
        "Scores\n\nSchool | 2024 Max | 2024 Min\nNorth | 643 | 640\nNorth | 638 | \n"
        "All figures are final"
    )
    assert table_header(loaded) == "School | 2024 Max | 2024 Min"


def test_columns_that_only_set_others_apart_are_dropped() -> None:
    rows = "<tr><th>A</th><th></th><th>B</th></tr><tr><td>1</td><td>&nbsp;</td><td>2</td></tr>"
    assert html(f"<table>{rows}</table>").text == "A | B\n1 | 2"


def test_a_layout_table_is_no_data() -> None:
    inner = "<table><tr><th>K</th><th>V</th></tr><tr><td>a</td><td>1</td></tr></table>"
    loaded = html(f"<table><tr><td><h1>T</h1><p>One.</p></td><td>{inner}</td></tr></table>")
    assert loaded.text == "T\n\nOne.\n\nK | V\na | 1"
    assert [kind for kind, _, _ in marks(loaded)] == ["heading", "table"]


def test_numbered_and_definition_lists_keep_their_numbers_and_terms() -> None:
    loaded = html(
        "<ol start=3><li>Sign</li><li value=7>Send</li></ol>"
        "<dl><dt>SLA</dt><dd>Service level</dd><dt>年假</dt><dd><p>十天</p></dd><dt>Alone</dt></dl>"
    )
    assert loaded.text == "3. Sign\n7. Send\n\nSLA: Service level\n\n年假：十天\n\nAlone"


def test_a_button_is_a_control_but_in_a_heading_its_text() -> None:
    loaded = html("<h3><button>How long is leave?</button></h3><p>Ten.<button>Copy</button></p>")
    assert loaded.text == "How long is leave?\n\nTen."


def test_links_side_by_side_are_not_one_word() -> None:
    assert html("<p><a>年假</a><a>病假</a> <a>o</a>ther</p>").text == "年假 病假 other"


def test_lines_within_code_keep_their_indentation() -> None:
    loaded = html("<p>Run</p><pre>a<br>  b<div>  c</div><b>d</b>\n\te</pre>")
    assert marks(loaded) == [("code", 0, "a\n  b  c\nd\n\te")]


def test_powers_formulas_and_images_keep_their_meaning() -> None:
    loaded = html(
        "<p>10<sup>2</sup> m, H<sub>2</sub>O</p>"
        "<p><math><mi>a</mi><annotation encoding='application/x-tex'>a^2</annotation></math></p>"
        "<p><img alt='A cell in the wall'><img alt='logo'><img alt='IMG_2031.jpg'></p>"
    )
    assert loaded.text == "10² m, H₂O\n\na^2\n\nA cell in the wall"


@pytest.mark.parametrize(
    ("text", "encoding", "declared", "read_as", "warns"),
    [
        (CHINESE, "gbk", "gb2312", "gb18030", False),
        (CHINESE, "utf-8", "utf-8", "utf-8", False),
        (CHINESE, "utf-8-sig", "gbk", "utf-8-sig", False),
        (CHINESE, "utf-16", "utf-8", "utf-16-le", False),
        (TRADITIONAL, "big5", "big5", "big5", False),
        (JAPANESE, "shift_jis", "x-sjis", "shift_jis", False),
        (JAPANESE, "iso2022_jp", "iso-2022-jp", "iso2022-jp", False),
        (TRADITIONAL, "big5", "utf-8", "big5", True),
        (TRADITIONAL, "big5", "gb2312", "big5", True),
        (CHINESE, "gbk", "iso-8859-1", "gb18030", True),
        (CHINESE, "utf-8", "gb2312", "utf-8", True),
        (CHINESE, "gbk", "no-such-charset", "gb18030", True),
    ],
)
def test_the_declared_encoding_is_used_unless_the_bytes_contradict_it(
    text: str, encoding: str, declared: str, read_as: str, warns: bool
) -> None:
    page = f'<html><head><meta charset="{declared}"></head><body><p>{text}</p></body></html>'
    loaded = load_bytes("a.htm", page.encode(encoding))
    assert (loaded.text, loaded.encoding) == (text, read_as)
    expected = (f"The file says its encoding is {declared}; it was read as {read_as}.",)
    assert loaded.warnings == (expected if warns else ())


def test_a_wrong_byte_in_a_page_costs_that_character_and_is_told() -> None:
    page = b'<meta charset="utf-8"><p>' + b"word " * 100 + b"\x81 end</p>"
    loaded = load_bytes("a.html", page)
    assert loaded.text.endswith("word \ufffd end")
    assert loaded.warnings == ("1 character could not be read as utf-8 and became \ufffd.",)


def test_broken_markup_is_read_all_the_same() -> None:
    loaded = html("<h1>Title<p>One <b>two<p>three</i></div><td>cell<li>item")
    assert loaded.text == "Title\n\nOne two\n\nthree\n\ncell\n\n- item"


@pytest.mark.parametrize("tag", ["div", "table><tr><td", "ul><li"])
def test_a_page_nested_without_end_is_refused_and_does_not_crash(tag: str) -> None:
    with pytest.raises(BrokenFile, match="nested too deeply"):
        html(f"<{tag}>" * 100_000 + "x")


def test_what_comes_before_nesting_without_end_is_kept_and_the_rest_told() -> None:
    loaded = html("<p>Start.</p>" + "<div>" * 5_000 + "x")
    assert loaded.text == "Start."
    assert loaded.warnings == (
        "The page is nested too deeply to be read to its end; what follows is left out.",
    )


def test_formatting_that_is_never_closed_does_not_cost_the_page() -> None:
    loaded = html("".join(f"<p><font size=2><b>Line {number}" for number in range(3_000)))
    assert loaded.text.endswith("Line 2999")
    assert loaded.warnings == ()


def test_spans_of_an_attack_do_not_blow_up_the_text() -> None:
    cells = "<td rowspan=65534 colspan=1000>" + "x" * 190 + "</td>"
    page = f"<table><tr><th>A</th><th>B</th></tr><tr>{cells}</tr>" + "<tr><td>y</td></tr>" * 2_000
    assert len(html(page).text) < 2 * len(page)


@pytest.mark.parametrize("page", [b" \n", b"<html><body></body></html>", b"<p hidden>x</p>"])
def test_a_page_without_visible_text_is_told_so(page: bytes) -> None:
    with pytest.raises(NoText):
        load_bytes("a.html", page)
