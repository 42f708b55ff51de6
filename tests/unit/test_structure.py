"""The structure chunks follow: headings and their paths, titles, marks, parts of large texts."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from ingest.chunking import Carried, chunk_part, title_of
from ingest.loaders.builder import TextBuilder
from rag_service.document_types import LoadedText, Mark
from tests.chunks import count_words, markdown, outline


def test_markdown_headings_bound_chunks_and_name_their_path() -> None:
    text = (
        "# A\n\nintro text\n\n## B\n### C ##\nbody one.\n```\n# not a heading\n```\n"
        "## **D** [link](x.md)\nbody two\n\nEnd\n===\nlast\n##标题\n正文"
    )
    assert outline(markdown(text)) == [
        ("", "# A\n\nintro text"),  # "A" is the document's title
        ("B > C", "## B\n### C ##\nbody one.\n```\n# not a heading\n```"),
        ("D link", "## **D** [link](x.md)\nbody two"),
        ("End", "End\n===\nlast"),
        ("End > 标题", "##标题\n正文"),
    ]


@pytest.mark.parametrize(
    "front", ["---\ntitle: Pumps\n---", "---\n标题: 水泵\n...", '+++\ntitle = "Pumps"\n+++']
)
def test_front_matter_stands_by_itself(front: str) -> None:
    text = f"{front}\nNo heading yet.\n\n# A\nbody"
    assert outline(markdown(text)) == [
        ("", front),
        ("", "No heading yet."),
        ("", "# A\nbody"),
    ]


def test_a_rule_that_ends_nothing_is_no_front_matter() -> None:
    assert outline(markdown("---\nwords\n\nmore")) == [("", "---\nwords\n\nmore")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "第一章 总则\n第一条 为了保护环境，制定本法。\n第二条 本法适用于全国。\n"
            "第二章 附则\n第三條\u3000本法自公布之日起施行。",
            [
                ("第一章 总则 > 第一条", "第一章 总则\n第一条 为了保护环境，制定本法。"),
                ("第一章 总则 > 第二条", "第二条 本法适用于全国。"),
                ("第二章 附则 > 第三條", "第二章 附则\n第三條\u3000本法自公布之日起施行。"),
            ],
        ),
        (
            "1.1 Scope\nThis says what is covered.\n1.2 Terms\nA pump is a machine.",
            [
                ("1.1 Scope", "1.1 Scope\nThis says what is covered."),
                ("1.2 Terms", "1.2 Terms\nA pump is a machine."),
            ],
        ),
        (
            "CHAPTER II\n\nSafety rules\n\nAlways switch the pump off first. Then open it.",
            [
                (
                    "CHAPTER II > Safety rules",
                    "CHAPTER II\n\nSafety rules\n\nAlways switch the pump off first. Then open it.",
                )
            ],
        ),
        (
            "目录\n1.1 Scope 3\n1.2 Terms 5",  # contents
            [("", "目录\n1.1 Scope 3\n1.2 Terms 5")],
        ),
        ("1.1 Milk\n1.2 Bread\n1.3 Salt", [("", "1.1 Milk\n1.2 Bread\n1.3 Salt")]),
        ("1.5 Million people came.", [("", "1.5 Million people came.")]),
        (
            "本法第三条规定的情形除外。\n第三章规定了处罚，从其规定。",
            [("", "本法第三条规定的情形除外。\n第三章规定了处罚，从其规定。")],
        ),
    ],
)
def test_plain_text_headings_are_recognised_with_caution(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert outline(text) == expected


def test_marked_structure_is_taken_as_it_is_and_nothing_is_inferred() -> None:
    builder = TextBuilder()
    builder.heading("Class __init__ of List<T>", 2)
    builder.paragraph("# no heading\n第一章 总则\n| no | table |\n```\nno code\n```")
    builder.heading("1.2 附则", 3)
    builder.code("# comment\nrun()")
    assert outline(builder.build(engine="test", title="T")) == [
        (
            "Class __init__ of List<T>",
            "Class __init__ of List<T>\n\n"
            "# no heading\n第一章 总则\n| no | table |\n```\nno code\n```",
        ),
        ("Class __init__ of List<T> > 1.2 附则", "1.2 附则\n\n# comment\nrun()"),
    ]


def test_a_paragraph_marked_as_heading_is_cut_at_its_sentences() -> None:
    paragraph = " ".join(["The pump in the cellar runs all night."] * 10)
    builder = TextBuilder()
    builder.heading(paragraph, 1)
    heading, text = outline(builder.build(engine="test"), max_tokens=20)[0]
    assert text == " ".join(["The pump in the cellar runs all night."] * 2)
    assert heading == ""  # it is the title


def test_marks_that_overlap_cost_no_text() -> None:
    marks = (Mark("heading", 0, 5, level=1), Mark("code", 3, 8), Mark("table", 4, 6))
    loaded = LoadedText("abcde\nfg hi", syntax="marked", marks=marks)
    assert [text for _, text in outline(loaded)] == ["abcde\nfg hi"]


def headed(*headings: tuple[int, str], title: str = "") -> LoadedText:
    builder = TextBuilder()
    for level, heading in headings:
        builder.heading(heading, level)
        builder.paragraph("正文。")
    return builder.build(engine="test", title=title)


@pytest.mark.parametrize(
    ("loaded", "paths"),
    [
        (headed((1, "Pump"), (2, "Use"), title="PUMP"), ["", "Use"]),  # the title is said anyway
        (headed((1, "A"), (2, "A"), (3, "B"), title="T"), ["A", "A", "A > B"]),
        (headed((2, "A"), (1, "B"), (3, "C"), title="T"), ["A", "B", "B > C"]),
        (headed((1, "x" * 400), title="T"), ["x" * 119 + "…"]),
        (headed((1, "long " * 40), title="T"), [("long " * 23).strip() + "…"]),
    ],
)
def test_a_heading_path_is_short_and_without_repetitions(
    loaded: LoadedText, paths: list[str]
) -> None:
    assert [heading for heading, _ in outline(loaded)] == paths


def test_a_deep_or_long_path_keeps_its_inner_end() -> None:
    deep = headed(*((level, f"H{level}") for level in range(1, 9)), title="T")
    assert outline(deep)[-1][0] == "H3 > H4 > H5 > H6 > H7 > H8"
    long = headed(*((level, f"{level}" * 100) for level in range(1, 6)), title="T")
    assert outline(long)[-1][0] == f"{'4' * 100} > {'5' * 100}"


@pytest.mark.parametrize(
    ("loaded", "title"),
    [
        (LoadedText("# Other\n\ntext", title=" Pump\n manual "), "Pump manual"),
        (markdown("intro\n\n# The **Pump**\n\ntext"), "The Pump"),
        (markdown("```\n# comment\n```\n"), "pump.txt"),
        (LoadedText("intro:\n\n# The Pump\n\ntext"), "pump.txt"),  # no Markdown
        (LoadedText("水泵手册\n\n正文。"), "水泵手册"),
        (LoadedText("水泵手册\n正文。"), "pump.txt"),
        (LoadedText("这是一句话。\n\n正文。"), "pump.txt"),
        (LoadedText("第一章 总则\n\n正文。"), "pump.txt"),
        (LoadedText("x" * 81 + "\n\ntext"), "pump.txt"),
        (LoadedText(""), "pump.txt"),
        (headed((1, "Pump"), title="Manual"), "Manual"),
        (headed((1, "Pump <T>"), (1, "Valve")), "Pump <T>"),
        (headed((1, "Chapter 1: Pumps"), (1, "Chapter 2: Valves")), "pump.txt"),
        (headed((2, "Pump")), "Pump"),
        (
            LoadedText("a | b\n\ntext", syntax="marked", marks=(Mark("table", 0, 5),)),
            "pump.txt",
        ),
    ],
)
def test_the_title_comes_from_the_best_place_that_has_one(loaded: LoadedText, title: str) -> None:
    assert title_of(loaded, "pump.txt") == title


def in_parts(*parts: LoadedText, max_tokens: int = 50) -> list[tuple[str, str, str]]:
    """Heading, table header and text of each chunk of a document read in ``parts``."""
    found: list[tuple[str, str, str]] = []
    carried: Carried | None = None
    for part in parts:
        spans, carried = chunk_part(part, carried, count_tokens=count_words, max_tokens=max_tokens)
        found += [(span.heading, span.table_header, span.text) for span in spans]
    return found


def test_a_part_goes_on_under_the_headings_of_the_one_before() -> None:
    assert in_parts(
        markdown("# Title\n\n## A\n\n### B\n\none"),
        markdown("two\n\n### C\n\nthree"),
        markdown(""),
        markdown("---\nfour\n---\nfive\n\n## D\n\nsix"),
    ) == [
        ("A > B", "", "# Title\n\n## A\n\n### B\n\none"),
        ("A > B", "", "two"),
        ("A > C", "", "### C\n\nthree"),
        ("A > C", "", "---\nfour\n---\nfive"),  # no front matter here
        ("D", "", "## D\n\nsix"),
    ]


def test_a_part_goes_on_in_the_code_that_was_open() -> None:
    assert in_parts(markdown("text\n~~~\n# a"), markdown("# b\n~~~\n# C\nd")) == [
        ("", "", "text\n~~~\n# a"),
        ("", "", "# b\n~~~"),
        ("C", "", "# C\nd"),
    ]


def test_a_part_goes_on_in_the_table_that_was_open() -> None:
    rows = "a | b\n1 | 2\n3 | 4"
    whole = (Mark("table", 0, len(rows), header_end=5),)
    first = LoadedText(rows, syntax="marked", marks=whole)
    # A loader cannot know that the first row of a later part is not a header.
    later = LoadedText(rows.replace("a | b", "5 | 6"), syntax="marked", marks=whole)
    assert in_parts(first, later, later) == [
        ("", "", "a | b\n1 | 2\n3 | 4"),
        ("", "a | b", "5 | 6\n1 | 2\n3 | 4"),
        ("", "a | b", "5 | 6\n1 | 2\n3 | 4"),
    ]
    assert in_parts(
        markdown("| a | b |\n|---|---|\n| 1 | 2 |"),
        markdown("| 3 | 4 |\n\nEnd."),
        markdown("| 5 |"),
    ) == [
        ("", "", "| a | b |\n|---|---|\n| 1 | 2 |"),
        ("", "a | b", "| 3 | 4 |\n\nEnd."),
        ("", "", "| 5 |"),
    ]


def test_a_table_that_names_its_own_columns_is_another_one() -> None:
    first = markdown("| a | b |\n|---|---|\n| 1 | 2 |")
    second = markdown("| c | d |\n|---|---|\n| 3 | 4 |\n| 5 | 6 |")
    assert [header for _, header, _ in in_parts(first, second, max_tokens=22)] == ["", "", "c | d"]


def test_what_is_carried_survives_json() -> None:
    text = markdown("# T\n\n## A\n\n```\nx")
    _, carried = chunk_part(text, None, count_tokens=count_words, max_tokens=9)
    assert carried == Carried(title="T", headings=((1, "T"), (2, "A")), fence="```")
    stored = json.loads(json.dumps(asdict(carried)))
    stored["headings"] = tuple(map(tuple, stored["headings"]))
    assert Carried(**stored) == carried
