"""The five scripts in a row, on real crystals and on what a sampler can leave behind."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lodestone.curation.settings import elements_of
from lodestone.runtime.progress import reporter
from lodestone.structures import table
from lodestone.workflow.adapter import typed_settings

SCRIPTS = Path(__file__).parents[3] / "scripts"
SIMILARITY = {
    "method": "two_stage", "threshold": 0.1, "ltol": 0.2, "stol": 0.2, "angle_tol": 5.0,
    "cutoff": 10.0, "sigma": 0.1,
}  # fmt: skip
SETTINGS = {
    "references": {"references": ["embedded"], "chemical_system": "Li-Co-O"},
    "symmetrize": {"symprec": [0.01, 0.05, 0.1], "max_displacement": 0.1},
    "screen": {
        "distance_fraction": 0.6, "min_distance": 0.7, "volume_per_atom": [3.0, 100.0],
        "chemical_system": "Li-Co-O",
    },
    "deduplicate": SIMILARITY,
    "novelty": {
        "threshold": 0.1, "references": ["embedded"],
        "deduplicate": {key: value for key, value in SIMILARITY.items() if key != "threshold"},
    },
}  # fmt: skip


def run(stage: str, output: Path, **inputs: object) -> pl.DataFrame:
    """Run a script's main with settings that went through JSON."""
    spec = importlib.util.spec_from_file_location(f"script_{stage}", SCRIPTS / f"{stage}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    settings = typed_settings(module.main, stage, json.loads(json.dumps(SETTINGS[stage])))
    module.main(**inputs, settings=settings, output=output)
    return table.read_table(output)


def shards(folder: Path, crystals: dict) -> list[Path]:
    """Two shards: good, duplicate, off-system, overlapping, exploded, not finite, failed."""
    layered = crystals["layered LiCoO2"]
    numbers, cell, frac = layered
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    nan = np.full((3, 3), np.nan)
    samples = [
        layered,
        (numbers, cell @ rotation, frac + rng.normal(scale=0.003, size=frac.shape)),
        crystals["rocksalt CoO, cubic cell"],
        (numbers, cell, np.zeros_like(frac)),
        (numbers, cell * 30, frac),
        (numbers, nan, frac),
        (numbers, np.zeros((3, 3)), frac),
        (numbers, cell, frac),
        crystals["triclinic Li2CoO3"],
    ]
    names = [f"campaign/unguided/{i // 5:04d}/{i % 5:05d}" for i in range(len(samples))]
    whole = table.from_arrays(names, *zip(*samples, strict=True)).with_columns(
        failed=pl.Series([i == 7 for i in range(len(samples))]),
        failure=pl.Series(["diverged" if i == 7 else None for i in range(len(samples))]),
    )
    for k, part in enumerate((whole[:5], whole[5:])):
        table.write_table(part, folder / f"{k:04d}.parquet")
    return [folder / "0000.parquet", folder / "0001.parquet"]


def test_stages_in_a_row_keep_count_and_mark_every_structure(tmp_path: Path, crystals: dict) -> None:
    samples = shards(tmp_path, crystals)
    ids = pl.concat([table.read_table(p) for p in samples])["id"].to_list()
    paths = {stage: tmp_path / f"{stage}.parquet" for stage in SETTINGS}
    references = run("references", paths["references"], sources=tmp_path / "sources.json")
    symmetrized = run("symmetrize", paths["symmetrize"], samples=samples, state=tmp_path / "state")
    assert not (tmp_path / "state").exists()
    screened = run("screen", paths["screen"], symmetrized=paths["symmetrize"])
    common = {"symmetrized": paths["symmetrize"]}
    duplicates = run(
        "deduplicate", paths["deduplicate"], **common, screened=paths["screen"], state=tmp_path / "state"
    )
    novelty = run(
        "novelty", paths["novelty"], **common,
        duplicates=paths["deduplicate"], references=paths["references"],
    )  # fmt: skip
    for found in (symmetrized, screened, duplicates, novelty):
        assert found["id"].to_list() == ids
    assert screened["passed"].to_list() == [True, True, *[False] * 6, True]
    reasons = dict(zip(ids, screened["screen_reason"], strict=True))
    named = {
        2: "missing elements: Li", 3: "smallest distance 0 Å", 4: "volume per atom",
        5: "cell not finite", 6: "volume per atom 0", 7: "not generated: diverged",
    }  # fmt: skip
    for i, words in named.items():
        assert words in reasons[ids[i]], (i, reasons[ids[i]])
    assert duplicates["multiplicity"].to_list() == [2, 2, *[None] * 6, 1]
    assert duplicates["representative"].to_list()[:2] == [ids[0], ids[0]]
    assert symmetrized["space_group"].to_list()[:3] == [166, 166, 225]
    assert symmetrized["symmetrize_failure"].is_null().to_list()[5:8] == [False, False, False]
    asked = novelty.filter(pl.col("known").is_not_null())
    assert asked["id"].to_list() == [ids[0], ids[8]]
    assert set(references["chemical_system"]) == {"Co", "Li", "O", "Co-Li", "Co-O", "Li-O", "Co-Li-O"}
    known = asked.filter(pl.col("known"))
    assert set(known["reference_id"]) <= set(references["id"])


def test_references_know_themselves(tmp_path: Path) -> None:
    references = run("references", tmp_path / "references.parquet", sources=tmp_path / "sources.json")
    some = references.filter(pl.col("chemical_system") == "Co-Li-O")[:25]
    table.write_table(some, tmp_path / "samples.parquet")
    run("symmetrize", tmp_path / "symmetrize.parquet", samples=[tmp_path / "samples.parquet"],
        state=tmp_path / "state")  # fmt: skip
    run("screen", tmp_path / "screen.parquet", symmetrized=tmp_path / "symmetrize.parquet")
    run("deduplicate", tmp_path / "deduplicate.parquet",
        symmetrized=tmp_path / "symmetrize.parquet", screened=tmp_path / "screen.parquet",
        state=tmp_path / "state")  # fmt: skip
    found = run(
        "novelty", tmp_path / "novelty.parquet", symmetrized=tmp_path / "symmetrize.parquet",
        duplicates=tmp_path / "deduplicate.parquet", references=tmp_path / "references.parquet",
    )  # fmt: skip
    asked = found.filter(pl.col("known").is_not_null())
    assert len(asked) > 15
    assert asked["known"].all()
    assert asked["reference_distance"].max() < 0.05


def test_elements_of_a_system_are_sorted_and_distinct() -> None:
    assert elements_of("Li-Co-O") == ("Co", "Li", "O")


def test_progress_tells_counts_elapsed_time_and_what_is_left(capsys: pytest.CaptureFixture) -> None:
    clock = iter([0.0, 1.0, 2.0, 10.0, 11.0]).__next__
    report = reporter("deduplicate", clock=clock)
    for done in (1, 2, 3, 4):
        report(done, 4)
    assert capsys.readouterr().err.splitlines() == [
        "deduplicate: 1/4, 1 s elapsed, ETA 3 s",
        "deduplicate: 3/4, 10 s elapsed, ETA 3 s",
        "deduplicate: 4/4, 11 s elapsed, ETA 0 s",
    ]


def test_progress_leaves_what_was_finished_before_out_of_the_rate(capsys: pytest.CaptureFixture) -> None:
    clock = iter([0.0, 0.0, 10.0, 20.0]).__next__
    report = reporter("energy", clock=clock, resumes=True)
    for done in (50, 60, 100):
        report(done, 100)
    assert capsys.readouterr().err.splitlines() == [
        "energy: 50/100, 0 s elapsed, ETA unknown",
        "energy: 60/100, 10 s elapsed, ETA 40 s",
        "energy: 100/100, 20 s elapsed, ETA 0 s",
    ]
