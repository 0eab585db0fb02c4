"""Descriptors against pymatgen's own counts, analytic gradients and invariances."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.local_env import CutOffDictNN
from pymatgen.io.ase import AseAtomsAdaptor

from lodestone.constraints.clean import CleanEstimate, neighbour_pairs
from lodestone.constraints.descriptors.coordination import Coordination
from lodestone.constraints.descriptors.volume_per_atom import VolumePerAtom
from lodestone.structures.neighbours import neighbour_counts


def crystals() -> list[tuple[str, Atoms, str, str, float]]:
    """Known crystals with a centre, a neighbour and a cutoff."""
    skewed = bulk("NaCl", "rocksalt", a=5.64)
    skewed.set_cell(np.array([[1, 0, 0], [1, 1, 0], [2, -1, 1]]) @ np.asarray(skewed.cell))
    triclinic = Atoms(
        "CoO2",
        cell=[[3.1, 0.2, 0.1], [0.7, 3.9, -0.3], [-0.9, 0.4, 4.4]],
        scaled_positions=[[0.1, 0.2, 0.3], [0.6, 0.55, 0.7], [0.35, 0.9, 0.05]],
        pbc=True,
    )
    found = [
        ("fcc-1", bulk("Cu", "fcc", a=3.61), "Cu", "Cu", 2.8),
        ("fcc-cubic", bulk("Cu", "fcc", a=3.61, cubic=True), "Cu", "Cu", 2.8),
        ("bcc-1", bulk("Fe", "bcc", a=2.87), "Fe", "Fe", 2.6),
        ("bcc-2nd-shell", bulk("Fe", "bcc", a=2.87), "Fe", "Fe", 3.0),
        ("hcp", bulk("Co", "hcp", a=2.51, c=4.07), "Co", "Co", 2.7),
        ("sc", bulk("Po", "sc", a=3.35), "Po", "Po", 3.5),
        ("diamond", bulk("Si", "diamond", a=5.43), "Si", "Si", 2.5),
        ("diamond-cubic", bulk("Si", "diamond", a=5.43, cubic=True), "Si", "Si", 4.0),
        ("skewed", skewed, "Na", "Cl", 3.0),
        ("triclinic", triclinic, "Co", "O", 3.2),
        ("triclinic-far", triclinic, "O", "Co", 6.5),
        ("long-cutoff", bulk("Cu", "fcc", a=3.61), "Cu", "Cu", 8.0),
    ]
    for name, kind, a in [
        ("NaCl", "rocksalt", 5.64), ("CsCl", "cesiumchloride", 4.12), ("ZnS", "zincblende", 5.41),
        ("CaF2", "fluorite", 5.46), ("CoO", "rocksalt", 4.26), ("LiF", "rocksalt", 4.03),
        ("GaAs", "zincblende", 5.65), ("MgO", "rocksalt", 4.21), ("BaF2", "fluorite", 6.2),
    ]:  # fmt: skip
        atoms = bulk(name, kind, a=a)
        first, last = atoms.symbols[0], atoms.symbols[-1]
        found.append((f"{name}-{kind}", atoms, first, last, 0.52 * a))
    return found


CRYSTALS = crystals()


def clean(atoms: Atoms, **change: torch.Tensor) -> CleanEstimate:
    fields = {
        "frac": torch.tensor(atoms.get_scaled_positions()),
        "cell": torch.tensor(np.asarray(atoms.cell))[None],
        "types": torch.nn.functional.one_hot(torch.tensor(atoms.numbers) - 1, 100).double(),
        "structure_idx": torch.zeros(len(atoms), dtype=torch.long),
    }
    return CleanEstimate(**(fields | change))


def coordination(center: str, neighbor: str, cutoff: float, width: float = 0.12) -> Coordination:
    return Coordination(center=center, neighbor=neighbor, target=4.0, cutoff=cutoff, width=width)


def test_there_are_at_least_twenty_crystals() -> None:
    assert len(CRYSTALS) >= 20


@pytest.mark.parametrize(("name", "atoms", "a", "b", "cutoff"), CRYSTALS, ids=[c[0] for c in CRYSTALS])
def test_hard_and_sharp_counts_equal_pymatgen(name: str, atoms: Atoms, a: str, b: str, cutoff: float) -> None:
    structure = AseAtomsAdaptor.get_structure(atoms)
    finder = CutOffDictNN({(a, b): cutoff})
    expected = [
        sum(n["site"].specie.symbol == b for n in finder.get_nn_info(structure, i))
        for i, site in enumerate(structure)
        if site.specie.symbol == a
    ]
    term = coordination(a, b, cutoff, width=1e-4)
    numbers, cell, frac = atoms.numbers, np.asarray(atoms.cell), atoms.get_scaled_positions()
    assert term.hard(numbers, cell, frac) == pytest.approx(np.mean(expected), abs=1e-12), name
    assert float(term.smooth(clean(atoms))[0]) == pytest.approx(np.mean(expected), abs=1e-6)


def test_primitive_fcc_has_twelve_neighbours() -> None:
    atoms = bulk("Cu", "fcc", a=3.61)
    counts = neighbour_counts(
        atoms.numbers, np.asarray(atoms.cell), atoms.get_scaled_positions(), 29, 29, 2.8
    )
    assert counts is not None
    assert counts.tolist() == [12]


def test_no_centre_is_not_defined() -> None:
    atoms = bulk("Cu", "fcc", a=3.61)
    term = coordination("Co", "O", 2.6)
    assert term.hard(atoms.numbers, np.asarray(atoms.cell), atoms.get_scaled_positions()) is None
    assert float(term.smooth(clean(atoms))[0]) == 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_a_broken_cell_is_not_defined(bad: float) -> None:
    numbers, frac = np.array([27, 8]), np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
    cell = np.eye(3) * 4
    cell[0] = bad
    assert coordination("Co", "O", 2.6).hard(numbers, cell, frac) is None


def test_default_cutoff_is_radii_plus_one_angstrom() -> None:
    term = Coordination(center="Co", neighbor="O", target=4.0)
    assert term.resolved_cutoff() == pytest.approx(1.26 + 0.66 + 1.0, abs=0.3)


def test_volume_per_atom() -> None:
    atoms = bulk("Cu", "fcc", a=3.61, cubic=True)
    term = VolumePerAtom(target=10.0)
    expected = 3.61**3 / 4
    assert term.hard(atoms.numbers, np.asarray(atoms.cell), atoms.get_scaled_positions()) == pytest.approx(
        expected
    )
    assert float(term.smooth(clean(atoms))[0]) == pytest.approx(expected)


def test_gradients_match_finite_differences() -> None:
    atoms = CRYSTALS[9][1]
    base = clean(atoms)
    logits = torch.randn(3, 100, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    logits[:, [26, 7]] += 6

    def value(frac: torch.Tensor, cell: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        moved = clean(atoms, frac=frac, cell=cell, types=torch.softmax(logits, dim=1))
        volume = VolumePerAtom(target=10.0).smooth(moved)
        return coordination("Co", "O", 2.6).smooth(moved) + 0.1 * volume

    inputs = tuple(x.clone().requires_grad_() for x in (base.frac, base.cell, logits))
    assert torch.autograd.gradcheck(value, inputs, eps=1e-6, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    shift=st.tuples(*[st.floats(-2, 2)] * 3),
    angle=st.floats(0, 6.28),
    repeat=st.sampled_from([(1, 1, 1), (2, 1, 1), (1, 2, 2)]),
)
def test_mean_count_is_invariant(
    shift: tuple[float, float, float], angle: float, repeat: tuple[int, int, int]
) -> None:
    atoms = CRYSTALS[9][1]
    term = coordination("Co", "O", 2.9)
    moved = atoms.repeat(repeat)
    moved.translate(shift)
    moved.rotate(np.degrees(angle), (1, 2, 3), rotate_cell=True)
    before, after = term.smooth(clean(atoms)), term.smooth(clean(moved))
    assert float(after[0]) == pytest.approx(float(before[0]), abs=1e-8)
    hard = [term.hard(a.numbers, np.asarray(a.cell), a.get_scaled_positions()) for a in (atoms, moved)]
    assert hard[0] == pytest.approx(hard[1])


def test_pairs_of_a_batch_are_those_of_each_alone() -> None:
    many = [bulk("Cu", "fcc", a=3.61), CRYSTALS[9][1], bulk("Si", "diamond", a=5.43)]
    batch = CleanEstimate(
        frac=torch.cat([clean(a).frac for a in many]),
        cell=torch.cat([clean(a).cell for a in many]),
        types=torch.cat([clean(a).types for a in many]),
        structure_idx=torch.repeat_interleave(torch.arange(3), torch.tensor([len(a) for a in many])),
    )
    together = neighbour_pairs(batch, 4.0)
    for k, atoms in enumerate(many):
        alone = neighbour_pairs(clean(atoms), 4.0)
        mine = batch.structure_idx[together.i] == k
        assert torch.allclose(together.distance[mine].sort().values, alone.distance.sort().values, atol=1e-12)
