"""Standard primitive cells and space groups, by spglib alone.

A sample is never exactly symmetric, so the tolerance decides. The ladder takes the largest
`symprec` whose idealised crystal is still the one that was sampled: no atom moved farther than
`max_displacement`.

Displacement is how far idealising a crystal moves it: atoms at fixed cell, and the cell at fixed atoms.
spglib gives an idealised conventional crystal (columns A_s, positions y) and the transformation
x_s = P x + p of the original coordinates x. Three things are left aside because they move no atom
against another: the rotation that spglib makes, a rigid shift, and the choice of basis.

- atoms: u_i = A_s (y_k(i) - P x_i - p), k(i) the idealised atom at the same place, less the mean
  of all u; its length is a displacement in Å.
- cell: the original lattice is A, the idealised one in the same basis A_s P. The change is the
  right stretch of the deformation between them (Cauchy's polar decomposition), applied to the
  three shortest lattice vectors: how far an atom's own nearest images move against it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.structures import table
from lodestone.structures.crystals import Crystal
from lodestone.structures.lattices import is_singular, reduce_cell, reduce_crystal

if TYPE_CHECKING:
    from spglib import SpglibDataset


def largest_displacement(cell: np.ndarray, frac: np.ndarray, dataset: SpglibDataset) -> float:
    """The largest displacement in Å that idealising a crystal causes, of atoms or of their images.

    Args:
        cell: (3, 3) in Å; rows are lattice vectors.
        frac: (n_atoms, 3).
        dataset: spglib's symmetry dataset of that crystal.
    """
    return max(_of_atoms(frac, dataset), _of_cell(cell, dataset))


def _of_atoms(frac: np.ndarray, dataset: SpglibDataset) -> float:
    standard = frac @ dataset.transformation_matrix.T + dataset.origin_shift
    same = dataset.mapping_to_primitive[:, None] == dataset.std_mapping_to_primitive[None, :]
    apart = dataset.std_positions[None, :, :] - standard[:, None, :]
    apart -= np.rint(apart)
    vectors = apart @ dataset.std_lattice
    lengths = np.where(same, np.linalg.norm(vectors, axis=-1), np.inf)
    nearest = vectors[np.arange(len(frac)), lengths.argmin(axis=1)]
    return float(np.linalg.norm(nearest - nearest.mean(axis=0), axis=1).max())


def _of_cell(cell: np.ndarray, dataset: SpglibDataset) -> float:
    reduced = reduce_cell(cell)
    if reduced is None:
        return float("inf")
    original, steps = reduced
    ideal = steps @ dataset.transformation_matrix.T @ dataset.std_lattice
    rotation, stretch, _ = np.linalg.svd(np.linalg.solve(original, ideal))
    change = original @ (rotation * (stretch - 1)) @ rotation.T
    return float(np.linalg.norm(change, axis=1).max())


SCHEMA: dict[str, pl.DataType] = {
    **table.SCHEMA,
    Col.SPACE_GROUP: pl.Int32(),
    Col.SPACE_GROUP_SYMBOL: pl.String(),
    Col.SYMPREC: pl.Float64(),
    Col.DISPLACEMENT: pl.Float64(),
    Col.SYMMETRIZE_FAILURE: pl.String(),
}
NOT_GENERATED = "not generated"
LARGEST_VOLUME_PER_ATOM = 1e5  # Å³; beyond, spglib would search cells that hold next to nothing


@dataclass(frozen=True)
class Symmetrized:
    """A standard primitive cell with its space group, or the original crystal and a failure.

    `symprec` and `displacement` are in Å.
    """

    numbers: np.ndarray
    cell: np.ndarray
    frac: np.ndarray
    space_group: int | None = None
    symbol: str | None = None
    symprec: float | None = None
    displacement: float | None = None
    failure: str | None = None


def symmetrize(
    numbers: np.ndarray,
    cell: np.ndarray,
    frac: np.ndarray,
    *,
    symprec: Sequence[float] = (0.01, 0.05, 0.1),
    max_displacement: float = 0.1,
) -> Symmetrized:
    """Standardise a crystal at the largest symprec that keeps it within `max_displacement` (Å).

    The space group reported is the one that the returned cell itself shows at the smallest
    symprec, so that whoever reads the written structure finds the same.

    Args:
        numbers: (n_atoms,).
        cell: (3, 3) in Å; rows are lattice vectors.
        frac: (n_atoms, 3).
        symprec: the rungs of the ladder, in Å.
        max_displacement: in Å.
    """
    unfit = _unfit(numbers, cell, frac)
    if unfit is not None:
        return Symmetrized(numbers, cell, frac, failure=unfit)
    failures = []
    for tolerance in sorted(symprec, reverse=True):
        found = _standardize(numbers, cell, frac, tolerance, min(symprec))
        if isinstance(found, str):
            failures.append(f"symprec {tolerance:g}: {found}")
        elif found.displacement is not None and found.displacement <= max_displacement:
            return found
        else:
            failures.append(f"symprec {tolerance:g}: moves an atom by {found.displacement:.3g} Å")
    return Symmetrized(numbers, cell, frac, failure="; ".join(failures))


def symmetry_table(
    samples: pl.DataFrame,
    *,
    symprec: Sequence[float],
    max_displacement: float,
    progress: Callable[[int, int], None] | None = None,
) -> pl.DataFrame:
    """Standardise every row of a structure table; one row each, in the same order.

    Rows whose column `failed` is true keep their structure and are marked as not generated.
    """
    rows = []
    for row in samples.iter_rows(named=True):
        rows.append(_row(row, symprec, max_displacement))
        if progress:
            progress(len(rows), len(samples))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def was_generated(symmetrize_failure: str | None) -> bool:
    """Whether a row's structure came out of the sampler, judged by its mark in this table."""
    return symmetrize_failure is None or not symmetrize_failure.startswith(NOT_GENERATED)


