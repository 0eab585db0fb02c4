"""The campaign in one JSON document: question, verdicts, rates, best candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from lodestone.columns import Col
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
                Col.STRENGTH: a.strength,
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
    chosen = candidates.filter(pl.col(Col.BEST_RANK).is_not_null()).sort(Col.BEST_RANK)
    models = {c.name: c.models() for c in plan.constraints}
    rows = []
    for row in chosen.iter_rows(named=True):
        name = row[Col.BEST_FOR]
        common = [
            *["id", Col.BEST_RANK, Col.BEST_FOR, "arm", Col.FORMULA, Col.SPACE_GROUP, Col.SPACE_GROUP_SYMBOL],
            *[Col.SYMPREC, Col.ENERGY_PER_ATOM, Col.E_ABOVE_HULL, Col.KNOWN, Col.REFERENCE_ID],
            *[Col.REFERENCE_DISTANCE, Col.MULTIPLICITY],
        ]
        rows.append(
            {key: row[key] for key in common}
            | {
                Col.N_ATOMS: len(row[Col.SYM_NUMBERS]),
                Col.PARETO_RANK: row[Col.PARETO_RANK.of(name)],
                "loss": row[Col.PROCESSED_LOSS.of(name)],
                "values": row[Col.PROCESSED_VALUES.of(name)],
                "units": [t.unit for t in models[name]],
                Col.PERSISTENT: row[Col.PERSISTENT.of(name)],
                Col.P_METASTABLE: row.get(Col.P_METASTABLE),
                Col.HULL_NOTE: row[Col.HULL_NOTE],
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
        *["arm", Col.ARM_KIND, Col.STRENGTH, "outcome", "n", "successes", "rate", "ci_low", "ci_high"],
        *["cluster_bootstrap_low", "cluster_bootstrap_high", "n_lineages", "note"],
    ]
    return rows.select(keep).to_dicts()
