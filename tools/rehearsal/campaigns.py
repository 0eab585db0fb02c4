"""The campaign file of a rehearsal: every kind of work of a real one, with few structures and few levels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lodestone.runtime.files import write_atomically
from lodestone.sampling.mattergen.conditions import SYSTEM
from lodestone.sampling.mattergen.published import PUBLISHED
from tools.rehearsal.references import PROTOTYPES

CHEMICAL_SYSTEM = "Li-Co-O"
ASKED = {
    "space_group": 225.0,
    "dft_mag_density": 0.15,
    "dft_band_gap": 1.5,
    "ml_bulk_modulus": 200.0,
    "hhi_score": 1200.0,
    "energy_above_hull": 0.05,
}
"""What each checkpoint is conditioned on beside the chemical system."""


def campaign(
    name: str,
    checkpoint: Path,
    potential: Path,
    references: list[Any],
    *,
    structures: int,
    steps: int,
    template: Path | None = None,
) -> dict[str, Any]:
    """A campaign on a checkpoint of a published architecture, with both halves of its guidance.

    Structures keep the cell and all atoms but the last of a crystal in the file `template`, if there is one:
    a network with random weights draws no cell that the stages after sampling would have anything to do with.
    """
    own = {field: ASKED[field] for field in PUBLISHED[name] if field != SYSTEM}
    return {
        "campaign": f"rehearsal-{name.replace('_', '-')}",
        "chemical_system": CHEMICAL_SYSTEM,
        "model": {
            "checkpoint": str(checkpoint),
            "guidance_factor": 2.0 if PUBLISHED[name] else 1.0,
            **({"conditions": own} if own else {}),
        },
        "sampling": {
            "structures": structures,
            "shard": structures,
            "steps": steps,
            "seed": 1,
            **(_kept(template) if template else {}),
        },
        "constraints": {
            "co_o": {
                "terms": [{"kind": "coordination", "center": "Co", "neighbor": "O", "target": 6.0}],
                "satisfied_within": 1.0,
            }
        },
        "guidance": {
            "strengths": [0.1],
            "start": 1.0,
            "forward": 0.1,
            "late": False,
            "particles": {"count": 2, "times": [0.5], "look_ahead": 2},
        },
        "references": references,
        "energy": {
            "estimator": {"kind": "grace", "model": str(potential)},
            "relax": {"steps": 2},
        },
    }


def _kept(template: Path) -> dict[str, Any]:
    from ase.io import read

    last = len(read(template)) - 1
    fixed = {"file": str(template), "fix": ["positions", "cell", "types"], "atoms": list(range(last))}
    return {"template": fixed}


def write_template(path: Path, n_atoms: int) -> None:
    """Write a crystal of the chemical system with so many atoms, a multiple of 4: layered LiCoO2, repeated.

    Raises:
        ValueError: the number is no multiple of four.
    """
    from ase import Atoms
    from ase.io import write

    prototype = next(p for p in PROTOTYPES if p.name == "layered")
    elements = ("Li", "Co", "O")
    if n_atoms % len(prototype.sites) or n_atoms < 1:
        raise ValueError(f"{n_atoms} atoms are no whole number of cells of {len(prototype.sites)} atoms")
    cell = prototype.cell * prototype.length(elements)
    symbols = [elements[site] for site in prototype.sites]
    crystal = Atoms(symbols, scaled_positions=prototype.frac, cell=cell, pbc=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(
        path,
        lambda temporary: write(temporary, crystal.repeat((1, 1, n_atoms // len(symbols))), format="extxyz"),
    )
