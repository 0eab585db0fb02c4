"""Attrition adds up, whatever the stages said."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lodestone.statistics.attrition import STAGES, attrition, fate, group_reasons

maybe = st.sampled_from([True, False, None])
row = st.fixed_dictionaries(
    {
        "failed": st.booleans(),
        "volume_per_atom": st.sampled_from([None, 10.0]),
        "valid": maybe,
        "passed": maybe,
        "cluster": st.integers(0, 4),
        "known": maybe,
        "energy_per_atom": st.sampled_from([None, -5.0]),
        "e_above_hull": st.sampled_from([None, -0.1, 0.3, 0.5, 0.7]),
        "hull_note": st.sampled_from([None, "lower bound", "quarantined: far below"]),
    }
)


def arm(rows: list[dict]) -> pl.DataFrame:
    """Rows of one arm; the first passed member leads each cluster, as the stages would have it."""
    leaders: dict[int, str] = {}
    full = []
    for i, r in enumerate(rows):
        own = {k: v for k, v in r.items() if k != "cluster"} | {"id": str(i), "lineage": i}
        if r["passed"]:
            leaders.setdefault(r["cluster"], str(i))
        own["representative"] = leaders.get(r["cluster"]) if r["passed"] else None
        own["is_representative"] = own["representative"] == str(i)
        own["known"] = r["known"] if own["is_representative"] else None
        own |= {"failure": "exploded" if r["failed"] else None, "invalid_reason": None}
        own |= {"screen_reason": None, "energy_failure": None, "reference_id": None}
        full.append(own)
    text, flag, number = pl.String, pl.Boolean, pl.Float64
    names = {
        **dict.fromkeys(["id", "representative", "failure", "invalid_reason"], text),
        **dict.fromkeys(["screen_reason", "energy_failure", "reference_id", "hull_note"], text),
        **dict.fromkeys(["failed", "valid", "passed", "known", "is_representative"], flag),
        "lineage": pl.Int32,
        **dict.fromkeys(["volume_per_atom", "energy_per_atom", "e_above_hull"], number),
    }
    return pl.DataFrame(full, schema=names, orient="row")


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.lists(row, max_size=25))
def test_every_structure_is_lost_once_or_reaches_the_end(rows: list[dict]) -> None:
    table = arm(rows)
    counts, reasons = attrition({"a": table}, 0.5)
    assert counts["stage"].to_list() == list(STAGES)
    assert counts["entered"][0] == len(rows)
    assert (counts["entered"] - counts["lost"]).to_list() == counts["survived"].to_list()
    assert counts["entered"][1:].to_list() == counts["survived"][:-1].to_list()
    assert counts["lost"].sum() + counts["survived"][-1] == len(rows)
    named = dict(reasons.group_by("stage").agg(pl.col("count").sum()).rows())
    assert all(named.get(s, 0) == lost for s, lost in counts.select("stage", "lost").rows())


@settings(max_examples=150, deadline=None)
@given(st.lists(row, max_size=25))
def test_survivors_satisfy_every_condition(rows: list[dict]) -> None:
    table = arm(rows)
    kept = table.filter(fate(table, 0.5)["lost_at"].is_null())
    assert not kept["failed"].any()
    assert kept["valid"].all()
    assert kept["passed"].all()
    assert kept["representative"].is_unique().all()
    assert (kept["e_above_hull"] <= 0.5).all()
    assert not kept["hull_note"].fill_null("").str.starts_with("quarantined").any()


def test_a_cluster_outlives_its_leader() -> None:
    good = {"failed": False, "volume_per_atom": 10.0, "passed": True, "cluster": 0, "known": False}
    good |= {"energy_per_atom": -5.0, "e_above_hull": 0.0, "hull_note": None}
    table = arm([good | {"valid": False}, good | {"valid": True}, good | {"valid": True}])
    assert fate(table, 0.5)["lost_at"].to_list() == ["valid", None, "unique"]


def test_measured_numbers_are_grouped_and_thresholds_kept() -> None:
    reasons = [f"volume per atom {v} Å³, not within 5 to 40 Å³" for v in ("2.1", "88", "1e+03")]
    assert group_reasons([*reasons, "no edges"]) == {
        "volume per atom … Å³, not within 5 to 40 Å³": 3,
        "no edges": 1,
    }


def test_reasons_without_numbers_keep_their_words() -> None:
    assert group_reasons(["off system: Fe2O3", "off system: Fe2O3"]) == {"off system: Fe2O3": 2}
    assert group_reasons([]) == {}
