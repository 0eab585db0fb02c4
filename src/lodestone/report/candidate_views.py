"""The table of the best candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lodestone.report.assets import data_link
from lodestone.report.cells import Cell, Column, View, count_cell, flag_cell, rows_of
from lodestone.report.hull_error import HullError, with_error
from lodestone.statistics.wording import number, percent

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
    above = row["e_above_hull"]
    chance, kept = row.get("p_metastable"), flag_cell(value=row["persistent"])
    return [
        count_cell(row["best_rank"]),
        Cell(row["formula"], note=row["arm"], viewer=places.get(row["id"])),
        _space_group(row),
        Cell(with_error(above, error), above, note="" if chance is None else f"P {percent(chance)}"),
        Cell(f"{row['best_for']}: {values}", note=f"loss {number(row['loss'], 3)}, persists: {kept.text}"),
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
    group = row["space_group"]
    if group is None:
        return Cell("not found")
    return Cell(f"{row['space_group_symbol']} ({group})", float(group), code=True)


def _reference(row: Mapping[str, Any]) -> Cell:
    distance = row["reference_distance"]
    if row["known"] is None:
        return Cell("not compared")
    if not row["known"]:
        return Cell("new", distance, note=f"nearest {row['reference_id']}" if row["reference_id"] else "")
    return Cell("known", distance, note=str(row["reference_id"] or ""))
