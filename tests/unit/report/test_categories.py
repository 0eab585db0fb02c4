"""The figures by category: pages of their own for `snakemake --report`."""

from __future__ import annotations

import importlib.util
import re
from html import unescape
from pathlib import Path

import pytest

from lodestone.report.page import CATEGORIES, category_of, category_pages
from lodestone.report.panel import Panel
from lodestone.report.panels import panels
from lodestone.report.reading import read_report_data
from lodestone.workflow.paths import CATEGORIES as PAGES
from lodestone.workflow.paths import CampaignPaths

ROOT = Path(__file__).resolve().parents[3]
LARGEST = 3_000_000  # bytes; plotly alone takes two


@pytest.fixture(scope="module")
def data(campaign):
    return read_report_data(CampaignPaths(root=campaign.parent, campaign=campaign.name))


@pytest.fixture(scope="module")
def pages(data):
    return category_pages(data)


@pytest.mark.slow
def test_every_category_has_a_page_a_rule_and_a_caption(pages):
    assert tuple(pages) == tuple(CATEGORIES) == PAGES
    rules = (ROOT / "rules" / "report.smk").read_text(encoding="utf-8")
    for name in CATEGORIES:
        assert f'PATHS.figures("{name}")' in rules
        assert f'caption="../workflow/report/{name}.rst"' in rules
        assert f'category="{name.capitalize()}"' in rules
        assert (ROOT / "workflow" / "report" / f"{name}.rst").is_file()


def test_the_panels_of_the_report_are_all_there_and_once(data, pages):
    for panel in panels(data):
        holding = [name for name, html in pages.items() if f'<section id="{panel.anchor}">' in html]
        assert holding == [category_of(panel)]
        assert pages[holding[0]].count('<div class="plot"') >= len(panel.figures)


def test_a_panel_without_a_category_is_refused():
    with pytest.raises(ValueError, match="'other' has no category"):
        category_of(Panel("other", "", ""))
    assert category_of(Panel("constraint-hull", "", "")) == "constraints"


def test_pages_are_whole_and_small(pages):
    for name, html in pages.items():
        assert len(html) < LARGEST, name
        assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", html), name
        assert ("pack-library-plotly" in html) == ('class="plot"' in html), name
    assert len(pages["sources"]) < 100_000


def test_what_was_asked_stands_on_every_page(pages):
    for html in pages.values():
        assert "4 O around each Co" in unescape(html)


@pytest.mark.slow
def test_the_script_writes_every_page(campaign, tmp_path):
    spec = importlib.util.spec_from_file_location("script_figures", ROOT / "scripts" / "figures.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    places = {name: tmp_path / f"{name}.html" for name in CATEGORIES}
    script.main(directory=campaign, settings={}, **places)
    assert all(place.stat().st_size > 1000 for place in places.values())
