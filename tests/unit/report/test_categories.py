"""The figures by category: pages of their own for `snakemake --report`."""

from __future__ import annotations

import importlib.util
import re
import shutil
from html import unescape
from pathlib import Path

import pytest

from lodestone.plugins import PluginError
from lodestone.report import panels as folder
from lodestone.report.page import category_pages, render
from lodestone.report.panels import panels
from lodestone.report.reading import read_report_data
from lodestone.workflow.paths import CATEGORIES, CampaignPaths

ROOT = Path(__file__).resolve().parents[3]
TOY = ROOT / "tests" / "plugins" / "toys" / "elements.py"
LARGEST = 3_000_000  # bytes; plotly alone takes two


@pytest.fixture(scope="module")
def data(campaign):
    return read_report_data(CampaignPaths(root=campaign.parent, campaign=campaign.name))


@pytest.fixture(scope="module")
def pages(data):
    return category_pages(data)


@pytest.mark.slow
def test_every_category_has_a_page_a_rule_and_a_caption(pages):
    assert tuple(pages) == CATEGORIES
    rules = (ROOT / "rules" / "report.smk").read_text(encoding="utf-8")
    for name in CATEGORIES:
        assert f'PATHS.figures("{name}")' in rules
        assert f'caption="../workflow/report/{name}.rst"' in rules
        assert f'category="{name.capitalize()}"' in rules
        assert (ROOT / "workflow" / "report" / f"{name}.rst").is_file()


def test_the_panels_of_the_report_are_all_there_and_once(data, pages):
    for panel in panels(data):
        holding = [name for name, html in pages.items() if f'<section id="{panel.anchor}">' in html]
        assert holding == [panel.category]
        assert pages[holding[0]].count('<div class="plot"') >= len(panel.figures)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("CATEGORY = 'sources'", "lack `PLACE`, a number"),
        ("PLACE = 1\nCATEGORY = 'other'", "lack `CATEGORY`, one of guidance, constraints"),
        ("PLACE = 1\nCATEGORY = 'sources'", "lack `panels`, a function"),
    ],
)
def test_a_module_that_lacks_something_is_named(text, wanted, tmp_path, monkeypatch):
    name = f"lacking_{len(wanted)}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(tmp_path)])
    with pytest.raises(PluginError, match=f"{name} {wanted}"):
        folder.families.__wrapped__()


def test_a_new_file_stands_in_the_page_and_moves_nothing_else(data, tmp_path, monkeypatch):
    before = panels(data)
    shutil.copy(TOY, tmp_path)
    monkeypatch.setattr(folder, "__path__", [*folder.__path__, str(tmp_path)])
    monkeypatch.setattr(folder, "families", folder.families.__wrapped__)
    after = panels(data)
    assert [panel.anchor for panel in after if panel.anchor != "elements"] == [p.anchor for p in before]
    assert render(data).count('<section id="elements">') == 1
    holding = [name for name, html in category_pages(data).items() if '<section id="elements">' in html]
    assert holding == ["candidates"]


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
