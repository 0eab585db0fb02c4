"""The learned generator: exact ranking, training that resumes to the same weights, files safe to load."""

from __future__ import annotations

import math
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest
import torch

from lodestone.structures.table import read_table
from lodestone.wyckoff.assignments import ranked_assignments
from lodestone.wyckoff.groups import space_group
from lodestone.wyckoff.learned.generator import Learned, load
from lodestone.wyckoff.learned.network import Network, Shape
from lodestone.wyckoff.learned.sequences import batch_of, composition_of, rows_of, word_of
from lodestone.wyckoff.learned.training import Plan, fit, log_likelihood, train
from lodestone.wyckoff.normaliser import canonical
from lodestone.wyckoff.proposals import Proposal, illegal
from lodestone.wyckoff.reading import Example, examples_of

SMALL = Shape(width=16, heads=2, layers=1)


@pytest.fixture(scope="module")
def references() -> pl.DataFrame:
    return read_table(files("lodestone.embedded") / "references.parquet").gather_every(24)


@pytest.fixture(scope="module")
def examples(references: pl.DataFrame) -> list[Example]:
    return examples_of(references, "e_above_hull")[0]


@pytest.fixture(scope="module")
def untrained() -> Learned:
    torch.manual_seed(3)
    return Learned(Network(SMALL), None)


def test_ranking_is_exact(untrained: Learned) -> None:
    counts, groups = {"Li": 1, "O": 2}, [12, 166, 221]
    composition = composition_of(counts)
    total: dict[Proposal, float] = {}
    likeliest: dict[Proposal, float] = {}
    for number in groups:
        every = list(ranked_assignments(counts, space_group(number)))
        if not every:
            continue
        words = [word_of(p, composition) for p in every]
        batch = batch_of([composition] * len(words), words, [None] * len(words))
        batch.legal[:] = torch.isin(torch.arange(1, 231), torch.tensor(groups)) & batch.legal
        with torch.inference_mode():
            for proposal, log_p in zip(every, log_likelihood(untrained.network, batch), strict=True):
                key = canonical(Proposal(number, proposal.orbits))
                total[key] = total.get(key, 0.0) + math.exp(log_p)
                likeliest[key] = max(likeliest.get(key, 0.0), math.exp(log_p))
    assert sum(total.values()) == pytest.approx(1, abs=1e-4)
    every = untrained.propose(counts, len(total) + 1, space_groups=groups)
    assert {Proposal(p.space_group, p.orbits): p.weight for p in every} == pytest.approx(total, rel=1e-3)
    best = untrained.propose(counts, 10, space_groups=groups)
    assert [p.weight for p in best] == sorted((p.weight for p in best), reverse=True)
    found = {Proposal(p.space_group, p.orbits): p.weight for p in best}
    for proposal, p in likeliest.items():
        if proposal not in found:
            assert p <= best[-1].weight * (1 + 1e-4)
    for proposal, weight in found.items():
        assert likeliest[proposal] * (1 - 1e-4) <= weight <= total[proposal] * (1 + 1e-4)


@pytest.mark.parametrize(
    "counts", [{"Li": 1, "Co": 1, "O": 2}, {"Cs": 1, "Cl": 1}, {"B": 12}, {"Ca": 5, "Cu": 5, "P": 5, "Si": 5}]
)
def test_whatever_the_weights_everything_proposed_is_legal(untrained: Learned, counts: dict) -> None:
    found = untrained.propose(counts, 30)
    assert len(found) == 30
    assert [illegal(p, counts) for p in found] == [None] * 30
    assert len({(p.space_group, p.orbits) for p in found}) == 30
    assert [canonical(p) for p in found] == found
    assert sum(p.weight for p in found) <= 1 + 1e-6
    assert found == untrained.propose(counts, 30)
    assert untrained.propose({"B": 5, "Li": 5}, 3, space_groups=[225]) == []


