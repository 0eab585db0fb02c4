"""The report in a real browser, wide and narrow: it draws, and it asks the network for nothing."""

from __future__ import annotations

from itertools import pairwise

import pytest

SECTIONS = ("answer", "candidates", "guidance", "hull", "attrition", "estimator", "audit", "record")


def test_everything_is_drawn_and_nothing_goes_wrong(any_width):
    any_width.page.wait_for_function("document.body.dataset.figures === 'drawn'")
    figures = any_width.page.locator("figure")
    assert figures.count() > 8
    assert any_width.page.locator("figure svg.main-svg").count() >= figures.count()
    assert any_width.page.evaluate("document.body.dataset.viewer") == "ready"
    assert any_width.complaints() == []


def test_nothing_is_requested_but_the_file(any_width):
    inside = ("data:", "blob:")
    assert [u for u in any_width.requests if not u.startswith(inside)] == [any_width.path.as_uri()]


def test_the_page_is_never_wider_than_the_window(any_width):
    width = any_width.page.viewport_size["width"]
    assert any_width.page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("anchor", SECTIONS)
def test_a_section_is_reached_by_its_link(anchor, any_width):
    any_width.page.locator(f"nav a[href='#{anchor}']").click()
    any_width.page.wait_for_function(
        f"(() => {{ const box = document.getElementById('{anchor}').getBoundingClientRect();"
        " return box.top < innerHeight && box.bottom > 0; })()"
    )


def test_the_answer_is_on_the_first_screen(opened):
    opened.page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    tops = opened.page.evaluate(
        "['h1', '.badge', '.verdict table', '#best tbody tr:last-child']"
        ".map((s) => document.querySelector(s).getBoundingClientRect().bottom)"
    )
    assert max(tops) < opened.page.viewport_size["height"]


def test_no_chart_can_be_uploaded(opened):
    opened.page.wait_for_function("document.body.dataset.figures === 'drawn'")
    titles = opened.page.eval_on_selector_all(".modebar-btn", "all => all.map((b) => b.dataset.title)")
    assert titles
    assert [t for t in titles if "hare" in t or "loud" in t] == []


def test_every_control_has_a_name_and_every_heading_its_level(opened):
    unnamed = opened.page.evaluate(
        "[...document.querySelectorAll('input, select, button')].filter((e) => !(e.labels?.length"
        " || e.ariaLabel || e.textContent.trim())).map((e) => e.outerHTML)"
    )
    assert unnamed == []
    levels = opened.page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map((h) => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
