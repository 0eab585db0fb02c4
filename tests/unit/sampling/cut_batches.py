"""Batches of every sampler about known crystals, cheap enough to be cut at each of their passes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from ase import Atoms
from torch import Tensor

from lodestone.constraints.descriptors.volume_per_atom import VolumePerAtom
from lodestone.energies.evaluation import Evaluation
from lodestone.energies.guards import Guards
from lodestone.sampling.guidance import GuidanceOptions, Objective
from lodestone.sampling.loop import LoopOptions
from lodestone.sampling.particles import LookAhead, ParticleOptions
from lodestone.sampling.process import correct_each, symmetric_noise
from lodestone.sampling.search.batch import COLUMNS as SEARCHED
from lodestone.sampling.search.batch import search_batch
from lodestone.sampling.search.options import DriftOptions, SearchOptions
from lodestone.sampling.search.repulsive import hinge
from lodestone.sampling.shard import Draw, ShardPlan, Steering, collect, run_shard, sample_batch
from lodestone.sampling.state import MASK, Kernel, Score, State
from lodestone.sampling.symmetric.batch import COLUMNS as SYMMETRIC
from lodestone.sampling.symmetric.batch import symmetric_batch
from lodestone.wyckoff.proposals import parse

LEVELS = 6
ELEMENTS = ("Li", "Co", "O")


class Killed(BaseException):
    """Stands for SIGKILL: nothing may catch it."""


class Cuts:
    """Counts what the batch asks for, and cuts it at the `at`-th time."""

    def __init__(self, at: int | None = None, how: str = "killed", requests: list[str] | None = None) -> None:
        self.at, self.how, self.requests, self.asked = at, how, requests, 0

    def __call__(self) -> None:
        self.asked += 1
        if self.asked == self.at and self.how == "killed":
            raise Killed
        if self.asked == self.at and self.requests is not None:
            self.requests.append("SIGUSR2")


class Known:
    """Crystals about a known one, with kernels as MatterGen's; structure 1 breaks half-way."""

    def __init__(self, cuts: Cuts, breaks: bool = True) -> None:
        self.times = torch.linspace(1.0, 1 / LEVELS, LEVELS)
        self.cuts, self.breaks, self.passes = cuts, breaks, 0

    def remembered(self) -> int:
        return self.passes

    def recall(self, memory: int) -> None:
        self.passes = memory

    def prior(self, n_atoms: list[int]) -> State:
        sizes = torch.tensor(n_atoms)
        idx = torch.repeat_interleave(torch.arange(len(sizes)), sizes)
        state = State(
            torch.rand(len(idx), 3), torch.eye(3).repeat(len(sizes), 1, 1),
            torch.full((len(idx),), MASK), sizes, idx,
        )  # fmt: skip
        kernel = self.kernel(state, self.times[0])
        cell = kernel.limit + 0.3 * kernel.variance.sqrt() * symmetric_noise(state.cell)
        return replace(state, cell=cell)

    def score(self, state: State, t: Tensor) -> Score:
        self.cuts()
        self.passes += 1
        kernel = self.kernel(state, t)
        places = torch.arange(len(state.frac))[:, None] * state.frac.new_tensor([0.618, 0.755, 0.57])
        apart = state.frac - places
        apart = apart - torch.round(apart)
        edge = (11.0 * state.n_atoms)[:, None, None] ** (1 / 3) * torch.eye(3)
        away = state.cell - kernel.alpha * edge - (1 - kernel.alpha) * kernel.limit
        spread = (1 - kernel.alpha**2) * kernel.variance + (0.2 * kernel.alpha) ** 2
        logits = torch.full((len(state.frac), 101), -1e9)
        for number, share in ((3, 0.2), (8, 0.5), (27, 0.3)):
            logits[:, number - 1] = math.log(share)
        return Score(-apart / (kernel.sigma**2 + 0.03**2), -away / spread, logits)

    def correct(self, state: State, score: Score, t: Tensor) -> State:
        now, after = self.kernel(state, t), self.kernel(state, t, steps_later=1)
        return correct_each(state, score, now, after, (0.4, 0.2))

    def predict(self, state: State, score: Score, t: Tensor) -> tuple[State, State]:
        late, early = self.kernel(state, t), self.kernel(state, t, steps_later=1)
        gained = late.sigma**2 - early.sigma**2
        frac = state.frac + gained * score.frac
        cell = state.cell + 0.3 * (1 - late.alpha**2) * late.variance * score.cell
        drawn = torch.distributions.Categorical(logits=score.logits[:, :100]).sample() + 1
        now = torch.rand(len(frac)) < (early.kept - late.kept) / (1 - late.kept)
        numbers = torch.where((state.numbers == MASK) & now, drawn, state.numbers)
        noise = early.sigma * torch.sqrt(gained) / late.sigma * torch.randn_like(frac)
        # as the cells of a sampler may be, transposed in memory
        shaken = (cell + 0.1 * float(t) * symmetric_noise(cell)).transpose(1, 2).contiguous().transpose(1, 2)
        if self.breaks and 0.45 < float(t) < 0.55:
            shaken[1] = torch.inf
        return (
            state.with_fields(torch.remainder(frac + noise, 1.0), shaken, numbers),
            state.with_fields(torch.remainder(frac, 1.0), cell, numbers),
        )

    def kernel(self, state: State, t: Tensor, *, steps_later: int = 0) -> Kernel:
        time, n = float(t) - steps_later / LEVELS, state.n_atoms.float()
        sigma = 0.01 * 100**time if time > 1e-6 else 0.0
        alpha = math.exp(-0.25 * time**2 * 19.9 - 0.05 * time)
        return Kernel(
            sigma=torch.full((len(state.frac), 1), sigma),
            alpha=torch.tensor(alpha),
            limit=(n / 0.06)[:, None, None] ** (1 / 3) * torch.eye(3),
            variance=0.25 * n[:, None, None] ** (2 / 3) * torch.ones(1, 3, 3),
            kept=1 - round(time * LEVELS) / LEVELS,
        )


