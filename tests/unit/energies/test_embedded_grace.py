from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from ase import Atoms
from training.grace.batches import Capacity, pack
from training.grace.labels import KINDS, LIMITS, _same, distorted_copies, held_out, split
from training.grace.optimizer import Schedule, State, adam, learning_rate, resume, save

from lodestone.embedded import CARD, CARD_DATA, WEIGHTS
from lodestone.energies.estimators.grace import weights as grace_build
from lodestone.energies.estimators.grace.weights import ELEMENTS, Architecture, read_weights, write_weights
from lodestone.runtime.files import file_hash
from lodestone.structures import table

ARCHITECTURE = Architecture("P", ("Li", "O"), 5.0, 36.0, 0.5, (-1.0, -2.0), {"lmax": 1})


def _relaxed(names: list[str], a: float = 3.0) -> pl.DataFrame:
    crystals = [Atoms("LiO", scaled_positions=[[0, 0, 0], [0.5] * 3], cell=np.eye(3) * a, pbc=True)]
    return table.from_ase(names, crystals * len(names)).with_columns(
        kind=pl.lit("relaxed"), energy=pl.lit(-10.0), forces=pl.lit([0.0] * 6), stress=pl.lit([0.0] * 9)
    )


def test_the_asset_is_small_plain_and_described() -> None:
    assert WEIGHTS.stat().st_size < 500_000
    architecture, arrays = read_weights(WEIGHTS)
    assert architecture.elements == ELEMENTS
    assert all(a.dtype == np.float32 and np.isfinite(a).all() for a in arrays.values())
    assert "held-out" in CARD.read_text()
    assert CARD_DATA.exists()


def test_weights_come_back_as_they_were(tmp_path: Path) -> None:
    arrays = {"000 a:0": np.arange(6, dtype=np.float32).reshape(2, 3)}
    write_weights(tmp_path / "w.npz", ARCHITECTURE, arrays)
    architecture, found = read_weights(tmp_path / "w.npz")
    assert architecture == ARCHITECTURE
    assert np.array_equal(found["000 a:0"], arrays["000 a:0"])


def test_a_weights_file_that_holds_objects_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", architecture=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        read_weights(tmp_path / "w.npz")


