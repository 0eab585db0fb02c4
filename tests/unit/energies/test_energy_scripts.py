from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from ase import Atoms
from ase.build import bulk
from estimator_cases import SCRIPTS, script

from lodestone.energies.settings import EnergySettings
from lodestone.structures import table
from lodestone.workflow.script_settings import HullSettings

pytestmark = pytest.mark.slow

ENERGY = {
    "estimator": {"kind": "ase", "calculator": "ase.calculators.emt:EMT", "arguments": {}},
    "batch_size": 8,
    "relax": {"steps": 15, "largest_force": 0.02},
}
EVALUATION = {key: ENERGY[key] for key in ("estimator", "batch_size")}
SLOW = """
import sys, time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
spec = spec_from_file_location("relax", sys.argv[1])
script = module_from_spec(spec)
spec.loader.exec_module(script)
script.CHUNK = 4
folder = Path(sys.argv[2])
settings = script.RelaxSettings.model_validate(eval(sys.argv[3]))
script.main(samples=[folder / "samples.parquet"], measured=folder / "measured.parquet",
            settings=settings, output=folder / sys.argv[4], state=folder / "state")
"""


def _crystals(n: int) -> list[Atoms]:
    rng = np.random.default_rng(0)
    found = []
    for k in range(n):
        atoms = bulk("Cu", "fcc", a=3.7 + 0.01 * k, cubic=True)
        atoms.symbols = "CuAuCuAu"
        atoms.positions += rng.normal(scale=0.1, size=(4, 3))
        found.append(atoms)
    return found


def test_energy_keeps_every_row_and_says_why_there_is_none(tmp_path: Path) -> None:
    iron = bulk("Fe")
    structures = table.from_ase(["a", "b", "c"], [*_crystals(2), iron])
    table.write_table(structures, tmp_path / "symmetrized.parquet")
    screened = pl.DataFrame({"id": ["a", "b", "c"], "passed": [True, False, True]})
    table.write_table(screened, tmp_path / "screened.parquet")
    script("energy").main(
        symmetrized=tmp_path / "symmetrized.parquet", screened=tmp_path / "screened.parquet",
        settings=EnergySettings.model_validate({"energy": EVALUATION}),
        output=tmp_path / "energy.parquet", state=tmp_path / "state",
    )  # fmt: skip
    found = table.read_table(tmp_path / "energy.parquet")
    assert found["id"].to_list() == ["a", "b", "c"]
    assert found["energy_per_atom"][0] is not None
    assert found["energy_failure"].to_list()[:2] == [None, "not screened in"]
    assert "NotImplementedError" in found["energy_failure"][2]
    assert not (tmp_path / "state").exists()


def test_from_energies_to_the_hull(tmp_path: Path) -> None:
    references = table.from_ase(["r/Cu", "r/Au"], [bulk("Cu", a=3.6), bulk("Au", a=4.08)]).with_columns(
        source=pl.lit("r"), energy_per_atom=pl.Series([0.0, 0.0])
    )
    table.write_table(references, tmp_path / "references.parquet")
    table.write_table(table.from_ase(["a", "b"], _crystals(2)), tmp_path / "symmetrized.parquet")
    screened = pl.DataFrame({"id": ["a", "b"], "passed": [True, True]})
    table.write_table(screened, tmp_path / "screened.parquet")
    settings = EnergySettings.model_validate({"energy": EVALUATION})
    script("energy").main(
        symmetrized=tmp_path / "symmetrized.parquet", screened=tmp_path / "screened.parquet",
        settings=settings, output=tmp_path / "energy.parquet", state=tmp_path / "s1",
    )  # fmt: skip
    script("reference_energy").main(
        references=tmp_path / "references.parquet", settings=settings,
        output=tmp_path / "reference_energies.parquet", state=tmp_path / "s2",
    )  # fmt: skip
    script("hull").main(
        symmetrized=[tmp_path / "symmetrized.parquet"], energies=[tmp_path / "energy.parquet"],
        references=tmp_path / "references.parquet",
        reference_energies=tmp_path / "reference_energies.parquet",
        settings=HullSettings(elements=("Au", "Cu")),
        output=tmp_path / "hull.parquet", audit=tmp_path / "audit.parquet",
        estimator_error=tmp_path / "error.parquet",
    )  # fmt: skip
    hull = table.read_table(tmp_path / "hull.parquet")
    energies = table.read_table(tmp_path / "energy.parquet")["energy_per_atom"]
    elements = table.read_table(tmp_path / "reference_energies.parquet")["energy_per_atom"]
    assert hull["id"].to_list() == ["a", "b", "r/Cu", "r/Au"]
    assert hull["e_above_hull"][0] == pytest.approx(energies[0] - elements.mean())
    assert hull["hull_note"][0] == "lower bound: no reference holds all of Au, Cu"
    audit = table.read_table(tmp_path / "audit.parquet")
    assert audit["name"].to_list() == ["Au", "Cu", "Au-Cu", "r"]
    error = table.read_table(tmp_path / "error.parquet")
    assert error.filter(pl.col("elements") == "all")["n"].to_list() == [2, 2]


def _relax_inputs(folder: Path, n: int) -> dict[str, object]:
    structures = table.from_ase([f"s{i}" for i in range(n)], _crystals(n))
    table.write_table(structures, folder / "samples.parquet")
    measured = structures.select("id").with_columns(
        pl.Series("valid", [i % 5 != 3 for i in range(n)]),
        pl.lit("odd").alias("invalid_reason"),
        pl.lit(value=True).alias("v.satisfied"),
    )
    table.write_table(measured, folder / "measured.parquet")
    terms = [{"kind": "volume_per_atom", "target": 14.0}]
    constraint = {"terms": terms, "combine": 2.0, "satisfied_within": 0.7}
    return {"energy": ENERGY, "constraints": {"v": constraint}}


def _relax(folder: Path, settings: dict[str, object], output: str) -> subprocess.Popen[bytes]:
    arguments = [str(SCRIPTS / "relax.py"), str(folder), repr(settings), output]
    return subprocess.Popen(
        [sys.executable, "-c", SLOW, *arguments], stderr=subprocess.DEVNULL, env=os.environ
    )


def test_relaxation_survives_a_kill_and_ends_with_the_same_values(tmp_path: Path) -> None:
    settings = _relax_inputs(tmp_path, 30)
    job = _relax(tmp_path, settings, "killed.parquet")
    deadline = time.monotonic() + 60
    while not list((tmp_path / "state").rglob("*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.01)
    job.send_signal(signal.SIGKILL)
    job.wait()
    done = list((tmp_path / "state").rglob("0*.parquet"))
    assert done
    assert not (tmp_path / "killed.parquet").exists()
    assert _relax(tmp_path, settings, "resumed.parquet").wait() == 0
    assert _relax(tmp_path, settings, "undisturbed.parquet").wait() == 0
    resumed = table.read_table(tmp_path / "resumed.parquet")
    assert resumed.equals(table.read_table(tmp_path / "undisturbed.parquet"))
    assert resumed["id"].to_list() == [f"s{i}" for i in range(30)]
    assert resumed["relax_failure"][3] == "not valid: odd"
    assert resumed["v.persistent"].sum() > 0
