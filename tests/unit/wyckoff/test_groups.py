"""All 230 space groups in their primitive basis, against PyXtal, spglib and their own algebra."""

from __future__ import annotations

import numpy as np
import pytest

from lodestone.wyckoff.groups import NUMBERS, SpaceGroup, crystal_system, space_group

CENTRED = {"P": 1, "A": 2, "C": 2, "I": 2, "F": 4, "R": 3}
FREE_METRICS = {
    "triclinic": 6, "monoclinic": 4, "orthorhombic": 3, "tetragonal": 2, "trigonal": 2, "hexagonal": 2,
    "cubic": 1,
}  # fmt: skip
every_group = pytest.mark.parametrize("number", NUMBERS)


def same_points(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two sets of fractional points are equal up to order and whole cells."""
    apart = one[:, None] - other[None]
    near = np.abs(apart - np.rint(apart)).max(axis=2) < 1e-6
    return bool(near.any(axis=0).all() and near.any(axis=1).all())


def random_lattice(group: SpaceGroup, rng: np.random.Generator) -> np.ndarray:
    """A random cell of the group, rows in Å, far from any higher symmetry."""
    shape = 3 * np.eye(3) + rng.normal(0, 0.4, (3, 3))
    primitive = np.linalg.inv(group.primitive)
    # a random metric of the conventional axes is near a cube, that of the primitive ones need not be
    metric = np.linalg.inv(primitive) @ shape @ shape.T @ np.linalg.inv(primitive).T
    metric = np.einsum("gba,bc,gcd->ad", group.rotations, metric, group.rotations) / len(group.rotations)
    return np.linalg.cholesky(metric)


@every_group
def test_multiplicities_are_those_of_the_tables(number: int) -> None:
    from pyxtal.symmetry import Group

    table, group = Group(number), space_group(number)
    times = CENTRED[group.symbol[0]]
    expected = {w.letter: (len(w.ops), w.get_dof()) for w in table}
    assert {p.letter: (p.multiplicity * times, p.freedom) for p in group.positions} == expected


@every_group
def test_the_operations_are_a_group_of_this_number(number: int) -> None:
    import spglib

    group = space_group(number)
    w, t = group.rotations, group.translations
    assert np.linalg.det(group.primitive) * CENTRED[group.symbol[0]] == pytest.approx(1)
    products = np.einsum("gab,hbc->ghac", w, w).reshape(-1, 9)
    shifts = (np.einsum("gab,hb->gha", w, t) + t[:, None]).reshape(-1, 3)
    keys = {(*row, *key) for row, key in zip(w.reshape(-1, 9).tolist(), thousandths(t), strict=True)}
    assert {(*row, *key) for row, key in zip(products.tolist(), thousandths(shifts), strict=True)} == keys
    lattice = random_lattice(group, np.random.default_rng(number))
    assert spglib.get_spacegroup_type_from_symmetry(w, t, lattice=lattice).number == number


def thousandths(shifts: np.ndarray) -> list[tuple[int, ...]]:
    """Translations modulo 1 as whole numbers; those of space groups are twenty-fourths."""
    return [tuple(row) for row in (np.rint(shifts * 24).astype(int) % 24).tolist()]


@every_group
def test_orbits_are_closed(number: int) -> None:
    group, rng = space_group(number), np.random.default_rng(number)
    for position in group.positions:
        places = position.slopes @ rng.random(position.freedom) + position.offsets
        for w, t in zip(group.rotations, group.translations, strict=True):
            assert same_points(places @ w.T + t, places), position.letter


@every_group
def test_metrics_are_kept_and_complete(number: int) -> None:
    group = space_group(number)
    kept = np.einsum("gba,kbc,gcd->gkad", group.rotations, group.metrics, group.rotations)
    assert np.allclose(kept, group.metrics[None], atol=1e-9)
    assert len(group.metrics) == FREE_METRICS[group.system] == FREE_METRICS[crystal_system(number)]
    overlap = np.einsum("kab,lab->kl", group.metrics, group.metrics)
    assert np.allclose(overlap, np.eye(len(group.metrics)), atol=1e-9)


@every_group
def test_spglib_finds_the_group_of_general_atoms(number: int) -> None:
    import spglib

    group, rng = space_group(number), np.random.default_rng(1000 + number)
    general = max(group.positions, key=lambda p: p.multiplicity)
    frac = np.concatenate([general.slopes @ rng.random(3) + general.offsets for _ in range(3)])
    numbers = np.repeat([3, 8, 27], general.multiplicity)
    found = spglib.get_symmetry_dataset((random_lattice(group, rng), frac, numbers), symprec=1e-4)
    assert found.number == number


def test_other_numbers_and_letters_are_refused() -> None:
    with pytest.raises(ValueError, match="no space group 231; there are 1 to 230"):
        space_group(231)
    with pytest.raises(KeyError, match="space group 2 has no Wyckoff letter 'z'"):
        space_group(2).position("z")
