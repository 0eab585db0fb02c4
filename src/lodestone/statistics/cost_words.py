"""The cost of a success beside rejection, in words."""

from __future__ import annotations

from typing import Any

import polars as pl

NOUNS = {"persistent": "persistent", "satisfied_valid": "satisfied and valid"}
"""Outcomes that are told, the first one that was measured."""
Row = dict[str, Any]


def cost_words(table: pl.DataFrame, constraint: str, arm: str) -> list[str]:
    """What the passes of an arm buy beside rejection, and what its pilot cost; empty if unknown."""
    rows = table.filter(pl.col("constraint") == constraint)
    for outcome, noun in NOUNS.items():
        found = {r["arm"]: r for r in rows.filter(pl.col("outcome") == outcome).iter_rows(named=True)}
        base = next((r for r in found.values() if r["method"] == "rejection"), None)
        own = found.get(arm)
        if own is None or base is None or not own["n"] or not base["n"]:
            continue
        sentence = sentence_of(own, base, noun)
        return [sentence + _pilot(own)] if sentence else []
    return []


def sentence_of(own: Row, base: Row, noun: str) -> str | None:
    """One sentence; None where the network passes are not known."""
    if own["passes_per_structure"] is None or base["passes_per_structure"] is None:
        return None
    what = f"network passes per {noun} structure than rejection"
    if own["ratio"] is not None:
        return _both(own["ratio"], own["ratio_low"], own["ratio_high"], what)
    return _one_sided(own, base, noun, what)


def _one_sided(own: Row, base: Row, noun: str, what: str) -> str:
    """The sentence where a side has no success: one bound of the ratio at most."""
    low, high = own["ratio_low"] or 0.0, own["ratio_high"]  # few lineages may leave no upper bound
    if own["successes"]:
        if high is not None and high < 1:
            return f"at least {times(1 / high)} fewer {what}, which found none of {base['n']}"
        counts = f"{noun} structures: {own['successes']} of {own['n']}, rejection none of {base['n']}"
        return f"{counts}; its cost is not shown to differ"
    if not base["successes"]:
        return f"no {noun} structure, nor by rejection: there is no cost to compare"
    if low > 1:
        return f"no {noun} structure: at least {times(low)} more {what}"
    return f"no {noun} structure; its cost is not shown to differ from that of rejection"


def times(factor: float) -> str:
    """A factor: 3.1 times, 12 times."""
    return f"{_digits(factor)} times"


def _both(ratio: float, low: float | None, high: float | None, what: str) -> str:
    word, value, ends = "more", ratio, (low, high)
    if ratio < 1:
        word, value = "fewer", 1 / ratio
        ends = (None if high is None else 1 / high, None if not low else 1 / low)
    first = "0" if ends[0] is None else _digits(ends[0])
    interval = f"{first}–{_digits(ends[1])}" if ends[1] is not None else f"{first} or more"
    shown = low is not None and low > 1 if ratio >= 1 else high is not None and high < 1
    return f"{times(value)} {word} {what} ({interval})" + ("" if shown else ", not shown to differ")


def _pilot(own: Row) -> str:
    passes = own["pilot_passes"]
    return "" if passes is None else f"; the pilot's {passes:,.0f} passes come on top"


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.095 else f"{value:.2g}"
