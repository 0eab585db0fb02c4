"""`lodestone measure` with energies above the hull: whose references, and what is said without them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from ase import Atoms
from ase.io import write
from click.testing import CliRunner, Result

from lodestone.cli import main
from lodestone.energies.estimators import estimator_and_guards
from lodestone.energies.evaluation import energies
from lodestone.structures import table

EMT = {"energy": {"estimator": {"kind": "ase", "calculator": "ase.calculators.emt:EMT"}}}
CAMPAIGN = """\
campaign: alloy
chemical_system: Cu-Au
model: {checkpoint: mattergen_base}
constraints:
  hull: {terms: [{kind: energy_above_hull, target: {lower: 0.1}}], satisfied_within: 0}
energy: {estimator: {kind: ase, calculator: ase.calculators.emt:EMT}}
"""


def run(*arguments: object) -> Result:
    options = ["--config", "alloy.yaml", "--constraint", "hull", *map(str, arguments)]
    return CliRunner().invoke(main, ["measure", "a.extxyz", *options])


def objects(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pl.DataFrame:
    """Copper and gold as references; beside a campaign and copper as it is, stretched, and exploded."""
    monkeypatch.chdir(tmp_path)
    Path("alloy.yaml").write_text(CAMPAIGN)
    copper = Atoms("Cu", cell=np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) * 1.8, pbc=True)
    gold, high, exploded = copper.copy(), copper.copy(), copper.copy()
    gold.symbols = "Au"
    for atoms, factor in ((gold, 4.1 / 3.6), (high, 1.1), (exploded, 9.0)):
        atoms.set_cell(atoms.cell.array * factor, scale_atoms=True)
    write("a.extxyz", [copper, high, exploded], format="extxyz")
    return table.from_ase(["Cu", "Au"], [copper, gold])


@pytest.mark.usefixtures("known")
def test_without_references_the_command_that_makes_them_is_named() -> None:
    result = run()
    assert (result.exit_code, result.stdout) == (1, "")
    assert "results/alloy/references.parquet, results/alloy/reference_energies.parquet" in result.stderr
    command = (
        "snakemake --configfile alloy.yaml --profile profiles/local results/alloy/reference_energies.parquet"
    )
    assert command in result.stderr


def test_references_of_the_campaign_or_of_a_file_give_the_same(known: pl.DataFrame, tmp_path: Path) -> None:
    table.write_table(known, tmp_path / "known.parquet")
    named = objects(run("--json", "--references", "known.parquet"))
    assert [x["satisfied"] for x in named] == [True, False, False]
    assert named[0]["values"] == [pytest.approx(0.0, abs=1e-12)]
    assert named[1]["values"][0] > 0.1
    assert named[2] == {"id": "a.extxyz:2", "values": [None], "loss": None, "satisfied": False}
    table.write_table(known, tmp_path / "results/alloy/references.parquet")
    found = energies(known, *estimator_and_guards(EMT))
    table.write_table(found, tmp_path / "results/alloy/reference_energies.parquet")
    assert objects(run("--json")) == named


@pytest.mark.usefixtures("known")
def test_a_file_that_is_no_table_of_references_is_refused() -> None:
    Path("a.txt").write_text("")
    result = run("--references", "a.txt")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "a.txt is no table of known crystals" in result.stderr
