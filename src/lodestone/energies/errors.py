"""How wrong the estimator is, measured on references whose own energies are known.

Two quantities: the energy per atom, and the energy above the hull, where errors that all phases of
a system share cancel. The second is the one that decides what a small e_above_hull is worth.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl

from lodestone.energies.hull import Hulls, composition_of, phases

RESAMPLES = 2000
CONFIDENCE = 0.95
SEED = 20260414
METASTABLE = 0.1  # eV/atom; below it a phase counts as possibly synthesisable
STATISTICS = ("mae", "rmse", "bias")
SCHEMA = {
    "quantity": pl.String(),
    "elements": pl.String(),
    "n": pl.Int32(),
    **{f"{name}{part}": pl.Float64() for name in STATISTICS for part in ("", "_low", "_high")},
}


def estimator_errors(references: pl.DataFrame) -> pl.DataFrame:
    """MAE, RMSE and bias (eV/atom, estimator minus own) with bootstrap intervals: `SCHEMA`.

    `references` has id, numbers, energy_per_atom (estimator) and own_energy (source). One row for
    all and one per number of elements (`elements` is "all", "1", "2" …), for both quantities.
    """
    differences = reference_errors(references)
    rows = []
    for quantity in ("energy_per_atom", "e_above_hull"):
        rows.append(_summary(quantity, "all", differences[quantity].drop_nulls().to_numpy()))
        for size in sorted(differences["n_elements"].unique()):
            part = differences.filter(pl.col("n_elements") == size)[quantity]
            rows.append(_summary(quantity, str(size), part.drop_nulls().to_numpy()))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def reference_errors(references: pl.DataFrame) -> pl.DataFrame:
    """Per reference with both energies: id, n_elements and both differences (eV/atom or null)."""
    both = references.filter(pl.col("energy_per_atom").is_finite() & pl.col("own_energy").is_finite())
    estimated = _above_hull(both)
    own = _above_hull(both.with_columns(pl.col("own_energy").alias("energy_per_atom")))
    rows = [
        (name, len(set(numbers)), energy - own_energy, None if a is None or b is None else a - b)
        for (name, numbers, energy, own_energy), a, b in zip(
            both.select("id", "numbers", "energy_per_atom", "own_energy").iter_rows(),
            estimated, own, strict=True,
        )
    ]  # fmt: skip
    schema = {
        "id": pl.String(), "n_elements": pl.Int32(), "energy_per_atom": pl.Float64(),
        "e_above_hull": pl.Float64(),
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def add_probability(hull: pl.DataFrame, references: pl.DataFrame) -> pl.DataFrame:
    """Add `p_metastable`, P(true e_above_hull < 0.1 eV/atom), to a hull table."""
    errors = reference_errors(references)["e_above_hull"].drop_nulls().to_numpy()
    values = probability_below(hull["e_above_hull"], errors, METASTABLE)
    return hull.with_columns(pl.Series("p_metastable", values, dtype=pl.Float64))


def probability_below(
    e_above_hull: Iterable[float | None], errors: np.ndarray, threshold: float
) -> list[float | None]:
    """P(true e_above_hull < threshold), eV/atom, from the estimator's errors in that quantity.

    The errors of the references are taken as they are, no distribution is assumed: the share of
    them that would bring the estimate below the threshold. None where there is no estimate or no
    error is known.
    """
    known = np.sort(errors[np.isfinite(errors)])
    return [
        None if value is None or not len(known) else float(np.mean(value - known < threshold))
        for value in e_above_hull
    ]


def _above_hull(rows: pl.DataFrame) -> list[float | None]:
    hulls = Hulls(list(phases(rows)))
    found = []
    for numbers, energy in rows.select("numbers", "energy_per_atom").iter_rows():
        hull = hulls.energy(composition_of(numbers))
        found.append(None if hull is None else float(energy - hull))
    return found


def _summary(quantity: str, elements: str, errors: np.ndarray) -> dict[str, Any]:
    row: dict[str, Any] = {"quantity": quantity, "elements": elements, "n": len(errors)}
    if not len(errors):
        return row
    rng = np.random.default_rng(SEED)
    resampled = errors[rng.integers(len(errors), size=(RESAMPLES, len(errors)))]
    tails = [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)]
    for name in STATISTICS:
        low, high = np.percentile(_statistic(name, resampled), tails)
        row |= {name: float(_statistic(name, errors)), f"{name}_low": low, f"{name}_high": high}
    return row


def _statistic(name: str, errors: np.ndarray) -> np.ndarray:
    if name == "mae":
        return np.abs(errors).mean(axis=-1)
    if name == "rmse":
        return np.sqrt((errors**2).mean(axis=-1))
    return errors.mean(axis=-1)
