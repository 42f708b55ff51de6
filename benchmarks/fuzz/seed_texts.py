"""Seeds of the formats that are text: small, and touching much of what their loaders know."""

from __future__ import annotations

import base64
import json
from email.message import EmailMessage

ENGLISH = (
    "Annual upkeep of the pump station\n\n1. Purpose\n\nThis manual says how the pumps are kept. "
    "They were inspected on 3 May 2024 (Dr. Reed, U.S. branch); see fig. 2.\n\n"
    "2. Intervals\n\n- Filters: every 14 days\n- Bearings: every 1,250.5 hours\n\n"
    "Pump   Power   Year\nA-1    4.5 kW  2019\nB-2    7.0 kW  2021\n"
)
CHINESE = (
    "水泵站年度保养手册\n\n第一章 总则\n\n第一条 本手册规定水泵的保养方法。检查日期为2024年5月3日；"
    "详见图二。“能否停机？”必须先问值班员。\n\n第二条 每十四天更换一次滤网，轴承每1250小时加油。\n"
)
TRADITIONAL = (
    "水泵站年度保養手冊\n\n第一章 總則\n\n每十四天更換一次濾網，軸承每年加油。請您先閱讀說明。\n"
)
JAPANESE = "ポンプの保守手順\n\n毎月フィルターを交換してください。点検は五月三日に行われました。\n"
KOREAN = "펌프 정비 안내서\n\n필터는 매월 교체해야 합니다. 점검은 오월 삼일에 실시되었습니다.\n"
RUSSIAN = "Руководство по насосам\n\nФильтры меняют каждые две недели. Осмотр был проведён в мае.\n"
FRENCH = "Entretien des pompes\n\nLes filtres sont changés même l’été : voir « annexe ».\n"
ARABIC = "دليل صيانة المضخات\n\nتستبدل المرشحات كل أسبوعين.\n"

_ENCODED = (
    (CHINESE, ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "gb18030")),
    (TRADITIONAL, ("big5", "utf-16-be")),
    (JAPANESE, ("shift_jis", "euc_jp", "iso2022_jp")),
    (KOREAN, ("euc_kr",)),
    (RUSSIAN, ("cp1251", "koi8-r")),
    (FRENCH, ("cp1252", "mac-roman")),
    (ARABIC, ("utf-8", "cp1256")),
    (ENGLISH, ("ascii",)),
)

