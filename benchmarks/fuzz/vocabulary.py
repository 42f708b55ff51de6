"""What the text mutations put into files: numbers, characters and words that make trouble."""

from __future__ import annotations

from typing import Final

# Counts, lengths and figures at the edges of what programs can hold.
NUMBERS: Final = (
    "0", "-1", "1", "2", "9", "65535", "65536", "-32768", "2147483647", "2147483648",
    "18446744073709551616", "1e308", "1e999", "NaN", "-0.0", "1.5", "٣", "²", "0x41", "",
    "9" * 5_000,
)  # fmt: skip
# Controls, bidirectional and zero-width characters, odd line ends, marks, halves of pairs.
HOSTILE: Final = (
    "\0", "\x01", "\x08", "\x0b", "\x0c", "\x1b[31m", "\x1f", "\x7f", "\x85", "\xa0", "\xad",
    "\u061c", "\u200b", "\u200d", "\u200e", "\u202e", "\u2028", "\u2029", "\u2066", "\u2069",
    "\u3000", "\ufeff", "\ufffd", "\ufffe", "\uffff", "\U000e0041", "\U0010ffff", "\ud800",
    "\udfff", "\u0301", "\u0301" * 300, "👩\u200d🚀", "ﷺ", "İ", "ß", "\r", "\r\n", "\n\n\n", "\t",
    " " * 300, "水" * 400, "字。" * 60, "x" * 3_000, "|" * 200, "{{7*7}}", "%s%n",
    "../../etc/passwd",
)  # fmt: skip
_MARKUP: Final = (
    "&#0;", "&#xD800;", "&#x1F;", "&#xFFFE;", "&#1114112;", "&nbsp;", "&lol;", "<!--", "-->",
    "<![CDATA[", "]]>", "<?x", "</", "<", ">", "<p>", "</p>", "<br/>", "<table>", "</table>",
    "<tr>", "<td colspan='65534' rowspan='65534'>", "<li value='-1'>", "<pre>", "<script>",
    "<template>", "<svg>", "<math>", "<select>", "<frameset>", "<plaintext>", "<base href='x'>",
    "<h1>", "</h6>", '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>',
    "<meta charset=utf-16>", '<?xml version="1.0" encoding="utf-7"?>', "<title>", "<a href='#'>",
    "<img alt='x'>",
)  # fmt: skip
# By flavour of text: what its parser acts on.
WORDS: Final[dict[str, tuple[str, ...]]] = {
    "xml": _MARKUP,
    "html": _MARKUP,
    "md": (
        "\n```\n", "\n~~~\n", "\n---\n", "\n===\n", "\n# ", "\n#", "\n> ", "\n- ", "\n1. ",
        "\n\t", "\n| a | b |\n|---|---|\n", "|", "\\|", "\n    ", "[x]: ", "![](", "<!--",
        "<div>", "\n***\n", "---\ntitle: |\n  x\n---\n", "$$", "[^1]", "\n+++\n",
    ),
    "csv": (
        '"', '""', ",", ";", "\t", "\n", ",,,,", '"\n', "'", "=1+1", ',"a\nb",', "|", "sep=;\n",
    ),
    "json": (
        "{", "}", "[", "]", ",", ":", '"', '"\\ud800"', '"\\u0000"', "\\", "null", "true", "NaN",
        "-Infinity", "1e999", '{"a":', '"a":1,"a":2,', "//x\n", "\n{}\n", "\n[]\n", '""', '"":',
    ),
    "rst": (
        "\n====\n", "\n----\n", "\n.. note::\n", "\n.. include:: /etc/hostname\n",
        "::\n\n   x\n", "\n.. csv-table::\n   :file: /etc/hostname\n",
        "\n.. list-table::\n   :header-rows: 1\n\n", "``", "|x|", "`", "_", "[1]_",
        "\n.. _a: b_\n.. _b: a_\n", "\n+--+\n|  |\n+--+\n", ":ref:`x`",
        "\n.. |a| replace:: |a|\n", "\n.. table::\n\n   == ==\n   a  b\n   == ==\n",
        "\n.. math::\n", "\n.. role:: x(raw)\n", "\n.. image:: x\n   :width: 9e9\n",
        "\n.. default-role:: math\n", "\n.. unicode:: U+D800\n", "\n.. |n| unicode:: 0xD800\n",
        "\n.. sectnum::\n", "\n.. class:: x\n",
    ),
    "rtf": (
        "{", "}", "\\", "\\*", "\\'", "\\'ff", "\\'zz", "\\u-10240?", "\\u0?", "\\u99999999?",
        "\\uc0 ", "\\uc999999 ", "\\bin999999 ", "\\bin-1 ", "\\par ", "\\cell ", "\\row ",
        "\\trowd ", "\\intbl ", "\\f1 ", "\\f-1 ", "\\ansicpg0 ", "\\ansicpg65001 ",
        "\\ansicpg932 ", "{\\footnote ", "{\\*\\x ", "{\\fonttbl{\\f1\\fcharset128 x;}}",
        "\\ilvl99 ", "\\outlinelevel-5 ", "\\outlinelevel9 ", "\\s1 ", "{\\shptxt ",
        "{\\upr{a}{\\*\\ud{b}}}", "{\\header ", "\\deff9999999999 ", "{\\field{\\fldinst ",
        "{\\nonshppict ", "{\\stylesheet{\\s1 ;}}", "\\cpg1200 ", "\\mac ", "\\v ", "\\nestrow ",
    ),
    "mail": (
        "\n\n", "\nContent-Type: text/html; charset=utf-7\n",
        "\nContent-Type: multipart/mixed\n", '\nContent-Type: multipart/mixed; boundary=""\n',
        "\nContent-Transfer-Encoding: base64\n", "\nContent-Transfer-Encoding: x-uuencode\n",
        "\nContent-Type: message/rfc822\n",
        "\nContent-Disposition: attachment; filename*=utf-8''%ff%00.docx\n", "=?utf-8?B?////?=",
        "=?x?Q?=00?=", "=?gb2312?B?y64=?=", "\nSubject:", "\nFrom: <@>,;:\n", "=", "=00", "=\n",
        "\nContent-Type: text/plain; charset=\n", "\nContent-Type: text/plain; charset=\xff\n",
        "\nDate: x\n", "\nDate: Fri, 99 May 99999 10:00:00 +9999\n", "\n ", "\nX: \\\n\"",
        "\nContent-Type: message/partial\n", "\nContent-Type: message/delivery-status\n",
        "\nTo: a@b, \"c\n", "\nContent-Type: ;;\n", "\nMIME-Version:\n",
    ),
    "pdf": (
        "stream\n", "\nendstream\n", "endobj\n", "1 0 obj\n", "<<", ">>", "[", "]", "(", ")",
        "/", "%", "/Kids [1 0 R]", "/Parent 1 0 R", "/Count 99999999", "/Count -1", "/Length 0",
        "/Length 9999999", "/Filter /FlateDecode", "/Filter [/ASCIIHexDecode /ASCIIHexDecode]",
        "/Encrypt 1 0 R", "/Rotate 37", "/MediaBox [0 0 0 0]", "/MediaBox [0 0 1e38 1e38]",
        "/Contents 1 0 R", "/Resources 1 0 R", " Tj\n", " TJ\n", " Tm\n", " Tf\n", " cm\n",
        "q\n" * 200, "Q\n", "BT\n", "ET\n", "BI ID EI\n", " Do\n", " gs\n",
        "startxref\n0\n%%EOF", "xref\n0 99999999\n", "trailer << /Root 1 0 R >>", "/Prev 0",
        "<d800>", "()", "/ToUnicode 1 0 R", "/Title <FEFFD800>", "/Type /ObjStm",
        "/Next 1 0 R /First 1 0 R", "/W [1 9 9]", "/Encoding /Identity-H",
        "/StructTreeRoot 1 0 R", "/Marked true", "1e400 0 0 1e400 0 0 Tm\n", "' ",
    ),
    "plain": (
        "\n", "。", ". ", "\n\n", "\x0c", "Chapter 1\n", "第一章 ", "1.1 x\n", "  ", "\t", "====\n",
    ),
}  # fmt: skip
# By flavour: what opens and closes something that can be nested.
NESTS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "xml": (("<a>", "</a>"),),
    "html": (
        ("<div>", "</div>"), ("<ul><li>", "</li></ul>"), ("<b>", ""), ("<table><tr><td>", ""),
        ("<blockquote>", "</blockquote>"), ("<dl><dt>", ""), ("<h1>", ""), ("<svg>", ""),
    ),
    "md": (
        ("> ", ""), ("- ", ""), ("[", "]"), ("*", "*"), ("  ", ""), ("<div>", ""),
        ("\n  - ", ""),
    ),
    "csv": (('"', '"'), (",", "")),
    "json": (("[", "]"), ('{"a":', "}"), ('[{"a":', "}]"), ("[", "")),
    "rst": (
        ("- ", ""), ("\n   ", ""), ("*", "*"), ("\n.. note::\n\n  ", ""), ("  ", ""), ("`", "`"),
    ),
    "rtf": (
        ("{", "}"), ("{\\*\\x ", "}"), ("{\\footnote ", "}"), ("{\\shptxt ", ""),
        ("\\trowd ", ""),
    ),
    "mail": (
        ("\n\n--=_b\nContent-Type: multipart/mixed; boundary==_b\n", ""),
        ("Content-Type: message/rfc822\n\n", ""), ("(", ")"), (">", ""),
    ),
    "pdf": (("[", "]"), ("<<", ">>"), ("<</A ", ">>"), ("(", ")"), ("q ", "Q "), ("BT ", "")),
    "plain": (("(", ")"), ("“", "”"), ("  ", ""), ("#", ""), ("> ", "")),
}  # fmt: skip