def test_the_folder_of_a_model_follows_weights_and_cache(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("LODESTONE_CACHE", str(tmp_path))
    write_weights(tmp_path / "a.npz", ARCHITECTURE, {"0": np.zeros(1)})
    write_weights(tmp_path / "b.npz", ARCHITECTURE, {"0": np.ones(1)})
    a, b = (grace_build.model_folder(tmp_path / n) for n in ("a.npz", "b.npz"))
    assert a.parent == tmp_path
    assert a != b
    assert a == grace_build.model_folder(tmp_path / "a.npz")


def test_the_first_of_two_builders_wins_and_the_other_is_content(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").write_text(name)
    grace_build._publish(tmp_path / "one", tmp_path / "model")
    grace_build._publish(tmp_path / "two", tmp_path / "model")
    assert (tmp_path / "model" / "saved_model.pb").read_text() == "one"


def test_a_failed_build_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("LODESTONE_CACHE", str(tmp_path / "cache"))

    def fail(weights: Path, folder: Path) -> None:
        folder.mkdir()
        raise RuntimeError(weights)

    monkeypatch.setattr(grace_build, "export", fail)
    with pytest.raises(RuntimeError):
        grace_build.build(WEIGHTS)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_built_model_is_not_built_again(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("LODESTONE_CACHE", str(tmp_path))

    def export(weights: Path, folder: Path) -> None:
        folder.mkdir()
        (folder / "saved_model.pb").write_text(file_hash(weights))

    monkeypatch.setattr(grace_build, "export", export)
    first = grace_build.build(WEIGHTS)
    monkeypatch.setattr(grace_build, "export", None)
    assert grace_build.build(WEIGHTS) == first


def test_copies_follow_their_structure_to_the_same_side() -> None:
    names = [f"Li-O/{i:03d}" for i in range(300)]
    sides = [held_out(n) for n in names]
    assert 10 < sum(sides) < 60
    assert sides == [held_out(f"{n}/rattled") for n in names]


def test_copies_are_sane_deterministic_and_of_every_kind() -> None:
    copies = distorted_copies(_relaxed(["Li-O/000", "Li-O/001"], a=3.3))
    assert {kind for _, kind, _ in copies} == set(KINDS)
    assert all(LIMITS(a) is None for _, _, a in copies)
    again = distorted_copies(_relaxed(["Li-O/001"], a=3.3))
    same = [c for c in copies if c[0].startswith("Li-O/001")]
    assert all(np.array_equal(a[2].positions, b[2].positions) for a, b in zip(same, again, strict=True))


def test_a_twin_of_a_fitted_structure_is_in_neither_part() -> None:
    names = [f"Li-O/{i:03d}" for i in range(60)]
    inside = [n for n in names if not held_out(n)]
    outside = [n for n in names if held_out(n)]
    different = _relaxed(outside[1:2], a=4.0).with_columns(energy=pl.lit(-8.0))
    relaxed = pl.concat([_relaxed(inside), _relaxed(outside[:1]), different])
    labels = relaxed.with_columns(pl.col("id") + "/rattled", kind=pl.lit("rattled"))
    train, test = split(relaxed, labels)
    assert set(test["id"]) == {outside[1], f"{outside[1]}/rattled"}
    assert train.height == 2 * len(inside)
    assert _same(("LiO", -1.0, 10.0), ("LiO", -1.001, 10.01))
    assert not _same(("LiO", -1.0, 10.0), ("Li2O", -1.0, 10.0))


def test_batches_hold_every_sample_once_and_fit() -> None:
    rng = np.random.default_rng(0)
    samples = [
        {"batch_tot_nat_real": np.array(n), "n_neigh_real": np.array(n * 40)}
        for n in rng.integers(1, 12, size=80)
    ]
    capacity = Capacity(structures=9, atoms=50, bonds=1500)
    batches = pack(samples, rng.permutation(80), capacity)
    assert sorted(i for b in batches for i in b) == list(range(80))
    for batch in batches:
        assert len(batch) < capacity.structures
        assert sum(int(samples[i]["batch_tot_nat_real"]) for i in batch) < capacity.atoms
        assert sum(int(samples[i]["n_neigh_real"]) for i in batch) <= capacity.bonds


def test_adam_finds_the_minimum_and_skips_broken_gradients() -> None:
    schedule = Schedule(average=0.9)
    start = [np.array([3.0, -2.0], np.float32)]
    zeros = [np.zeros(2)]
    state = State({"weights": start, "average": list(start), "first": zeros, "second": list(zeros)})
    for _ in range(600):
        adam([2 * state.arrays["weights"][0]], 0.05, schedule, state)
    assert np.abs(state.arrays["average"][0]).max() < 0.05
    before = state.arrays["weights"][0].copy()
    adam([np.array([np.nan, np.inf])], 0.05, schedule, state)
    assert np.isfinite(state.arrays["weights"][0]).all()
    assert np.abs(state.arrays["weights"][0] - before).max() < 0.1


def test_the_learning_rate_rises_and_falls() -> None:
    schedule = Schedule()
    rates = [learning_rate(x, schedule) for x in (0.0, 0.02, 0.5, 1.0)]
    assert rates[0] < rates[1] > rates[2] > rates[3]
    assert rates[3] == pytest.approx(schedule.last)


def test_a_fit_goes_on_with_everything_it_had(tmp_path: Path) -> None:
    class Variable:
        def __init__(self) -> None:
            self.value = np.zeros(3, np.float32)

        def numpy(self) -> np.ndarray:
            return self.value

        def assign(self, value: np.ndarray) -> None:
            self.value = value

    state = resume(tmp_path / "fit.npz", [Variable()])
    adam([np.array([1.0, -2.0, 3.0])], 0.1, Schedule(), state)
    state.epoch, state.seconds = 4, 12.5
    save(tmp_path / "fit.npz", state)
    variable = Variable()
    found = resume(tmp_path / "fit.npz", [variable])
    assert (found.epoch, found.step, found.seconds) == (4, 1, 12.5)
    assert np.array_equal(variable.value, state.arrays["weights"][0])
    adam([np.array([0.5, 0.5, 0.5])], 0.1, Schedule(), state)
    adam([np.array([0.5, 0.5, 0.5])], 0.1, Schedule(), found)
    for name, arrays in state.arrays.items():
        assert np.array_equal(arrays[0], found.arrays[name][0])
