"""Does what guidance achieved survive a short relaxation?

Every valid raw structure is relaxed (positions and cell, FIRE, few steps) and judged again by the
same hard checks. `persistent`: satisfied and valid as sampled, and still so afterwards.
`relaxed_satisfied`: valid as sampled, and satisfied and valid afterwards. A relaxation that broke
off counts as neither; one that merely did not converge is judged as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.energies.evaluation import Estimator
from lodestone.energies.guards import Guards
from lodestone.energies.relax import Relaxed, relax
from lodestone.structures import table

if TYPE_CHECKING:
    from lodestone.constraints.context import Context

SCHEMA = table.SCHEMA | {
    Col.ENERGY_RAW: pl.Float64(),
    Col.MAX_FORCE_RAW: pl.Float64(),
    Col.ENERGY_RELAXED: pl.Float64(),
    Col.MAX_FORCE_RELAXED: pl.Float64(),
    Col.RELAX_STEPS: pl.Int32(),
    Col.RELAX_CONVERGED: pl.Boolean(),
    Col.RELAX_FAILURE: pl.String(),
}
Valid = Callable[[np.ndarray, np.ndarray, np.ndarray], bool]


def relax_rows(
    structures: pl.DataFrame,
    estimator: Estimator,
    guards: Guards,
    *,
    steps: int = 50,
    largest_force: float = 0.1,
) -> pl.DataFrame:
    """Relax every structure of a table; columns are `SCHEMA`, in row order.

    Energies are eV/atom; `max_force_*` is the longest force on an atom (eV/Å), while convergence
    asks that the forces on atoms and on the cell are all below `largest_force` (eV/Å).
    """
    found = relax(
        table.to_ase(structures), estimator,
        steps=steps, largest_force=largest_force, acceptable=guards,
    )  # fmt: skip
    moved = table.from_ase(structures["id"].to_list(), [r.atoms for r in found])
    columns = [
        pl.Series(name, [_result(r)[name] for r in found], dtype=SCHEMA[name])
        for name in SCHEMA
        if name not in table.SCHEMA
    ]
    return moved.with_columns(columns)


def unrelaxed_rows(measured: pl.DataFrame, structures: pl.DataFrame) -> pl.DataFrame:
    """Rows of `SCHEMA` for structures that are not relaxed because they are not valid."""
    reasons = [f"not valid: {r}" for r in measured[Col.INVALID_REASON].fill_null("no reason given")]
    empty = [
        pl.lit(None, dtype=SCHEMA[name]).alias(name)
        for name in SCHEMA
        if name not in (*table.SCHEMA, Col.RELAX_STEPS, Col.RELAX_CONVERGED, Col.RELAX_FAILURE)
    ]
    return structures.select(list(table.SCHEMA)).with_columns(
        *empty,
        pl.lit(0, dtype=pl.Int32).alias(Col.RELAX_STEPS),
        pl.lit(value=False).alias(Col.RELAX_CONVERGED),
        pl.Series(Col.RELAX_FAILURE, reasons, dtype=pl.String),
    )


def assemble(structures: pl.DataFrame, measured: pl.DataFrame, relaxed: pl.DataFrame) -> pl.DataFrame:
    """Relaxed and unrelaxed rows together, in the order of `structures`."""
    skipped = ~measured[Col.VALID]
    rest = unrelaxed_rows(measured.filter(skipped), structures.filter(skipped))
    both = pl.concat([relaxed, rest.select(relaxed.columns)])
    return structures.select("id").join(both, on="id", how="left", maintain_order="left")


def is_valid(numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray) -> bool:
    """The validity that raw samples are judged by."""
    from lodestone.curation.validity import judge

    return judge(numbers, cell, frac).valid


def parsed_constraints(
    constraints: Mapping[str, Mapping[str, Any]], context: Context | None = None
) -> dict[str, dict[str, Any]]:
    """Constraints of a config with their terms as objects; `context` is for terms that need a hull."""
    from lodestone.constraints import terms_of
    from lodestone.constraints.context import Context

    known = context or Context({})
    return {
        name: dict(one) | {"terms": [term.bound(known) for term in terms_of(one)]}
        for name, one in constraints.items()
    }


def judge_again(
    relaxed: pl.DataFrame,
    measured: pl.DataFrame,
    constraints: Mapping[str, Mapping[str, Any]],
    valid: Valid,
) -> pl.DataFrame:
    """Add `<c>.persistent`, `<c>.relaxed_satisfied` and `<c>.relaxed_values` per constraint.

    `measured` has the same rows in the same order, with `valid` and `<c>.satisfied`; `constraints`
    maps names to `{terms, combine, satisfied_within}`; `valid` judges (numbers, cell, frac).
    """
    from lodestone.constraints.context import prepare

    rows = [table.arrays(row) for row in relaxed.select(list(table.SCHEMA)).iter_rows(named=True)]
    relaxed_well = (measured[Col.VALID] & relaxed[Col.RELAX_FAILURE].is_null()).to_list()
    sound = [ok and valid(*row) for ok, row in zip(relaxed_well, rows, strict=True)]
    columns: list[pl.Series] = []
    for name, settings in constraints.items():
        prepare(settings["terms"], [row for row, ok in zip(rows, relaxed_well, strict=True) if ok])
        before = (measured[Col.VALID] & measured[Col.SATISFIED.of(name)].fill_null(value=False)).to_list()
        found = [_measure(settings, row) if ok else None for ok, row in zip(relaxed_well, rows, strict=True)]
        after = [s and f is not None and f.satisfied for s, f in zip(sound, found, strict=True)]
        values = [None if f is None else f.values for f in found]
        both = [a and b for a, b in zip(after, before, strict=True)]
        columns += [
            pl.Series(Col.PERSISTENT.of(name), both, dtype=pl.Boolean),
            pl.Series(Col.RELAXED_SATISFIED.of(name), after, dtype=pl.Boolean),
            pl.Series(Col.RELAXED_VALUES.of(name), values, dtype=pl.List(pl.Float64)),
        ]
    return relaxed.with_columns(columns)


def _measure(settings: Mapping[str, Any], row: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Any:
    from lodestone.constraints.measurement import measure

    return measure(settings["terms"], settings["combine"], settings["satisfied_within"], *row)


def _result(found: Relaxed) -> dict[str, Any]:
    n_atoms = len(found.atoms)
    start, end = found.start, found.evaluation if found.start is not None else None
    return {
        Col.ENERGY_RAW: None if start is None else start.energy / n_atoms,
        Col.MAX_FORCE_RAW: None if start is None else start.max_force,
        Col.ENERGY_RELAXED: None if end is None else end.energy / n_atoms,
        Col.MAX_FORCE_RELAXED: None if end is None else end.max_force,
        Col.RELAX_STEPS: found.steps,
        Col.RELAX_CONVERGED: found.converged,
        Col.RELAX_FAILURE: found.failure,
    }
