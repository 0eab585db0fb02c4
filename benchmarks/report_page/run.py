"""The report of a large campaign: how long it takes to build, how large it is, how it feels in a browser.

Arms of imported structures: strained and rattled crystals of Li, Co and O from the embedded references, in
cells of up to 20 atoms, through every stage of the workflow with the embedded potential. Then the report is
built in a fresh process and opened in a headless Chromium.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.report_page.browser import opened
from benchmarks.shared.record import ROOT, provenance
from lodestone.columns import Col

SYSTEM = "Li-Co-O"
MOST_ATOMS = 20
STRAIN, RATTLE = 0.04, 0.12
"""Standard deviations of the strain and of the displacements (Å)."""
AGAIN = 0.7
"""Chance that a crystal is doubled once more, as long as it fits."""
CONSTRAINTS = {
    "co_o_4": {
        "terms": [{"kind": "coordination", "center": "Co", "neighbor": "O", "target": 4, "cutoff": 2.6}],
        "satisfied_within": 0.5,
    },
    "volume": {"terms": [{"kind": "volume_per_atom", "target": 10.0}], "satisfied_within": 0.5},
}
ROLES = (
    {"name": "unguided", "role": "unguided"},
    {"name": "control", "role": "control"},
    {"name": "co_o_4-guided", "role": "guided", "constraint": "co_o_4"},
    {"name": "volume-guided", "role": "guided", "constraint": "volume"},
    {"name": "elsewhere", "role": "imported"},
)


def run(structures: int, folder: Path) -> dict[str, Any]:
    """Make the campaign below `folder` where it is not there, build its report, open it."""
    name = f"page-{structures}"
    directory = folder / "results" / name
    if not (directory / "statistics" / "summary.json").is_file():
        campaign(name, structures, folder)
        made = _snakemake(folder / f"{name}.yaml", folder)
    else:
        made = None
    return {
        **provenance(1),
        "structures": structures,
        "arms": len(ROLES),
        "made_seconds": made,
        "built": build(directory),
        "opened": opened(directory / "report.html"),
    }


def campaign(name: str, structures: int, folder: Path) -> None:
    """Write the arms' structures and the campaign's file."""
    from ase.io import write

    from lodestone.runtime.files import write_text

    random = np.random.default_rng(20260414)
    arms = []
    for role in ROLES:
        target = folder / f"{name}-{role['name']}.extxyz"
        folder.mkdir(parents=True, exist_ok=True)
        write(target, [_shaken(random) for _ in range(structures)], format="extxyz")
        arms.append(role | {"structures": str(target)})
    document = {
        "campaign": name,
        "chemical_system": SYSTEM,
        "sampling": {"structures": 0, "seed": 1},
        "constraints": CONSTRAINTS,
        "arms": arms,
        "references": ["embedded"],
        "energy": {"estimator": {"kind": "grace", "model": "embedded"}, "relax": {"steps": 2}},
    }
    write_text(folder / f"{name}.yaml", json.dumps(document, indent=1))


def _shaken(random: np.random.Generator) -> Any:
    """A reference in a supercell of up to 20 atoms, strained and rattled."""
    crystals = _crystals()
    atoms = crystals[int(random.integers(len(crystals)))].copy()
    while 2 * len(atoms) <= MOST_ATOMS and random.random() < AGAIN:
        repeat = [1, 1, 1]
        repeat[int(random.integers(3))] = 2
        atoms = atoms.repeat(repeat)
    strain = np.eye(3) + random.normal(0, STRAIN, (3, 3))
    atoms.set_cell(atoms.cell @ strain, scale_atoms=True)
    atoms.positions += random.normal(0, RATTLE, atoms.positions.shape)
    return atoms


def _crystals() -> list[Any]:
    from lodestone.structures.table import to_ase

    table = pl.read_parquet(ROOT / "src" / "lodestone" / "embedded" / "references.parquet")
    return to_ase(table.filter(pl.col("chemical_system") == "Co-Li-O"))


def _snakemake(config: Path, folder: Path) -> float:
    started = time.perf_counter()
    command = [
        *("snakemake", "--snakefile", str(ROOT / "workflow" / "Snakefile"), "--configfile", str(config)),
        *("--directory", str(folder), "--profile", str(ROOT / "profiles" / "local")),
    ]
    subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    return time.perf_counter() - started


def build(directory: Path) -> dict[str, Any]:
    """Wall time, CPU time and peak memory of the report's script in a fresh process, and the file's size."""
    code = (
        "import runpy, sys; from pathlib import Path; main = runpy.run_path(sys.argv[1])['main']; "
        "folder = Path(sys.argv[2]); main(directory=folder, settings={}, output=folder / 'report.html')"
    )
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    script = str(ROOT / "scripts" / "report.py")
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, script, str(directory)], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    rows = pl.read_parquet(directory / "candidates.parquet", columns=[str(Col.IS_REPRESENTATIVE)])
    return {
        "wall": time.perf_counter() - started,
        "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "peak_megabytes": after.ru_maxrss / 1e3,
        "megabytes": (directory / "report.html").stat().st_size / 1e6,
        "distinct": int(rows[Col.IS_REPRESENTATIVE].fill_null(value=False).sum()),
    }
