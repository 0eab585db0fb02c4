"""Guidance: it goes downhill, per structure, and a broken structure harms nobody."""

from __future__ import annotations

import pytest
import torch

from lodestone.constraints.clean import CleanEstimate
from lodestone.constraints.descriptors.coordination import Coordination
from lodestone.constraints.descriptors.volume_per_atom import VolumePerAtom
from lodestone.sampling.guidance import (
    GuidanceOptions,
    Objective,
    Strength,
    backward_guidance,
    forward_guidance,
    sane,
)
from lodestone.sampling.isolation import Watch, faults
from lodestone.sampling.process import clean_estimate
from lodestone.sampling.state import MASK, Kernel, Score, State

VOLUME = Objective((VolumePerAtom(target=9.0),))
COUNT = Objective((Coordination(center="Co", neighbor="O", target=4.0, cutoff=2.6),))
BOTH = Objective((*VOLUME.terms, *COUNT.terms))


def batch(sizes: list[int], seed: int = 1) -> tuple[State, Score, Kernel]:
    """Random oxides with a score that points to slightly moved structures."""
    n, total = len(sizes), sum(sizes)
    frac, cell, score_frac, logits = [], [], [], []
    for k, size in enumerate(sizes):
        g = torch.Generator().manual_seed(100 * seed + k)
        frac.append(torch.rand(size, 3, generator=g, dtype=torch.float64))
        noise = torch.randn(3, 3, generator=g, dtype=torch.float64) * 0.2
        cell.append(torch.eye(3).double() * (12.0 * size) ** (1 / 3) + noise + noise.T)
        score_frac.append(0.01 * torch.randn(size, 3, generator=g, dtype=torch.float64))
        found = torch.randn(size, 101, generator=g, dtype=torch.float64) - 6
        found[:, [7, 26]] += 7
        logits.append(found)
    numbers = torch.cat([torch.tensor([27, 8, MASK, MASK, 8, 27, 8, 8, MASK])[:s] for s in sizes])
    state = State(
        torch.cat(frac), torch.stack(cell), numbers, torch.tensor(sizes),
        torch.repeat_interleave(torch.arange(n), torch.tensor(sizes)),
    )  # fmt: skip
    scale = torch.tensor(sizes).double() ** (1 / 3)
    kernel = Kernel(
        sigma=torch.full((total, 1), 0.05, dtype=torch.float64),
        alpha=torch.tensor(0.9, dtype=torch.float64),
        limit=2.3 * scale[:, None, None] * torch.eye(3).double(),
        variance=(0.25 * scale**2)[:, None, None].expand(n, 3, 3),
        kept=0.7,
    )
    return state, Score(torch.cat(score_frac), torch.zeros(n, 3, 3).double(), torch.cat(logits)), kernel


