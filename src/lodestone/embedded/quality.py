"""How good the embedded checkpoint is: plain samples, no resets, no retries, every one counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from lodestone.structures.table import arrays

VOLUME, SHORTEST = (5.0, 40.0), 1.0  # Å³/atom, Å


def sample_quality(samples: pl.DataFrame, chemical_system: str, training: list[float]) -> dict[str, Any]:
    """Shares of samples that are finite and dense as a crystal, free of short contacts, on system.

    `training`: volumes per atom (Å³) of the training structures of exactly this system.
    """
    from ase.data import chemical_symbols

    from lodestone.structures.distances import min_distance

    volumes, shortest, exact = [], [], 0
    for row in samples.iter_rows(named=True):
        numbers, cell, frac = arrays(row)
        finite = bool(np.isfinite(cell).all() and np.isfinite(frac).all()) and not row["failed"]
        volume = abs(np.linalg.det(cell)) / len(numbers) if finite else np.nan
        volumes.append(volume)
        shortest.append(min_distance(numbers, cell, frac) if finite else np.nan)
        exact += "-".join(sorted({chemical_symbols[z] for z in numbers})) == chemical_system
    v, d = np.array(volumes), np.array(shortest)
    n, median = len(v), float(np.nanmedian(v))
    good_volume = (v > VOLUME[0]) & (v < VOLUME[1])
    reference = float(np.median(training))
    return {
        "chemical_system": chemical_system,
        "n": n,
        "finite": float(np.isfinite(v).mean()),
        "dense": float(good_volume.mean()),
        "apart": float((d > SHORTEST).mean()),
        "exact_system": exact / n,
        "volume_percentiles": [float(x) for x in np.nanpercentile(v, [5, 25, 50, 75, 95])],
        "training_median_volume": reference,
        "median_volume_shift": median / reference - 1,
    }
