"""HTML to an element tree, and what of that tree a reader of the page sees."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from lxml import etree
from lxml.etree import _Element as Element

from ingest.loaders.about import About, split_tags, stated_day
from ingest.loaders.web.inline_style import blank_unreadable, hides_all

# Never shown, or no text of the document: code, metadata, fallbacks, controls, pronunciation.
_NOT_SHOWN = frozenset(
    """script style template noscript title meta link base desc metadata defs iframe object embed
    applet audio video canvas map select option datalist textarea input progress meter
    noframes rp rt rtc annotation annotation-xml""".split()  # noqa: SIM905
)
_HIDDEN_CLASSES = frozenset(
    {"sr-only", "visually-hidden", "visuallyhidden", "screen-reader-text", "screen-reader-only"}
)
# Of the site, not of the document: kept only on a page that has nothing else.
_SITE_ROLES = frozenset({"navigation", "search", "contentinfo"})
_SITE_CLASSES = frozenset(
    {"headerlink", "mw-editsection", "mw-jump-link", "skip-link", "lineno", "linenos"}
)
_COOKIE_NOTICE = re.compile(r"(?i)cookie[-_]?(?:banner|bar|consent|law|notice|popup)|onetrust")
# What menus are called; only what also consists of links is taken for one.
_MENU_NAME = re.compile(
    r"(?i)(?:^|[\s_-])(?:nav(?:bar|igation)?|menu|dropdown|breadcrumbs?|catlinks|languages?"
    r"|interlanguage|pagination|share|social|top-?bar|site-?map)(?:$|[\s_-])"
)
_MENU_LINKS = 0.6  # share of its text
_MENU_NODES = 2_000  # more is no menu
_SECTIONS = ("article", "section", "main", "blockquote")
_WHOLE_PAGE = frozenset({"html", "body"})

_SELF_CLOSED = re.compile(
    r"<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)\b)"
    r"([A-Za-z][\w:-]*)(\s[^<>]*)?/>",
    re.IGNORECASE,
)
_XHTML = re.compile(r"\A\s*<\?xml|<html[^>]{0,500}xmlns\s*=", re.IGNORECASE)
_FORMATTING = re.compile(
    r"</?(?:b|big|center|em|font|i|small|strong|tt|u)(?:\s[^<>]*)?>", re.IGNORECASE
)

# Names and properties of <meta>: Dublin Core, Open Graph, and what is written by hand.
_PAGE_DATES = (
    "article:modified_time",
    "last-modified",
    "dcterms.modified",
    "article:published_time",
    "dcterms.date",
    "dc.date",
    "date",
)
_PAGE_TAGS = ("keywords", "article:tag", "dc.subject", "dcterms.subject")

_CUT = "The page is nested too deeply to be read to its end; what follows is left out."


@dataclass(frozen=True, slots=True)
class HtmlTree:
    """``root`` is None for a page without any content."""

    root: Element | None
    warnings: tuple[str, ...] = ()


def parse_html(text: str) -> HtmlTree:
    """The tree of a page, however broken, without text that its own style makes unreadable.

    The parser stops at a depth of 2,048 elements. What gets a real page there are formatting
    tags that are never closed: without them it is tried again.
    """
    source = _SELF_CLOSED.sub(r"<\1\2></\1>", text) if _XHTML.search(text[:2000]) else text
    root, is_cut = _parse(source)
    if is_cut:
        root, is_cut = _parse(_FORMATTING.sub("", source))
    if root is not None:
        blank_unreadable(root)
    return HtmlTree(root, (_CUT,) if is_cut else ())


def _parse(text: str) -> tuple[Element | None, bool]:
    parser = etree.HTMLParser(
        encoding="utf-8", huge_tree=True, no_network=True, remove_comments=True, remove_pis=True
    )
    data = text.replace("\0", "").encode("utf-8", errors="replace")
    root = etree.fromstring(data, parser) if data.strip() else None
    is_cut = any(error.type_name == "ERR_RESOURCE_LIMIT" for error in parser.error_log)
    return root, is_cut


def page_title(root: Element) -> str:
    """What ``<title>`` says; "" where it is missing."""
    first = next(root.iter("title"), None)
    return "".join(first.itertext()).strip() if first is not None else ""


def page_about(root: Element) -> About:
    """What the page's ``<meta>`` elements say of its date and its tags."""
    said: dict[str, list[str]] = {}
    for meta in root.iter("meta"):
        name = (meta.get("name") or meta.get("property") or "").lower()
        said.setdefault(name, []).append(meta.get("content") or "")
    days = (stated_day(text) for name in _PAGE_DATES for text in said.get(name, ()))
    tags = split_tags(*(text for name in _PAGE_TAGS for text in said.get(name, ())))
    return About(next(filter(None, days), ""), tags)


def is_hidden(element: Element) -> bool:
    """Whether a reader of the page does not see it. Such text can be meant for machines only.

    Style sheets are not consulted.
    """
    if element.tag in _NOT_SHOWN:
        return True
    if element.tag == "dialog" and element.get("open") is None:
        return True
    if not element.attrib or element.tag in _WHOLE_PAGE:
        return False
    if element.get("hidden") is not None or element.get("aria-hidden", "").lower() == "true":
        return True
    if hides_all(element.get("style", "")):
        return True
    return not _HIDDEN_CLASSES.isdisjoint(element.get("class", "").split())


def is_of_the_site(element: Element) -> bool:
    """Whether it is navigation, a site's footer or a cookie notice rather than the document."""
    tag = element.tag
    if tag == "nav":
        return True
    named = f"{element.get('class', '')} {element.get('id', '')}"
    if tag == "footer":
        return "footnote" not in named and not _is_in_section(element)
    if element.get("role") in _SITE_ROLES or not _SITE_CLASSES.isdisjoint(named.split()):
        return True
    return tag not in _WHOLE_PAGE and _COOKIE_NOTICE.search(named) is not None


def is_named_menu(element: Element) -> bool:
    """Whether its class or id calls it a menu; what else consists of links may be an index."""
    named = f"{element.get('class', '')} {element.get('id', '')}"
    return element.tag not in _WHOLE_PAGE and _MENU_NAME.search(named) is not None


def consists_of_links(element: Element) -> tuple[bool, int]:
    """Whether it does for the most part, and how many elements were looked at."""
    text = links = count = 0
    for node in islice(element.iter(), _MENU_NODES):
        count += 1
        own = len((node.text or "").strip())
        tail = len((node.tail or "").strip()) if node is not element else 0
        text += own + tail
        # Within a link there are icons and labels at most.
        in_link = node.tag == "a" or node.getparent().tag == "a"
        links += own if in_link else 0
    return 0 < text <= links / _MENU_LINKS, count


def _is_in_section(element: Element) -> bool:
    return next(element.iterancestors(_SECTIONS), None) is not None