class Springs:
    """A potential that pushes near atoms apart; every evaluation is a place for a cut."""

    name = "springs"

    def __init__(self, cuts: Cuts) -> None:
        self.cuts = cuts

    def evaluate(self, structures: Sequence[Atoms]) -> list[Evaluation]:
        self.cuts()
        return [Evaluation(*hinge(atoms, share=1.2, stiffness=4.0)) for atoms in structures]


TARGET = Objective((VolumePerAtom(target=16.0),))
PLAN = ShardPlan("c", "a-s0.1", 0, 0, 6, 4, 5, {2: 0.5, 3: 0.5})
RECURRENT = LoopOptions(recurrence=2, start=0.8)
GUIDED = Steering(TARGET, GuidanceOptions(0.3, forward=0.2, period=2), RECURRENT)
PARTICLES = ParticleOptions(2, 8.0, (0.66, 0.5, 0.2), resample_below=0.9, one_per_lineage=True)
SEARCH = SearchOptions(DriftOptions(1.0, start=0.6, period=2), relax_steps=6, largest_force=0.05)
STRICT = Guards(volume_per_atom=(3.0, 18.0))  # refuses some on their way
PROPOSALS = [parse("2 Co:a Li:b O:i"), parse("12 Co:a Li:b O:i"), parse("166 Co:a Li:b O:c")]

Made = tuple[ShardPlan, Draw, int]


def guided(cuts: Cuts) -> Made:
    return PLAN, partial(sample_batch, Known(cuts), PLAN, GUIDED), 1


def corrected_inside(cuts: Cuts) -> Made:
    steering = replace(GUIDED, loop=replace(RECURRENT, algorithm=1))
    return PLAN, partial(sample_batch, Known(cuts), PLAN, steering), 1


def particles(cuts: Cuts) -> Made:
    look = LookAhead(Springs(cuts), Guards(), steps=3)
    steering = Steering(TARGET, GuidanceOptions(0.1), LoopOptions(), PARTICLES, look)
    return PLAN, partial(sample_batch, Known(cuts), PLAN, steering), steering.per_lineage


def gss(cuts: Cuts) -> Made:
    plan = replace(PLAN, columns=SEARCHED)
    draw = partial(search_batch, Known(cuts), plan, SEARCH, Springs(cuts), STRICT, elements=ELEMENTS)
    return plan, draw, 1


def rss(cuts: Cuts) -> Made:
    plan = replace(PLAN, columns=SEARCHED, n_atoms={3: 0.5, 4: 0.5})
    return plan, partial(search_batch, None, plan, SEARCH, Springs(cuts), STRICT, elements=ELEMENTS), 1


def symmetric(cuts: Cuts) -> Made:
    plan = replace(PLAN, columns=SYMMETRIC)
    known = Known(cuts, breaks=False)
    return plan, partial(symmetric_batch, known, plan, GUIDED, PROPOSALS, elements="quota"), 1


SAMPLERS: list[Callable[[Cuts], Made]] = [guided, corrected_inside, particles, gss, rss, symmetric]


def run(made: Made, folder: Path, structures: int | None = None) -> bytes:
    """Draw a shard, or its first structures; the bytes of its table."""
    plan, draw, per_lineage = made
    plan = replace(plan, structures=structures or plan.structures)
    for _ in run_shard(plan, draw, folder, per_lineage=per_lineage):
        pass
    collect(plan, folder).write_parquet(folder / "all")
    return (folder / "all").read_bytes()


def begun(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.state*"))