@pytest.mark.slow
def test_training_learns_resumes_and_is_repeatable(examples: list[Example], tmp_path: Path) -> None:
    plan, seen = Plan(steps=40, save_every=10, batch=32), []
    record = lambda done, _, loss: seen.append((done, loss))
    result = fit(
        examples,
        tmp_path / "a.state",
        tmp_path / "a.model",
        plan=plan,
        shape=SMALL,
        target="e",
        progress=record,
    )
    assert result["examples"] == len(examples)
    assert [done for done, _ in seen] == [10, 20, 30, 40]
    assert seen[-1][1] < seen[0][1] - 0.3

    class Killed(Exception):  # noqa: N818
        pass

    def kill(done: int, *_: object) -> None:
        if done == 20:
            raise Killed

    with pytest.raises(Killed):
        fit(
            examples,
            tmp_path / "b.state",
            tmp_path / "b.model",
            plan=plan,
            shape=SMALL,
            target="e",
            progress=kill,
        )
    assert not (tmp_path / "b.model").exists()
    fit(examples, tmp_path / "b.state", tmp_path / "b.model", plan=plan, shape=SMALL, target="e")
    assert (tmp_path / "a.model").read_bytes() == (tmp_path / "b.model").read_bytes()
    with pytest.raises(ValueError, match=r"another run: seed differ"):
        fit(
            examples,
            tmp_path / "b.state",
            tmp_path / "c.model",
            plan=Plan(steps=40, save_every=10, batch=32, seed=1),
            shape=SMALL,
            target="e",
        )
    before = torch.random.get_rng_state()
    finished = fit(examples, tmp_path / "b.state", tmp_path / "c.model", plan=plan, shape=SMALL, target="e")
    assert torch.equal(before, torch.random.get_rng_state())
    assert finished["loss"] == result["loss"] == seen[-1][1]  # nothing was left to do

    learned = load(tmp_path / "a.model")
    assert learned.propose({"Li": 1, "O": 1}, 3, target=0.0) != learned.propose(
        {"Li": 1, "O": 1}, 3, target=2.0
    )
    by_group = learned.group_probabilities({"Li": 1, "O": 1})
    assert sum(by_group.values()) == pytest.approx(1, abs=1e-5)
    again = learned.propose({"Li": 1, "O": 1}, 3000)
    assert sum(p.weight for p in again if p.space_group == 225) == pytest.approx(by_group[225], abs=1e-3)


def test_padding_changes_nothing(untrained: Learned, examples: list[Example]) -> None:
    compositions = [composition_of(e.counts) for e in examples[:12]]
    words = [word_of(e.proposal, c) for e, c in zip(examples[:12], compositions, strict=True)]
    whole = batch_of(compositions, words, [None] * 12)
    with torch.inference_mode():
        together = log_likelihood(untrained.network, whole)
        for i in range(12):
            alone = log_likelihood(
                untrained.network, batch_of(compositions[i : i + 1], words[i : i + 1], [None])
            )
            part = log_likelihood(untrained.network, rows_of(whole, torch.tensor([i])))
            assert float(alone) == pytest.approx(float(together[i]), abs=1e-4)
            assert float(part) == pytest.approx(float(together[i]), abs=1e-4)


def test_training_from_a_table_and_wrong_files(references: pl.DataFrame, tmp_path: Path) -> None:
    result = train(references.head(5), tmp_path / "state", tmp_path / "model", steps=2)
    assert (result["examples"], result["failed"]) == (5, {})
    assert 100_000 < result["parameters"] < 500_000
    learned = load(tmp_path / "model")
    with pytest.raises(ValueError, match="without one"):
        learned.propose({"Li": 1}, 1, target=0.1)
    with pytest.raises(ValueError, match="holds no learned generator"):
        load(tmp_path / "state")
    with pytest.raises(ValueError, match="no reference"):
        train(references.head(0), tmp_path / "s", tmp_path / "m", steps=2)