def guide(
    state: State,
    score: Score,
    kernel: Kernel,
    objective: Objective,
    kappa: float,
    steps: int = 1,
    **kw: object,
) -> Score:
    clean = clean_estimate(state, score, kernel)
    return backward_guidance(
        state,
        score,
        kernel,
        clean,
        objective,
        Strength(kappa, **kw),
        steps,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("objective", [VOLUME, COUNT, BOTH], ids=["volume", "count", "both"])
def test_guided_clean_estimates_are_nearer_the_target(objective: Objective) -> None:
    state, score, kernel = batch([4, 6, 9, 5])
    before = objective.gap(clean_estimate(state, score, kernel))
    after = objective.gap(clean_estimate(state, guide(state, score, kernel, objective, 0.05), kernel))
    assert (after < before).all()


def test_a_gauss_newton_step_reaches_a_volume_that_is_near() -> None:
    state, score, kernel = batch([4, 6])
    now = VolumePerAtom(target=1.0).smooth(clean_estimate(state, score, kernel))
    near = Objective((VolumePerAtom(target=float(now[0]) + 0.05),))
    after = near.gap(clean_estimate(state, guide(state, score, kernel, near, 10.0), kernel))
    assert float(after[0]) < 1e-3


def test_step_length_is_capped_by_the_strength() -> None:
    state, score, kernel = batch([4, 9])
    far = Objective((VolumePerAtom(target=100.0),))
    moved = guide(state, score, kernel, far, 0.01)
    a = clean_estimate(state, score, kernel).cell
    b = clean_estimate(state, moved, kernel).cell
    lengths = torch.linalg.matrix_norm(b - a)
    assert torch.allclose(lengths, 0.01 * torch.tensor([4.0, 9.0]).double().sqrt(), rtol=1e-6)


@pytest.mark.parametrize("objective", [VOLUME, COUNT, BOTH], ids=["volume", "count", "both"])
def test_update_is_the_same_alone_and_in_a_batch_of_64(objective: Objective) -> None:
    sizes = [4, 6, 9, 5] * 16
    state, score, kernel = batch(sizes)
    together = guide(state, score, kernel, objective, 0.1, steps=2)
    for k in (0, 5, 63):
        atoms = state.structure_idx == k
        alone_state = State(
            state.frac[atoms], state.cell[k : k + 1], state.numbers[atoms], state.n_atoms[k : k + 1],
            torch.zeros(sizes[k], dtype=torch.long),
        )  # fmt: skip
        alone_kernel = Kernel(
            kernel.sigma[atoms],
            kernel.alpha,
            kernel.limit[k : k + 1],
            kernel.variance[k : k + 1],
            kernel.kept,
        )
        alone_score = Score(score.frac[atoms], score.cell[k : k + 1], score.logits[atoms])
        alone = guide(alone_state, alone_score, alone_kernel, objective, 0.1, steps=2)
        assert torch.allclose(alone.frac, together.frac[atoms], atol=1e-9)
        assert torch.allclose(alone.cell, together.cell[k : k + 1], atol=1e-9)
        assert torch.allclose(alone.logits, together.logits[atoms], atol=1e-9)


def test_decided_types_are_not_pushed() -> None:
    state, score, kernel = batch([9])
    moved = guide(state, score, kernel, COUNT, 0.3)
    pushed = (moved.logits != score.logits).any(dim=1)
    assert torch.equal(pushed, (state.numbers == MASK) & pushed)
    assert pushed.any()


@pytest.mark.parametrize(
    ("field", "attribute"), [("positions", "frac"), ("cell", "cell"), ("types", "logits")]
)
def test_only_chosen_fields_move(field: str, attribute: str) -> None:
    state, score, kernel = batch([9, 6])
    moved = guide(state, score, kernel, BOTH, 0.1, fields=(field,))
    for name in ("frac", "cell", "logits"):
        same = torch.equal(getattr(moved, name), getattr(score, name))
        assert same == (name != attribute)


def test_lattice_guidance_is_symmetric() -> None:
    state, score, kernel = batch([9, 6])
    moved = guide(state, score, kernel, BOTH, 0.3)
    assert torch.allclose(moved.cell, moved.cell.transpose(1, 2))


@pytest.mark.parametrize("kappa", [1e3, 1e6])
def test_a_huge_strength_stays_finite(kappa: float) -> None:
    state, score, kernel = batch([4, 9])
    for objective in (VOLUME, COUNT, BOTH):
        for normalisation in ("gauss_newton", "unit"):
            moved = guide(state, score, kernel, objective, kappa, 3, normalisation=normalisation)
            for x in (moved.frac, moved.cell, moved.logits):
                assert torch.isfinite(x).all()


def test_a_hopeless_clean_estimate_is_left_alone() -> None:
    state, score, kernel = batch([4, 6, 5])
    broken = score.cell.clone()
    broken[1] = 1e4
    spoiled = Score(score.frac, broken, score.logits)
    assert sane(clean_estimate(state, spoiled, kernel)).tolist() == [True, False, True]
    moved = guide(state, spoiled, kernel, BOTH, 0.1)
    sound = guide(state, score, kernel, BOTH, 0.1)
    assert torch.equal(moved.cell[1], spoiled.cell[1])
    assert torch.allclose(moved.cell[[0, 2]], sound.cell[[0, 2]])


def test_forward_guidance_goes_downhill() -> None:
    state, score, kernel = batch([4, 9])
    leaves = (state.frac.clone().requires_grad_(), state.cell.clone().requires_grad_())
    noisy = state.with_fields(leaves[0], leaves[1], state.numbers)
    gap = BOTH.gap(clean_estimate(noisy, score, kernel))
    moved = forward_guidance(state, score, kernel, gap, leaves, Strength(0.05))
    after = BOTH.gap(clean_estimate(state, moved, kernel))
    assert (after < gap.detach()).all()


def test_schedules() -> None:
    constant = GuidanceOptions(0.1, start=0.8, stop=0.2)
    assert [constant.factor(t, 0) for t in (0.9, 0.8, 0.5, 0.2, 0.1)] == [0, 0, 1, 1, 0]
    rising = GuidanceOptions(0.1, start=0.8, stop=0.2, schedule="increasing")
    falling = GuidanceOptions(0.1, start=0.8, stop=0.2, schedule="decreasing")
    assert rising.factor(0.5, 0) == pytest.approx(0.5)
    assert falling.factor(0.3, 0) == pytest.approx(1 / 6)
    every_third = GuidanceOptions(0.1, period=3)
    assert [every_third.factor(0.5, k) > 0 for k in range(6)] == [True, False, False, True, False, False]


def test_broken_structures_are_frozen_with_a_reason_and_the_rest_is_untouched() -> None:
    state, _, _ = batch([4, 6, 5])
    cell, frac = state.cell.clone(), state.frac.clone()
    cell[0] = float("nan")
    frac[state.structure_idx == 2] = float("inf")
    watch = Watch(3)
    found = watch(state.with_fields(frac, cell, state.numbers), 0.4)
    assert watch.reasons == {0: "non-finite values at t=0.400", 2: "non-finite values at t=0.400"}
    assert torch.isfinite(found.cell).all()
    assert torch.isfinite(found.frac).all()
    assert torch.equal(found.cell[1], state.cell[1])
    assert torch.equal(watch.kept[2][1], cell[2])
    again = watch(found, 0.3)
    assert set(watch.reasons) == {0, 2}
    assert torch.equal(again.cell[1], state.cell[1])


def test_volume_is_judged_only_near_the_end() -> None:
    state, _, _ = batch([4])
    tiny = state.with_fields(state.frac, state.cell * 0.3, state.numbers)
    assert faults(tiny, 0.5) == {}
    assert "volume per atom" in faults(tiny, 0.01)[0]
    huge = state.with_fields(state.frac, state.cell * 10, state.numbers)
    assert "volume per atom" in faults(huge, 0.9)[0]


def test_unknown_types_are_soft_and_known_ones_are_not() -> None:
    state, score, kernel = batch([9])
    clean: CleanEstimate = clean_estimate(state, score, kernel)
    known = state.numbers != MASK
    assert (clean.types[known].max(dim=1).values == 1).all()
    assert (clean.types[~known].max(dim=1).values < 1).all()
    assert torch.allclose(clean.types.sum(dim=1), torch.ones(9).double())
