"""The pages of figures by category: drawn without a request or a complaint, legible at both widths."""

from __future__ import annotations

import copy

import pytest

from lodestone.report.page import category_pages
from lodestone.report.reading import read_report_data
from lodestone.workflow.paths import CATEGORIES, CampaignPaths

BOTH = {
    "terms": [
        {"kind": "coordination", "center": "Co", "neighbor": "O", "target": 4.0, "cutoff": 2.5},
        {"kind": "volume_per_atom", "target": 10.0},
    ],
    "satisfied_within": 0.5,
    "primary": False,
}
LAID_OUT = """() => [...document.querySelectorAll('.js-plotly-plot')].map((plot) => {
  const box = (e) => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
  const legend = plot.querySelector('.legend .bg');
  const texts = [...plot.querySelectorAll('svg text')].filter((e) => e.textContent.trim());
  return {
    plot: box(plot),
    legend: legend && box(legend),
    scrolled: Boolean(plot.querySelector('.legend .scrollbar')
      && Number(plot.querySelector('.legend .scrollbar').getAttribute('height'))),
    areas: [...plot.querySelectorAll('.nsewdrag')].map(box),
    sizes: texts.map((e) => parseFloat(getComputedStyle(e).fontSize)),
  };
})"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory, fixtures):
    """The pages of a campaign with a sweep of strengths and a constraint of two terms."""
    import synthetic

    constraints = copy.deepcopy(synthetic.CONSTRAINTS) | {"both": BOTH}
    arms = synthetic.usual_arms()
    arms.append({"name": "co_o_4-s0.2", "kind": "guided", "constraint": "co_o_4", "strength": 0.2})
    arms.append({"name": "both-s0.1", "kind": "guided", "constraint": "both", "strength": 0.1})
    root = tmp_path_factory.mktemp("results") / "small"
    config = synthetic.settings(arms, constraints)
    synthetic.build(root, config, 24)
    fixtures.analyse(root, config, root)
    made = category_pages(read_report_data(CampaignPaths(root=root.parent, campaign=root.name)))
    for name, html in made.items():
        (root / f"{name}.html").write_text(html, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def drawn(pages, open_report):
    """Opens a page and waits for its last figure."""

    def opened(name, width):
        tab = open_report(pages / f"{name}.html", width)
        tab.page.wait_for_function("document.body.dataset.figures || !document.querySelector('.plot')")
        return tab

    return opened


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", CATEGORIES)
def test_a_page_is_drawn_by_itself(drawn, pages, name, width):
    tab = drawn(name, width)
    assert tab.complaints() == []
    assert [url for url in tab.requests if not url.startswith(("data:", "blob:"))] == [
        (pages / f"{name}.html").as_uri()
    ]
    wanted = tab.page.locator(".plot").count()
    assert tab.page.locator(".js-plotly-plot").count() == wanted
    assert wanted or name == "sources"
    assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", [name for name in CATEGORIES if name != "sources"])
def test_no_legend_lies_on_data_and_text_is_large_enough(drawn, name, width):
    for figure in drawn(name, width).page.evaluate(LAID_OUT):
        assert min(figure["sizes"]) >= 12
        if figure["legend"] is None:
            continue
        assert not figure["scrolled"]
        left, top, right, bottom = figure["legend"]
        assert left >= figure["plot"][0] - 1
        assert right <= figure["plot"][2] + 1
        for x0, y0, x1, y1 in figure["areas"]:
            assert right <= x0 or left >= x1 or bottom <= y0 or top >= y1


def test_the_button_changes_densities_to_histograms(drawn):
    page = drawn("constraints", 1280).page
    shown = "document.querySelectorAll('.js-plotly-plot')[0].data.filter((t) => t.visible !== false)"
    before = page.evaluate(f"{shown}.map((t) => t.line?.shape ?? null)")
    page.locator(".updatemenu-button", has_text="histogram").first.click()
    after = page.evaluate(f"{shown}.map((t) => t.line?.shape ?? null)")
    assert before != after
    assert len(after) == len(before)
    assert set(after) == {"hv", None}  # the steps, and the band's place in the legend


def test_a_page_is_drawn_inside_another(chromium, pages):
    """As Snakemake's report shows it."""
    frame = f'<iframe src="{(pages / "curation.html").as_uri()}" style="width:900px;height:700px"></iframe>'
    (pages / "outer.html").write_text(f"<!doctype html><body>{frame}</body>", encoding="utf-8")
    page = chromium.new_context().new_page()
    page.goto((pages / "outer.html").as_uri())
    page.frame_locator("iframe").locator(".js-plotly-plot").first.wait_for(timeout=60_000)
    page.context.close()
