"""Small sides with counts that are chosen: what a comparison says of them is known beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from lodestone.comparison.sides import Side

TERM = {"kind": "volume_per_atom", "target": 10.0, "tolerance": None}
OUTCOMES = ("satisfied", "satisfied_valid", "persistent", "relaxed_satisfied")


def arm(name: str, kind: str, constraint: str | None = None, strength: float = 0.0) -> dict[str, Any]:
    return {"name": name, "kind": kind, "constraint": constraint, "strength": strength}


def usual_arms(constraint: str = "volume", strength: float = 0.1) -> list[dict[str, Any]]:
    return [
        arm("unguided", "unguided"),
        arm("control", "control"),
        arm(f"{constraint}-s{strength:g}", "guided", constraint, strength),
    ]


def rows(name: str, successes: int, n: int, constraint: str = "volume", members: int = 1) -> pl.DataFrame:
    """Candidates of an arm: the first `successes` of `n` succeed in every way; `members` per lineage."""
    good = [i < successes for i in range(n)]
    return pl.DataFrame(
        {
            "id": [f"x/{name}/{i}" for i in range(n)],
            "numbers": [[8 if i < successes else 3] for i in range(n)],
            "cell": [[1.0] * 9] * n,
            "frac": [[0.0] * 3] * n,
            "arm": [name] * n,
            "lineage": [i // members for i in range(n)],
            "failed": [False] * n,
            "volume_per_atom": [10.0] * n,
            "valid": [True] * n,
            "relax_failure": pl.Series([None] * n, dtype=pl.String),
            "is_representative": [False] * n,
            "best_rank": pl.Series([None] * n, dtype=pl.Int32),
        }
        | {f"{constraint}.{o}": good for o in OUTCOMES if o != "satisfied_valid"}
    )


def side(
    counts: dict[str, tuple[int, int]],
    *,
    constraint: str = "volume",
    arms: list[dict[str, Any]] | None = None,
    within: float = 1.0,
    members: int = 1,
    passes: float = 200.0,
    config: dict[str, Any] | None = None,
) -> Side:
    """A campaign whose arms have `counts` (successes, structures)."""
    known = usual_arms(constraint) if arms is None else arms
    tables = [rows(a["name"], *counts[a["name"]], constraint, members) for a in known]
    constraints = {constraint: {"terms": [TERM], "satisfied_within": within, "primary": True, "combine": 2.0}}
    return Side(
        name="x",
        directory=Path("results/x"),
        record={"config": {"campaign": "x", "constraints": constraints, **(config or {})}, "sha256": {}},
        summary={
            "campaign": "x", "chemical_system": "B", "alpha": 0.05, "arms": known,
            "structures": sum(n for _, n in counts.values()),
        },
        candidates=pl.concat(tables),
        tables={"cost": _cost(known, counts, constraint, passes), **_empty()},
    )  # fmt: skip


def _cost(
    arms: list[dict[str, Any]], counts: dict[str, tuple[int, int]], constraint: str, passes: float
) -> pl.DataFrame:
    found = []
    for a in arms:
        successes, n = counts[a["name"]]
        share = successes / n if n else None
        bounds = (None, None) if share is None else (max(0.0, share - 0.1), min(1.0, share + 0.1))
        price = passes / share if share else None
        found += [(constraint, a["name"], outcome, passes, share, *bounds, price) for outcome in OUTCOMES]
    names = ["constraint", "arm", "outcome", "passes_per_structure", "rate", "rate_low", "rate_high"]
    kinds = dict.fromkeys(names[:3], pl.String) | dict.fromkeys(
        [*names[3:], "passes_per_success"], pl.Float64
    )
    return pl.DataFrame(found, schema=kinds, orient="row")


def _empty() -> dict[str, pl.DataFrame]:
    text, number = pl.String, pl.Float64
    return {
        "diversity": pl.DataFrame(schema={"arm": text}),
        "attrition": pl.DataFrame(schema={"arm": text, "stage": text, "share_of_generated": number}),
    }
