"""The table of success and the verdict that is read off it."""

from __future__ import annotations

import polars as pl
import pytest

from lodestone.inference.power import minimal_detectable_effect
from lodestone.inference.tests import benjamini_hochberg, holm
from lodestone.statistics.outcomes import can_relax
from lodestone.statistics.plan import plan_from_settings
from lodestone.statistics.success import rates, success
from lodestone.statistics.verdict import verdict
from lodestone.text import p_text, percent, percent_interval

pytestmark = pytest.mark.slow

TERM = {"kind": "volume_per_atom", "target": 10.0}


def plan(primary=(True, False), kinds=("unguided", "control", "s0.05", "s0.1", "late")):
    constraints = {
        name: {"terms": [TERM], "satisfied_within": 1.0, "primary": p}
        for name, p in zip("ab", primary, strict=True)
    }
    arms = [{"name": k, "kind": k} for k in kinds[:2]]
    for c in constraints:
        arms += [
            {
                "name": f"{c}-{k}",
                "kind": "late" if k == "late" else "guided",
                "constraint": c,
                "strength": 0.1,
            }
            for k in kinds[2:]
        ]
    return plan_from_settings(
        {"campaign": "x", "chemical_system": "B", "arms": arms, "constraints": constraints, "seed": 1}
    )


def table(n, successes, failed=0, lineages=None):
    """An arm: the first `successes` rows satisfy both constraints, the last `failed` rows failed."""
    good = [i < successes for i in range(n)]
    broken = [i >= n - failed for i in range(n)]
    columns = {
        "failed": broken,
        "volume_per_atom": [None if b else 10.0 for b in broken],
        "valid": [not b for b in broken],
        "relax_failure": pl.Series([None] * n, dtype=pl.String),
        "lineage": lineages or list(range(n)),
    }
    for c in "ab":
        columns |= {f"{c}.{o}": good for o in ("satisfied", "persistent", "relaxed_satisfied")}
    return pl.DataFrame(columns)


def arms(found, **counts):
    return {
        a.name: table(*counts.get(a.name.replace("-", "_").replace(".", ""), (50, 5))) for a in found.arms
    }


def test_only_the_last_strength_of_primaries_is_confirmatory():
    p = plan()
    found = success(arms(p), p)
    confirmed = found.filter(pl.col("family") == "confirmatory")
    assert confirmed.select("arm", "comparison", "outcome").rows() == [
        ("a-s0.1", "unguided", "satisfied"),
        ("a-s0.1", "control", "satisfied"),
    ]
    # two constraints; two guided arms against three and late against two; four outcomes
    assert found.height == 2 * (2 * 3 + 2) * 4


def test_families_are_adjusted_apart():
    p = plan(primary=(True, True))
    found = success(arms(p, a_s01=(50, 30), b_s01=(50, 12)), p)
    for family, adjust in (("confirmatory", holm), ("exploratory", benjamini_hochberg)):
        rows = found.filter(pl.col("family") == family)
        assert rows["p_adjusted"].to_list() == pytest.approx(adjust(rows["p_used"].to_list()))
        assert rows["significant"].to_list() == (rows["p_adjusted"] < 0.05).to_list()


def test_failed_structures_count_and_the_other_convention_stands_beside():
    p = plan()
    row = success(arms(p, a_s01=(50, 20, 10)), p).filter(pl.col("arm") == "a-s0.1").row(0, named=True)
    assert (row["n"], row["rate"]) == (50, 0.4)
    assert (row["n_finite"], row["rate_finite"]) == (40, 0.5)


def test_nothing_over_nothing_is_null_with_a_note():
    p = plan()
    found = success(arms(p, a_s01=(0, 0)), p).filter(pl.col("arm") == "a-s0.1")
    assert found["rate"].null_count() == found.height
    assert found["p_value"].null_count() == found["p_adjusted"].null_count() == found.height
    assert set(found["note"]) == {"not defined: no structure was generated"}
    none = success({a.name: table(50, 0) for a in p.arms}, p)
    assert none["p_value"].null_count() == none.height
    assert none["note"].str.contains("not defined").all()
    assert none["fisher_p"].to_list() == [1.0] * none.height


def test_rates_cover_every_arm():
    p = plan()
    found = rates(arms(p), p)
    assert found.height == 2 * len(p.arms) * 4
    assert set(found["arm"]) == {a.name for a in p.arms}


