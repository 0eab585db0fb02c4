"""Campaigns in which something is missing say so and are reported all the same."""

from __future__ import annotations

import html
import json

import polars as pl
import pytest
import synthetic

from lodestone.energies.hull_stage import read_side
from lodestone.runtime.files import write_json
from lodestone.structures.table import read_table, write_table
from lodestone.workflow.paths import CampaignPaths

pytestmark = pytest.mark.slow

USUAL = synthetic.usual_arms()
GUIDED = "co_o_4-s0.1"
ODD = {
    "no survivor": (
        {"survivors": False},
        "No structure passed the screen (0 of 96; most often: pair too close): there are no energies",
    ),
    "no valid structure": ({"valid": False}, "No structure is a valid crystal (0 of 96)."),
    "failed estimator": ({"estimator": False}, "No energy could be computed (estimator not found): 0 of 76"),
    "nothing relaxed": (
        {"estimator": False},
        "No structure could be relaxed (0 of 88 valid ones; most often: ",
    ),
    "no hull": ({"hull": False}, "No energy above the hull is known (no hull: no reference of pure O)"),
    "all known": (
        {"novel": False},
        "No candidate is novel: references match every one of the 15 distinct structures of the arms.",
    ),
    "guided arm empty": ({"empty": GUIDED}, f"Arm {GUIDED} is empty: no structure of it was generated"),
    "one structure": (
        {"n": 1},
        f"co_o_4: too few structures to show anything, 1 of {GUIDED} against 1 of control. Not even a rise",
    ),
    "nothing generated": ({"n": 0}, "No structure was generated"),
}


TRIED = {"n": 8, "satisfied": 4, "valid": 8, "satisfied_valid": 4, "rate": 0.5, "valid_share": 1.0}
PILOT = {
    "constraint": "co_o_4",
    "strength": 0.3,
    "within_bounds": False,
    "reason": "the weakest, since every candidate is out of bounds",
    "passes": 1234.0,
    "tried": [
        {"round": 1, "arm": "control", "strength": None, "decision": None, "reason": None} | TRIED,
        {"round": 1, "arm": "guided", "strength": 0.3, "decision": "chosen", "reason": "<b>one</b>"} | TRIED,
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
    assert any(n.startswith(note) for n in summary["notes"]), summary["notes"]
    assert html.escape(note) in page
    assert "</html>" in page
    left = 3 if "empty" in oddities else 4
    assert pl.read_parquet(root / "candidates.parquet").height == oddities.get("n", 24) * left
    if name == "failed estimator":
        success = pl.read_parquet(root / "statistics" / "success.parquet")
        judged = success.filter(pl.col("outcome").is_in(["persistent", "relaxed_satisfied"]))
        assert judged["p_used"].null_count() == judged.height
        assert set(judged["note"]) == {"not measured in this arm"}
        assert summary["constraints"][0]["verdict"]["status"] == "worked"
    if name == "no hull":
        assert summary["best"]
        assert all(row["pareto_rank"] is None for row in summary["best"])
    if name == "guided arm empty":
        assert summary["constraints"][0]["verdict"] == {
            "status": "not tested",
            "sentence": "The comparison is not defined: no structure was generated.",
            "details": [],
            "persists": None,
        }
    if name in ("no survivor", "no valid structure", "nothing generated"):
        assert summary["best"] == []
        assert (root / "best" / "best.extxyz").exists()


def test_an_ordinary_campaign_has_nothing_to_be_told(campaign):
    assert read(campaign)[0]["notes"] == []


def test_a_missing_terminal_disables_only_what_needs_it(analysed, reported, tmp_path):
    """The hull is made by the stage itself, from references without pure Li."""
    config, root = synthetic.settings(USUAL[:4]), tmp_path / "small"
    synthetic.build(root, config)
    paths = CampaignPaths(root=tmp_path, campaign="small")
    for path in (paths.references, paths.reference_energies):
        table = read_table(path)
        write_table(table.filter(pl.col("id") != "embedded/li"), path)
    names = [arm["name"] for arm in USUAL[:4]]
    stages = [[paths.stage(name, stage) for name in names] for stage in ("symmetrized", "energy")]
    side = read_side(*stages, paths.references, paths.reference_energies)
    write_table(side.hull, paths.hull)
    write_table(side.audit(["Co", "Li", "O"]), paths.hull_audit)
    analysed(root, config, root)
    reported(root)
    summary, page = read(root)
    (note,) = summary["notes"]
    found = pl.read_parquet(root / "candidates.parquet").filter(pl.col("energy_per_atom").is_not_null())
    without = found.filter(pl.col("e_above_hull").is_null())
    assert note == (
        f"No reference of pure Li: 2 of 3 compositions (Li2O, LiCoO2; {without.height} of {found.height} "
        "structures) have no energy above the hull."
    )
    assert set(without["formula"]) == {"Li2O", "LiCoO2"}
    assert note in page
    assert all(row["e_above_hull"] is not None for row in summary["best"] if row["formula"] == "CoO")


def test_one_arm_is_not_tested(finished, tmp_path):
    summary, page = read(finished(tmp_path / "small", synthetic.settings(USUAL[:1])))
    assert {c["verdict"]["status"] for c in summary["constraints"]} == {"not tested"}
    assert "Not tested" in page
    assert summary["notes"] == [
        "There is one arm, unguided: with nothing to compare it with, nothing is tested."
    ]
    assert summary["notes"][0] in page


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
