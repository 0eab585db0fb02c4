"""A crystal has many descriptions; counts, distributions and lengths do not depend on which."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import niggli_reduce
from crystals import CRYSTALS, SKEWED, TRICLINIC, arrays, clean
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from lodestone.constraints import AnyTerm, Term
from lodestone.constraints import clean as module
from lodestone.constraints.clean import CleanEstimate, neighbour_pairs

ADAPTER: TypeAdapter[Term] = TypeAdapter(AnyTerm)


def terms(a: str, b: str, cutoff: float) -> list[Term]:
    common: dict[str, Any] = {"center": a, "neighbor": b, "cutoff": cutoff}
    shares = {3: 0.5, 6: 0.5}
    keys: list[dict[str, Any]] = [
        {"kind": "coordination", "target": 4, **common},
        {"kind": "coordination_distribution", "target": shares, **common},
        {"kind": "coordination_distribution", "target": shares, "metric": "jensen_shannon", **common},
        {"kind": "bond_length", "target": 2, "mode": "mean", **common},
        {"kind": "bond_length", "target": 2, "mode": "shortest", **common},
        {"kind": "min_distance", "target": {"higher": 0.1}},
        {"kind": "volume_per_atom", "target": 10},
        {"kind": "density", "target": 3},
    ]
    return [ADAPTER.validate_python(k) for k in keys]


def values(many: list[Term], atoms: Atoms) -> list[float]:
    smooth = [float(t.smooth(clean(atoms))[0]) for t in many]
    return smooth + [t.hard(*arrays(atoms)) or 0.0 for t in many]


MATRICES = st.lists(
    st.tuples(st.sampled_from([0, 1, 2]), st.sampled_from([0, 1, 2]), st.integers(-1, 1)), max_size=3
)


def sheared(atoms: Atoms, steps: list[tuple[int, int, int]]) -> Atoms:
    """The same crystal in another basis: a vector is added to another, some times."""
    basis = np.eye(3)
    for i, j, times in steps:
        if i != j:
            basis[i] += times * basis[j]
    moved = atoms.copy()
    moved.set_cell(basis @ np.asarray(atoms.cell))
    moved.wrap()
    return moved


@settings(max_examples=25, deadline=None)
@given(
    known=st.sampled_from([(TRICLINIC, "Co", "O", 2.9), (SKEWED, "Na", "Cl", 3.1)]),
    shift=st.tuples(*[st.floats(-2, 2)] * 3),
    angle=st.floats(0, 360),
    repeat=st.sampled_from([(1, 1, 1), (2, 1, 1), (1, 2, 2)]),
    steps=MATRICES,
    reduce=st.booleans(),
)
def test_values_are_those_of_the_crystal(
    known: tuple[Atoms, str, str, float],
    shift: tuple[float, float, float],
    angle: float,
    repeat: tuple[int, int, int],
    steps: list[tuple[int, int, int]],
    reduce: bool,
) -> None:
    atoms, *pair = known
    moved = sheared(atoms.repeat(repeat), steps)
    moved.translate(shift)
    moved.rotate(angle, (1, 2, 3), rotate_cell=True)
    if reduce:
        niggli_reduce(moved)
    many = terms(*pair)
    assert values(many, moved) == pytest.approx(values(many, atoms), abs=1e-7)


def test_pairs_of_a_batch_are_those_of_each_alone_in_chunks_of_any_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many = [CRYSTALS[0][1], TRICLINIC, CRYSTALS[6][1], SKEWED]
    alone = [neighbour_pairs(clean(atoms), 4.0).distance.sort().values for atoms in many]
    for chunk in (module.CHUNK, 500, 1):
        monkeypatch.setattr(module, "CHUNK", chunk)
        batch = clean(*many)
        together = neighbour_pairs(batch, 4.0)
        for k, expected in enumerate(alone):
            mine = together.distance[batch.structure_idx[together.i] == k].sort().values
            assert torch.allclose(mine, expected, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.5, 6.0))
def test_pairs_are_those_of_matscipy(seed: int, cutoff: float) -> None:
    from matscipy.neighbours import neighbour_list

    rng = np.random.default_rng(seed)
    cell = np.diag(rng.uniform(2, 5, 3)) + rng.normal(0, 0.8, (3, 3))
    frac = rng.uniform(-2, 3, (4, 3))
    atoms = Atoms("CoO3", cell=cell, scaled_positions=frac, pbc=True)
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    assume(cutoff / heights.min() < module.MOST_IMAGES)
    batch = clean(atoms, frac=torch.tensor(frac), cell=torch.tensor(cell)[None])
    found = neighbour_pairs(batch, cutoff)
    i, j, d = neighbour_list("ijd", positions=(frac % 1) @ cell, cell=cell, pbc=[True] * 3, cutoff=cutoff)
    mine = sorted(zip(found.i.tolist(), found.j.tolist(), found.distance.tolist(), strict=True))
    theirs = sorted(zip(i.tolist(), j.tolist(), d.tolist(), strict=True))
    assert len(mine) == len(theirs)
    np.testing.assert_allclose(np.array(mine).reshape(-1, 3), np.array(theirs).reshape(-1, 3), atol=1e-6)


def test_an_unusable_cell_has_no_pairs_and_leaves_the_others_alone() -> None:
    good = clean(TRICLINIC)
    flat = torch.stack([torch.diag(torch.tensor(d, dtype=torch.float64)) for d in ([3, 3, 0.1], [3, 3, 0])])
    cells = torch.cat([flat, good.cell, torch.full((1, 3, 3), torch.nan, dtype=torch.float64)])
    batch = CleanEstimate(
        good.frac.repeat(4, 1), cells, good.types.repeat(4, 1), torch.repeat_interleave(torch.arange(4), 3)
    )
    found = neighbour_pairs(batch, 3.2)
    assert set(batch.structure_idx[found.i].tolist()) == {2}
    assert len(found.i) == len(neighbour_pairs(good, 3.2).i)
