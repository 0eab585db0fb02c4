"""Two campaigns compared: settings, rates, cost, quality, crystals, and which is ahead. JSON-able.

Diversity and attrition stand beside without a test, for they depend on how many were made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl

from lodestone.columns import Col
from lodestone.comparison.crystals import found_by
from lodestone.comparison.rates import rate_rows
from lodestone.comparison.settings import Difference, differences
from lodestone.comparison.sides import ArmPair, Side, matched_arms, matched_constraints, primary_arm
from lodestone.comparison.views import ahead
from lodestone.statistics.attrition import STAGES

SHARES = {Col.UNIQUE_SHARE: "unique", Col.NOVEL_SHARE: "novel", Col.SUN_RATE: "sun"}
"""Share of the table of diversity -> how its bounds begin."""
COUNTS = ("n", "screened", "distinct", "distinct_formulas", "distinct_space_groups", "novel", "sun")


def quality_rows(a: Side, b: Side, pairs: Sequence[ArmPair]) -> list[dict[str, Any]]:
    """Per pair of arms: counts and shares of diversity with intervals, and what each stage leaves."""
    return [
        {"arms": pair.label, "arm_a": pair.a["name"], "arm_b": pair.b["name"]}
        | {"a": _quality_side(a, pair.a["name"]), "b": _quality_side(b, pair.b["name"])}
        for pair in pairs
    ]


def _quality_side(side: Side, arm: str) -> dict[str, Any]:
    diversity = _first(side.tables["diversity"].filter(pl.col("arm") == arm))
    stages = side.tables["attrition"].filter(pl.col("arm") == arm)
    left = dict(stages.select("stage", Col.SHARE_OF_GENERATED).rows())
    return (
        {name: diversity.get(name) for name in COUNTS}
        | {
            share: [diversity.get(share), diversity.get(f"{stem}_low"), diversity.get(f"{stem}_high")]
            for share, stem in SHARES.items()
        }
        | {"left": {stage: left.get(stage) for stage in STAGES}}
    )


def _first(rows: pl.DataFrame) -> Mapping[str, Any]:
    return rows.row(0, named=True) if rows.height else {}


Document = dict[str, Any]


def compare(a: Side, b: Side) -> Document:
    """Everything that the comparison tells; differences are B minus A throughout."""
    matched = matched_constraints(a, b)
    arms = {both: matched_arms(a, b, both) for both in matched.constraints}
    pairs = {both: found[0] for both, found in arms.items()}
    changed = differences(a, b, dict(matched.constraints))
    rows = rate_rows(a, b, pairs)
    return {
        "a": _side(a),
        "b": _side(b),
        "same": a.candidates.equals(b.candidates),
        "noise": _noise(a, b),
        "settings": [asdict(difference) for difference in changed],
        "only_a": matched.only_a,
        "only_b": matched.only_b,
        "constraints": [
            {
                "a": one,
                "b": other,
                "arms_only_a": arms[one, other][1],
                "arms_only_b": arms[one, other][2],
                "sentence": ahead(_decisive(a, b, (one, other), rows), _cautions(changed, other)),
            }
            for one, other in matched.constraints
        ],
        "rates": rows,
        "quality": quality_rows(a, b, _all_pairs(pairs)),
        "crystals": found_by(a, b),
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "campaign": side.name,
        "directory": str(side.directory),
        "chemical_system": side.summary["chemical_system"],
        "structures": side.summary["structures"],
        "alpha": side.summary["alpha"],
    }


def _noise(a: Side, b: Side) -> str | None:
    """What to know where arms of both began from the same noise: seeds go by the names of arms."""
    seeds = [side.config.get("sampling", {}).get("seed") for side in (a, b)]
    theirs = {arm["name"] for arm in b.summary["arms"]}
    both = [arm["name"] for arm in a.summary["arms"] if arm["name"] in theirs]
    if seeds[0] is None or seeds[0] != seeds[1] or not both or a.candidates.equals(b.candidates):
        return None
    same = [name for name in both if _drawn(a, name).equals(_drawn(b, name))]
    told = f" The same structures altogether: {', '.join(same)}." if same else ""
    return (
        f"Both were drawn with seed {seeds[0]}: arms of one name began from the same noise. Tests and "
        "intervals take them as independent, which makes them cautious; another seed makes them sharper."
        f"{told}"
    )


def _drawn(side: Side, arm: str) -> pl.DataFrame:
    """The structures of an arm as generated."""
    return side.arm(arm).select("numbers", "cell", "frac")


def _decisive(
    a: Side, b: Side, constraints: tuple[str, str], rows: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    """The row that decides: `satisfied` of both primary guided arms."""
    one, other = (primary_arm(s, c) for s, c in zip((a, b), constraints, strict=True))
    if one is None or other is None:
        return None
    wanted = (constraints[0], one["name"], other["name"], Col.SATISFIED)
    keys = ("constraint", "arm_a", "arm_b", "outcome")
    return next((row for row in rows if tuple(row[key] for key in keys) == wanted), None)


def _cautions(changed: Sequence[Difference], constraint: str) -> list[str]:
    """Why rates of a constraint are not comparable; energies and novelty do not touch them."""
    own = [d for d in changed if d.warning and d.constraint == constraint]
    model = [
        d
        for d in changed
        if d.warning and d.key.startswith(("model.", "sha256.model", "chemical", "sampling."))
    ]
    return list(dict.fromkeys(str(d.warning) for d in [*own, *model]))


def _all_pairs(pairs: Mapping[tuple[str, str], list[ArmPair]]) -> list[ArmPair]:
    found = {(p.a["name"], p.b["name"]): p for of in pairs.values() for p in of}
    return list(found.values())
