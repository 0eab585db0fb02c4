"""A report of five thousand distinct candidates stays usable: all are listed, found and shown."""

from __future__ import annotations

import dataclasses
import statistics

import numpy as np
import polars as pl
import pytest

N = 5000
LIMIT = 15e6
BLOCKED = 400
"""Milliseconds for which a letter in a filter may hold the page up, on a loaded machine without a GPU."""
SCROLL = """async () => {
  const frames = [], target = document.querySelector("#candidates .scroll");
  let last = performance.now();
  for (let i = 0; i < 40; i += 1) {
    window.scrollBy({ top: i % 2 ? -300 : 320, behavior: "instant" });
    target.scrollLeft = (i * 40) % 600;
    await new Promise((resolve) => { requestAnimationFrame(resolve); });
    frames.push(performance.now() - last);
    last = performance.now();
  }
  return frames;
}"""
FILTER = """async (text) => {
  const times = [], input = document.querySelector("#filters [name=formula]");
  for (let n = 1; n <= text.length; n += 1) {
    input.value = text.slice(0, n);
    const start = performance.now();
    input.dispatchEvent(new Event("input", { bubbles: true }));
    times.push(performance.now() - start);
    await new Promise((resolve) => { requestAnimationFrame(resolve); });
  }
  return times;
}"""


@pytest.fixture(scope="module")
def large(campaign, tmp_path_factory, open_report):
    """The small campaign with its distinct candidates repeated, each with a crystal of its own."""
    from lodestone.report.page import render
    from lodestone.report.reading import read_report_data
    from lodestone.workflow.paths import CampaignPaths

    data = read_report_data(CampaignPaths(root=campaign.parent, campaign=campaign.name))
    kept = data.candidates.filter(pl.col("is_representative").fill_null(value=False))
    copies = pl.concat([kept] * (N // kept.height + 1)).head(N).with_row_index("place")
    random = np.random.default_rng(1)
    cells = np.array(copies["sym_cell"].to_list()) * random.normal(1, 0.01, (N, 9))
    first = pl.col("place") < kept.height
    candidates = copies.with_columns(
        pl.when(first).then("id").otherwise(pl.format("{}-{}", "id", "place")).alias("id"),
        pl.when(first).then("best_rank").alias("best_rank"),
        pl.col("e_above_hull") + pl.Series(random.normal(0.1, 0.1, N)),
        pl.Series("sym_cell", cells, dtype=pl.Array(pl.Float64, 9)),
    ).drop("place")
    path = tmp_path_factory.mktemp("large") / "report.html"
    path.write_text(render(dataclasses.replace(data, candidates=candidates)))
    opened = open_report(path)
    opened.page.wait_for_function("document.body.dataset.figures === 'drawn'")
    return opened


def test_all_are_in_a_file_of_limited_size(large):
    assert f"of {N:,} candidates" in large.page.locator(".dt-info").text_content()
    assert large.path.stat().st_size < LIMIT
    assert large.complaints() == []


def test_typing_into_a_filter_does_not_hold_the_page_up(large):
    times = large.page.evaluate(FILTER, "LiCoO2")
    assert statistics.median(times) < BLOCKED
    found = large.page.locator("#all-candidates button.show").all_text_contents()
    assert set(found) == {"LiCoO2"}
    large.page.locator("#filters button[type=reset]").click()


def test_the_document_stays_small(large):
    assert large.page.locator("#all-candidates tbody tr").count() == 25
    assert large.page.evaluate("document.querySelectorAll('*').length") < 20_000


def test_scrolling_never_waits_long(large):
    large.page.locator(".candidates").scroll_into_view_if_needed()
    frames = large.page.evaluate(SCROLL)
    assert statistics.median(frames) < BLOCKED


def test_the_last_one_can_be_seen_and_its_row_is_found(large):
    large.page.locator("#filters [name=formula]").fill("")
    large.page.locator(".dt-paging button.last").click()
    row = large.page.locator("#all-candidates tbody tr").last
    place = int(row.get_attribute("data-place"))
    assert place == N - 1
    row.locator("td").nth(3).click()
    assert large.page.locator("#card code").text_content() == row.locator("td").last.text_content()
    assert "in this structure" in large.page.locator("#legend").text_content() or (
        "cell drawn" in large.page.locator("#legend").text_content()
    )