def _row(row: dict[str, Any], symprec: Sequence[float], max_displacement: float) -> tuple[Any, ...]:
    crystal = table.arrays(row)
    if row.get("failed"):
        reason = f"{NOT_GENERATED}: {row.get('failure') or 'no reason recorded'}"
        found = Symmetrized(*crystal, failure=reason)
    else:
        found = symmetrize(*crystal, symprec=symprec, max_displacement=max_displacement)
    return (
        row["id"], found.numbers.tolist(), found.cell.ravel().tolist(), found.frac.ravel().tolist(),
        found.space_group, found.symbol, found.symprec, found.displacement, found.failure,
    )  # fmt: skip


def _unfit(numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray) -> str | None:
    if not len(numbers):
        return "no atoms"
    if not (np.isfinite(cell).all() and np.isfinite(frac).all()):
        return "not finite"
    if is_singular(cell) or reduce_crystal(cell, frac) is None:
        return "the cell spans no volume"
    with np.errstate(over="ignore"):
        volume = abs(float(np.linalg.det(cell))) / len(numbers)
    if not 0 < volume < LARGEST_VOLUME_PER_ATOM:
        return f"volume per atom of {volume:.3g} Å³"
    return None


def _standardize(
    numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray, symprec: float, tightest: float
) -> Symmetrized | str:
    """The standard primitive cell at one symprec, or why there is none."""
    found = symmetry_dataset((numbers, cell, frac), symprec)
    if isinstance(found, str):
        return found
    primitive = _primitive((numbers, cell, frac), symprec)
    if isinstance(primitive, str):
        return primitive
    shown = symmetry_dataset(primitive, tightest)
    if isinstance(shown, str):
        return f"the idealised cell: {shown}"
    moved = largest_displacement(cell, frac, found)
    return Symmetrized(*primitive, shown.number, shown.international, symprec, moved)


def symmetry_dataset(crystal: Crystal, symprec: float) -> SpglibDataset | str:
    """The symmetry dataset of spglib, or its error message."""
    import spglib

    return _ask(spglib.get_symmetry_dataset, crystal, symprec=symprec)


def _primitive(crystal: Crystal, symprec: float) -> Crystal | str:
    """The idealised primitive cell of spglib, or its error message."""
    import spglib

    found = _ask(spglib.standardize_cell, crystal, symprec=symprec, to_primitive=True)
    if isinstance(found, str):
        return found
    cell, frac, numbers = (np.asarray(part) for part in found)
    return numbers.astype(int), cell, frac


def _ask(function: Callable[..., Any], crystal: Crystal, **options: Any) -> Any | str:
    """What a function of spglib answers, or its error message where it answers none.

    spglib reports a failure by None (with a warning that this will change) or by an exception.
    """
    import spglib

    numbers, cell, frac = crystal
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            found = function((cell, frac, numbers), **options)
            return str(spglib.get_error_message()) if found is None else found
        except spglib.SpglibError as error:
            return str(error)
