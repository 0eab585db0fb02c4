"""Held values: fixed compositions and inpainting, against MatterGen's own sampler with its mask."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lodestone.constraints.clean import CleanEstimate
from lodestone.constraints.descriptors.volume_per_atom import VolumePerAtom
from lodestone.sampling.guidance import GuidanceOptions, Objective, guided_score
from lodestone.sampling.inpainting import HeldObjective, fixed_batch
from lodestone.sampling.isolation import Watch
from lodestone.sampling.loop import LoopOptions, denoise
from lodestone.sampling.mattergen.checkpoint import Checkpoint, load_checkpoint, locate
from lodestone.sampling.mattergen.diffusion import CORRECTORS, PREDICTORS, MatterGenDiffusion
from lodestone.sampling.particles import ParticleOptions
from lodestone.sampling.shard import ShardPlan, Steering, sample_batch
from lodestone.sampling.state import MASK, State
from lodestone.sampling.template import (
    Template,
    TemplateError,
    of_composition,
    of_file,
    read_crystal,
    symmetric,
    templates,
)

STEPS = 8
CUBIC = symmetric(np.array([[4.1, 0.0, 0.0], [0.3, 3.9, 0.0], [0.0, 0.5, 4.4]]))
HOST = Template(
    numbers=np.array([27, 8, 8, 3]),
    cell=CUBIC,
    frac=np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.1, 0.6, 0.7]]),
    fields=("positions", "cell", "types"),
    atoms=np.array([True, True, False, False]),
)
STRONG = Steering(
    Objective((VolumePerAtom(target=40.0),)),
    GuidanceOptions(1e3, forward=1.0, start=1.1),
    LoopOptions(recurrence=2, start=1.1),
)


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return load_checkpoint(locate("embedded"), steps=STEPS)


@pytest.fixture(scope="module")
def diffusion(checkpoint: Checkpoint) -> MatterGenDiffusion:
    return MatterGenDiffusion(checkpoint, properties={"chemical_system": "Co-Li-O"}, guidance_factor=1.0)


@pytest.mark.slow
@pytest.mark.parametrize("fields", [("positions", "cell"), ("positions",), ("cell",)])
def test_strength_zero_is_upstream_with_its_mask_bit_for_bit(
    checkpoint: Checkpoint, fields: tuple[str, ...]
) -> None:
    from mattergen.diffusion.sampling.pc_sampler import PredictorCorrector

    sizes = [4, 4]
    fixed = fixed_batch({4: replace(HOST, fields=fields)}, sizes)
    assert fixed is not None
    plain = MatterGenDiffusion(checkpoint, properties={}, guidance_factor=0.0)
    torch.manual_seed(3)
    start = replace(plain.prior(sizes), fixed=fixed)
    zero = guided_score(plain, STRONG.objective, GuidanceOptions(0.0, start=1.1))
    found = denoise(plain, start, zero, options=LoopOptions(), watch=Watch(2))
    sampler = PredictorCorrector(
        diffusion_module=checkpoint.module.diffusion_module,
        predictor_partials=dict(PREDICTORS),
        corrector_partials=dict(CORRECTORS),
        device=torch.device("cpu"),
        n_steps_corrector=1,
        N=STEPS,
        eps_t=1 / STEPS,
    )
    known = plain._collate(sizes).replace(pos=fixed.frac, cell=fixed.cell)
    torch.manual_seed(3)
    _, mean = sampler.sample(known, mask={"pos": fixed.on_frac.float(), "cell": fixed.on_cell.float()})
    assert torch.equal(found.frac, mean["pos"])
    assert torch.equal(found.cell, mean["cell"])
    assert torch.equal(found.numbers, mean["atomic_numbers"])
    assert torch.equal(found.cell[0], fixed.cell[0]) == ("cell" in fields)


def check_held(state: State, *, cell: bool = True) -> None:
    """Atoms 0 and 1 of every structure are those of the host, and its cell."""
    for k in range(state.n_structures):
        mine = torch.nonzero(state.structure_idx == k)[:2, 0]
        assert torch.equal(state.frac[mine], torch.from_numpy(HOST.frac[:2]).float())
        assert state.numbers[mine].tolist() == [27, 8]
        assert torch.equal(state.cell[k], torch.from_numpy(HOST.cell).float()) == cell


@pytest.mark.parametrize("algorithm", [1, 2])
def test_no_guidance_noise_or_renoising_moves_what_is_held(
    diffusion: MatterGenDiffusion, algorithm: int
) -> None:
    torch.manual_seed(1)
    start = replace(diffusion.prior([4, 4]), fixed=fixed_batch({4: HOST}, [4, 4]))
    seen: list[float] = []

    def watch(state: State, t: float) -> State:
        check_held(state)
        seen.append(t)
        return state

    guided = guided_score(diffusion, STRONG.objective, STRONG.guidance)
    options = replace(STRONG.loop, algorithm=algorithm)
    found = denoise(diffusion, start, guided, options=options, watch=watch)
    check_held(found)
    assert len(seen) > 2 * STEPS
    others = torch.tensor([False, False, True, True] * 2)
    assert not torch.equal(found.frac[others], torch.from_numpy(HOST.frac).float().repeat(2, 1)[others])
    assert (found.numbers != MASK).all()


def plan(known: dict[int, Template], n_atoms: dict[int, float]) -> ShardPlan:
    return ShardPlan("c", "arm", 0, 0, 4, 4, 5, n_atoms, known)


@pytest.mark.parametrize("particles", [None, ParticleOptions(2, 4.0, (0.5, 0.25))])
def test_a_fixed_composition_is_kept(
    diffusion: MatterGenDiffusion, particles: ParticleOptions | None
) -> None:
    known = of_composition({"Li": 1, "Co": 1, "O": 2}, [1, 2])
    assert set(known) == {4, 8}
    rows = sample_batch(diffusion, plan(known, {4: 0.5, 8: 0.5}), replace(STRONG, particles=particles), 0, 4)
    for numbers in rows["numbers"].to_list():
        units = len(numbers) // 4
        assert numbers == [3] * units + [27] * units + [8] * 2 * units
    assert not rows["failed"].any()


def test_only_free_values_feel_the_objective() -> None:
    fixed = fixed_batch({4: HOST}, [4])
    assert fixed is not None

    class Sum:
        def gap(self, clean: CleanEstimate) -> torch.Tensor:
            return clean.frac.sum()[None] + clean.cell.sum()[None]

        loss = gap

    frac, cell = torch.rand(4, 3, requires_grad=True), torch.rand(1, 3, 3, requires_grad=True)
    clean = CleanEstimate(frac, cell, torch.zeros(4, 100), torch.zeros(4, dtype=torch.long))
    held = HeldObjective(Sum(), fixed)  # type: ignore[arg-type]
    for value in (held.gap(clean), held.loss(clean)):
        on_frac, on_cell = torch.autograd.grad(value.sum(), (frac, cell))
        assert on_frac.tolist() == [[0.0] * 3] * 2 + [[1.0] * 3] * 2
        assert not on_cell.any()


def test_a_template_is_turned_not_bent(tmp_path: Path) -> None:
    from ase import Atoms
    from ase.io import write

    cell = np.array([[4.1, 0.0, 0.0], [1.3, 3.9, 0.0], [0.2, 0.5, 4.4]])
    crystal = Atoms("CoO2", cell=cell, scaled_positions=[[0, 0, 0], [0.5, -0.25, 0], [0.5, 0, 1.5]], pbc=True)
    write(tmp_path / "host.vasp", crystal)
    found = of_file(tmp_path / "host.vasp", ["cell", "types"], [2, 0])
    assert found.numbers.tolist() == [27, 8, 8]
    assert np.allclose(found.cell, found.cell.T)
    assert np.allclose(found.cell @ found.cell.T, cell @ cell.T)
    assert np.allclose(found.frac, [[0, 0, 0], [0.5, 0.75, 0], [0.5, 0, 0.5]])
    assert found.atoms.tolist() == [True, False, True]
    with pytest.raises(TemplateError, match="no atom 3"):
        of_file(tmp_path / "host.vasp", ["cell"], [3])
    sampling = {"template": {"file": str(tmp_path / "host.vasp"), "fix": ["cell"], "atoms": None}}
    assert list(templates(sampling)) == [3]
    assert templates({}) == {}


def test_a_file_that_is_no_ordered_crystal_is_refused(tmp_path: Path) -> None:
    from ase import Atoms
    from ase.io import write

    (tmp_path / "noise.cif").write_text("no crystal at all")
    with pytest.raises(TemplateError, match="not readable"):
        read_crystal(tmp_path / "noise.cif")
    write(tmp_path / "molecule.xyz", Atoms("CO", positions=[[0, 0, 0], [0, 0, 1.1]]))
    with pytest.raises(TemplateError, match="no three-dimensional crystal"):
        read_crystal(tmp_path / "molecule.xyz")
    write(tmp_path / "whole.cif", Atoms("Co", cell=[3, 3, 3], pbc=True))
    text = (tmp_path / "whole.cif").read_text()
    assert "1.0000" in text
    (tmp_path / "shared.cif").write_text(text.replace("1.0000\n", "0.5000\n"))
    with pytest.raises(TemplateError, match="partial occupancy"):
        read_crystal(tmp_path / "shared.cif")
