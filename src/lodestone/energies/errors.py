"""How wrong the estimator is, measured on references whose own energies are known.

Two quantities: the energy per atom, and the energy above the hull, where errors that all phases of
a system share cancel. The second is the one that decides what a small e_above_hull is worth. Sources
have energy scales of their own, so the own energies above the hull are those of a hull of each source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.energies.hull import Hulls
from lodestone.energies.phases import composition_of, phases, suspect_references
from lodestone.inference.intervals import STATISTICS, error_summary

METASTABLE = 0.1  # eV/atom; below it a phase counts as possibly synthesisable
SCHEMA = {
    "quantity": pl.String(),
    "elements": pl.String(),
    "n": pl.Int32(),
    **{f"{name}{part}": pl.Float64() for name in STATISTICS for part in ("", "_low", "_high")},
}
DIFFERENCES = {
    "id": pl.String(),
    "n_elements": pl.Int32(),
    Col.ENERGY_PER_ATOM: pl.Float64(),
    Col.E_ABOVE_HULL: pl.Float64(),
}


def estimator_errors(
    references: pl.DataFrame, suspects: Mapping[str, str] | None = None, *, errors: pl.DataFrame | None = None
) -> pl.DataFrame:
    """MAE, RMSE and bias (eV/atom, estimator minus own) with bootstrap intervals: `SCHEMA`.

    `references` has id, numbers, energy_per_atom (estimator) and own_energy (source). One row for
    all and one per number of elements (`elements` is "all", "1", "2" …), for both quantities.
    `errors` are those of `reference_errors`, where the caller has them.
    """
    differences = reference_errors(references, suspects) if errors is None else errors
    rows = []
    for quantity in (Col.ENERGY_PER_ATOM, Col.E_ABOVE_HULL):
        rows.append(_summary(quantity, "all", differences[quantity]))
        for size in sorted(differences["n_elements"].unique()):
            part = differences.filter(pl.col("n_elements") == size)[quantity]
            rows.append(_summary(quantity, str(size), part))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def reference_errors(references: pl.DataFrame, suspects: Mapping[str, str] | None = None) -> pl.DataFrame:
    """Per reference with both energies: id, n_elements and both differences (eV/atom or null).

    Quarantined references (`suspects`, found here where not given) keep the error of their energy; they
    shape no hull, and have no error above one.
    """
    suspects = suspect_references(references) if suspects is None else suspects
    both = references.filter(pl.col(Col.ENERGY_PER_ATOM).is_finite() & pl.col("own_energy").is_finite())
    parts = both.partition_by("source", maintain_order=True) if "source" in both.columns else [both]
    rows = [row for part in parts for row in _differences(part, suspects)]
    found = pl.DataFrame(rows, schema=DIFFERENCES, orient="row")
    return both.select("id").join(found, on="id", how="left", maintain_order="left")


def add_probability(
    hull: pl.DataFrame, references: pl.DataFrame, errors: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Add `p_metastable`, P(true e_above_hull < 0.1 eV/atom), to a hull table."""
    differences = reference_errors(references) if errors is None else errors
    known = differences[Col.E_ABOVE_HULL].drop_nulls().to_numpy()
    values = probability_below(hull[Col.E_ABOVE_HULL], known, METASTABLE)
    return hull.with_columns(pl.Series(Col.P_METASTABLE, values, dtype=pl.Float64))


def probability_below(
    e_above_hull: Iterable[float | None], errors: np.ndarray, threshold: float
) -> list[float | None]:
    """P(true e_above_hull < threshold), eV/atom, from the estimator's errors in that quantity.

    The errors of the references are taken as they are, no distribution is assumed: the share of
    them that would bring the estimate below the threshold. None where there is no estimate or no
    error is known.
    """
    known = np.sort(errors[np.isfinite(errors)])
    if not len(known):
        return [None for _ in e_above_hull]
    return [
        None if value is None else 1 - float(np.searchsorted(known, value - threshold, "right")) / len(known)
        for value in e_above_hull
    ]


def _differences(
    part: pl.DataFrame, suspects: Mapping[str, str]
) -> Iterator[tuple[str, int, float, float | None]]:
    """Rows of `DIFFERENCES` of one source."""
    believed = part.filter(~pl.col("id").is_in(list(suspects)))
    own = believed.with_columns(pl.col("own_energy").alias(Col.ENERGY_PER_ATOM))
    compositions = [composition_of(numbers) for numbers in part["numbers"].to_list()]
    hulls = [Hulls(list(phases(rows))).energies(compositions) for rows in (believed, own)]
    columns = part.select("id", Col.ENERGY_PER_ATOM, "own_energy").iter_rows()
    for (name, energy, known), composition, estimated, above in zip(
        columns, compositions, *hulls, strict=True
    ):
        lacking = name in suspects or estimated is None or above is None
        difference = None if lacking else (energy - estimated) - (known - above)
        yield name, len(composition), energy - known, difference


def _summary(quantity: str, elements: str, errors: pl.Series) -> dict[str, object]:
    known = errors.drop_nulls().to_numpy()
    return {"quantity": quantity, "elements": elements, "n": len(known), **error_summary(known)}