MARKDOWN = f"""---
title: "保养 Manual"
date: 2024-05-03
---

# Pump manual #

{CHINESE}

Setext heading
==============

> quoted *text* with `code` and [a link](https://example.org "t")
> > deeper

| Pump | Power | Year |
|:-----|------:|------|
| A-1  | 4.5   | 2019 |
| B\\|2 | 7.0  | 2021 |

```python
# not a heading
def f(x):
    return "| a | b |"
```

1. first
   - nested
     * deeper

<div align="center">raw &amp; html</div>

    indented code

## 第二章 ##
"""
CSV = (
    'name,city,"power (kW)",note\nA-1,Bern,4.5,"two\nlines"\nB-2,"北京",7.0,"a ""quote"""\n,,,\n'
    "C-3,上海,,\n"
)
TSV = "编号\t名称\t价格\n1\t水泵\t4,5\n2\t电机\t7,0\n"
JSON = json.dumps(
    {
        "title": "Pumps",
        "水泵": [{"id": 1, "power": 4.5, "tags": ["a", None, True]}, {"id": 2, "power": 7e3}],
        "deep": {"a": {"b": {"c": "text with \u2028 and \\u0000"}}},
        "text": CHINESE,
    },
    ensure_ascii=False,
    indent=1,
)
JSONL = "".join(
    json.dumps({"q": f"How is pump {n} kept?", "a": "每月加油。", "n": n}) + "\n" for n in range(6)
)
NOTEBOOK = json.dumps(
    {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"language": "python"}, "title": "Notes"},
        "cells": [
            {"cell_type": "markdown", "metadata": {}, "source": ["# Pumps\n", "每月加油。"]},
            {
                "cell_type": "code",
                "metadata": {},
                "source": "print(1)",
                "execution_count": 1,
                "outputs": [
                    {"output_type": "stream", "name": "stdout", "text": ["1\n", "\x1b[31mred"]},
                    {
                        "output_type": "execute_result",
                        "data": {"text/plain": "2", "text/html": "<table><tr><td>2</td></tr>"},
                    },
                    {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["t"]},
                ],
            },
            {"cell_type": "raw", "metadata": {}, "source": []},
        ],
    }
)
HTML = f"""<!DOCTYPE html><html lang="zh"><head><meta charset="utf-8">
<title>水泵 &amp; pumps</title><style>p {{}}</style><script>var a = "<p>";</script></head><body>
<nav><ul><li><a href="/">Home</a></li></ul></nav><main><h1>Pumps</h1><p>Text<br>line <b>b</b>
&#x6c34;&nbsp;&lt;</p><h2 id=x>Lists</h2><ol start="3"><li>one<ul><li>inner</li></ul></li>
<li value="9">two</li></ol><dl><dt>Filter</dt><dd>every 14 days</dd><dt>alone</dt></dl>
<table><caption>Pumps</caption><thead><tr><th>Name</th><th colspan="2">Power</th></tr></thead>
<tbody><tr><td rowspan="2">A-1</td><td>4.5</td><td>kW</td></tr><tr><td>7</td><td>kW<table><tr>
<td>in</td></tr></table></td></tr></tbody></table><pre><code>def f():
    pass</code></pre><blockquote>quote</blockquote><ruby>水<rt>shuǐ</rt></ruby><math><mi>x</mi>
</math><img alt="a pump"><details><summary>More</summary>{CHINESE}</details>
<p hidden>unseen</p><p style="display:none">unseen</p><textarea>t</textarea><svg><text>s</text>
</svg><iframe></iframe></main><footer>imprint</footer></body></html>"""
XHTML = (
    '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN"'
    ' "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">'
    '<html xmlns="http://www.w3.org/1999/xhtml">'
    f"<head><title>水泵</title></head><body><h1>水泵</h1><p>{CHINESE}</p></body></html>"
)
XML = (
    '<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE r [<!ELEMENT r ANY>]><r xmlns:a="urn:a">'
    f'<title>Pumps</title><a:row id="1"><name>A-1</name><power unit="kW">4.5</power></a:row>'
    f"<![CDATA[{ENGLISH}]]><!-- c --><?pi x?><p>{CHINESE}</p></r>"
)
RST = f"""=====
Pumps
=====

:Author: Reed

.. contents::

Section
-------

{ENGLISH}

.. note:: A note with ``code`` and |sub|.

.. |sub| replace:: substitution

.. code-block:: python

   def f(): pass

.. csv-table:: Table
   :header: "a", "b"

   "1", "水泵"

+-----+-----+
| a   | b   |
+=====+=====+
| 1   | 2   |
+-----+-----+

.. toctree::
   :maxdepth: 2

   other

:ref:`x <y>` and [1]_ and `link`_.

.. [1] footnote
.. _link: https://example.org

term
   definition

.. include:: /etc/hostname
.. raw:: html

   <p>raw</p>
"""
RTF = (
    r"{\rtf1\ansi\ansicpg936\deff0\uc1{\fonttbl{\f0\fswiss Arial;}"
    r"{\f1\fcharset134 \'cb\'ce\'cc\'e5;}}"
    r"{\colortbl;\red0\green0\blue0;}{\stylesheet{\s0 Normal;}{\s1\outlinelevel0 heading 1;}}"
    r"{\info{\title Pumps}{\author Reed}}{\header head \chpgn}{\footer foot}"
    r"\pard\s1\outlinelevel0 Purpose\par\pard\plain\f1 \'cb\'ae\'b1\'c3\u27700?\u-10179?\u-8704?"
    r"\par {\*\generator x;}{\field{\*\fldinst HYPERLINK x}{\fldrslt link}}{\v hidden}\tab"
    r"\pard{\pntext 1.\tab}\ls1\ilvl0 item\par\trowd\trhdr\cellx1000\cellx2000\intbl a\cell b\cell"
    r"\row\trowd\cellx1000\cellx2000\intbl 1\cell 2\cell\row\pard text{\footnote note}\line more"
    r"{\pict\pngblip\bin4 abcd}{\shp{\*\shpinst{\shptxt box\par}}}\~\_\{\}\par}"
)
SUBTITLES = (
    "1\n00:00:01,000 --> 00:00:02,500\n<i>Pumps</i>\n\n2\n00:00:03,000 --> 00:00:04,000\n水泵\n"
)
ORG = (
    "#+TITLE: Pumps\n* TODO Heading :tag:\n| a | b |\n|---+---|\n| 1 | 2 |\n"
    "#+BEGIN_SRC py\nx\n#+END_SRC\n"
)
PYTHON = (
    '"""Docs."""\n\n\nclass Pump:\n    """水泵"""\n\n    def run(self) -> int:\n        return 1\n'
)
TEX = "\\section{Pumps}\n\\begin{tabular}{ll}\na & b \\\\\n\\end{tabular}\n$x^2$ % comment\n"


