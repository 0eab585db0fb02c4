"""A structure that does not fit into memory is marked; the job and the other structures live."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from ase import Atoms
from ase.build import bulk

from lodestone.columns import Col
from lodestone.energies.estimators.chgnet.calculator import ChgnetEstimator
from lodestone.energies.estimators.grace import calculator as grace
from lodestone.energies.estimators.grace.calculator import GraceEstimator
from lodestone.energies.evaluation import Evaluation, energies
from lodestone.energies.guards import BROKEN_AFTER, Guards, evaluate_each
from lodestone.energies.relax import relax
from lodestone.runtime import headroom, remembered
from lodestone.statistics.attrition import group_reasons
from lodestone.structures import table

GB = 10**9


class Device:
    """A potential on a device that holds so many atoms at a time."""

    name = "small"

    def __init__(self, holds: int) -> None:
        self.holds, self.asked = holds, [0]

    def evaluate(self, structures: list[Atoms]) -> list[Evaluation]:
        self.asked.append(sum(map(len, structures)))
        if self.asked[-1] > self.holds:
            raise MemoryError("CUDA out of memory")
        return [Evaluation(-1.0 * len(a), np.zeros((len(a), 3)), np.zeros((3, 3))) for a in structures]


def test_one_structure_of_a_table_is_marked() -> None:
    crystals = [bulk("Cu", a=3.6), bulk("Cu", a=3.6).repeat(3), bulk("Cu", a=3.6)]
    rows = energies(table.from_ase(list("abc"), crystals), Device(20), Guards())  # type: ignore[arg-type]
    assert rows[Col.ENERGY_PER_ATOM].to_list() == [-1.0, None, -1.0]
    assert rows[Col.ENERGY_FAILURE].to_list() == [None, "small: out of memory: CUDA out of memory", None]


def test_however_many_do_not_fit_the_estimator_is_not_broken() -> None:
    found = evaluate_each([bulk("Cu").repeat(2)] * BROKEN_AFTER, Device(3))  # type: ignore[arg-type]
    assert {e.failure for e in found} == {"small: out of memory: CUDA out of memory"}


def test_a_relaxation_marks_it_and_the_others_go_on() -> None:
    found = relax([bulk("Cu"), bulk("Cu").repeat(3)], Device(20))  # type: ignore[arg-type]
    assert [r.converged for r in found] == [True, False]
    assert found[1].failure == "small: out of memory: CUDA out of memory"


def test_reasons_of_memory_are_one_in_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headroom, "available", lambda: GB)
    reasons = []
    for needed, what in ((5.1e9, "420 atoms with 23042 bonds"), (6e9, "500 atoms with 30000 bonds")):
        with pytest.raises(headroom.TooLargeError) as refused:
            headroom.require(needed, what)
        reasons.append(f"grace: {refused.value}")
    (reason,) = group_reasons(reasons)
    assert reason.startswith("grace: too large for the memory: … atoms with … bonds need about … GB, 1.0 GB")


@pytest.fixture(scope="module")
def estimator() -> GraceEstimator:
    return GraceEstimator("embedded", batch_size=8)


@pytest.fixture
def fresh(estimator: GraceEstimator, monkeypatch: pytest.MonkeyPatch) -> GraceEstimator:
    """The estimator as it is after loading, but for its compiled shapes."""
    monkeypatch.setattr(estimator, "batch_size", 8)
    monkeypatch.setattr(estimator, "_met", set())
    return estimator


def crystals() -> list[Atoms]:
    """Sixteen of 2 to 16 atoms, and one of 54 that is beyond the capacity of eight small structures."""
    small = [bulk("CaO", "rocksalt", a=4.8), bulk("LiO", "zincblende", a=4.6).repeat((2, 2, 2))] * 8
    return [*small, bulk("Li", a=3.4).repeat(3).repeat((2, 1, 1)).repeat((1, 2, 1))]


class Exhausted:
    """Passes on calls of a compiled function whose padded bonds a device holds; counts them."""

    def __init__(self, holds: int, error: Callable[[], Exception]) -> None:
        self.holds, self.error, self.shapes = holds, error, list[int]()

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def work(function: Any, batch: Any) -> Any:
            self.shapes.append(len(batch["bond_vector"]))
            if self.shapes[-1] > self.holds:
                raise self.error()
            return call(function, batch)

        return work


def resource_exhausted() -> Exception:
    import tensorflow as tf

    return tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")


def internal() -> Exception:
    import tensorflow as tf

    return tf.errors.InternalError(None, None, "Out of memory allocating 4294967296 bytes")


@pytest.mark.slow
@pytest.mark.parametrize(("how", "error"), [("evaluate", resource_exhausted), ("energy_only", internal)])
def test_the_padded_batch_halves_with_the_capacity(
    fresh: GraceEstimator, monkeypatch: pytest.MonkeyPatch, how: str, error: Callable[[], Exception]
) -> None:
    small = crystals()[:16]
    known = [e.energy for e in getattr(fresh, how)(small)]
    device = Exhausted(1000, error)
    monkeypatch.setattr(fresh, "_call", device.around(fresh._call))
    found = getattr(fresh, how)(small)
    assert fresh.batch_size == 2
    assert [e.failure for e in found] == [None] * 16
    assert [e.energy for e in found] == pytest.approx(known, abs=1e-5)
    assert device.shapes[:2] == [2048, 1024]
    assert max(device.shapes[2:]) <= 1000
    assert fresh._forward is not None


@pytest.mark.slow
def test_a_structure_that_does_not_fit_alone_costs_no_other_its_place(
    fresh: GraceEstimator, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Exhausted(2048, resource_exhausted)
    monkeypatch.setattr(fresh, "_call", device.around(fresh._call))
    found = fresh.evaluate([*crystals()[:16], bulk("Li", a=3.4).repeat(5)])
    assert fresh.batch_size == 8
    assert [i for i, e in enumerate(found) if e.failure] == [16]
    assert found[16].failure == "grace-embedded: out of memory: OOM when allocating tensor"


@pytest.mark.slow
def test_on_the_host_it_is_marked_before_it_is_tried(
    fresh: GraceEstimator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (grace, headroom):
        monkeypatch.setattr(module, "available", lambda: int(0.2 * GB))
    large = bulk("Li", a=3.0).repeat(10)  # 1000 atoms
    found = fresh.energy_only([bulk("CaO", "rocksalt", a=4.8), large])
    assert found[0].failure is None
    assert found[1].failure.startswith("grace-embedded: too large for the memory: 1000 atoms with ")
    assert "0.2 GB are left" in found[1].failure
    assert max(bonds for _, (_, bonds) in fresh._met) <= 2048


@pytest.mark.slow
def test_what_fitted_is_remembered_for_the_next_job_of_the_campaign(
    fresh: GraceEstimator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    remembered.begin(tmp_path / "state/arm/energy", "energy")
    monkeypatch.setattr(GraceEstimator, "_device", "NVIDIA X")
    try:
        first = GraceEstimator("embedded", batch_size=8)
        monkeypatch.setattr(first, "_call", Exhausted(1000, resource_exhausted).around(fresh._call))
        first.energy_only(crystals()[:16])
        assert first.batch_size == 2
        assert GraceEstimator("embedded", batch_size=8).batch_size == 2
        assert GraceEstimator("embedded", batch_size=1).batch_size == 1
        assert [p.name for p in (tmp_path / "batch_sizes").iterdir()] == ["energy-grace-NVIDIA-X.json"]
    finally:
        remembered.begin(None, "")


@pytest.mark.slow
def test_beyond_the_capacity_shapes_are_near_the_size_and_few(fresh: GraceEstimator) -> None:
    most = 8 * grace.BONDS
    shapes = {fresh._shape(9, bonds) for bonds in range(most + 1, 40 * most, 97)}
    assert len(shapes) <= 18
    for bonds in range(most + 1, 40 * most, 97):
        atoms, padded = fresh._shape(9, bonds)
        assert bonds <= padded <= 1.26 * bonds
        assert atoms == pytest.approx(padded / 32, abs=1)
    assert fresh._shape(64, most) == (64, most)


@pytest.mark.slow
def test_another_shape_gives_the_same_energies(
    fresh: GraceEstimator, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = [bulk("LiO", "zincblende", a=4.6).repeat((4, 4, n)) for n in (2, 3)]
    for i, atoms in enumerate(large):
        atoms.rattle(0.05, seed=i)
    fine, whole = fresh.energy_only(large), fresh.evaluate(large)
    monkeypatch.setattr(grace, "GROWTH", grace.STEP)  # as it was once
    for atoms, *both in zip(large, fine, fresh.energy_only(large), whole, fresh.evaluate(large), strict=True):
        per_atom = [e.energy / len(atoms) for e in both]
        assert np.ptp(per_atom[:2]) < 1e-6
        assert np.ptp(per_atom[2:]) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("forces", [True, False])
def test_what_a_model_takes_is_measured_and_near_what_is_known_of_the_embedded_one(
    monkeypatch: pytest.MonkeyPatch, forces: bool
) -> None:
    estimator = GraceEstimator("embedded", batch_size=128)  # much, for what the allocator keeps to vanish
    monkeypatch.setattr(estimator, "_bytes", {})
    found = estimator._per_bond(forces=forces)
    if found is None:
        pytest.skip("this kernel tells no peaks")
    assert grace.BYTES[forces] / 2 < found < grace.BYTES[forces] * 1.5
    monkeypatch.setattr(estimator, "_measured", lambda *_, **__: 1 / 0)
    assert estimator._per_bond(forces=forces) == found  # once


@pytest.mark.slow
def test_chgnet_splits_what_does_not_fit_and_marks_what_does_not_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from lodestone.energies.estimators.chgnet import calculator as chgnet

    estimator = ChgnetEstimator(batch_size=4)
    small, large = bulk("CaO", "rocksalt", a=4.8, cubic=True), bulk("Li", a=3.4).repeat(4)
    known = estimator.evaluate([small])[0].energy
    asked: list[int] = []
    predicted = estimator._predicted
    monkeypatch.setattr(
        estimator, "_predicted", lambda these, task: asked.append(len(these)) or predicted(these, task)
    )
    for module in (chgnet, headroom):
        monkeypatch.setattr(module, "available", lambda: int(0.35 * GB))
    found = estimator.evaluate([small, small, large, small])
    assert [e.failure is None for e in found] == [True, True, False, True]
    assert found[2].failure.startswith("chgnet-0.3.0: too large for the memory: 64 atoms with ")
    assert [found[i].energy for i in (0, 1, 3)] == pytest.approx([known] * 3, abs=1e-4)
    assert sum(asked) == 3


def test_a_table_of_marks_says_null() -> None:
    rows = energies(table.from_ase(["a"], [bulk("Cu", a=3.6)]), Device(0), Guards())  # type: ignore[arg-type]
    assert rows[Col.ENERGY_PER_ATOM].dtype == pl.Float64
    assert rows[Col.ENERGY_PER_ATOM].null_count() == 1
