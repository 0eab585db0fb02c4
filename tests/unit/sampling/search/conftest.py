"""A cheap potential with a minimum, and the embedded diffusion with few steps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from ase.calculators.lj import LennardJones

from lodestone.energies.estimators.ase.calculator import AseEstimator
from lodestone.energies.guards import Guards
from lodestone.sampling.mattergen.checkpoint import load_checkpoint, locate
from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion


@pytest.fixture(scope="session")
def estimator() -> AseEstimator:
    return AseEstimator(LennardJones(sigma=2.1, epsilon=0.4, rc=4.5, smooth=True), "Lennard-Jones")


@pytest.fixture(scope="session")
def guards() -> Guards:
    return Guards()


@pytest.fixture(scope="session")
def diffusion() -> Iterator[MatterGenDiffusion]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield MatterGenDiffusion(
        load_checkpoint(locate("embedded"), steps=10),
        properties={"chemical_system": "Co-Li-O"},
        guidance_factor=1.0,
    )
    torch.set_num_threads(threads)
