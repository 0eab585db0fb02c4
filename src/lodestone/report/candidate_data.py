"""All distinct candidates as columns: what the browser's table, map and cards show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from lodestone.report.bonds import bonds_of, elements_of
from lodestone.report.crystals import CONVENTIONAL, cells_of, centrings
from lodestone.report.hull_error import HullError

DECIMALS = 6
PLAIN = (
    *("id", "arm", "formula", "space_group", "space_group_symbol", "best_rank", "e_above_hull"),
    *("known", "reference_source", "reference_id", "reference_distance", "multiplicity", "max_force_raw"),
)
OPTIONAL = ("p_metastable",)
MEASURED = ("processed_loss", "processed_values", "satisfied", "persistent")


def distinct(candidates: pl.DataFrame) -> pl.DataFrame:
    """Screened representatives of all arms: the best first, then by Pareto rank, then by energy.

    The rank that counts is the best of any constraint, the energy that above the hull.
    """
    rows = candidates.filter(pl.col("is_representative").fill_null(value=False))
    ranks = [c for c in rows.columns if c.endswith(".pareto_rank")]
    lowest = pl.min_horizontal(ranks) if ranks else pl.lit(None, pl.Int32)
    return (
        rows.with_columns(lowest.alias("_rank"))
        .sort("best_rank", "_rank", "e_above_hull", "id", nulls_last=True)
        .drop("_rank")
    )


def candidate_data(
    shown: pl.DataFrame,
    summary: Mapping[str, Any],
    settings: Mapping[str, Mapping[str, Any]],
    error: HullError | None,
) -> dict[str, Any]:
    """JSON-able columns of `distinct`, the constraints with their bonds, elements and the error.

    `settings` are those of the constraints, by name; without them no bonds can be told.
    """
    sizes = shown["sym_numbers"].list.len()
    names = [c["name"] for c in summary["constraints"]]
    pairs = bonds_of({name: settings[name] for name in names if name in settings})
    return {
        "n": shown.height,
        "columns": {name: _values(shown[name]) for name in (*PLAIN, *_there(shown))}
        | {"atoms": sizes.to_list(), "volume_per_atom": _volumes(shown)},
        "constraints": [
            {
                "name": c["name"],
                "unit": ", ".join(dict.fromkeys(t["unit"] for t in c["terms"] if t["unit"])),
                "asked": " together with ".join(t["words"] for t in c["terms"]),
                "arms": [a["name"] for a in summary["arms"] if a["constraint"] == c["name"]],
                "pairs": pairs.get(c["name"], []),
                **{key: _values(shown[f"{c['name']}.{key}"]) for key in MEASURED},
            }
            for c in summary["constraints"]
        ],
        "arms": [a["name"] for a in summary["arms"]],
        "elements": elements_of(summary["chemical_system"]),
        "error": None if error is None else round(error.rmse, DECIMALS),
        "centring": centrings(shown),
        "conventional": CONVENTIONAL,
    }


def _there(shown: pl.DataFrame) -> Sequence[str]:
    return [name for name in OPTIONAL if name in shown.columns and shown[name].count()]


def _values(column: pl.Series) -> list[Any]:
    """Values as JSON has them: rounded, null for what is not finite."""
    if column.dtype == pl.List:
        inner = column.cast(pl.List(pl.Float64)).to_list()
        return [None if row is None else [_number(v) for v in row] for row in inner]
    if column.dtype.is_float():
        return [_number(v) for v in column.to_list()]
    return column.to_list()


def _volumes(shown: pl.DataFrame) -> list[float | None]:
    import numpy as np

    sizes = shown["sym_numbers"].list.len().fill_null(0).to_numpy()
    volumes = np.abs(np.linalg.det(cells_of(shown)))
    return [_number(v / n) if n else None for v, n in zip(volumes.tolist(), sizes.tolist(), strict=True)]


def _number(value: float | None) -> float | None:
    if value is None or value != value or abs(value) == float("inf"):  # noqa: PLR0124
        return None
    return round(value, DECIMALS)
