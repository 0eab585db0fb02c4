"""How many atoms the structures of a batch have, and how many structures a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def draw_sizes(
    distribution: Mapping[int, float], size: int, per_lineage: int, rng: np.random.Generator
) -> list[int]:
    """Numbers of atoms of a batch; the members of a lineage share theirs."""
    values = np.array(list(distribution), dtype=int)
    p = np.array(list(distribution.values()), dtype=float)
    lineages = -(-size // per_lineage)
    drawn = rng.choice(values, size=lineages, p=p / p.sum())
    return [int(n) for n in np.repeat(drawn, per_lineage)[:size]]


def largest_batch(batch_size: str | int, device: str, per_lineage: int) -> int:
    """Structures per batch, in whole lineages; `auto` is 32 on a CPU, and on a GPU 128 to begin with.

    There `sampling.trial` measures what they take, and chooses.
    """
    size = (128 if device.startswith("cuda") else 32) if batch_size == "auto" else int(batch_size)
    return max(per_lineage, size - size % per_lineage)


def size_distribution(
    config: Mapping[str, Any], chemical_system: str | None, atoms: Mapping[str, Any]
) -> dict[int, float]:
    """Distribution of the number of atoms, as the campaign names it or within its bounds.

    `distribution` and `exactly` are taken as they are. Else the checkpoint's own counts
    (`data_module.num_atoms_counts`, per chemical system) where it has them, else those of
    MatterGen's training set Alex-MP-20.
    """
    if atoms.get("distribution"):
        return {int(n): float(p) for n, p in atoms["distribution"].items()}
    if atoms.get("exactly") is not None:
        return {int(atoms["exactly"]): 1.0}
    counts = (config.get("data_module") or {}).get("num_atoms_counts")
    if counts:
        found = counts.get(chemical_system) or counts["all"]
    else:
        from lodestone.sampling.mattergen import compat

        compat.install()
        from mattergen.common.data.num_atoms_distribution import NUM_ATOMS_DISTRIBUTIONS

        found = NUM_ATOMS_DISTRIBUTIONS["ALEX_MP_20"]
    inside = {int(n): float(p) for n, p in found.items() if atoms["min"] <= int(n) <= atoms["max"]}
    if not inside:
        known = f"{min(map(int, found))} to {max(map(int, found))}"
        raise ValueError(
            f"sampling.atoms: no structure size between {atoms['min']} and {atoms['max']} atoms is "
            f"known to the checkpoint for {chemical_system}; it has {known}"
        )
    return inside
