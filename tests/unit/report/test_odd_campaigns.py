"""Campaigns in which something is missing say so and are reported all the same."""

from __future__ import annotations

import json

import polars as pl
import pytest
import synthetic

from lodestone.files import write_json

USUAL = synthetic.usual_arms()
ODD = {
    "no survivor": ({"survivors": False}, "No structure passed the screen"),
    "failed estimator": ({"estimator": False}, "No energy could be computed (estimator not found)"),
    "no hull": ({"hull": False}, "No energy above the hull is known (no hull: no reference of pure O)"),
    "one structure": ({"n": 1}, None),
    "nothing generated": ({"n": 0}, "No structure was generated"),
}


PILOT = {
    "constraint": "co_o_4",
    "strength": 0.3,
    "within_bounds": False,
    "reason": "the weakest, since every candidate is out of bounds",
    "passes": 1234.0,
    "tried": [
        {"round": 1, "arm": "control", "strength": None, "n": 8, "valid": 8},
        {"round": 1, "arm": "guided", "strength": 0.3, "n": 8, "decision": "chosen", "reason": "<b>one</b>"},
    ],
}


def test_a_strength_that_a_pilot_chose_is_said_to_be_so(finished, tmp_path):
    arms = [dict(arm) for arm in USUAL]
    for arm in arms[2:4]:
        arm |= {"strength": None, "name": arm["name"].replace("s0.1", "auto")}
    write_json(tmp_path / "small" / "pilot" / "co_o_4.json", PILOT)
    config = synthetic.settings(arms) | {"pilots": {"co_o_4": PILOT}}
    summary, page = read(finished(tmp_path / "small", config))
    assert [a["strength"] for a in summary["arms"]] == [0.0, 0.0, 0.3, 0.3, 0.1, 0.1]
    constraint = summary["constraints"][0]
    assert "Guided with 0.3 Å (chosen by a pilot on separate structures)" in constraint["verdict"]["sentence"]
    assert constraint["cost"][0].endswith("; the pilot's 1,234 passes come on top")
    shown = page.partition('id="pilot"')[2].partition("</section>")[0]
    assert "co_o_4: 0.3 Å, out of bounds: the weakest" in shown
    assert "&lt;b&gt;one&lt;/b&gt;" in shown
    cost = pl.read_parquet(tmp_path / "small" / "statistics" / "cost.parquet")
    assert set(cost.filter(pl.col("chosen_by_pilot"))["arm"]) == {"co_o_4-auto", "co_o_4-late"}


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
