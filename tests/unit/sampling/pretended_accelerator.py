"""Every sampler, term and look-ahead on a pretended accelerator: no device is mixed, little is copied.

`pretended_device` is the accelerator. What comes out equals the CPU's run byte for byte, unless a test says
why it cannot. Budgets are what was counted and about a tenth more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from ase.calculators.lj import LennardJones
from pretended_device import NAME, device, register

from lodestone.constraints.clean import CleanEstimate
from lodestone.constraints.context import Potential
from lodestone.constraints.descriptors.volume_per_atom import VolumePerAtom
from lodestone.constraints.functions import sha256
from lodestone.constraints.registry import term_models, terms_of
from lodestone.constraints.term import Term
from lodestone.energies.differentiable import as_atoms
from lodestone.energies.estimators import settings_of
from lodestone.energies.estimators.ase.calculator import AseEstimator
from lodestone.energies.estimators.chgnet import calculator as chgnet
from lodestone.energies.evaluation import Estimator, described
from lodestone.energies.guards import Guards
from lodestone.sampling.guidance import GuidanceOptions, Objective, guided_score
from lodestone.sampling.loop import LoopOptions
from lodestone.sampling.mattergen.checkpoint import load_checkpoint, locate
from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion
from lodestone.sampling.particles import LookAhead, ParticleOptions
from lodestone.sampling.search.batch import search_batch
from lodestone.sampling.search.drift import Drift
from lodestone.sampling.search.finish import Counted
from lodestone.sampling.search.options import DriftOptions, SearchOptions
from lodestone.sampling.shard import ShardPlan, Steering, sample_batch
from lodestone.sampling.state import State
from lodestone.sampling.symmetric.batch import symmetric_batch
from lodestone.sampling.template import Template
from lodestone.wyckoff.proposals import parse

pytestmark = pytest.mark.slow

STEPS, SIZE = 4, 4
SIZES = {3: 0.5, 5: 0.5}
ELEMENTS = ("Co", "Li", "O")
TARGET = Objective((VolumePerAtom(target=16.0),))
PROPOSALS = [
    parse(text) for text in ("2 Co:a Li:b O:i", "139 Co:a Li:b O:e", "166 Co:a Li:b O:c", "12 Co:a Li:b O:i")
]
"""Lattices that are linear, and one, of tetragonal I, on a curved surface."""
FUNCTION = Path(__file__).resolve().parents[3] / "config/functions/symmetry.py"

BUDGET = {"kernels": 2000, "waits": 14, "to_device": 11, "to_host": 8}
"""Most per pass of the network, what leads to it and what follows; nearly all are of upstream's graph."""
SYMMETRIC = {**BUDGET, "kernels": 3400}
"""The same in a subspace: projections, and roots of metrics on curved surfaces."""
TERM = {"kernels": 800, "waits": 42, "to_device": 12, "to_host": 16}
"""Most of a term's loss, its gradient, and its gap, for a batch of any size."""
FORCES = {"waits": 4, "to_device": 4, "to_host": 6}
"""Most of estimates that go to an estimator on the host and come back moved, for a batch of any size."""
CHGNET = {"waits": (10, 3), "to_device": (5, 3), "to_host": (1, 0)}
"""Most of an evaluation, and for each structure of it: upstream's volume, unit matrix and composition."""


@pytest.fixture(scope="module", autouse=True)
def _registered() -> None:
    register()


def test_the_device_refuses_what_a_gpu_refuses() -> None:
    with device() as book:
        there = torch.ones(3, device=NAME)
        with pytest.raises(AssertionError, match="mixes the device"):
            there + torch.ones(3)
        assert float((2 * there).sum()) == 6
        assert (there + torch.tensor(1.0)).device.type == NAME
        assert there.cpu().tolist() == [1, 1, 1]
    assert sum(book.waits.values()) == 1
    assert sum(book.to_host.values()) == 1


def test_indices_of_the_host_are_copies_and_masks_are_waited_for() -> None:
    with device() as book:
        there = torch.arange(3.0, device=NAME)
        assert there[[0, 2]].cpu().tolist() == [0, 2]
        assert there[there > 0].cpu().tolist() == [1, 2]
        there[there > 1] = 7.0  # the length of the mask does not matter
        assert there.cpu().tolist() == [0, 1, 7]
    assert sum(book.to_device.values()) == 1
    assert sum(book.waits.values()) == 1


