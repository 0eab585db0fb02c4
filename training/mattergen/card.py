"""The card of the embedded MatterGen checkpoint: how it was made and how good it is.

Quality is that of plain samples, no resets, no retries, every one counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from lodestone.runtime.files import file_hash
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


HEAD = """\
# Embedded MatterGen checkpoint

A small MatterGen in the published format (`config.yaml`, `checkpoints/last.ckpt`), conditioned on the
chemical system. **For trying the software, not for science**: it has 0.53 million parameters (the
published one has 48.8 million) and saw {n} crystals. A real checkpoint is one config line away:
`model: {{checkpoint: chemical_system}}`.

## How good it is

Plain conditional samples (classifier-free guidance factor 1, 100 denoising steps, upstream's
predictor and corrector, no guidance), sizes drawn as in the training set of that system. No resets
and no retries; every sample counts. `seed` is the training seed; `median` and `training set` are median
volumes in Å³ per atom.

| seed | system | n | finite | 5-40 Å³/atom | apart > 1.0 Å | exact system | median | training set | shift |
|---|---|---|---|---|---|---|---|---|---|
"""
TAIL = """
Shipped: {shipped}. `card.json` has the same numbers in full, and the hashes of the files.

## How it was made

- Data: the embedded reference set (AFLOW prototypes bundled with pymatgen, decorated with the elements
  of the case studies, relaxed with CHGNet 0.3.0), Niggli-reduced, largest force below 1 eV/Å, cells no
  longer than 10 Å and no more anisotropic than 2.5.
- Model: the published architecture with width 64, 2 blocks, cutoff 5 Å, 12 neighbours and 200 levels of
  the type diffusion. One class differs, named in the config: the lattice output is the residual of a
  Gaussian prior (`lodestone.sampling.mattergen.denoiser`). Without it a network of this size has too
  weak a restoring force on cells outside its data, and the reverse process runs away.
- Training: {steps} steps of 24 crystals, Adam at 2e-3 with warm-up and three cosine cycles, gradients
  clipped by value at 0.5, exponential moving average 0.999, upstream's losses; about 30 CPU-minutes on
  one core.
- Rebuild: `make embedded` (resumable; about 120 CPU-minutes for all assets with both seeds).

## Licences

Weights and configuration: MIT, made by this project. Code that builds them: MatterGen, MIT. Data:
prototypes from the AFLOW encyclopedia as bundled with pymatgen (MIT); energies and forces from CHGNet
(BSD-3-Clause).
"""


def mattergen_card(quality: Mapping[str, Mapping[str, Any]], shipped: str, steps: int, n: int) -> str:
    """The card as Markdown; `quality` maps `seed<k>-<system>` to what `sample_quality` gives.

    `shipped` names the seed, `steps` the length of its training and `n` its number of crystals.
    """
    rows = [_row(name, values) for name, values in sorted(quality.items())]
    return HEAD.format(n=n) + "\n".join(rows) + "\n" + TAIL.format(shipped=shipped, steps=steps)


def asset_hashes(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 of files, by their names relative to `folder`."""
    return {name: file_hash(folder / name) for name in names}


def _row(name: str, q: Mapping[str, Any]) -> str:
    shares = [f"{100 * q[key]:.1f} %" for key in ("finite", "dense", "apart", "exact_system")]
    median = q["volume_percentiles"][2]
    volumes = [
        f"{median:.1f}",
        f"{q['training_median_volume']:.1f}",
        f"{100 * q['median_volume_shift']:+.1f} %",
    ]
    seed = name.split("-", maxsplit=1)[0].removeprefix("seed")
    return "| " + " | ".join([seed, q["chemical_system"], str(q["n"]), *shares, *volumes]) + " |"
