"""Gradients by finite differences, and where they must not vanish.

The examples of all kinds are checked with the contract (`test_descriptors`); here are those that matter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms
from crystals import TRICLINIC, clean
from pydantic import TypeAdapter

from lodestone.constraints import AnyTerm, Term
from lodestone.constraints.clean import CleanEstimate
from lodestone.sampling.guidance import Objective

ADAPTER: TypeAdapter[Term] = TypeAdapter(AnyTerm)
CO_O = {"center": "Co", "neighbor": "O", "cutoff": 2.6}
TERMS: dict[str, dict[str, Any]] = {
    "volume": {"kind": "volume_per_atom", "target": 10},
    "density": {"kind": "density", "target": 3},
    "coordination": {"kind": "coordination", "target": {"values": [1, 6]}, **CO_O},
    "wasserstein": {"kind": "coordination_distribution", "target": {1: 0.5, 6: 0.5}, **CO_O},
    "jensen_shannon": {
        "kind": "coordination_distribution", "target": {3: 0.5, 6: 0.5}, "metric": "jensen_shannon", **CO_O,
    },
    "shortest": {"kind": "bond_length", "target": 1.7, "mode": "shortest", **CO_O},
    "mean": {"kind": "bond_length", "target": 1.7, "mode": "mean", **CO_O},
    "nothing within the cutoff": {"kind": "bond_length", "target": 1.7, **CO_O, "cutoff": 1.0},
    "several short contacts": {"kind": "min_distance", "target": {"higher": 1.5}},
    "no short contact": {"kind": "min_distance", "target": [0.2, 0.3]},
    **{q: {"kind": "lattice", "quantity": q, "target": 3} for q in ("a", "b", "c", "aspect_ratio")},
    **{q: {"kind": "lattice", "quantity": q, "target": 80} for q in ("alpha", "beta", "gamma")},
}  # fmt: skip


@pytest.mark.parametrize("name", TERMS)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    term = ADAPTER.validate_python(TERMS[name])
    known = clean(TRICLINIC)
    undecided = torch.tensor([[0.8, 0.15], [0.1, 0.85], [0.3, 0.6]], dtype=torch.float64)

    def values(frac: torch.Tensor, cell: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
        columns = [
            shares[:, 1:] if k == 7 else shares[:, :1] if k == 26 else 0 * shares[:, :1] for k in range(27)
        ]
        types = torch.cat(columns, dim=1)
        value = term.smooth(CleanEstimate(frac, cell, types, known.structure_idx))
        return torch.stack([value, term.gap(value)])

    inputs = tuple(x.clone().requires_grad_() for x in (known.frac, known.cell, undecided))
    assert torch.autograd.gradcheck(values, inputs, eps=1e-6, atol=1e-5)
    moved = torch.autograd.grad(values(*inputs)[0].sum(), inputs, allow_unused=True)
    assert any(g is not None and g.abs().max() > 1e-3 for g in moved)


def row(*places: float, length: float = 20.0) -> Atoms:
    """Oxygen atoms along x."""
    return Atoms(
        f"O{len(places)}", positions=[[x, 0, 0] for x in places], cell=np.diag([length, 9, 9]), pbc=True
    )


def test_every_short_contact_is_pushed_apart() -> None:
    """O-O contacts of 0.5, 0.8 and 2.0 Å; 0.7 · 1.32 Å = 0.924 Å is asked for."""
    term = ADAPTER.validate_python({"kind": "min_distance", "target": {"higher": 0.7}})
    base = clean(row(0, 0.5, 5, 5.8, 10, 12))
    frac = base.frac.clone().requires_grad_()
    gap = term.gap(term.smooth(clean(row(0, 0.5, 5, 5.8, 10, 12), frac=frac)))
    x = np.array([0.5, 0.8]) / 1.32
    assert float(gap.detach()[0]) == pytest.approx(-np.sqrt(((0.7 - x) ** 2).sum()), abs=1e-6)
    (slope,) = torch.autograd.grad(gap.sum(), frac)
    pushed = slope[:, 0].tolist()
    assert pushed[0] == pytest.approx(-pushed[1])
    assert pushed[2] == pytest.approx(-pushed[3])
    assert pushed[3] / pushed[1] == pytest.approx((0.7 - x[1]) / (0.7 - x[0]), abs=1e-6)
    assert pushed[4:] == [0, 0]


def test_one_gauss_newton_step_closes_every_short_contact() -> None:
    term = ADAPTER.validate_python({"kind": "min_distance", "target": {"higher": 0.7}})
    atoms = row(0, 0.5, 5, 5.8, 10, 10.6)
    frac = clean(atoms).frac.requires_grad_()
    gap = term.gap(term.smooth(clean(atoms, frac=frac)))
    (slope,) = torch.autograd.grad(gap.sum(), frac)
    slope = slope / 20**2  # of Cartesian positions, as fractional displacement
    step = frac.detach() - gap.detach() * slope / ((20 * slope) ** 2).sum()
    assert float(term.gap(term.smooth(clean(atoms, frac=step)))[0]) == pytest.approx(0, abs=1e-6)


def test_min_distance_beside_another_term_adds_its_gradient_only_where_contacts_are_short() -> None:
    count = {"kind": "coordination", "center": "O", "neighbor": "O", "cutoff": 1.5, "target": 2}
    apart = {"kind": "min_distance", "target": {"higher": 0.7}, "tolerance": 0}
    alone = Objective([ADAPTER.validate_python(count)])
    both = Objective([ADAPTER.validate_python(count), ADAPTER.validate_python(apart)])

    def slope(objective: Objective, atoms: Atoms) -> torch.Tensor:
        frac = clean(atoms).frac.requires_grad_()
        return torch.autograd.grad(objective.gap(clean(atoms, frac=frac)).sum(), frac)[0]

    fine, short = row(0, 1.4, 5, 6.6), row(0, 0.6, 5, 6.5)
    assert torch.allclose(slope(both, fine), slope(alone, fine), atol=1e-9)
    assert not torch.allclose(slope(both, short), slope(alone, short), atol=1e-2)


def test_far_atoms_can_be_drawn_to_a_bond() -> None:
    term = ADAPTER.validate_python({"kind": "bond_length", "center": "Co", "neighbor": "O", "target": 2.0})
    atoms = Atoms("CoO", positions=[[0, 0, 0], [5.5, 0, 0]], cell=np.diag([11.5, 9, 9]), pbc=True)
    frac = clean(atoms).frac.requires_grad_()
    value = term.smooth(clean(atoms, frac=frac))
    assert float(value.detach()[0]) == pytest.approx(5.5, abs=1e-3)
    (slope,) = torch.autograd.grad(value.sum(), frac)
    assert float(slope[1, 0]) == pytest.approx(11.5, rel=1e-3)
    assert term.hard(atoms.numbers, np.asarray(atoms.cell), atoms.get_scaled_positions()) is None
