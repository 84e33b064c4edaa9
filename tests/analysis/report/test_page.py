"""The page stands alone, is well-formed, says everything in words, and escapes what data says."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from campaigns.analysis.report import html
from support.analyses import HOSTILE, SAMPLES, healthy, incomplete, many, mismatch, without_holdout

VOID = {"meta", "br", "link", "img", "input", "hr"}
EMPTY_SVG = {"line", "rect", "circle", "polygon", "polyline"}


class Page(HTMLParser):
    """The elements of a page; fails where tags are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in EMPTY_SVG
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "title", "desc"} & set(self.open):
            self.text += f" {data}"

    def values(self, attribute: str) -> list[str]:
        return [str(attrs[attribute]) for _, attrs in self.elements if attrs.get(attribute)]


@pytest.fixture(params=list(SAMPLES))
def page(request: pytest.FixtureRequest) -> str:
    return html(SAMPLES[request.param]())


def spoken(document: dict[str, Any]) -> str:
    return " ".join(Page(html(document)).text.split())


def test_a_page_is_well_formed_and_refers_to_what_it_has(page: str) -> None:
    found = Page(page)
    ids = found.values("id")
    assert len(ids) == len(set(ids))
    wanted = [
        each for name in ("aria-labelledby", "aria-describedby") for text in found.values(name) for each in text.split()
    ]
    assert set(wanted) <= set(ids)
    assert {link.removeprefix("#") for link in found.values("href")} <= set(ids)


def test_a_page_needs_no_script_and_no_network(page: str) -> None:
    found = Page(page)
    assert not {tag for tag, _ in found.elements} & {"script", "link", "img", "iframe", "object", "image", "use"}
    assert not [name for _, attrs in found.elements for name in attrs if name.startswith("on") or name == "src"]
    assert not re.search(r"https?:|url\(|@import|@font-face", page)
    assert "default-src 'none'" in page


def test_every_chart_is_told_in_words_or_hidden_from_readers(page: str) -> None:
    charts = [attrs for tag, attrs in Page(page).elements if tag == "svg" and "viewbox" not in attrs]
    named = [each for each in charts if each.get("role") == "img"]
    hidden = [each for each in charts if each.get("aria-hidden")]
    assert all(each.get("aria-labelledby") for each in named)
    assert len(named) + len(hidden) == len(charts)


def test_no_number_is_left_undefined_by_mistake(page: str) -> None:
    assert not re.search(r"\b(nan|inf|None|undefined>)\b", page.replace("undefined</td>", ""))


def test_a_place_is_on_the_chart(page: str) -> None:
    places = [float(place) for place in re.findall(r' (?:x[12]?|cx|width)="([-\d.]+)%"', page)]
    assert places
    assert all(0 <= place <= 100 for place in places)


def test_what_data_says_is_shown_and_does_nothing() -> None:
    page = html(SAMPLES["hostile"]())
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31mred\\u202e" in page
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", page)
    assert HOSTILE not in spoken(SAMPLES["hostile"]())


def test_a_mismatch_leads_and_marks_every_result() -> None:
    told = spoken(mismatch())
    assert told.index("DO NOT TRUST THESE RESULTS") < told.index("In short")
    page = html(mismatch())
    rows = re.findall(r'<td class="verdict">([^<]*)</td>', page)
    assert rows
    assert set(rows) == {"not to be trusted"}
    assert page.count('<span class="stamp">not to be trusted</span>') == len(mismatch()["metrics"])
    assert "▲" not in told
    assert "reading is to be trusted" in told
    assert "DO NOT TRUST" not in spoken(healthy())


def test_while_windows_are_open_the_page_says_when_the_fixed_reading_becomes_valid() -> None:
    told = spoken(incomplete())
    assert "Only the sequential reading is valid now. The fixed one is valid from 2026-06-15 00:00 UTC" in told
    assert "fixed interval, not valid yet" in told
    assert "not valid yet" not in spoken(healthy())


def test_the_campaign_itself_stands_apart_from_the_comparison_with_control() -> None:
    told = spoken(healthy())
    assert told.index("Against control") < told.index("Against the holdout: the effect of the campaign itself")
    assert "Intention to treat" in told
    assert "holdout" not in spoken(without_holdout())


def test_factors_show_main_effects_and_interactions() -> None:
    told = spoken(SAMPLES["factorial"]())
    assert "subject: b against a" in told
    assert "subject=b with incentive=free" in told


def test_by_shows_a_small_table_for_each_value() -> None:
    told = spoken(SAMPLES["by_tenant"]())
    for value in ("marketplace", "corner-grocer", "(no value)", "''"):
        assert value in told


def test_the_same_document_is_the_same_page() -> None:
    assert html(many()) == html(many())
