"""Campaigns in which something is missing say so and are reported all the same."""

from __future__ import annotations

import json

import polars as pl
import pytest
import synthetic

USUAL = synthetic.usual_arms()
ODD = {
    "no survivor": ({"survivors": False}, "No structure passed the screen"),
    "failed estimator": ({"estimator": False}, "No energy could be computed (estimator not found)"),
    "no hull": ({"hull": False}, "No energy above the hull is known (no hull: no reference of pure O)"),
    "one structure": ({"n": 1}, None),
    "nothing generated": ({"n": 0}, "No structure was generated"),
}


def read(root):
    summary = json.loads((root / "statistics" / "summary.json").read_text())
    return summary, (root / "report.html").read_text()


@pytest.mark.parametrize("name", ODD)
def test_a_report_all_the_same(name, finished, tmp_path):
    oddities, note = ODD[name]
    root = finished(tmp_path / "small", synthetic.settings(USUAL[:4]), **oddities)
    summary, page = read(root)
    if note:
        assert any(n.startswith(note) for n in summary["notes"])
        assert note in page
    assert "</html>" in page
    assert pl.read_parquet(root / "candidates.parquet").height == oddities.get("n", 24) * 4
    if name == "failed estimator":
        success = pl.read_parquet(root / "statistics" / "success.parquet")
        judged = success.filter(pl.col("outcome").is_in(["persistent", "relaxed_satisfied"]))
        assert judged["p_used"].null_count() == judged.height
        assert set(judged["note"]) == {"not measured in this arm"}
        assert summary["constraints"][0]["verdict"]["status"] == "worked"
    if name == "no hull":
        assert summary["best"]
        assert all(row["pareto_rank"] is None for row in summary["best"])
    if name in ("no survivor", "nothing generated"):
        assert summary["best"] == []
        assert (root / "best" / "best.extxyz").exists()


def test_one_arm_is_not_tested(finished, tmp_path):
    summary, page = read(finished(tmp_path / "small", synthetic.settings(USUAL[:1])))
    assert {c["verdict"]["status"] for c in summary["constraints"]} == {"not tested"}
    assert "Not tested" in page


def test_guided_without_comparison_is_not_tested(finished, tmp_path):
    summary, _ = read(finished(tmp_path / "small", synthetic.settings(USUAL[2:3])))
    assert summary["constraints"][0]["verdict"]["sentence"].startswith("There is no unguided or control")


def test_a_campaign_without_constraints(finished, tmp_path):
    summary, page = read(finished(tmp_path / "small", synthetic.settings(USUAL[:2], {})))
    assert summary["constraints"] == []
    assert "with no property asked for" in page


def test_lineages_change_the_test_and_the_interval(finished, tmp_path):
    root = finished(tmp_path / "small", synthetic.settings(USUAL[:4]), members=4)
    success = pl.read_parquet(root / "statistics" / "success.parquet")
    row = success.row(0, named=True)
    assert row["n_lineages"] == 6
    assert row["test_used"].endswith("one structure per lineage")
    assert row["p_used"] in (row["one_per_lineage_p_value"], row["one_per_lineage_fisher_p"])
    assert row["cluster_bootstrap_diff_low"] < row["difference"] < row["cluster_bootstrap_diff_high"]
    assert "by lineage" in read(root)[0]["constraints"][0]["verdict"]["sentence"]
