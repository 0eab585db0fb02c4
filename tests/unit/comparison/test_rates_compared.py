"""Rates of two campaigns: tests by hand, families, lineages, cost, sentences."""

from __future__ import annotations

import math

import pytest
from made_sides import arm, side, usual_arms

from lodestone.comparison.rates import VALID, rate_rows
from lodestone.comparison.sides import matched_arms, matched_constraints
from lodestone.comparison.views import ahead
from lodestone.inference.tests import different


def rates(a, b):
    matched = matched_constraints(a, b)
    return rate_rows(a, b, {both: matched_arms(a, b, both)[0] for both in matched.constraints})


def row_of(rows, arms, outcome="satisfied"):
    return next(r for r in rows if r["arms"] == arms and r["outcome"] == outcome)


def z_by_hand(x, n, y, m):
    pooled = (x + y) / (n + m)
    z = (x / n - y / m) / math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return z, math.erfc(abs(z) / math.sqrt(2))


def fisher_by_hand(x, n, y, m):
    """Sum of the probabilities of all tables with these margins that are no likelier than this one."""
    k, total = x + y, n + m
    chances = {
        i: math.comb(n, i) * math.comb(m, k - i) / math.comb(total, k)
        for i in range(max(0, k - m), min(n, k) + 1)
    }
    return sum(p for p in chances.values() if p <= chances[x] * (1 + 1e-7))


@pytest.mark.parametrize(
    ("counts", "used"),
    [
        ((40, 100, 60, 100), "z"),
        ((60, 100, 40, 100), "z"),
        ((300, 1000, 120, 500), "z"),
        ((10, 20, 10, 20), "z"),
        ((1, 30, 4, 30), "fisher"),
        ((0, 30, 6, 25), "fisher"),
        ((3, 3, 0, 3), "fisher"),
        ((1, 1, 0, 40), "fisher"),
    ],
)
def test_two_sided_tests_are_those_of_the_textbook(counts, used):
    found = different(*counts)
    assert found.used == used
    z, p = z_by_hand(*counts)
    assert found.z == pytest.approx(z, abs=1e-12)
    assert found.p_value == pytest.approx(p, abs=1e-12)
    assert found.fisher_p == pytest.approx(fisher_by_hand(*counts), abs=1e-12)


def test_nothing_and_everything_have_no_z_and_p_1():
    for counts in ((0, 10, 0, 20), (10, 10, 20, 20)):
        found = different(*counts)
        assert (found.z, found.p_value, found.p_used, found.used) == (None, None, 1.0, "fisher")
    assert different(0, 0, 1, 2).p_used is None


COUNTS = {"unguided": (10, 100), "control": (12, 100), "volume-s0.1": (40, 100)}


def test_a_campaign_beside_itself_does_not_differ():
    for members in (1, 4):
        one = side(COUNTS, members=members)
        rows = rates(one, one)
        assert {r["p"] for r in rows} == {1.0}
        assert {r["p_adjusted"] for r in rows} == {1.0}
        assert {r["difference"] for r in rows} == {0.0}
        assert not any(r["differs"] for r in rows)
        assert row_of(rows, "guided, 0.1 Å")["cost_ratio"] == pytest.approx(1.0)


def test_differences_are_b_minus_a_with_newcombes_interval():
    other = side(COUNTS | {"volume-s0.1": (65, 100)})
    row = row_of(rates(side(COUNTS), other), "guided, 0.1 Å")
    assert row["difference"] == pytest.approx(0.25)
    z2 = 1.959963984540054**2

    def wilson(x, n):
        p = x / n
        half = math.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n)))
        return (p + z2 / (2 * n) - half) / (1 + z2 / n), (p + z2 / (2 * n) + half) / (1 + z2 / n)

    (l1, u1), (l2, u2) = wilson(65, 100), wilson(40, 100)
    assert row["low"] == pytest.approx(0.25 - math.hypot(0.65 - l1, u2 - 0.40))
    assert row["high"] == pytest.approx(0.25 + math.hypot(u1 - 0.65, 0.40 - l2))
    assert row["p"] == pytest.approx(z_by_hand(65, 100, 40, 100)[1])
    assert row["differs"]
    assert "B is ahead" in ahead(row)


