"""What a pilot writes: every candidate of every round with its decision, and the chosen strength."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lodestone.pilot.halving import Bounds, Decision, Evidence, Outcome

if TYPE_CHECKING:
    import polars as pl

CONTROL = "control"


def document(
    constraint: str,
    outcome: Outcome,
    controls: Sequence[Evidence],
    bounds: Bounds,
    passes: float,
    structures: int,
) -> dict[str, Any]:
    """JSON-able: the chosen strength and why, the bounds, what it cost, and every decision.

    `controls` are the control's own structures in each round; `passes` are network passes of everything.
    """
    rows = [_control(i, e) for i, e in enumerate(controls)] + [_row(d) for d in outcome.decisions]
    return {
        "constraint": constraint,
        "strength": outcome.strength,
        "within_bounds": outcome.within_bounds,
        "reason": outcome.reason,
        "bounds": asdict(bounds),
        "structures": structures,
        "passes": passes,
        "tried": sorted(rows, key=lambda r: (r["round"], r["arm"] != CONTROL)),
    }


def tried_table(found: Mapping[str, Any]) -> pl.DataFrame:
    """The rows of `document` as a table; see `COLUMNS` for columns and units."""
    import polars as pl

    kinds: dict[type, Any] = {str: pl.String(), int: pl.Int64(), float: pl.Float64()}
    schema = {name: kinds[kind] for name, kind in COLUMNS.items()}
    return pl.DataFrame(found["tried"], schema=schema, orient="row")


def read(path: Path) -> dict[str, Any]:
    """A pilot's document."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


COLUMNS: dict[str, type] = {
    "round": int,  # from 1
    "arm": str,  # control or guided
    "strength": float,  # Å; null for the control
    "n": int,  # structures so far, those of earlier rounds included
    "satisfied": int,
    "valid": int,
    "satisfied_valid": int,
    "rate": float,  # satisfied_valid / n, which ranks the candidates
    "valid_share": float,
    "fall": float,  # control's valid_share minus this one
    "fall_low": float,
    "fall_high": float,
    "energy": float,  # eV/atom; median energy above the hull of valid, unrelaxed structures
    "rise": float,  # eV/atom; energy minus the control's
    "rise_low": float,
    "rise_high": float,
    "decision": str,  # kept, dropped, out of bounds or chosen
    "reason": str,
}


def _row(decision: Decision) -> dict[str, Any]:
    evidence = decision.evidence
    return (
        {"round": decision.round + 1, "arm": "guided", "strength": evidence.strength}
        | _counts(evidence)
        | {"decision": decision.decision, "reason": decision.reason}
    )


def _control(index: int, evidence: Evidence) -> dict[str, Any]:
    blank = {name: None for name in COLUMNS if name.startswith(("fall", "rise"))}
    row = {"round": index + 1, "arm": CONTROL, "strength": None} | _counts(evidence) | blank
    return row | {"decision": None, "reason": None}


def _counts(evidence: Evidence) -> dict[str, Any]:
    fall, rise = evidence.fall, evidence.rise
    return {
        "n": evidence.n,
        "satisfied": evidence.satisfied,
        "valid": evidence.valid,
        "satisfied_valid": evidence.satisfied_valid,
        "rate": evidence.rate,
        "valid_share": evidence.valid / evidence.n if evidence.n else None,
        "fall": fall.value,
        "fall_low": fall.low,
        "fall_high": fall.high,
        "energy": evidence.energy,
        "rise": rise.value,
        "rise_low": rise.low,
        "rise_high": rise.high,
    }
