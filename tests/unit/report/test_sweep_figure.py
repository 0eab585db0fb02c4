"""Rates against strength: the control at 0, guided arms of the constraint, a pilot's trials."""

from __future__ import annotations

import polars as pl
import pytest

from lodestone.columns.schemas import RATES
from lodestone.inference.intervals import wilson
from lodestone.pilot.record import COLUMNS
from lodestone.report.figures.sweep import pilot_tables, quality_table, sweep_figure, sweep_table
from lodestone.statistics.outcomes import OUTCOMES


def rates(arms):
    """Rows of the table of rates: (name, kind, guided by, strength, successes, n) of every arm."""
    rows = [
        {
            "constraint": "c", "arm": name, "arm_kind": kind, "guided_by": by, "strength": strength,
            "outcome": outcome, "n": n, "successes": s, "rate": s / n if n else None,
            "ci_low": wilson(s, n).low, "ci_high": wilson(s, n).high,
        }
        for name, kind, by, strength, s, n in arms
        for outcome in OUTCOMES
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=RATES, orient="row")


ARMS = [
    ("unguided", "unguided", None, 0.0, 1, 20),
    ("control", "control", None, 0.0, 2, 20),
    ("c-s0.2", "guided", "c", 0.2, 15, 20),
    ("c-s0.1", "guided", "c", 0.1, 10, 20),
    ("c-late", "late", "c", 0.2, 5, 20),
    ("d-s0.1", "guided", "d", 0.1, 9, 20),
]
EMPTY = pl.DataFrame(schema={"arm": pl.String, "valid": pl.Boolean, "e_above_hull": pl.Float64})


def test_a_sweep_is_control_and_the_constraints_own_guided_arms():
    table = sweep_table(rates(ARMS), "c").filter(pl.col("outcome") == "satisfied")
    assert table.select("arm", "strength", "rate").rows() == [
        ("control", 0.0, 0.1), ("c-s0.1", 0.1, 0.5), ("c-s0.2", 0.2, 0.75),
    ]  # fmt: skip


def test_intervals_over_lineages_come_first():
    table = rates(ARMS).with_columns(
        cluster_bootstrap_low=pl.when(pl.col("arm") == "c-s0.1").then(0.2),
        cluster_bootstrap_high=pl.when(pl.col("arm") == "c-s0.1").then(0.9),
    )
    row = sweep_table(table, "c").filter(pl.col("arm") == "c-s0.1").row(0, named=True)
    assert (row["low"], row["high"]) == (0.2, 0.9)


def test_validity_and_energies_of_each_strength():
    arms = sweep_table(rates(ARMS), "c")
    candidates = pl.DataFrame(
        {
            "arm": ["control"] * 4 + ["c-s0.1"] * 2,
            "valid": [True, True, True, None, False, False],
            "e_above_hull": [0.1, 0.2, 0.3, None, None, float("nan")],
        }
    )
    table = quality_table(candidates, arms)
    first, second, third = table.iter_rows(named=True)
    assert (first["strength"], first["valid"], first["n"], first["share"]) == (0.0, 3, 4, 0.75)
    assert first["low"] == pytest.approx(wilson(3, 4).low)
    assert [first[q] for q in ("q1", "median", "q3")] == pytest.approx([0.15, 0.2, 0.25])
    assert (second["share"], second["median"]) == (0.0, None)
    assert (third["share"], third["n"]) == (None, 0)


def test_the_figure_has_units_and_every_outcome():
    table = sweep_table(rates(ARMS), "c")
    figure = sweep_figure(table, quality_table(EMPTY, table))
    assert figure.layout.xaxis3.title.text == "strength / Å (0: control)"
    assert [figure.layout[f"yaxis{k}"].title.text for k in ("", 2, 3)] == [
        "share / %", "valid / %", "e_above_hull<br>/ eV/atom",
    ]  # fmt: skip
    drawn = [t for t in figure.data if t.showlegend is not False]
    assert len(drawn) == len(OUTCOMES)
    assert len({(t.line.dash, t.marker.symbol) for t in drawn}) == len(OUTCOMES)
    assert list(drawn[0].y) == pytest.approx([10.0, 50.0, 75.0])
    assert drawn[0].error_y.array[0] == pytest.approx(100 * (wilson(2, 20).high - 0.1))


def test_one_strength_is_no_sweep():
    table = sweep_table(rates([arm for arm in ARMS if arm[0] != "c-s0.2"]), "c")
    assert sweep_figure(table, quality_table(EMPTY, table)) is None


def test_a_pilot_shows_the_last_round_of_every_strength():
    def tried(round_, strength, n, satisfied, valid):
        found = dict.fromkeys(COLUMNS)
        return found | {
            "round": round_, "arm": "guided" if strength else "control", "strength": strength, "n": n,
            "satisfied": satisfied, "valid": valid, "satisfied_valid": satisfied, "valid_share": valid / n,
            "energy": 0.2,
        }  # fmt: skip

    rows = [tried(1, None, 4, 0, 4), tried(1, 0.1, 4, 2, 4), tried(1, 0.3, 4, 3, 1), tried(2, 0.1, 8, 5, 8)]
    kinds = {str: pl.String(), int: pl.Int64(), float: pl.Float64()}
    table = pl.DataFrame(rows, schema={c: kinds[k] for c, k in COLUMNS.items()}, orient="row")
    found, quality = pilot_tables(table)
    own = found.filter(pl.col("outcome") == "satisfied")
    assert own.select("strength", "n", "successes").rows() == [(0.0, 4, 0), (0.1, 8, 5), (0.3, 4, 3)]
    assert quality["share"].to_list() == [1.0, 1.0, 0.25]
    figure = sweep_figure(found, quality)
    assert len([t for t in figure.data if t.showlegend is not False]) == 2
