"""The distinct candidates as columns, for the browser's table, map and cards, and the table of the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from lodestone.columns import Col
from lodestone.report.cells import Cell, Column, View, count_cell, flag_cell, rows_of
from lodestone.report.hull_error import HullError, with_error
from lodestone.report.rendering import data_link
from lodestone.report.viewer import CONVENTIONAL, bonds_of, cells_of, centrings, elements_of
from lodestone.text import number, percent

DECIMALS = 6
PLAIN = (
    *("id", "arm", Col.FORMULA, Col.SPACE_GROUP, Col.SPACE_GROUP_SYMBOL, Col.BEST_RANK, Col.E_ABOVE_HULL),
    *(
        Col.KNOWN,
        Col.REFERENCE_SOURCE,
        Col.REFERENCE_ID,
        Col.REFERENCE_DISTANCE,
        Col.MULTIPLICITY,
        Col.MAX_FORCE_RAW,
    ),
)
OPTIONAL = (Col.P_METASTABLE,)
MEASURED = (Col.PROCESSED_LOSS, Col.PROCESSED_VALUES, Col.SATISFIED, Col.PERSISTENT)


def distinct(candidates: pl.DataFrame) -> pl.DataFrame:
    """Screened representatives of all arms: the best first, then by Pareto rank, then by energy.

    The rank that counts is the best of any constraint, the energy that above the hull.
    """
    rows = candidates.filter(pl.col(Col.IS_REPRESENTATIVE).fill_null(value=False))
    ranks = [c for c in rows.columns if c.endswith(".pareto_rank")]
    lowest = pl.min_horizontal(ranks) if ranks else pl.lit(None, pl.Int32)
    return (
        rows.with_columns(lowest.alias("_rank"))
        .sort(Col.BEST_RANK, "_rank", Col.E_ABOVE_HULL, "id", nulls_last=True)
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
    sizes = shown[Col.SYM_NUMBERS].list.len()
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

    sizes = shown[Col.SYM_NUMBERS].list.len().fill_null(0).to_numpy()
    volumes = np.abs(np.linalg.det(cells_of(shown)))
    return [_number(v / n) if n else None for v, n in zip(volumes.tolist(), sizes.tolist(), strict=True)]


def _number(value: float | None) -> float | None:
    if value is None or value != value or abs(value) == float("inf"):  # noqa: PLR0124
        return None
    return round(value, DECIMALS)


HULL_TITLE = (
    "Energy above the convex hull of the references by the campaign's estimator; P: chance that the true one "
    "is below 0.1 eV/atom"
)


def best_view(
    best: Sequence[Mapping[str, Any]],
    cifs: Mapping[str, str],
    places: Mapping[str, int],
    error: HullError | None,
) -> View:
    """The best candidates with their CIFs; `places` are positions in the table of all candidates by id."""
    head = f"E hull{' ± RMSE' if error else ''} / eV/atom"
    columns = (
        *(Column("#", "Place", numeric=True), Column("Formula"), Column("Space group")),
        Column(head, HULL_TITLE, numeric=True),
        Column(
            "Satisfies",
            "The constraint that it is best for; value and loss after symmetrisation; persists: "
            "still satisfied and valid after a short relaxation",
        ),
        Column("Reference", "Known: the same structure is among the references; else the nearest one"),
        Column("File"),
    )
    rows = rows_of(_best_row(row, cifs, places, error) for row in best)
    return View(columns, rows, sortable=False)


def _best_row(
    row: Mapping[str, Any],
    cifs: Mapping[str, str],
    places: Mapping[str, int],
    error: HullError | None,
) -> list[Cell]:
    values = ", ".join(number(v, 2, u) for v, u in zip(row["values"], row["units"], strict=True))
    check = row["cif_check"]
    above = row[Col.E_ABOVE_HULL]
    chance, kept = row.get(Col.P_METASTABLE), flag_cell(value=row[Col.PERSISTENT])
    return [
        count_cell(row[Col.BEST_RANK]),
        Cell(row[Col.FORMULA], note=row["arm"], viewer=places.get(row["id"])),
        _space_group(row),
        Cell(with_error(above, error), above, note="" if chance is None else f"P {percent(chance)}"),
        Cell(
            f"{row[Col.BEST_FOR]}: {values}", note=f"loss {number(row[Col.LOSS], 3)}, persists: {kept.text}"
        ),
        _reference(row),
        Cell(
            "CIF",
            href=data_link(cifs[row["cif"]], "chemical/x-cif"),
            download=row["cif"],
            note="" if check == "ok" else f"check the file: {check}",
            code=True,
        ),
    ]


def _space_group(row: Mapping[str, Any]) -> Cell:
    group = row[Col.SPACE_GROUP]
    if group is None:
        return Cell("not found")
    return Cell(f"{row[Col.SPACE_GROUP_SYMBOL]} ({group})", float(group), code=True)


def _reference(row: Mapping[str, Any]) -> Cell:
    distance = row[Col.REFERENCE_DISTANCE]
    if row[Col.KNOWN] is None:
        return Cell("not compared")
    if not row[Col.KNOWN]:
        return Cell("new", distance, note=f"nearest {row[Col.REFERENCE_ID]}" if row[Col.REFERENCE_ID] else "")
    return Cell("known", distance, note=str(row[Col.REFERENCE_ID] or ""))
