"""The end of a campaign on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lodestone.columns import Col
from lodestone.text import UNDEFINED, number, percent, percent_interval

OUTCOME_HEADS = {
    Col.SATISFIED: "satisfied",
    Col.SATISFIED_VALID: "and valid",
    Col.PERSISTENT: "persistent",
    Col.RELAXED_SATISFIED: "relaxed, then",
}


def render(summary: Mapping[str, Any], places: Mapping[str, str]) -> str:
    """Where things are, rates with intervals and p per constraint, the best candidates."""
    lines = ["", f"Campaign {summary['campaign']} ({summary['chemical_system']})", ""]
    lines += [f"  {name:<12} {place}" for name, place in places.items()]
    lines += ["", *(f"  Note: {note}" for note in summary["notes"])]
    for constraint in summary["constraints"]:
        lines += ["", *_constraint(constraint)]
    lines += ["", *_best(summary["best"]), ""]
    return "\n".join(lines)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Left-aligned columns with a rule below the head."""
    widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]
    lines = ["  ".join(f"{c:<{w}}" for c, w in zip(line, widths, strict=True)) for line in [head, *rows]]
    return [f"  {line}".rstrip() for line in [lines[0], "  ".join("-" * w for w in widths), *lines[1:]]]


def met(term: Mapping[str, Any], constraint: Mapping[str, Any]) -> str:
    """How far from its target a term may be; a range may be met exactly."""
    own = term["tolerance"]
    within = constraint["satisfied_within"] if own is None else own
    unit = f" {term['unit']}" if term["unit"] else ""
    return f"met within {within:g}{unit}" if within else "met exactly"


def _constraint(constraint: Mapping[str, Any]) -> list[str]:
    asked = "; ".join(f"{term['words']} ({met(term, constraint)})" for term in constraint["terms"])
    lines = [f"{constraint['name']}: {asked}"]
    arms = list(dict.fromkeys(row["arm"] for row in constraint["rates"]))
    by = {(row["arm"], row["outcome"]): row for row in constraint["rates"]}
    rows = [[arm, *(_rate(by[arm, outcome]) for outcome in OUTCOME_HEADS)] for arm in arms]
    lines += table(["arm", *OUTCOME_HEADS.values()], rows)
    found = constraint["verdict"]
    caveat = " (as generated; not shown to persist)" if found["persists"] is False else ""
    lines += [f"  {found['status'].upper()}{caveat}: {found['sentence']}"]
    lines += [f"    {detail}" for detail in found["details"]]
    return lines + [f"  {constraint['name']}: {sentence}" for sentence in constraint["cost"]]


def _rate(row: Mapping[str, Any]) -> str:
    if row["rate"] is None:
        return UNDEFINED
    cluster = row["cluster_bootstrap_low"] is not None
    low = row["cluster_bootstrap_low" if cluster else "ci_low"]
    high = row["cluster_bootstrap_high" if cluster else "ci_high"]
    return f"{percent(row['rate'])} ({percent_interval(low, high)})"


def _best(best: Sequence[Mapping[str, Any]]) -> list[str]:
    if not best:
        return ["No candidate is eligible as best (see the attrition in the report)."]
    head = ["#", "formula", "space group", "e_hull eV/atom", "for", "value", "new?", "arm"]
    return ["Best candidates", *table(head, [_candidate(row) for row in best])]


def _candidate(row: Mapping[str, Any]) -> list[str]:
    group = row[Col.SPACE_GROUP]
    values = ", ".join(number(v, 2, u) for v, u in zip(row["values"], row["units"], strict=True))
    novelty = {True: f"known: {row[Col.REFERENCE_ID]}", False: "new", None: "not judged"}[row[Col.KNOWN]]
    return [
        str(row[Col.BEST_RANK]),
        row[Col.FORMULA],
        f"{row[Col.SPACE_GROUP_SYMBOL]} ({group})" if group is not None else "not found",
        number(row[Col.E_ABOVE_HULL], 3),
        row[Col.BEST_FOR],
        values,
        novelty,
        row["arm"],
    ]
