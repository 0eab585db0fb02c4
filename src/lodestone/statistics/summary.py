"""The campaign in one JSON document: question, verdicts, rates, best candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from lodestone.statistics.analysis import Analysis
from lodestone.statistics.best import RULE
from lodestone.statistics.cost import cost_words
from lodestone.statistics.notes import notes, source_notes
from lodestone.statistics.plan import ConstraintPlan, Plan
from lodestone.statistics.verdict import verdict


def summarise(analysis: Analysis, plan: Plan, sources: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """JSON-able summary (no NaN): what was asked, whether guidance worked, what was found.

    `sources` tells what came of each source of references.
    """
    return {
        "campaign": plan.campaign,
        "chemical_system": plan.chemical_system,
        "alpha": plan.alpha,
        "shown_below": plan.shown_below,
        "structures": analysis.candidates.height,
        "failed": int(analysis.candidates["failed"].sum() or 0),
        "arms": [
            {
                "name": a.name,
                "kind": a.kind,
                "constraint": a.constraint,
                "strength": a.strength,
                "chosen_by_pilot": a.piloted,
                "sampler": a.sampler,
            }
            for a in plan.arms
        ],
        "constraints": [_constraint(c, analysis, plan) for c in plan.constraints],
        "best_rule": RULE,
        "best": best_rows(analysis.candidates, plan),
        "notes": notes(analysis.candidates, analysis.success, plan) + source_notes(sources),
    }


def best_rows(candidates: pl.DataFrame, plan: Plan) -> list[dict[str, Any]]:
    """The best candidates, best first, with what a chemist asks about each."""
    chosen = candidates.filter(pl.col("best_rank").is_not_null()).sort("best_rank")
    models = {c.name: c.models() for c in plan.constraints}
    rows = []
    for row in chosen.iter_rows(named=True):
        name = row["best_for"]
        common = [
            *["id", "best_rank", "best_for", "arm", "formula", "space_group", "space_group_symbol"],
            *["symprec", "energy_per_atom", "e_above_hull", "known", "reference_id"],
            *["reference_distance", "multiplicity"],
        ]
        rows.append(
            {key: row[key] for key in common}
            | {
                "n_atoms": len(row["sym_numbers"]),
                "pareto_rank": row[f"{name}.pareto_rank"],
                "loss": row[f"{name}.processed_loss"],
                "values": row[f"{name}.processed_values"],
                "units": [t.unit for t in models[name]],
                "persistent": row[f"{name}.persistent"],
                "p_metastable": row.get("p_metastable"),
                "hull_note": row["hull_note"],
            }
        )
    return rows


def _constraint(constraint: ConstraintPlan, analysis: Analysis, plan: Plan) -> dict[str, Any]:
    found = verdict(constraint, analysis.success, plan)
    arm = plan.primary_arm(constraint.name)
    return {
        "name": constraint.name,
        "primary": constraint.primary,
        "satisfied_within": constraint.satisfied_within,
        "terms": [
            {
                "kind": t.kind,
                "words": t.describe(),
                "unit": t.unit,
                "target": t.model_dump(mode="json")["target"],
                "spans": [list(span) for span in t.spans()],
                "tolerance": t.tolerance,
            }
            for t in constraint.models()
        ],
        "primary_arm": arm.name if arm else None,
        "verdict": {
            "status": found.status,
            "sentence": found.sentence,
            "details": list(found.details),
            "persists": found.persists,
        },
        "cost": cost_words(analysis.cost, constraint.name, arm.name) if arm else [],
        "pilot": plan.pilots.get(constraint.name),
        "rates": _rates(analysis.rates, constraint.name, _relevant(constraint.name, plan)),
    }


def _relevant(constraint: str, plan: Plan) -> list[str]:
    """The arms that speak of this constraint: without guidance, and guided by it."""
    return [a.name for a in plan.arms if a.constraint in (None, constraint)]


def _rates(table: pl.DataFrame, constraint: str, arms: Sequence[str]) -> list[dict[str, Any]]:
    rows = table.filter(pl.col("constraint") == constraint, pl.col("arm").is_in(list(arms)))
    keep = [
        *["arm", "arm_kind", "strength", "outcome", "n", "successes", "rate", "ci_low", "ci_high"],
        *["cluster_bootstrap_low", "cluster_bootstrap_high", "n_lineages", "note"],
    ]
    return rows.select(keep).to_dicts()
