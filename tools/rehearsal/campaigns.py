"""The campaign file of a rehearsal: every kind of work of a real one, with few structures and few levels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lodestone.sampling.mattergen.conditions import SYSTEM
from lodestone.sampling.mattergen.published import PUBLISHED

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
    references: list[str],
    *,
    structures: int,
    steps: int,
    atoms: int,
) -> dict[str, Any]:
    """A campaign on a checkpoint of a published architecture, with both halves of its guidance."""
    own = {field: ASKED[field] for field in PUBLISHED[name] if field != SYSTEM}
    return {
        "campaign": f"rehearsal-{name.replace('_', '-')}",
        "chemical_system": "Li-Co-O",
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
            "atoms": {"exactly": atoms},
        },
        "constraints": {
            "volume": {"terms": [{"kind": "volume_per_atom", "target": 12.0}], "satisfied_within": 1.0}
        },
        "guidance": {
            "strengths": [0.1],
            "start": 1.0,
            "forward": 0.1,
            "particles": {"count": 2, "times": [0.5], "look_ahead": 2},
        },
        "references": references,
        "energy": {
            "estimator": {"kind": "grace", "model": str(potential)},
            "relax": {"steps": 2},
        },
    }
