"""Reference structures as generators see them: composition, proposal, target.

From a crystal to its proposal: the space group, and which atoms sit on which Wyckoff positions.

spglib finds the group and the standard cell, in the setting of PyXtal's tables (its Hall number); the letters
are then looked up in these tables, atom by atom, and every orbit is rebuilt and compared, so that reading and
building cannot disagree. Letters that the normaliser permutes are brought to one canonical choice (see
`normaliser.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl

from lodestone.curation.symmetry import symmetrize
from lodestone.structures import table
from lodestone.wyckoff.groups import letter_of, orbit_points, parameters_of, space_group
from lodestone.wyckoff.normaliser import canonical
from lodestone.wyckoff.proposals import Orbit, Proposal

SYMPREC = (0.01, 0.05, 0.1)
"""Tolerances in Å; the largest that moves no atom by more than 0.1 Å counts (see `curation/symmetry.py`)."""
EXACT = (
    1e-3  # of a fractional coordinate; the standard cell is idealised, its last digits are single precision
)


class UnreadableError(ValueError):
    """A crystal has no proposal; the message says why."""


@dataclass(frozen=True)
class Setting:
    """A crystal in the primitive basis of its space group's tables.

    `proposal` has one orbit for each entry of `parameters`, in the same order, with the letters of this cell
    (not brought to the canonical choice). `cell` (3, 3) holds the primitive lattice vectors as rows (Å).
    """

    proposal: Proposal
    parameters: tuple[np.ndarray, ...]
    cell: np.ndarray


def read(
    numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray, *, symprec: Sequence[float] = SYMPREC
) -> Proposal:
    """The canonical proposal of a crystal.

    Args:
        numbers: atomic numbers (n_atoms,).
        cell: (3, 3) in Å; rows are lattice vectors.
        frac: fractional coordinates (n_atoms, 3).
        symprec: tolerances of spglib in Å, see `SYMPREC`.

    Raises:
        UnreadableError: spglib finds no symmetry, or an atom lies on no position of the tables.
    """
    return canonical(setting(numbers, cell, frac, symprec=symprec).proposal)


def setting(
    numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray, *, symprec: Sequence[float] = SYMPREC
) -> Setting:
    """A crystal in the setting of the tables, with the free parameters of its orbits.

    Raises:
        UnreadableError: see `read`.
    """
    import spglib
    from ase.data import chemical_symbols

    ideal = symmetrize(numbers, cell, frac, symprec=symprec)
    if ideal.space_group is None:
        raise UnreadableError(f"no symmetry found: {ideal.failure}")
    crystal = (ideal.cell, ideal.frac, ideal.numbers)
    found = spglib.get_symmetry_dataset(crystal, min(symprec), hall_number=hall_number(ideal.space_group))
    if found is None or found.number != ideal.space_group:
        raise UnreadableError(f"spglib does not bring it into the standard setting of {ideal.space_group}")
    group = space_group(ideal.space_group)
    points, kinds = _primitive(found.std_positions @ np.linalg.inv(group.primitive), found.std_types)
    orbits = []
    while len(points):
        letter = letter_of(group, points[0], EXACT)
        parameters = parameters_of(group.position(letter), points[0], EXACT)
        assert parameters is not None  # letter_of has found some
        left = _without(points, kinds, orbit_points(group.position(letter), parameters))
        if left is None:
            raise UnreadableError(
                f"the orbit of {group.number} {letter} through an atom meets places without one"
            )
        orbits.append((Orbit(chemical_symbols[kinds[0]], letter), parameters))
        points, kinds = points[left], kinds[left]
    orbits.sort(key=lambda pair: (pair[0], tuple(pair[1])))
    proposal = Proposal(group.number, tuple(orbit for orbit, _ in orbits))
    return Setting(proposal, tuple(u for _, u in orbits), group.primitive @ found.std_lattice)


def read_table(structures: pl.DataFrame) -> list[Proposal | UnreadableError]:
    """The canonical proposal of every row of a structure table, or why it has none, in row order."""
    found: list[Proposal | UnreadableError] = []
    for row in structures.select(list(table.SCHEMA)).iter_rows(named=True):
        try:
            found.append(read(*table.arrays(row)))
        except UnreadableError as error:
            found.append(error)
    return found


@lru_cache(maxsize=230)
def hall_number(number: int) -> int:
    """The Hall number (spglib's) of the setting in which PyXtal's tables describe a space group."""
    from pyxtal.symmetry import Group

    return int(Group(number).hall_number)


def _primitive(points: np.ndarray, kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Atoms of the conventional cell, each once modulo the primitive lattice."""
    kept: list[int] = []
    for i, point in enumerate(points):
        if not kept or _apart(points[kept], point).min() > EXACT:
            kept.append(i)
    return np.mod(points[kept], 1.0), kinds[kept]


def _without(points: np.ndarray, kinds: np.ndarray, orbit: np.ndarray) -> list[int] | None:
    """Indices of the atoms that are not of the orbit of the first one; None if a point of it has no atom."""
    gone = set()
    for point in orbit:
        apart = _apart(points, point) + 9.0 * (kinds != kinds[0])
        if apart.min() > EXACT:
            return None
        gone.add(int(apart.argmin()))
    return None if len(gone) < len(orbit) else [i for i in range(len(points)) if i not in gone]


def _apart(points: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Largest difference of fractional coordinates to a point, modulo lattice vectors."""
    difference = points - point
    return np.abs(difference - np.rint(difference)).max(axis=1)


@dataclass(frozen=True)
class Example:
    """A reference: its canonical proposal, and the property that proposals may be asked for (NaN-free)."""

    id: str
    proposal: Proposal
    target: float | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Atoms of each element per primitive cell."""
        return self.proposal.counts


def examples_of(references: pl.DataFrame, target: str | None = None) -> tuple[list[Example], dict[str, str]]:
    """Examples of a structure table, and the reasons of the rows that give none, by id.

    Args:
        references: a structure table (`structures/table.py`).
        target: name of a column of numbers, such as e_above_hull; null and NaN are no target.

    Raises:
        ValueError: there is no such column, or it holds no numbers.
    """
    if target is not None and not (target in references.columns and references[target].dtype.is_numeric()):
        numeric = [name for name, kind in references.schema.items() if kind.is_numeric()]
        raise ValueError(
            f"the references have no column {target!r} of numbers; there are {', '.join(numeric)}"
        )
    targets = [None] * len(references) if target is None else references[target].fill_nan(None).to_list()
    found, failed = [], {}
    for key, read, value in zip(references["id"], read_table(references), targets, strict=True):
        if isinstance(read, Proposal):
            found.append(Example(key, read, None if value is None else float(value)))
        else:
            failed[key] = str(read)
    return found, failed