def mail_bytes(attachments: dict[str, bytes]) -> bytes:
    """A mail of plain text and HTML with ``attachments`` by name, and a mail within it."""
    inner = EmailMessage()
    inner["Subject"], inner["From"] = "Re: 滤网", "a@example.org"
    inner.set_content("The inner mail. 内层邮件。")
    mail = EmailMessage()
    mail["Subject"] = "水泵 maintenance"
    mail["From"], mail["To"] = '"Reed, Dr." <reed@example.org>', "b@example.org"
    mail["Date"] = "Fri, 03 May 2024 10:00:00 +0800"
    mail.set_content(CHINESE, charset="gb18030", cte="base64")
    mail.add_alternative(HTML, subtype="html")
    for name, data in attachments.items():
        mail.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    mail.add_attachment(inner)
    for number, part in enumerate(mail.walk()):
        if part.get_content_maintype() == "multipart":
            part.set_boundary(f"=_{number}")  # else it is drawn at random
    return mail.as_bytes()


def mhtml_bytes() -> bytes:
    body = base64.encodebytes(HTML.encode()).decode("ascii")
    return (
        "From: <Saved>\r\nSubject: =?utf-8?B?5rC05rO1?=\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/related; type="text/html"; boundary="=_b"\r\n\r\n'
        "--=_b\r\nContent-Type: text/html; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: base64\r\nContent-Location: x\r\n\r\n{body}\r\n"
        "--=_b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n"
        "--=_b--"
    ).encode("ascii")


def text_seeds() -> dict[str, bytes]:
    """File names and contents."""
    found = {
        f"{codec}-{number}.txt": text.encode(codec)
        for number, (text, codecs) in enumerate(_ENCODED)
        for codec in codecs
    }
    plain = {
        "a.md": MARKDOWN, "a.csv": CSV, "semicolon.csv": CSV.replace(",", ";"), "a.tsv": TSV,
        "a.json": JSON, "a.jsonl": JSONL, "a.ipynb": NOTEBOOK, "a.html": HTML, "a.xhtml": XHTML,
        "a.xml": XML, "a.rst": RST, "a.rtf": RTF, "a.srt": SUBTITLES,
        "a.vtt": f"WEBVTT\n\n{SUBTITLES}", "a.org": ORG, "a.py": PYTHON, "a.tex": TEX,
        "a.log": ENGLISH,
    }  # fmt: skip
    found |= {name: text.encode() for name, text in plain.items()}
    found["gbk.html"] = HTML.replace("utf-8", "gbk").encode("gb18030")
    found["utf16.csv"] = CSV.encode("utf-16")
    found["a.mhtml"] = mhtml_bytes()
    return found