def test_lineages_are_the_unit_of_the_test():
    p = plan()
    many = arms(p)
    many["a-s0.1"] = table(48, 24, 0, [i // 4 for i in range(48)])
    row = success(many, p).filter(pl.col("arm") == "a-s0.1").row(0, named=True)
    assert row["n_lineages"] == 12
    assert row["one_per_lineage_rate"] == 0.5  # lineages are all or nothing here
    assert row["p_used"] > row["p_value"]
    assert row["cluster_bootstrap_high"] - row["cluster_bootstrap_low"] > row["ci_high"] - row["ci_low"]
    assert success(many, p).equals(success(many, p))


@pytest.mark.parametrize(
    ("own", "unguided", "control", "status"),
    [
        ((50, 30), (50, 5), (50, 6), "worked"),
        ((50, 14), (50, 2), (50, 12), "partly"),
        ((50, 5), (50, 5), (50, 5), "not shown"),
        ((0, 0), (50, 5), (50, 5), "not tested"),
    ],
)
def test_the_verdict_follows_from_the_table(own, unguided, control, status):
    p = plan()
    found = success(arms(p, a_s01=own, unguided=unguided, control=control), p)
    said = verdict(p.constraints[0], found, p)
    assert said.status == status
    if status == "not tested":
        assert said.sentence == "The comparison is not defined: no structure was generated."
    if status in ("partly", "not shown"):
        assert "percentage points would be shown in four of five such campaigns" in said.sentence
    if status == "worked":
        assert "percentage points" not in said.sentence
        assert " unadjusted, " in said.sentence
        assert said.sentence.startswith("Guided with 0.1 Å, 60 % of 50 structures satisfy it")
        assert "10 % of 50 unguided" in said.sentence


def test_the_minimal_detectable_effect_is_that_of_the_test_that_counts():
    p = plan()
    many = arms(p)
    many["a-s0.1"] = table(48, 24, 0, [i // 4 for i in range(48)])
    found = success(many, p)
    rows = found.filter(pl.col("arm") == "a-s0.1", pl.col("outcome") == "satisfied")
    for row in rows.iter_rows(named=True):
        assert (row["mde_n"], row["mde_n_reference"]) == (12, 50)
        assert row["mde_rate_reference"] == pytest.approx(0.1)
        family = found.filter(pl.col("family") == row["family"])
        assert row["mde_level"] == pytest.approx(0.05 / family["p_used"].count())
        expected = minimal_detectable_effect(12, 50, row["mde_rate_reference"], row["mde_level"])
        assert row["minimal_detectable_effect"] == expected.value
        assert row["minimal_detectable_effect"] > minimal_detectable_effect(48, 50, 0.1).value


def test_the_reference_rate_of_lineages_is_their_mean():
    p = plan()
    many = arms(p)
    # one lineage of ten that all succeed, and forty alone of which none does
    many["unguided"] = table(50, 10, 0, [0] * 10 + list(range(1, 41)))
    row = success(many, p).filter(pl.col("arm") == "a-s0.1").row(0, named=True)
    assert row["rate_reference"] == 0.2
    assert row["mde_rate_reference"] == pytest.approx(1 / 41)


def test_groups_of_unequal_size_are_noted():
    p = plan()
    found = success(arms(p, a_s01=(100, 40), unguided=(400, 80), control=(100, 20)), p)
    notes = {r["comparison"]: r["note"] for r in found.iter_rows(named=True) if r["family"] == "confirmatory"}
    assert notes["unguided"].startswith("groups of unequal size (100 and 400)")
    assert notes["control"] is None


def test_a_p_value_on_the_level_is_not_significant():
    p = plan(kinds=("unguided", "other", "s0.1"))
    found = success({a.name: table(3, 3 if a.constraint else 0) for a in p.arms}, p)
    row = found.row(by_predicate=pl.col("family") == "confirmatory", named=True)
    assert row["p_adjusted"] == pytest.approx(0.05)
    assert row["significant"] is False
    assert "There is no control arm" in verdict(p.constraints[0], found, p).sentence


def test_what_a_verdict_hangs_on_is_said():
    p = plan(primary=(False, False), kinds=("unguided", "control", "s0.1"))
    many = arms(p, b_s01=(50, 30))
    many["a-s0.1"] = table(200, 120, 0, [i // 4 for i in range(200)])
    found = success(many, p)
    first, second = (verdict(c, found, p) for c in p.constraints)
    assert "takes one structure of each lineage: 50 guided, 50 unguided and 50 control" in first.sentence
    assert first.sentence.endswith("The constraint was not declared primary: the test is exploratory.")
    assert "lineage" not in second.sentence


def test_a_broken_estimator_is_not_a_failure_of_the_structures():
    p = plan()
    broken = {name: t.with_columns(pl.lit("no model").alias("relax_failure")) for name, t in arms(p).items()}
    assert not can_relax(broken)
    found = rates(broken, p).filter(pl.col("outcome") == "persistent")
    assert found["rate"].null_count() == found.height
    assert can_relax(broken | {"unguided": table(3, 1)})


def test_wording():
    assert [percent(v) for v in (None, 0.0, 0.043, 0.12, 1.0)] == [
        "not defined",
        "0 %",
        "4.3 %",
        "12 %",
        "100 %",
    ]
    assert percent_interval(0.1, 0.2) == "10 to 20 %"
    assert [p_text(p) for p in (None, 1e-20, 0.0123, 0.999)] == [
        "p not defined",
        "p < 1e-12",
        "p = 0.012",
        "p > 0.99",
    ]
