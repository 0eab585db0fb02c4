"""What a success costs, beside rejection."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from lodestone.inference.intervals import wilson
from lodestone.statistics.cost import DISTINCT, KINDS, Effort, Rate, cost, cost_words, ratio
from lodestone.statistics.plan import plan_from_settings

TERM = {"kind": "volume_per_atom", "target": 10.0}
ARMS = [
    {"name": "unguided", "kind": "unguided"},
    {"name": "control", "kind": "control"},
    {"name": "a-s0.1", "kind": "guided", "constraint": "a", "strength": 0.1},
    {"name": "a-late", "kind": "late", "constraint": "a", "strength": 0.1},
    {"name": "b-s0.1", "kind": "guided", "constraint": "b", "strength": 0.1},
]
PASSES = {"unguided": 200.0, "control": 200.0, "a-s0.1": 205.0, "a-late": 200.0, "b-s0.1": 205.0}


def plan(arms=ARMS, passes=PASSES, **settings):
    constraints = {c: {"terms": [TERM], "satisfied_within": 1.0} for c in "ab"}
    found = {"campaign": "x", "chemical_system": "B", "seed": 1, "arms": arms, "constraints": constraints}
    return plan_from_settings(found | {"passes": passes} | settings)


def table(n=100, successes=10, persistent=None, failed=0, per_lineage=1):
    """An arm: the first rows succeed, the last `failed` ones failed; half of the persistent are distinct."""
    kept = successes if persistent is None else persistent
    broken = [i >= n - failed for i in range(n)]
    columns = {
        "failed": broken,
        "volume_per_atom": [None if b else 10.0 for b in broken],
        "valid": [not b for b in broken],
        "relax_failure": pl.Series([None] * n, dtype=pl.String),
        "lineage": [i // per_lineage for i in range(n)],
    }
    for c in "ab":
        columns |= {
            f"{c}.satisfied": [i < successes for i in range(n)],
            f"{c}.persistent": [i < kept for i in range(n)],
            f"{c}.relaxed_satisfied": [i < kept for i in range(n)],
        }
    return pl.DataFrame(columns)


def costs(tables=None, made=None, efforts=None):
    made = made or plan()
    arms = {a.name: (tables or {}).get(a.name, table()) for a in made.arms}
    kinds = {
        (c, name): np.array([k and i % 2 == 0 for i, k in enumerate(rows[f"{c}.persistent"])])
        for c in "ab"
        for name, rows in arms.items()
    }
    return cost(arms, made, kinds, efforts or {})


def row(found, arm, outcome="satisfied", constraint="a"):
    return found.row(
        by_predicate=(pl.col("arm") == arm)
        & (pl.col("outcome") == outcome)
        & (pl.col("constraint") == constraint),
        named=True,
    )


def test_every_arm_that_speaks_of_a_constraint_has_every_outcome():
    found = costs()
    assert found.select("constraint", "method", "arm").unique(maintain_order=True).rows() == [
        ("a", "rejection", "unguided"),
        ("a", "control", "control"),
        ("a", "guided", "a-s0.1"),
        ("a", "late", "a-late"),
        ("b", "rejection", "unguided"),
        ("b", "control", "control"),
        ("b", "guided", "b-s0.1"),
    ]
    assert found.height == 7 * len(KINDS)
    assert row(found, "unguided")["ratio"] is None


def test_a_success_costs_a_structure_over_the_rate():
    found = row(costs({"a-s0.1": table(100, 40)}), "a-s0.1")
    interval = wilson(40, 100)
    assert found["passes_per_success"] == pytest.approx(205 / 0.4)
    assert found["passes_per_success_low"] == pytest.approx(205 / interval.high)
    assert found["passes_per_success_high"] == pytest.approx(205 / interval.low)
    assert found["ratio"] == pytest.approx((205 / 0.4) / (200 / 0.1))
    assert found["ratio_low"] < found["ratio"] < found["ratio_high"] < 1


def test_failed_structures_are_paid_for():
    found = row(costs({"a-s0.1": table(100, 100, failed=60)}), "a-s0.1", "satisfied_valid")
    assert (found["successes"], found["n"]) == (40, 100)
    assert found["passes_per_success"] == pytest.approx(205 / 0.4)


def test_distinct_crystals_cost_more():
    found = costs({"a-s0.1": table(100, 40)})
    assert row(found, "a-s0.1", DISTINCT)["passes_per_success"] == pytest.approx(205 / 0.2)


def test_without_a_success_a_cost_has_only_a_lower_bound():
    found = costs({"a-s0.1": table(100, 0), "unguided": table(100, 10)})
    own = row(found, "a-s0.1")
    assert own["passes_per_success"] is own["passes_per_success_high"] is own["ratio"] is None
    assert own["passes_per_success_low"] == pytest.approx(205 / wilson(0, 100).high)
    assert own["ratio_low"] == pytest.approx(1.025 * wilson(10, 100).low / wilson(0, 100).high)
    assert own["ratio_high"] is None
    assert "the least" in own["note"]


def test_lineages_widen_the_interval_and_keep_the_cost():
    single = row(costs({"a-s0.1": table(96, 32)}), "a-s0.1")
    whole = row(costs({"a-s0.1": table(96, 32, per_lineage=8)}), "a-s0.1")
    assert whole["passes_per_success"] == single["passes_per_success"]
    assert whole["passes_per_success_high"] > single["passes_per_success_high"]
    assert whole["ratio_high"] > single["ratio_high"]


def test_seconds_are_compared_on_one_device_only():
    efforts = {"unguided": Effort(2.0, "cpu"), "a-s0.1": Effort(3.0, "cpu"), "a-late": Effort(0.1, "cuda")}
    found = costs({"a-s0.1": table(100, 40), "a-late": table(100, 40)}, efforts=efforts)
    own, late = row(found, "a-s0.1"), row(found, "a-late")
    assert own["seconds_per_success"] == pytest.approx(3.0 / 0.4)
    assert own["seconds_ratio"] == pytest.approx((3.0 / 0.4) / (2.0 / 0.1))
    assert (late["seconds_per_success"], late["device"]) == (pytest.approx(0.25), "cuda")
    assert late["seconds_ratio"] is None
    assert row(found, "control")["seconds_per_structure"] is None


def test_unknown_passes_leave_the_rates():
    found = row(costs(made=plan(passes=dict.fromkeys(PASSES))), "a-s0.1")
    assert found["rate"] == 0.1
    assert found["passes_per_success"] is found["ratio"] is None
    assert "not known" in found["note"]


def test_what_was_not_measured_has_no_cost():
    broken = {a["name"]: table().with_columns(relax_failure=pl.lit("no estimator")) for a in ARMS}
    found = row(costs(broken), "a-s0.1", "persistent")
    assert (found["n"], found["rate"], found["ratio"]) == (0, None, None)
    assert row(costs(broken), "a-s0.1", DISTINCT)["note"] == "not measured in this arm"


def wilson_rate(successes, n):
    return Rate(successes / n, wilson(successes, n))


@given(st.integers(1, 60), st.integers(1, 60))
def test_the_ratio_turned_round_is_one_over_it(x, y):
    value, interval = ratio(wilson_rate(x, 60), wilson_rate(y, 60))
    back, reverse = ratio(wilson_rate(y, 60), wilson_rate(x, 60))
    assert value * back == pytest.approx(1)
    assert interval.low * reverse.high == pytest.approx(1)
    assert interval.low <= value <= interval.high


def test_the_interval_of_the_ratio_is_that_of_large_samples():
    x, y, n = 3000, 1000, 10_000
    value, interval = ratio(wilson_rate(x, n), wilson_rate(y, n))
    spread = norm.ppf(0.975) * math.sqrt(1 / x - 1 / n + 1 / y - 1 / n)
    assert math.log(interval.low) == pytest.approx(math.log(value) - spread, rel=0.01)
    assert math.log(interval.high) == pytest.approx(math.log(value) + spread, rel=0.01)


def test_the_interval_of_the_ratio_covers_the_truth():
    rng = np.random.default_rng(3)
    truth, hits = 0.1 / 0.3, 0
    for x, y in zip(rng.binomial(100, 0.3, 400), rng.binomial(100, 0.1, 400), strict=True):
        _, interval = ratio(wilson_rate(x, 100), wilson_rate(y, 100))
        hits += interval.low <= truth <= interval.high
    assert 0.92 <= hits / 400 <= 0.985


def words(own, rejection, arm="a-s0.1", made=None):
    return cost_words(costs({arm: own, "unguided": rejection}, made), "a", arm)


def test_the_sentence_says_how_many_times_fewer():
    (said,) = words(table(400, 400, 123), table(400, 400, 39))
    assert said.startswith("3.1 times fewer network passes per persistent structure than rejection (2.")
    assert "not shown" not in said


def test_the_sentence_says_when_it_is_dearer_or_unclear():
    (dearer,) = words(table(400, 400, 40), table(400, 400, 200))
    assert dearer.startswith("5.1 times more network passes")
    (unclear,) = words(table(40, 40, 10), table(40, 40, 9))
    assert unclear.startswith("1.1 times fewer")
    assert unclear.endswith("not shown to differ")


def test_the_sentence_says_what_is_known_without_any_success():
    assert words(table(400, 0, 200), table(400, 0, 0))[0].startswith("at least 46 times fewer network")
    assert words(table(9, 0, 1), table(9, 0, 0))[0].endswith("not shown to differ")
    none = words(table(400, 0, 0), table(400, 0, 200))[0]
    assert none.startswith("no persistent structure: at least 49 times more")
    assert words(table(40, 0, 0), table(40, 0, 0)) == [
        "no persistent structure, nor by rejection: there is no cost to compare"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("per_lineage", [1, 4])
def test_any_counts_make_a_sentence(per_lineage):
    for own, base in product((0, 1, 4, 5, 8), repeat=2):
        arms = [table(8, 8, n, per_lineage=k) for n, k in ((own, per_lineage), (base, 1))]
        (said,) = words(*arms)
        assert "rejection" in said
        assert "nan" not in said
        assert "None" not in said


def test_a_pilot_s_strength_and_passes_are_told():
    arms = [*ARMS[:2], {"name": "a-auto", "kind": "guided", "constraint": "a", "strength": None}]
    pilots = {"a": {"strength": 0.3, "passes": 12345.0}}
    made = plan(arms, PASSES | {"a-auto": 205.0}, pilots=pilots)
    assert made.arms[2].piloted
    assert made.arms[2].strength == 0.3
    (said,) = words(table(400, 400, 123), table(400, 400, 39), "a-auto", made)
    assert said.endswith("; the pilot's 12,345 passes come on top")
    assert row(costs(made=made), "a-auto")["pilot_passes"] == 12345.0
    assert row(costs(made=made), "control")["pilot_passes"] is None


def test_nothing_is_said_of_unknown_passes():
    assert words(table(), table(), made=plan(passes={})) == []