def test_gradients_flow_on_the_device() -> None:
    with device():
        there = torch.arange(3.0, device=NAME).requires_grad_()
        (grad,) = torch.autograd.grad((there**2).sum(), there)
        assert grad.cpu().tolist() == [0, 2, 4]


def plan(**more: Any) -> ShardPlan:
    return ShardPlan("c", "a", 0, 0, SIZE, SIZE, 11, SIZES, **more)


def model(on: str, **more: Any) -> MatterGenDiffusion:
    own = {"properties": {"chemical_system": "Co-Li-O"}, "guidance_factor": 1.0, **more}
    return MatterGenDiffusion(load_checkpoint(locate("embedded"), steps=STEPS), device=on, **own)


PLAIN = Steering(None, GuidanceOptions(0.0), LoopOptions())
GUIDED = Steering(TARGET, GuidanceOptions(0.1, start=2.0), LoopOptions(2, 2.0))
ONCE = replace(GUIDED, loop=LoopOptions())
PARTICLES = Steering(
    TARGET,
    GuidanceOptions(0.05, start=2.0),
    LoopOptions(),
    particles=ParticleOptions(count=2, times=(0.9, 0.5)),
)
SEARCH = SearchOptions(drift=DriftOptions(1.0, start=0.95, period=1), relax_steps=2)
MIXED = {"guidance_factor": 2.0, "within": ELEMENTS, "corrector": "per_structure"}
"""What `kind: mattergen` and the keys of `model` change: two scores in a pass, masked elements, own steps."""


def potential() -> Estimator:
    return AseEstimator(LennardJones(sigma=2.1, epsilon=0.4, rc=4.5, smooth=True), "Lennard-Jones")


def steered(steering: Steering, **more: Any) -> Callable[[MatterGenDiffusion], pl.DataFrame]:
    return lambda diffusion: sample_batch(diffusion, plan(**more), steering, 0, SIZE)


def symmetric(steering: Steering, elements: str) -> Callable[[MatterGenDiffusion], pl.DataFrame]:
    return lambda diffusion: symmetric_batch(
        diffusion, plan(), steering, PROPOSALS, 0, SIZE, elements=elements
    )


def searched(diffusion: MatterGenDiffusion) -> pl.DataFrame:
    return search_batch(diffusion, plan(), SEARCH, potential(), Guards(), 0, SIZE, elements=ELEMENTS)


def held() -> dict[int, Template]:
    """The cell and the types of some atoms are known."""
    cell = np.diag([3.0, 3.2, 3.6])
    return {
        n: Template(np.full(n, 8), cell, np.zeros((n, 3)), ("cell", "types"), np.arange(n) < 2) for n in SIZES
    }


