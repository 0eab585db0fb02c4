"""One small campaign on the embedded assets, end to end; one arm of it again, killed twice on the way."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

CAMPAIGN = """\
campaign: small
chemical_system: Li-Co-O
sampling: {structures: 8, shard: 6, batch_size: 4, steps: 12, seed: 3, atoms: {max: 6}}
constraints:
  volume:
    terms: [{kind: volume_per_atom, target: 14.0}]
    satisfied_within: 1.0
guidance:
  strengths: {auto: {candidates: [0.1, 0.3], structures: 2}}
  late: false
  particles: {count: 2, times: [0.3, 0.1], look_ahead: 3}
energy: {batch_size: 4, relax: {steps: 3}}
report: {best: 3}
"""
ARMS, STRUCTURES = ("unguided", "control", "volume-auto"), 8
PASSES = 2 * 12  # a corrector and a predictor per step
KILLED = "volume-auto"
WANTED = ("results/small/candidates.parquet", "--configfile", "small.yaml")
"""What the killed runs are asked for: the page and the figures follow from it, and hold no work."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory, snakemake):
    """An undisturbed run."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "small.yaml").write_text(CAMPAIGN)
    process = snakemake(folder, "--configfile", "small.yaml", timeout=900)
    assert process.returncode == 0, process.stdout + process.stderr
    return folder, process.stdout


@pytest.fixture(scope="module")
def candidates(whole):
    return pl.read_parquet(whole[0] / "results/small/candidates.parquet")


def test_every_structure_has_one_row(candidates):
    assert candidates.height == len(ARMS) * STRUCTURES
    assert candidates["id"].n_unique() == candidates.height
    assert candidates.group_by("arm").len().sort("arm").rows() == [(arm, STRUCTURES) for arm in sorted(ARMS)]
    assert {"failed", "formula", "space_group", "e_above_hull"} <= set(candidates.columns)


def test_attrition_adds_up(whole):
    table = pl.read_csv(whole[0] / "results/small/statistics/attrition.tsv", separator="\t")
    for arm in ARMS:
        rows = table.filter(pl.col("arm") == arm).rows(named=True)
        assert rows[0]["entered"] == STRUCTURES
        assert all(row["entered"] - row["lost"] == row["survived"] for row in rows)
        assert all(later["entered"] == earlier["survived"] for earlier, later in pairwise(rows))


def test_every_cif_gives_its_formula_and_space_group(whole, candidates):
    from pymatgen.core import Structure
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    best = candidates.filter(pl.col("best_rank").is_not_null()).sort("best_rank")
    files = sorted((whole[0] / "results/small/best").glob("*.cif"))
    assert files
    assert len(files) == best.height
    for file, row in zip(files, best.iter_rows(named=True), strict=True):
        structure = Structure.from_file(file)
        assert structure.composition.reduced_formula == row["formula"]
        found = SpacegroupAnalyzer(structure, symprec=0.01).get_space_group_number()
        assert found == row["space_group"]


def test_the_run_ends_with_the_answer(whole):
    folder, printed = whole
    assert "report.html" in printed
    assert "unguided" in printed
    html = (folder / "results/small/report.html").read_text(encoding="utf-8")
    assert "Content-Security-Policy" in html.split("<body", 1)[0]  # no request leaves the page
    assert "volume per atom 14" in html


def test_the_strength_is_the_pilot_s(whole):
    folder, printed = whole
    results = folder / "results/small"
    pilot = json.loads((results / "pilot/volume.json").read_text())
    assert pilot["strength"] in {0.1, 0.3}
    assert [row["n"] for row in pilot["tried"]] == [2, 2, 2]
    assert pilot["passes"] == pilot["structures"] * PASSES == 6 * PASSES
    tried = pl.read_parquet(results / "pilot/volume.parquet")
    assert tried.group_by("strength").len().sort("strength").rows() == [(None, 2), (0.1, 2), (0.3, 2)]
    summary = json.loads((results / "statistics/summary.json").read_text())
    (arm,) = [a for a in summary["arms"] if a["kind"] == "guided"]
    assert (arm["name"], arm["strength"], arm["chosen_by_pilot"]) == ("volume-auto", pilot["strength"], True)
    cost = pl.read_parquet(results / "statistics/cost.parquet")
    assert set(cost["method"]) == {"rejection", "control", "guided"}
    assert cost["passes_per_structure"].to_list() == [PASSES] * cost.height
    assert cost["seconds_per_structure"].min() > 0
    assert re.search(r"^  volume: .*rejection", printed, re.MULTILINE)


def test_no_unfinished_work_stays_behind(whole):
    assert not (whole[0] / "results/small/state").exists()


def test_nothing_is_left_to_do(whole, snakemake):
    process = snakemake(whole[0], "--configfile", "small.yaml", "-n")
    assert "Nothing to be done" in process.stdout + process.stderr


def test_killed_twice_it_ends_with_the_same_candidates(tmp_path, snakemake, root, whole, candidates):
    """The guided arm once more, with all that follows from it: what was finished before stays as it was."""
    shutil.copytree(whole[0], tmp_path, dirs_exist_ok=True)  # with its times, which Snakemake goes by
    results = tmp_path / "results/small"
    arm, kept = results / "arms" / KILLED, times(results / "arms/unguided")
    shutil.rmtree(arm)
    (results / "candidates.parquet").unlink()
    for log in results.glob(f"logs/*.{KILLED}*"):
        log.unlink()
    run_until(tmp_path, root, lambda: finished_batches(results))
    assert finished_batches(results)
    assert len(list(arm.glob("samples/*.parquet"))) < 2
    # a job's log is opened before it loads its model: the kill falls into the energies of the arm
    run_until(tmp_path, root, (results / f"logs/energy.{KILLED}.log").exists)
    assert not (arm / "energy.parquet").exists()
    assert not (results / "candidates.parquet").exists()
    process = snakemake(tmp_path, *WANTED, timeout=900)
    assert process.returncode == 0, process.stdout + process.stderr
    assert pl.read_parquet(results / "candidates.parquet").equals(candidates)
    assert times(results / "arms/unguided") == kept


def times(folder: Path) -> dict[Path, int]:
    """When each file below a folder was written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}


def finished_batches(results: Path) -> list[str]:
    """Batches of unfinished shards; folders may go while they are looked at, which `walk` takes."""
    return [name for *_, files in os.walk(results / "state") for name in files if name.startswith("batch-")]


def run_until(folder: Path, root: Path, reached) -> None:
    """Run the campaign and kill -9 everything it started as soon as `reached`."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(root / "workflow/Snakefile")]
    command += ["--profile", str(root / "profiles/local"), *WANTED]
    with (
        (folder / "run.log").open("a") as log,
        subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(root / "src")},
        ) as process,
    ):  # fmt: skip
        limit = time.monotonic() + 600
        while not reached():
            assert process.poll() is None, (folder / "run.log").read_text()[-3000:]
            assert time.monotonic() < limit
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
