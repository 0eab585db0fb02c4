"""A batch of a search: its limits, its costs, its failures, its rows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from ase import Atoms

from lodestone.energies.estimators.ase.calculator import AseEstimator
from lodestone.energies.evaluation import Estimator, Evaluation
from lodestone.energies.guards import Guards
from lodestone.energies.relax import relax
from lodestone.runtime.seeds import derive_seed
from lodestone.sampling.guidance import GuidanceOptions
from lodestone.sampling.loop import LoopOptions
from lodestone.sampling.mattergen.diffusion import MatterGenDiffusion
from lodestone.sampling.search.batch import COLUMNS, search_batch
from lodestone.sampling.search.finish import Counted
from lodestone.sampling.search.options import DriftOptions, SearchOptions
from lodestone.sampling.search.random_structure import random_structure
from lodestone.sampling.search.repulsive import Repulsive
from lodestone.sampling.shard import ShardPlan, Steering, sample_batch
from lodestone.sampling.template import Template, of_composition
from lodestone.structures import table

pytestmark = pytest.mark.slow

ELEMENTS = ("Co", "Li", "O")
KNOWN = of_composition({"Li": 1, "Co": 1, "O": 2}, [1, 2])
FREE = ShardPlan("c", "search", 0, 8, 12, 6, 5, {3: 0.4, 5: 0.6})
FIXED = replace(FREE, n_atoms={4: 0.5, 8: 0.5}, templates=KNOWN)
SHORT = SearchOptions(drift=DriftOptions(1.0, 0.7, 2), relax_steps=15, largest_force=0.2)


class Forbidden:
    """An estimator that must not be asked."""

    name = "forbidden"

    def evaluate(self, structures: Sequence[Atoms]) -> list[Evaluation]:
        raise AssertionError(len(structures))


@pytest.mark.parametrize("plan", [FREE, FIXED])
def test_without_forces_and_relaxation_it_is_plain_sampling_bit_for_bit(
    diffusion: MatterGenDiffusion, guards: Guards, plan: ShardPlan
) -> None:
    options = SearchOptions(drift=DriftOptions(0.0), relax_steps=0)
    found = search_batch(diffusion, plan, options, Forbidden(), guards, 6, 5, elements=ELEMENTS)
    plain = sample_batch(diffusion, plan, Steering(None, GuidanceOptions(0.0), LoopOptions()), 6, 5)
    assert found.drop(list(COLUMNS)).equals(plain)
    assert found["estimator_calls"].to_list() == [0] * 5
    assert found["search_energy"].is_null().all()
    assert not found["search_converged"].any()


@pytest.mark.parametrize("plan", [FREE, FIXED])
def test_without_a_score_it_is_random_structures_that_are_relaxed(
    estimator: AseEstimator, guards: Guards, plan: ShardPlan
) -> None:
    options = replace(SHORT, relax_steps=25, largest_force=2.0)
    found = search_batch(None, plan, options, estimator, guards, 0, 4, elements=ELEMENTS)
    rng = np.random.default_rng(derive_seed(plan.seed, plan.arm, plan.shard, 0))
    sizes, p = list(plan.n_atoms), list(plan.n_atoms.values())
    drawn = rng.choice(np.array(sizes), size=4, p=np.array(p) / sum(p))
    starts = []
    for n in drawn:
        if plan.templates:
            numbers = plan.templates[int(n)].numbers
        else:
            cuts = np.sort(rng.choice(n - 1, size=2, replace=False)) + 1
            numbers = np.repeat([27, 3, 8], np.diff([0, *cuts, n]))
        start = random_structure(numbers, options.start, rng)
        frac = start.get_scaled_positions()
        starts.append(Atoms(numbers, cell=start.cell, scaled_positions=frac, pbc=True))
    potential = Repulsive(estimator, share=0.7, stiffness=50.0)
    ends = relax(starts, potential, largest_force=2.0, steps=25, acceptable=guards)
    for row, end in zip(found.iter_rows(named=True), ends, strict=True):
        numbers, cell, frac = table.arrays(row)
        assert numbers.tolist() == end.atoms.numbers.tolist()
        assert np.array_equal(cell, end.atoms.cell.array)
        assert np.array_equal(frac, end.atoms.get_scaled_positions(wrap=True))
        assert row["search_energy"] == end.evaluation.energy / len(numbers)
        assert row["search_converged"] == end.converged
        assert row["search_steps"] == end.steps
    assert found["search_converged"].any()
    assert found["ancestry"].to_list() == [[8 + i] for i in range(4)]


def test_forces_change_the_structures_and_every_call_is_somebodys(
    diffusion: MatterGenDiffusion, estimator: AseEstimator, guards: Guards
) -> None:
    counted = Counted(estimator)
    found = search_batch(diffusion, FIXED, SHORT, counted, guards, 0, 5, elements=ELEMENTS)
    assert found["estimator_calls"].sum() == counted.calls
    without = replace(SHORT, drift=DriftOptions(0.0))
    plain = search_batch(diffusion, FIXED, without, estimator, guards, 0, 5, elements=ELEMENTS)
    assert found["estimator_calls"].sum() > found["search_steps"].sum() + 5
    assert plain["estimator_calls"].sum() <= plain["search_steps"].sum() + 5
    assert not found["cell"].equals(plain["cell"])
    assert found["numbers"].to_list() == plain["numbers"].to_list()


@pytest.mark.parametrize("score", [True, False])
def test_the_same_seed_gives_the_same_bytes_and_no_global_generator_moves(
    diffusion: MatterGenDiffusion, estimator: AseEstimator, guards: Guards, score: bool
) -> None:
    def once(arm: str) -> pl.DataFrame:
        plan = replace(FIXED, arm=arm)
        return search_batch(
            diffusion if score else None, plan, SHORT, estimator, guards, 0, 3, elements=ELEMENTS
        )

    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002 - the global generator is what is watched
    before, before_numpy = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first = once("a")
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], before_numpy)  # noqa: NPY002
    assert once("a").equals(first)
    assert not once("b")["cell"].equals(first["cell"])


def test_columns_are_those_that_are_announced(estimator: AseEstimator, guards: Guards) -> None:
    found = search_batch(None, FIXED, SHORT, estimator, guards, 0, 2, elements=ELEMENTS)
    assert {name: found.schema[name] for name in COLUMNS} == COLUMNS


class Breaks:
    """An estimator that answers for some cells alone."""

    name = "breaks"

    def __init__(self, inner: Estimator, how: str, size: int) -> None:
        self._inner, self._how, self._size, self.calls = inner, how, size, 0

    def evaluate(self, structures: Sequence[Atoms]) -> list[Evaluation]:
        broken = [len(a) == self._size for a in structures]
        self.calls += 1
        if self._how == "raises" and any(broken) and self.calls > 3:
            raise RuntimeError("no answer")
        found = self._inner.evaluate(structures)
        if self._how == "nan" and self.calls > 3:
            return [
                replace(e, forces=np.full_like(e.forces, np.nan)) if b else e
                for e, b in zip(found, broken, strict=True)
            ]
        return found


@pytest.mark.parametrize(("how", "reason"), [("raises", "no answer"), ("nan", "non-finite forces")])
def test_a_structure_whose_relaxation_breaks_keeps_its_last_good_state(
    estimator: AseEstimator, guards: Guards, how: str, reason: str
) -> None:
    whole = search_batch(None, FIXED, SHORT, estimator, guards, 0, 6, elements=ELEMENTS)
    assert set(whole["numbers"].list.len()) == {4, 8}
    counted = Counted(Breaks(estimator, how, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = search_batch(None, FIXED, SHORT, counted, guards, 0, 6, elements=ELEMENTS)
    broken = found["numbers"].list.len() == 8
    assert found["failed"].to_list() == broken.to_list()
    assert all(reason in text for text in found.filter(broken)["failure"])
    assert found.filter(broken)["search_energy"].is_null().all()
    assert found.filter(broken)["search_steps"].to_list() == [3] * int(broken.sum())
    # evaluated, moved, evaluated, moved, evaluated, moved, asked in vain
    assert found.filter(broken)["estimator_calls"].to_list() == [4] * int(broken.sum())
    assert found.filter(~broken).equals(whole.filter(~broken))
    cells = np.array(found.filter(broken)["cell"].to_list())
    assert np.isfinite(cells).all()
    assert counted.calls == found["estimator_calls"].sum()


def test_what_the_guards_refuse_is_marked_and_not_called(estimator: AseEstimator) -> None:
    counted = Counted(estimator)
    strict = Guards(volume_per_atom=(3.0, 4.0))
    found = search_batch(None, FIXED, SHORT, counted, strict, 0, 4, elements=ELEMENTS)
    assert found["failed"].all()
    assert all("volume per atom" in text for text in found["failure"])
    assert counted.calls == 0
    assert found["estimator_calls"].to_list() == [0] * 4


def test_templates_that_hold_more_than_types_are_refused(estimator: AseEstimator, guards: Guards) -> None:
    whole = KNOWN[4]
    held = Template(whole.numbers, np.eye(3) * 4, whole.frac, ("cell", "types"), whole.atoms)
    partly = Template(whole.numbers, whole.cell, whole.frac, ("types",), np.array([True, False, True, True]))
    for template, key in [
        (held, r"sampling\.template\.fix: cell, types"),
        (partly, r"sampling\.template\.atoms"),
    ]:
        plan = replace(FIXED, n_atoms={4: 1.0}, templates={4: template})
        with pytest.raises(ValueError, match=key):
            search_batch(None, plan, SHORT, estimator, guards, 0, 1, elements=ELEMENTS)


def test_sizes_that_cannot_hold_the_elements_are_not_drawn(estimator: AseEstimator, guards: Guards) -> None:
    plan = replace(FREE, n_atoms={1: 0.5, 2: 0.3, 4: 0.2})
    found = search_batch(None, plan, SHORT, estimator, guards, 0, 4, elements=ELEMENTS)
    assert found["numbers"].list.len().to_list() == [4] * 4
    with pytest.raises(ValueError, match=r"sampling\.atoms: no cell of up to 2 atoms"):
        search_batch(None, replace(FREE, n_atoms={2: 1.0}), SHORT, estimator, guards, 0, 1, elements=ELEMENTS)
