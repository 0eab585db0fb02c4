"""The physical step and its translation into a score."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st

from lodestone.constraints.clean import CleanEstimate
from lodestone.energies.differentiable import as_atoms
from lodestone.energies.estimators.ase.calculator import AseEstimator
from lodestone.energies.evaluation import Evaluation
from lodestone.energies.guards import Guards
from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion
from lodestone.sampling.process import clean_estimate
from lodestone.sampling.search.drift import Drift, physical_step
from lodestone.sampling.search.finish import Counted
from lodestone.sampling.search.options import DriftOptions
from lodestone.sampling.search.repulsive import Repulsive
from lodestone.sampling.state import State

OPTIONS = DriftOptions(strength=1.0, start=0.6, period=1, mobility=0.05, longest_step=0.2)
T = torch.tensor(0.2)


def symmetric_crystal(seed: int) -> Atoms:
    rng = np.random.default_rng(seed)
    skew = rng.uniform(-0.4, 0.4, size=(3, 3))
    cell = np.diag([3.0, 3.6, 4.4]) + skew + skew.T
    return Atoms("CoLiO2", scaled_positions=rng.random((4, 3)), cell=cell, pbc=True)


def crystals(clean: CleanEstimate) -> list[Atoms]:
    return as_atoms(clean.frac, clean.cell, clean.types.argmax(dim=1) + 1, clean.structure_idx)


@settings(max_examples=10)
@given(seed=st.integers(0, 10_000))
def test_the_step_goes_down_as_steeply_as_forces_and_stress_say(seed: int) -> None:
    """dE along (Δ_frac, Δ_cell) is -m (|F|² + |V σ|²/n²), although the cell was turned to be symmetric."""
    from ase.calculators.lj import LennardJones

    potential = Repulsive(
        AseEstimator(LennardJones(sigma=1.6, epsilon=0.4, rc=5.0, smooth=True), "LJ"),
        share=0.9,
        stiffness=20.0,
    )
    atoms = symmetric_crystal(seed)
    (found,) = potential.evaluate([atoms])
    mobility, n_atoms = 1e-3 / np.abs(found.forces).max(), len(atoms)
    step = physical_step(atoms.cell.array, found, mobility=mobility, longest=np.inf)
    assert step is not None
    np.testing.assert_allclose(step.cell, step.cell.T, atol=1e-12)

    def energy(h: float) -> float:
        frac = atoms.get_scaled_positions(wrap=False) + h * step.frac
        cell = atoms.cell.array + h * step.cell
        moved = Atoms(atoms.numbers, cell=cell, scaled_positions=frac, pbc=True)
        return potential.evaluate([moved])[0].energy / n_atoms

    slope = (energy(1e-3) - energy(-1e-3)) / 2e-3
    virial = atoms.get_volume() * found.stress / n_atoms
    wanted = -mobility * ((found.forces**2).sum() + (virial**2).sum()) / n_atoms
    assert slope == pytest.approx(wanted, rel=1e-3)
    assert slope < 0


def test_a_step_is_capped_as_a_whole() -> None:
    atoms = symmetric_crystal(1)
    forces = np.array([[30.0, 0, 0], [-30.0, 4.0, 0], [0, -4.0, 0], [0, 0, 0]])
    evaluation = Evaluation(0.0, forces, 0.01 * np.eye(3))
    free = physical_step(atoms.cell.array, evaluation, mobility=0.1, longest=np.inf)
    capped = physical_step(atoms.cell.array, evaluation, mobility=0.1, longest=0.2)
    assert free is not None
    assert capped is not None
    cart = capped.frac @ atoms.cell.array
    assert np.linalg.norm(cart, axis=1).max() == pytest.approx(0.2)
    factor = 0.2 / (0.1 * np.linalg.norm(forces, axis=1).max())
    np.testing.assert_allclose(capped.frac, factor * free.frac)
    np.testing.assert_allclose(capped.cell, factor * free.cell)


def test_a_cell_that_is_not_positive_does_not_move() -> None:
    evaluation = Evaluation(0.0, np.ones((2, 3)), np.eye(3))
    assert physical_step(np.diag([3.0, -3.0, 4.0]), evaluation, mobility=0.1, longest=0.2) is None


@pytest.mark.parametrize(("t", "weight"), [(0.6, 0.0), (0.3, 0.4), (0.0, 0.8), (0.9, 0.0)])
def test_the_weight_rises_from_0_at_start_to_the_strength_at_0(t: float, weight: float) -> None:
    assert DriftOptions(strength=0.8, start=0.6).weight(t) == pytest.approx(weight)


@pytest.mark.parametrize(("levels", "calls"), [(3, 3), (8, 4), (60, 4), (300, 4)])
def test_without_a_period_the_number_of_levels_does_not_decide_the_number_of_calls(
    levels: int, calls: int
) -> None:
    due = [DriftOptions(strength=1.0).due(k, levels) for k in range(levels)]
    assert due[0]
    assert abs(sum(due) - calls) <= 1
    assert sum(DriftOptions(strength=1.0, period=7).due(k, levels) for k in range(levels)) == -(-levels // 7)


@pytest.fixture
def state(diffusion: MatterGenDiffusion) -> State:
    """Crystals at t = 0.2: noise upon good ones, so that their clean estimates are crystals."""
    crystals = [symmetric_crystal(s) for s in (1, 2, 3)]
    sizes = torch.tensor([4, 4, 4])
    generator = torch.Generator().manual_seed(0)
    frac = torch.cat([torch.from_numpy(a.get_scaled_positions()).float() for a in crystals])
    cell = torch.stack([torch.from_numpy(a.cell.array).float() for a in crystals])
    state = State(
        frac=frac,
        cell=cell,
        numbers=torch.cat([torch.from_numpy(a.numbers).long() for a in crystals]),
        n_atoms=sizes,
        structure_idx=torch.repeat_interleave(torch.arange(3), sizes),
    )
    kernel = diffusion.kernel(state, T)
    noisy = frac + 0.3 * kernel.sigma * torch.randn(frac.shape, generator=generator)
    return state.with_fields(noisy, cell, state.numbers)


def nobody(index: int) -> bool:
    """No structure has failed."""
    return index < 0


def test_the_clean_estimate_of_the_score_is_moved_by_the_weighted_step(
    diffusion: MatterGenDiffusion, state: State, estimator: AseEstimator, guards: Guards
) -> None:
    drift = Drift(diffusion, OPTIONS, estimator, guards, nobody)
    with torch.no_grad():
        plain = diffusion.score(state, T)
    moved = drift(state, T)
    kernel = diffusion.kernel(state, T)
    before, after = clean_estimate(state, plain, kernel), clean_estimate(state, moved, kernel)
    weight = 1.0 * (0.6 - 0.2) / 0.6
    assert drift.calls
    for i in drift.calls:
        crystal = crystals(before)[i]
        (evaluation,) = estimator.evaluate([crystal])
        step = physical_step(crystal.cell.array, evaluation, mobility=0.05, longest=0.2)
        assert step is not None
        atoms = state.structure_idx == i
        np.testing.assert_allclose((after.frac - before.frac)[atoms], weight * step.frac, atol=2e-5)
        np.testing.assert_allclose((after.cell - before.cell)[i], weight * step.cell, atol=2e-4)
        assert np.abs(step.frac).max() > 1e-3
    assert torch.equal(moved.logits, plain.logits)


def test_a_step_acts_until_the_next_evaluation(
    diffusion: MatterGenDiffusion, state: State, estimator: AseEstimator, guards: Guards
) -> None:
    """Levels of ten steps below 0.6: 0.5, 0.4, 0.3, ... of which every second is evaluated."""
    drift = Drift(diffusion, DriftOptions(1.0, 0.6, 2, 0.05, 0.2), estimator, guards, nobody)
    drift(state, diffusion.times[5])
    first = dict(drift.calls)
    t = diffusion.times[6]
    held = drift(state, t)
    assert drift.calls == first
    with torch.no_grad():
        plain = diffusion.score(state, t)
    weight = (0.6 - float(t)) / 0.6
    kernel = diffusion.kernel(state, t)
    step = (held.frac - plain.frac) * kernel.sigma**2 / weight
    before = drift._moves
    assert before is not None
    np.testing.assert_allclose(step, before[0], atol=1e-5)
    assert float(before[0].abs().max()) > 1e-3
    drift(state, diffusion.times[7])
    assert sum(drift.calls.values()) > sum(first.values())


def test_nothing_is_asked_where_the_weight_is_0(
    diffusion: MatterGenDiffusion, state: State, guards: Guards
) -> None:
    class Forbidden:
        name = "forbidden"

        def evaluate(self, structures: Sequence[Atoms]) -> list[Evaluation]:
            raise AssertionError(len(structures))

    for options, t in [(DriftOptions(0.0, 0.6, 1), T), (OPTIONS, torch.tensor(0.7))]:
        drift = Drift(diffusion, options, Forbidden(), guards, nobody)
        with torch.no_grad():
            plain = diffusion.score(state, t)
        found = drift(state, t)
        assert torch.equal(found.frac, plain.frac)
        assert torch.equal(found.cell, plain.cell)
        assert drift.calls == {}


def test_a_structure_that_the_estimator_raises_for_is_left_and_the_others_move(
    diffusion: MatterGenDiffusion, state: State, estimator: AseEstimator, guards: Guards
) -> None:
    whole = Drift(diffusion, OPTIONS, estimator, guards, nobody)
    wanted = whole(state, T)
    chosen = min(whole.calls)
    with torch.no_grad():
        plain = diffusion.score(state, T)
    volume = crystals(clean_estimate(state, plain, diffusion.kernel(state, T)))[chosen].get_volume()

    class Picky:
        name = "picky"

        def evaluate(self, structures: Sequence[Atoms]) -> list[Evaluation]:
            if any(abs(a.get_volume() - volume) < 1e-6 for a in structures):
                raise RuntimeError("not this one")
            return estimator.evaluate(structures)

    counted = Counted(Picky())
    drift = Drift(diffusion, OPTIONS, counted, guards, nobody)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = drift(state, T)
    assert drift.calls == whole.calls
    assert counted.calls == sum(drift.calls.values())
    left, others = state.structure_idx == chosen, state.structure_idx != chosen
    assert torch.equal(found.frac[left], plain.frac[left])
    assert torch.equal(found.frac[others], wanted.frac[others])


def test_failed_structures_are_not_asked_about(
    diffusion: MatterGenDiffusion, state: State, estimator: AseEstimator, guards: Guards
) -> None:
    whole = Drift(diffusion, OPTIONS, estimator, guards, nobody)
    whole(state, T)
    drift = Drift(diffusion, OPTIONS, estimator, guards, {0, 2}.__contains__)
    drift(state, T)
    assert set(drift.calls) == set(whole.calls) - {0, 2}
    assert set(whole.calls) & {0, 2}
