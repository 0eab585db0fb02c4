"""Looking ahead: what particles are judged by is the relaxed clean estimate."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.calculators.lj import LennardJones

from lodestone.constraints.clean import CleanEstimate
from lodestone.energies.estimators.ase.calculator import AseEstimator
from lodestone.energies.evaluation import Evaluation
from lodestone.sampling.particles import LookAhead, LookAheadObjective

VOLUME = SimpleNamespace(gap=lambda clean: (torch.linalg.det(clean.cell).abs() / clean.n_atoms - 13.0).abs())


def argon(scale: float) -> tuple[np.ndarray, np.ndarray]:
    edge = 5.26 * scale
    cell = edge / 2 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]], dtype=float)
    return cell, np.zeros((1, 3))


def estimate(*scales: float) -> CleanEstimate:
    cells = np.stack([argon(s)[0] for s in scales])
    types = torch.zeros(len(scales), 100)
    types[:, 17] = 0.6
    types[:, 9] = 0.4
    return CleanEstimate(
        frac=torch.zeros(len(scales), 3) + 0.25,
        cell=torch.from_numpy(cells).float(),
        types=types,
        structure_idx=torch.arange(len(scales)),
    )


@pytest.fixture
def estimator() -> AseEstimator:
    return AseEstimator(LennardJones(sigma=3.4, epsilon=0.2, rc=9.0, smooth=True), "Lennard-Jones")


def anything(atoms: Atoms) -> None:
    """Accepts every structure."""
    del atoms


def volume_per_atom(clean: CleanEstimate) -> torch.Tensor:
    return torch.linalg.det(clean.cell).abs()


def test_a_stretched_and_a_squeezed_crystal_relax_to_the_same_volume(estimator: AseEstimator) -> None:
    look = LookAhead(estimator, anything, steps=200)
    relaxed, followed = look.relaxed(estimate(0.97, 1.0, 1.03))
    assert followed.all()
    volumes = volume_per_atom(relaxed)
    assert float(volumes.max() - volumes.min()) < 0.02 * float(volumes.mean())
    assert float(volumes.max()) < float(volume_per_atom(estimate(1.03))[0])
    assert relaxed.types.argmax(dim=1).tolist() == [17, 17, 17]
    assert relaxed.types.sum(dim=1).tolist() == [1.0, 1.0, 1.0]


def test_more_steps_go_further(estimator: AseEstimator) -> None:
    start = estimate(1.04)
    moved = [
        float(volume_per_atom(start) - volume_per_atom(LookAhead(estimator, anything, n).relaxed(start)[0]))
        for n in (1, 2, 4)
    ]
    assert 0 < moved[0] < moved[1] < moved[2]


def test_what_the_estimator_must_not_see_is_infinitely_bad(estimator: AseEstimator) -> None:
    def refuses_small(atoms: Atoms) -> str | None:
        return "too small" if atoms.get_volume() < 35 else None

    objective = LookAheadObjective(VOLUME, LookAhead(estimator, refuses_small, steps=2))  # type: ignore[arg-type]
    gap = objective.gap(estimate(0.9, 1.0))
    assert gap[0] == torch.inf
    assert torch.isfinite(gap[1])


def test_an_estimator_that_raises_loses_one_structure(estimator: AseEstimator) -> None:
    class Stumbling:
        name = "stumbling"

        def evaluate(self, structures: Sequence[Atoms]) -> list[Evaluation]:
            if any(atoms.get_volume() < 35 for atoms in structures):
                raise ZeroDivisionError("too small")
            return estimator.evaluate(structures)

    clean = estimate(0.9, 1.0, 1.02)
    relaxed, followed = LookAhead(Stumbling(), anything, steps=2).relaxed(clean)
    assert followed.tolist() == [False, True, True]
    assert torch.allclose(relaxed.cell[0], clean.cell[0])
    others, _ = LookAhead(estimator, anything, steps=2).relaxed(estimate(1.0, 1.02))
    assert torch.allclose(relaxed.cell[1:], others.cell)


def test_the_gap_is_that_of_the_relaxed_estimate(estimator: AseEstimator) -> None:
    look = LookAhead(estimator, anything, steps=10)
    clean = estimate(1.02, 1.04)
    assert torch.allclose(
        LookAheadObjective(VOLUME, look).gap(clean),  # type: ignore[arg-type]
        VOLUME.gap(look.relaxed(clean)[0]),
    )