def test_all_rows_are_one_family():
    rows = rates(side(COUNTS), side(COUNTS | {"volume-s0.1": (58, 100)}))
    p = sorted(r["p"] for r in rows)
    m = len(p)
    assert m == 3 * 4 + 3  # arms x outcomes, and the validity of each arm
    adjusted = [min(1.0, *(p[j] * m / (j + 1) for j in range(i, m))) for i in range(m)]
    assert sorted(r["p_adjusted"] for r in rows) == pytest.approx(adjusted)


def test_lineages_count_once():
    few = {name: (s * 4, n * 4) for name, (s, n) in COUNTS.items()}
    other = few | {"volume-s0.1": (232, 400)}
    naive = row_of(rates(side(few), side(other)), "guided, 0.1 Å")
    shared = row_of(rates(side(few, members=4), side(other, members=4)), "guided, 0.1 Å")
    assert shared["difference"] == naive["difference"]
    assert shared["test"] == "z, one structure per lineage"
    assert shared["p"] == pytest.approx(z_by_hand(58, 100, 40, 100)[1])  # copies of 100 lineages
    assert shared["p"] > naive["p"]
    assert shared["high"] - shared["low"] > naive["high"] - naive["low"]


def test_cost_is_that_of_a_success():
    dear = side(COUNTS, passes=600.0)
    row = row_of(rates(side(COUNTS), dear), "guided, 0.1 Å")
    assert row["cost_ratio"] == pytest.approx(3.0)
    assert row["cost_ratio_low"] < 3.0 < row["cost_ratio_high"]
    none = row_of(rates(side(COUNTS), side(COUNTS | {"volume-s0.1": (0, 100)})), "guided, 0.1 Å")
    assert none["cost_ratio"] is None
    assert none["cost_ratio_low"] > 1


def test_what_could_be_seen_is_said_where_nothing_is_shown():
    row = row_of(rates(side(COUNTS), side(COUNTS | {"volume-s0.1": (44, 100)})), "guided, 0.1 Å")
    said = ahead(row, ["what counts as satisfied is not the same"])
    assert "not shown to differ; smallest difference that would be found with 80 % power: a rise of" in said
    assert said.endswith("Not comparable as it stands: what counts as satisfied is not the same.")
    assert 0.15 < row["rise_seen"] < 0.4
    assert ahead(None).startswith("Not compared")


def test_an_empty_arm_is_not_compared():
    row = row_of(rates(side(COUNTS), side(COUNTS | {"volume-s0.1": (0, 0)})), "guided, 0.1 Å")
    assert row["p"] is None
    assert ahead(row) == "Not compared: not measured or not generated in B."


def test_arms_pair_by_kind_and_strength_and_primary_arms_always():
    strong = [*usual_arms(), arm("volume-s0.2", "guided", "volume", 0.2)]
    a, b = side(COUNTS), side(COUNTS | {"volume-s0.2": (70, 100)}, arms=strong)
    pairs, alone, others = matched_arms(a, b, ("volume", "volume"))
    assert [p.label for p in pairs] == [
        "unguided", "control", "guided, 0.1 Å", "guided, 0.1 Å in A and 0.2 Å in B",
    ]  # fmt: skip
    assert (alone, others) == ([], ["volume-s0.2"])


def test_constraints_pair_by_name_then_by_terms():
    renamed = {name.replace("volume", "v10"): count for name, count in COUNTS.items()}
    other = side(renamed, constraint="v10")
    assert matched_constraints(side(COUNTS), other).constraints == [("volume", "v10")]
    rows = rates(side(COUNTS), other)
    assert row_of(rows, "guided, 0.1 Å")["p"] == 1.0
    assert {r["outcome"] for r in rows if r["constraint"] is None} == {VALID}
    other.record["config"]["constraints"]["v10"]["terms"] = [{"kind": "volume_per_atom", "target": 12.0}]
    found = matched_constraints(side(COUNTS), other)
    assert (found.constraints, found.only_a, found.only_b) == ([], ["volume"], ["v10"])
