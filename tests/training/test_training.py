"""The training set, and a training that resumes where it was killed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from training.mattergen.config import checkpoint_config
from training.mattergen.training import (
    Example,
    TrainingPlan,
    atom_counts,
    draw_probabilities,
    examples,
    export,
    make_batch,
    moments,
    symmetric,
    train,
)

from lodestone.sampling.mattergen.checkpoint import EMBEDDED, load_checkpoint
from lodestone.structures.table import read_table

REFERENCES = EMBEDDED.parent / "references.parquet"


@pytest.fixture(scope="module")
def found() -> list[Example]:
    table = read_table(REFERENCES).filter(pl.col("chemical_system").is_in(["Co-Li-O", "Co-O", "B"]))
    table = table.with_columns(
        pl.col("source_id").alias("id"), pl.lit(None, dtype=pl.String).alias("failure"),
        pl.lit(0.1).alias("largest_force"),
    )  # fmt: skip
    return examples(table.head(60))


def test_cells_are_symmetric_and_keep_their_metric() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        cell = rng.normal(size=(3, 3)) * 3
        found = symmetric(cell)
        assert np.allclose(found, found.T)
        assert np.allclose(found @ found.T, cell @ cell.T)
        assert np.linalg.eigvalsh(found).min() > 0


def test_examples_fit_the_prior(found: list[Example]) -> None:
    assert len(found) > 30
    for example in found:
        assert np.allclose(example.cell, example.cell.T)
        assert ((example.frac >= 0) & (example.frac < 1)).all()
        assert max(np.linalg.norm(example.cell, axis=1)) <= 10


def test_draws_favour_complete_systems_and_sum_to_one(found: list[Example]) -> None:
    p = draw_probabilities(found)
    assert p.sum() == pytest.approx(1)
    families = {e.family for e in found}
    for family in families:
        share = sum(q for q, e in zip(p, found, strict=True) if e.family == family)
        assert share == pytest.approx(1 / len(families))


@pytest.mark.slow
def test_a_killed_training_ends_with_the_same_weights(found: list[Example], tmp_path: Path) -> None:
    mean, std = moments(found)
    config = checkpoint_config(mean, std, 0.09, atom_counts(found))
    plan = TrainingPlan(steps=4, restarts=(3,), batch_size=3, warm_up=1, save_every=2, seed=3)

    def run(state: Path, stop_after: int | None = None) -> None:
        torch.manual_seed(3)
        for step, losses in train(config, found, plan, state):
            assert all(np.isfinite(list(losses.values())))
            if step == stop_after:
                return

    run(tmp_path / "whole.pt")
    run(tmp_path / "killed.pt", stop_after=2)
    torch.manual_seed(1234)
    run(tmp_path / "killed.pt")
    for name in ("whole", "killed"):
        export(tmp_path / f"{name}.pt", config, tmp_path / name)
    one, two = (load_checkpoint(tmp_path / name).module.state_dict() for name in ("whole", "killed"))
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_batches_depend_on_their_generator_only(found: list[Example]) -> None:
    p = draw_probabilities(found)
    first, second = (make_batch(found, p, 4, np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(first["pos"], second["pos"])
    assert first["chemical_system"] == second["chemical_system"]


def test_counts_by_system_add_up(found: list[Example]) -> None:
    counts = atom_counts(found)
    total = sum(sum(v.values()) for k, v in counts.items() if k != "all")
    assert sum(counts["all"].values()) == total == len(found)
