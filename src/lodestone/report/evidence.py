"""What the first screen says of a constraint: the question, the verdict, rates with intervals and p."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from lodestone.columns import Col
from lodestone.report.cells import Cell, Column, View, rows_of
from lodestone.statistics.console import met
from lodestone.statistics.outcomes import OUTCOMES
from lodestone.statistics.verdict import NAMES
from lodestone.text import p_text, percent, percent_interval

SHORT: dict[str, str] = {
    Col.SATISFIED: "Satisfied",
    Col.SATISFIED_VALID: "… and valid",
    Col.PERSISTENT: "Persistent",
    Col.RELAXED_SATISFIED: "Relaxed, then",
}
BADGES = {
    "worked": "Guidance worked",
    "partly": "Partly shown",
    "not shown": "Not shown to work",
    "not tested": "Not tested",
}


def badge(verdict: Mapping[str, Any]) -> str:
    """The verdict in a few words; a success that relaxation undoes is not called one."""
    if verdict["status"] == "worked" and verdict["persists"] is False:
        return "Worked as generated, not shown to persist"
    return BADGES[verdict["status"]]


def question(summary: Mapping[str, Any]) -> str:
    """What the campaign asked for, as a sentence."""
    system, constraints = summary["chemical_system"], summary["constraints"]
    if not constraints:
        return f"Crystals of the system {system}, with no property asked for."
    wishes = "; and, separately, ".join(wish(c) for c in constraints)
    return f"Crystals of the system {system} with {wishes}."


def wish(constraint: Mapping[str, Any]) -> str:
    """The constraint in words, with what counts as satisfied."""
    return " together with ".join(f"{t['words']} ({met(t, constraint)})" for t in constraint["terms"])


def rates_view(constraint: Mapping[str, Any], success: pl.DataFrame) -> View:
    """Rates of every arm that speaks of the constraint, and p-values of the arm that the verdict is about."""
    rows = {(r["arm"], r["outcome"]): r for r in constraint["rates"]}
    arms = list(dict.fromkeys(r["arm"] for r in constraint["rates"]))
    tests = success.filter(pl.col("constraint") == constraint["name"])
    columns = (
        Column("Arm"),
        Column("n", "Structures generated", numeric=True),
        *(Column(SHORT[outcome], meaning, numeric=True) for outcome, meaning in OUTCOMES.items()),
    )
    cells: list[list[Cell]] = []
    for arm in arms:
        rates = (_rate(rows[arm, outcome]) for outcome in OUTCOMES)
        cells.append([Cell(arm, code=True), Cell(str(rows[arm, Col.SATISFIED]["n"])), *rates])
        if arm == constraint["primary_arm"]:
            cells += _p_rows(tests.filter(pl.col("arm") == arm))
    return View(columns, rows_of(cells), sortable=False)


def _p_rows(tests: pl.DataFrame) -> Iterator[list[Cell]]:
    """One row per comparison: the p-value of each outcome."""
    for comparison in dict.fromkeys(tests["comparison"]):
        own = {r["outcome"]: r for r in tests.filter(pl.col("comparison") == comparison).to_dicts()}
        found = (_p(own[outcome][Col.P_USED]) if outcome in own else Cell("–") for outcome in OUTCOMES)
        yield [Cell(f"p against {comparison}", quiet=True), Cell(""), *found]


def tests_view(success: pl.DataFrame) -> View:
    """Every comparison in full."""
    columns = (
        *(Column("Constraint"), Column("Arm"), Column("Against"), Column("Outcome")),
        *(Column("Rate", numeric=True), Column("Reference rate", numeric=True)),
        Column("Difference (interval)", "Newcombe, or cluster bootstrap by lineage", numeric=True),
        *(Column("Risk ratio", numeric=True), Column("Smallest rise seen at 80 % power", numeric=True)),
        *(Column("p (z)", numeric=True), Column("p (Fisher)", numeric=True), Column("Test that counts")),
        *(Column("Adjusted p", numeric=True), Column("Family"), Column("Shown"), Column("Note")),
    )
    return View(columns, rows_of(_test(row) for row in success.iter_rows(named=True)))


def _rate(row: Mapping[str, Any]) -> Cell:
    if row["rate"] is None:
        return Cell("not defined", note=row["note"] or "")
    low, high = row["ci_low"], row["ci_high"]
    if row["cluster_bootstrap_low"] is not None:
        low, high = row["cluster_bootstrap_low"], row["cluster_bootstrap_high"]
    bounds = percent_interval(low, high).removesuffix(" %").replace(" to ", "–")
    return Cell(percent(row["rate"]), row["rate"], note=bounds)


def _test(row: Mapping[str, Any]) -> list[Cell]:
    low, high = row["diff_low"], row["diff_high"]
    if row["cluster_bootstrap_diff_low"] is not None:
        low, high = row["cluster_bootstrap_diff_low"], row["cluster_bootstrap_diff_high"]
    difference = f"{percent(row['difference'])} ({percent_interval(low, high)})"
    ratio = row["risk_ratio"]
    return [
        *(Cell(row["constraint"]), Cell(row["arm"]), Cell(row[Col.REFERENCE_ARM])),
        Cell(NAMES[row["outcome"]]),
        Cell(percent(row["rate"]), row["rate"]),
        Cell(percent(row[Col.RATE_REFERENCE]), row[Col.RATE_REFERENCE]),
        Cell(difference if row["difference"] is not None else "not defined", row["difference"]),
        Cell("not defined" if ratio is None else f"{ratio:.2f}", ratio),
        Cell(percent(row[Col.MINIMAL_DETECTABLE_EFFECT]), row[Col.MINIMAL_DETECTABLE_EFFECT]),
        *(_p(row["p_value"]), _p(row["fisher_p"]), Cell(row[Col.TEST_USED] or "–"), _p(row[Col.P_ADJUSTED])),
        Cell(f"{row['family']} ({row['adjustment']})"),
        Cell({True: "yes", False: "no", None: "–"}[row[Col.SIGNIFICANT]]),
        Cell(row["note"] or ""),
    ]


def _p(value: float | None) -> Cell:
    return Cell(p_text(value).removeprefix("p ").removeprefix("= "), value)
