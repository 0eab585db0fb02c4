"""`lodestone compare` on finished campaigns, and on what is none."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from lodestone.cli import main
from lodestone.comparison.crystals import found_by
from lodestone.comparison.sides import NoCampaignError, read_side

REPORT = Path(__file__).parents[1] / "report"
N = 24


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A folder with results/one, and results/two: the same with fewer crystals and another screen."""
    spec = importlib.util.spec_from_file_location("report_fixtures", REPORT / "conftest.py")
    fixtures = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(REPORT))
    spec.loader.exec_module(fixtures)
    import synthetic

    folder = tmp_path_factory.mktemp("campaigns")
    one, config = folder / "results" / "one", synthetic.settings(synthetic.usual_arms())
    synthetic.build(one, config, N)
    fixtures.analyse(one, config, one)
    two = shutil.copytree(one, folder / "results" / "two")
    _edit(two)
    return folder


def _edit(campaign):
    record = json.loads((campaign / "campaign.json").read_text())
    record["config"]["screen"] = {"min_distance": 1.0}
    (campaign / "campaign.json").write_text(json.dumps(record))
    table = pl.read_parquet(campaign / "candidates.parquet")
    lost = pl.col("formula") == "CoO"
    table.with_columns(
        pl.when(lost).then(pl.lit(value=False)).otherwise("is_representative").alias("is_representative"),
        pl.when(lost).then(None).otherwise("best_rank").alias("best_rank"),
    ).write_parquet(campaign / "candidates.parquet")


@pytest.fixture
def call(results, monkeypatch):
    monkeypatch.chdir(results)
    return lambda *arguments: CliRunner().invoke(main, ["compare", *map(str, arguments)])


def test_a_campaign_beside_itself(call):
    result = call("one", "results/one")
    assert result.exit_code == 0, result.stderr
    assert "A and B have the same candidates" in result.stdout
    assert "No setting differs." in result.stdout
    assert "is ahead." not in result.stdout
    found = json.loads(call("one", "one", "--json").stdout)
    assert {row["p"] for row in found["rates"]} == {1.0}
    for part in found["crystals"].values():
        assert part["only_a"] == part["only_b"] == []
        assert len(part["both"]) == part["a"] == part["b"] > 0
        assert all(pair["a"]["id"] == pair["b"]["id"] for pair in part["both"])


def test_crystals_that_only_one_found(results):
    a, b = (read_side(results / "results" / name) for name in ("one", "two"))
    found = found_by(a, b)["distinct"]
    kept = pl.col("is_representative").fill_null(value=False)
    formulas = {row["formula"] for row in found["only_a"]}
    assert formulas == {"CoO"}
    assert found["only_b"] == []
    assert found["b"] == b.candidates.filter(kept)["formula"].n_unique()
    swapped = found_by(b, a)["distinct"]
    assert {row["formula"] for row in swapped["only_b"]} == {"CoO"}
    assert swapped["only_a"] == []
    assert len(swapped["both"]) == len(found["both"]) == found["b"]


def test_the_page_is_whole_and_escaped(call, results):
    result = call("one", "two", "--html", "page.html")
    assert result.exit_code == 0, result.stderr
    html = (results / "page.html").read_text()
    assert "screen.min_distance" in html
    assert "structures are screened by other limits" in html
    assert "not shown to differ" in html
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", html)
    assert "page.html" in result.stderr


def test_the_text_warns_before_it_tells(call):
    text = call("one", "two").stdout
    assert text.index("NOT comparable") < text.index("Which is ahead") < text.index("Best candidates")
    assert re.search(
        r"Distinct crystals: \d+ in A, \d+ in B; \d+ found by both, [1-9]\d* only by A, 0 only", text
    )


@pytest.mark.parametrize("lost", ["candidates.parquet", "campaign.json", "statistics/summary.json"])
def test_an_unfinished_campaign_is_named_with_what_to_do(results, tmp_path, lost):
    copy = shutil.copytree(results / "results" / "one", tmp_path / "one")
    (copy / lost).unlink()
    with pytest.raises(NoCampaignError, match=rf"one/{lost}: missing, so the campaign is not finished; run"):
        read_side(copy)


def test_what_is_no_campaign_ends_with_code_2(call, results):
    (results / "empty").mkdir(exist_ok=True)
    empty = call("empty", "one")
    assert (empty.exit_code, empty.stdout) == (2, "")
    assert "empty: not the results of a campaign" in empty.stderr
    missing = call("one", "nothing")
    assert (missing.exit_code, missing.stdout) == (2, "")
    assert "nothing: no such folder" in missing.stderr
    assert "finished campaigns below results: one, two" in missing.stderr
    file = call("results/one/candidates.parquet", "one")
    assert "is a file; give the campaign's folder, results/one" in file.stderr