AHEAD = replace(PARTICLES, look_ahead=LookAhead(potential(), Guards(), 2))
DRAWN = {
    "plain": steered(PLAIN),
    "guided": steered(GUIDED),
    "particles": steered(PARTICLES),
    "inpainting": steered(GUIDED, templates=held()),
    "look-ahead": steered(AHEAD),
    "mattergen": steered(ONCE),
    "gss": searched,
    "symmetric": symmetric(ONCE, "assigned"),
    "symmetric, quota": symmetric(PLAIN, "quota"),
    "symmetric, free": symmetric(PARTICLES, "free"),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_samples_of_the_device_are_those_of_the_cpu(kind: str) -> None:
    own = MIXED if kind == "mattergen" else {}
    here = DRAWN[kind](model("cpu", **own))
    with device():
        diffusion = model(NAME, **own)
    with device() as book:
        there = DRAWN[kind](diffusion)
    assert there.equals(here)
    assert not here["failed"].all()
    spent = {name: n / diffusion.passes for name, n in book.sums().items()}
    most = SYMMETRIC if kind.startswith("symmetric") else BUDGET
    assert all(0 < spent[name] <= most[name] for name in most), spent


def test_a_random_search_has_nothing_on_the_device() -> None:
    def found() -> pl.DataFrame:
        return search_batch(None, plan(), SEARCH, potential(), Guards(), 0, SIZE, elements=ELEMENTS)

    with device() as book:
        there = found()
    assert there.equals(found())
    assert not any(book.sums().values())


def test_forward_guidance_agrees_to_rounding() -> None:
    """The gradient through the network, whose last bits are not the CPU's; which sum differs is not known."""
    options = GuidanceOptions(0.0, forward=0.1, start=2.0)

    def score(on: str) -> list[torch.Tensor]:
        diffusion = model(on)
        torch.manual_seed(5)
        found = guided_score(diffusion, TARGET, options)(diffusion.prior([3, 5]), diffusion.times[3])
        return [value.detach().cpu() for value in (found.frac, found.cell, found.logits)]

    here = score("cpu")
    with device():
        there = score(NAME)
    for a, b in zip(here, there, strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-5 * float(a.abs().clamp(max=1e3).max()))


def batch(structures: int, on: str) -> CleanEstimate:
    """So many clean estimates of four atoms, types not quite decided; the first two again and again."""
    rng = np.random.default_rng(3)
    sites = np.array([[0, 0, 0], [1, 1, 0], [1, 0, 1], [0, 1, 1]]) / 2
    each = [
        (
            sites + 0.06 * rng.normal(size=(4, 3)),
            np.diag([3.3, 3.6, 4.1]) + 0.2 * rng.normal(size=(3, 3)),
            rng.random((4, 3)),
        )
        for _ in range(2)
    ] * (structures // 2)
    frac, cell, share = (torch.from_numpy(np.stack(x)).float() for x in zip(*each, strict=True))
    types = torch.zeros(4 * structures, 100)
    types[:, [2, 7, 26]] = torch.softmax(3 * share.flatten(0, 1), dim=1)
    owner = torch.repeat_interleave(torch.arange(structures), 4)
    leaves = (x.to(on).requires_grad_() for x in (frac.flatten(0, 1), cell, types))
    return CleanEstimate(*leaves, structure_idx=owner.to(on))


FIELDS = ("frac", "cell", "types")
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "bond_length": [{"target": 4.5}, {"target": 4.5, "mode": "mean"}],
    "coordination_distribution": [{}, {"metric": "jensen_shannon"}],
    "density": [{"target": 20}],
    "function": [
        {"function": f"{FUNCTION}:space_group_number", "sha256": {str(FUNCTION): sha256(str(FUNCTION))}}
    ],
    "min_distance": [{"target": {"higher": 1.5}}],
    "lattice": [{"target": 4}, {"quantity": "a", "target": 5}, {"quantity": "gamma", "target": [70, 80]}],
}
TERMS = [
    pytest.param({"kind": kind, **term.example, **change}, id=f"{kind}-{i}")
    for kind, term in term_models().items()
    for i, change in enumerate(VARIANTS.get(kind, [{}]))
]


def bound(settings: dict[str, Any]) -> Term:
    """The term; one of energy with a cheap potential, and a hull far below it."""
    (term,) = terms_of({"terms": [settings]})
    context = Potential("Lennard-Jones", lambda: (potential(), Guards()), pl.DataFrame)
    context.__dict__["hulls"] = SimpleNamespace(energy=lambda _: -20.0)
    return term.bound(SimpleNamespace(potential=lambda _: context))  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", TERMS)
def test_a_term_and_its_gradient_are_the_cpus(settings: dict[str, Any]) -> None:
    """What it asks of the device does not grow with the batch."""
    objective = Objective((bound(settings),))

    def found(clean: CleanEstimate) -> list[torch.Tensor]:
        leaves = (clean.frac, clean.cell, clean.types)
        loss = objective.loss(clean)
        grads = torch.autograd.grad(loss.sum(), leaves, allow_unused=True)
        with torch.no_grad():
            gap = objective.gap(replace(clean, **{name: getattr(clean, name).detach() for name in FIELDS}))
        return [gap, loss.detach(), *(x * 0 if g is None else g for x, g in zip(leaves, grads, strict=True))]

    here = found(batch(4, "cpu"))
    assert float(here[0].abs().max()) > 0
    counted = []
    for structures in (2, 4):
        with device():
            clean = batch(structures, NAME)
        with device() as book:
            there = found(clean)
        counted.append(book.sums())
    for a, b in zip(here, there, strict=True):
        assert torch.equal(a, b.detach().cpu())
    assert counted[0] == counted[1]
    assert all(counted[0][name] <= most for name, most in TERM.items()), counted


def pushed(clean: CleanEstimate) -> list[torch.Tensor]:
    """What the forces of a search make of clean estimates."""
    drift = Drift(model("cpu"), SEARCH.drift, potential(), Guards(), set[int]().__contains__)
    blank = clean.structure_idx
    moved = drift._evaluated(clean, State(clean.frac, clean.cell, blank, clean.n_atoms, blank))
    assert len(drift.calls) == clean.n_structures
    return list(moved)


def relaxed(clean: CleanEstimate) -> list[torch.Tensor]:
    """What a look-ahead makes of clean estimates."""
    found, followed = LookAhead(potential(), Guards(), 2).relaxed(clean)
    assert bool(followed.all())
    return [found.frac, found.cell, found.types]


@pytest.mark.parametrize("moved", [pushed, relaxed])
@torch.no_grad()
def test_forces_are_asked_for_and_sent_for_a_whole_batch(
    moved: Callable[[CleanEstimate], list[torch.Tensor]],
) -> None:
    here, counted = moved(roomy(4, "cpu")), []
    for structures in (2, 4):
        with device():
            clean = roomy(structures, NAME)
        with device() as book:
            there = moved(clean)
        counted.append({name: book.sums()[name] for name in FORCES})
    assert all(torch.equal(a, b.cpu()) for a, b in zip(here, there, strict=True))
    assert float((here[1] - clean.cell.cpu()).abs().max()) > 0
    assert counted[0] == counted[1]
    assert all(counted[0][name] <= most for name, most in FORCES.items()), counted


def roomy(structures: int, on: str) -> CleanEstimate:
    """The clean estimates of `batch`, in larger cells that an estimator takes."""
    clean = batch(structures, on)
    return replace(clean, cell=1.3 * clean.cell.detach())


def on_device(monkeypatch: pytest.MonkeyPatch) -> Estimator:
    """CHGNet as a job makes it that computes on the pretended device."""
    monkeypatch.setattr(chgnet, "for_torch", lambda: NAME)
    with device():
        return settings_of({"kind": "chgnet"}).create(8)


@pytest.mark.parametrize("task", ["evaluate", "energy_only"])
def test_chgnet_follows_the_job_to_its_device(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clean = roomy(6, "cpu")
    atoms = as_atoms(clean.frac, clean.cell, clean.types.argmax(dim=1) + 1, clean.structure_idx)
    here, there = settings_of({"kind": "chgnet"}).create(8), on_device(monkeypatch)
    assert [described(estimator)["device"] for estimator in (here, there)] == ["cpu", "gpu"]
    for n in (2, 6):
        with device() as book:
            found = getattr(there, task)(atoms[:n])
        for a, b in zip(getattr(here, task)(atoms[:n]), found, strict=True):
            assert a.failure is b.failure is None
            for name in ("energy", "forces", "stress"):
                np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        spent = book.sums()
        assert all(0 < spent[name] <= once + n * each for name, (once, each) in CHGNET.items()), spent


def test_chgnet_looks_ahead_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    options = ParticleOptions(count=2, times=(0.5,))

    def drawn(diffusion: MatterGenDiffusion, estimator: Estimator) -> tuple[pl.DataFrame, int]:
        counted = Counted(estimator)
        ahead = replace(PARTICLES, particles=options, look_ahead=LookAhead(counted, Guards(), 1))
        return sample_batch(diffusion, plan(), ahead, 0, SIZE), counted.calls

    here, calls = drawn(model("cpu"), settings_of({"kind": "chgnet"}).create(8))
    estimator = on_device(monkeypatch)
    with device() as book:
        there, asked = drawn(model(NAME), estimator)
    assert there.equals(here)
    assert calls == asked > 0
    assert book.kernels["aten.index_add_.default"]  # of CHGNet's sums, which the network does otherwise
