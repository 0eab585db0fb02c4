"""The peak of the resident memory of a process that evaluates one structure.

Each figure is of a process of its own (`resource.getrusage`), so that none sees what another left behind. The
side "powers of four" pads a large structure as it was once done, by one constant of the estimator.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.shared.record import ROOT, provenance

if TYPE_CHECKING:
    from ase import Atoms

GRIDS = {20: (2, 2, 5), 60: (3, 4, 5), 150: (5, 5, 6), 420: (6, 7, 10)}
VOLUME = 10.0  # Å³/atom
ELEMENTS = (8, 8, 27, 3)  # O, O, Co, Li
CASES = {
    "GRACE, one layer (embedded)": ("embedded", False),
    "the same, shapes in powers of four": ("embedded", True),
    "GRACE, two layers (random weights)": ("two-layers", False),
    "CHGNet 0.3.0": ("chgnet", False),
}


def run() -> dict[str, Any]:
    """Peaks by case and number of atoms, with forces and without; bytes per bond of the GRACE models."""
    from benchmarks.shared.two_layers import export_two_layers

    with tempfile.TemporaryDirectory() as folder:
        two = Path(folder) / "two-layers"
        export_two_layers(two)
        named = {"two-layers": str(two)}
        rows = [
            {"case": case, **_child(named.get(model, model), coarse, atoms)}
            for case, (model, coarse) in CASES.items()
            for atoms in GRIDS
        ]
    return {"volume": VOLUME, "rows": rows} | provenance(1)


def _child(model: str, coarse: bool, atoms: int) -> dict[str, Any]:
    found: dict[str, Any] = {"atoms": atoms}
    for how in ("energy_only", "evaluate"):
        code = f"from benchmarks.memory.run import measure; measure({model!r}, {coarse}, {atoms}, {how!r})"
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            check=True, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        found[how] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(model: str, coarse: bool, n_atoms: int, how: str) -> None:
    """Print, as JSON, what one structure takes in this process: bytes at the peak, and before it."""
    import resource

    def peak() -> int:
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    atoms, found = crystal(n_atoms), dict[str, Any]()
    if model == "chgnet":
        from lodestone.energies.estimators.chgnet.calculator import ChgnetEstimator

        estimator: Any = ChgnetEstimator()
    else:
        from lodestone.energies.estimators.grace import calculator as grace

        grace.GROWTH = grace.STEP if coarse else grace.GROWTH
        estimator = grace.GraceEstimator(model)
    found["before"] = peak()
    (answer,) = getattr(estimator, how)([atoms])
    found |= {"peak": peak(), "energy": answer.energy / n_atoms, "failure": answer.failure}
    if model != "chgnet" and not coarse:
        found["per_bond"] = estimator.measured_bytes(forces=how == "evaluate")
    sys.stdout.write(json.dumps(found) + "\n")


def crystal(n_atoms: int) -> Atoms:
    """Atoms on a distorted grid, as dense as an oxide."""
    from ase import Atoms

    rng, shape = np.random.default_rng(0), GRIDS[n_atoms]
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, 3)
    edge = VOLUME ** (1 / 3)
    return Atoms(
        numbers=np.array(ELEMENTS)[np.arange(n_atoms) % len(ELEMENTS)],
        positions=grid * edge + rng.normal(0, 0.08, (n_atoms, 3)),
        cell=np.array(shape) * edge,
        pbc=True,
    )
