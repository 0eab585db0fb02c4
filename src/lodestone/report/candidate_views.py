"""The tables of candidates: the best, and all distinct ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from lodestone.report.assets import data_link
from lodestone.report.cells import Cell, Column, View, count_cell, flag_cell, number_cell, rows_of
from lodestone.report.viewer import ordered
from lodestone.statistics.wording import number, percent

MOST_ROWS = 1000
CHANCE_TITLE = "Chance that the true energy above the hull is below 0.1 eV/atom"
HULL_TITLE = "Energy above the convex hull of the references, by the campaign's estimator"


def best_view(best: Sequence[Mapping[str, Any]], cifs: Mapping[str, str], places: Mapping[str, int]) -> View:
    """The best candidates with their CIFs; `places` are positions in the 3-D viewer by id."""
    chances = any(row.get("p_metastable") is not None for row in best)
    columns = (
        *(Column("#", numeric=True), Column("Formula"), Column("Files"), Column("Space group")),
        Column("E hull / eV/atom", HULL_TITLE, numeric=True),
        *([Column("P", CHANCE_TITLE)] if chances else []),
        *(Column("Answers"), Column("Value"), Column("Front", "Pareto rank", numeric=True)),
        Column("Nearest reference", "A match means that the structure is known"),
        Column("Persists", "Still satisfied and valid after a short relaxation"),
        Column("Found by"),
    )
    return View(columns, rows_of(_best_row(row, cifs, places, chances=chances) for row in best))


def candidates_view(candidates: pl.DataFrame, constraints: Sequence[str], places: Mapping[str, int]) -> View:
    """Screened representatives of all arms, best first."""
    rows = ordered(candidates.filter(pl.col("is_representative").fill_null(value=False)))
    columns = (
        *(Column("#", "Place among the best", numeric=True), Column("Formula"), Column("Structure")),
        Column("Space group"),
        Column("Atoms", "Atoms in the primitive cell", numeric=True),
        Column("E hull / eV/atom", HULL_TITLE, numeric=True),
        *(
            column
            for c in constraints
            for column in (
                Column(f"{c}: value", "Of the symmetrised structure", numeric=True),
                Column(f"{c}: loss", numeric=True),
                Column(f"{c}: satisfied", "As generated"),
                Column(f"{c}: persists", "Satisfied and valid, before and after a short relaxation"),
            )
        ),
        *(Column("Nearest reference"), Column("Copies", "Structures in its cluster", numeric=True)),
        Column("Max force / eV/Å", "Largest force in the raw sample", numeric=True),
        Column("Found by"),
    )
    note = ""
    if rows.height > MOST_ROWS:
        note = f"The first {MOST_ROWS} of {rows.height} are listed; candidates.parquet has all."
    shown = rows.head(MOST_ROWS)
    cells = (_candidate_row(row, constraints, places) for row in shown.iter_rows(named=True))
    return View(columns, rows_of(cells), note, filterable=True)


def _best_row(
    row: Mapping[str, Any], cifs: Mapping[str, str], places: Mapping[str, int], *, chances: bool
) -> list[Cell]:
    values = ", ".join(number(v, 2, u) for v, u in zip(row["values"], row["units"], strict=True))
    check = row["cif_check"]
    return [
        count_cell(row["best_rank"]),
        Cell(row["formula"]),
        Cell(
            "CIF",
            href=data_link(cifs[row["cif"]], "chemical/x-cif"),
            download=row["cif"],
            viewer=places.get(row["id"]),
            note="" if check == "ok" else f"check the file: {check}",
            code=True,
        ),
        _space_group(row),
        number_cell(row["e_above_hull"]),
        *([Cell(percent(row.get("p_metastable")), row.get("p_metastable"), code=True)] if chances else []),
        Cell(row["best_for"]),
        Cell(values, code=len(row["values"]) == 1),
        count_cell(row["pareto_rank"]),
        _reference(row),
        flag_cell(value=row["persistent"]),
        Cell(row["arm"], code=True),
    ]


def _candidate_row(
    row: Mapping[str, Any], constraints: Sequence[str], places: Mapping[str, int]
) -> list[Cell]:
    measured = [cell for c in constraints for cell in _measured(row, c)]
    return [
        count_cell(row["best_rank"]),
        Cell(row["formula"] or "–"),
        Cell(row["id"], viewer=places.get(row["id"]), code=True),
        _space_group(row),
        count_cell(len(row["sym_numbers"]) if row["sym_numbers"] is not None else None),
        number_cell(row["e_above_hull"]),
        *measured,
        _reference(row),
        count_cell(row["multiplicity"]),
        number_cell(row["max_force_raw"], 2),
        Cell(row["arm"], code=True),
    ]


def _measured(row: Mapping[str, Any], constraint: str) -> list[Cell]:
    values = row[f"{constraint}.processed_values"] or []
    text = ", ".join(number(v, 2) for v in values) or "–"
    return [
        Cell(text, values[0] if values else None),
        number_cell(row[f"{constraint}.processed_loss"]),
        flag_cell(value=row[f"{constraint}.satisfied"]),
        flag_cell(value=row[f"{constraint}.persistent"]),
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
        near = f"nearest {row['reference_id']}" if row["reference_id"] else ""
        return Cell("new", distance, note=near)
    return Cell(f"known: {row['reference_id']}", distance, code=True)
