"""What the sampled structures of a pilot say of a strength, against the control.

Compositions differ between arms, and energies per atom with them: Co-rich crystals lie eV/atom below
Li-rich ones whatever their quality. So energies are compared above the hull of the references, which takes
the composition out; formation energies would take out its linear part only.

Intervals are those of the campaign's own statistics: validity by Newcombe's method, over lineages where
structures share ancestors; the median energy by a bootstrap over lineages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lodestone.columns import Col
from lodestone.pilot.halving import Change, Evidence
from lodestone.runtime.seeds import derive_seed

if TYPE_CHECKING:
    import polars as pl

    from lodestone.statistics.outcomes import Sample

FEWEST = 6
"""Lineages with an energy that a bootstrap needs to say anything."""
DRAWS = 2000
NOTHING = Change(None, None, None)


def evidence(strength: float, rows: pl.DataFrame, control: pl.DataFrame, seed: int) -> Evidence:
    """Evidence of a candidate; columns: lineage, satisfied, valid and e_above_hull (eV/atom or null).

    Structures that failed are rows that are neither valid nor satisfied. `seed` is that of the bootstrap.
    """
    both = rows[Col.SATISFIED] & rows[Col.VALID]
    energies = _energies(rows)
    return Evidence(
        strength=strength,
        n=rows.height,
        satisfied=int(rows[Col.SATISFIED].sum()),
        valid=int(rows[Col.VALID].sum()),
        satisfied_valid=int(both.sum()),
        fall=_fall(rows, control, seed),
        rise=median_rise(energies, _energies(control), seed),
        energy=float(np.median(np.concatenate(energies))) if energies else None,
    )


def _fall(rows: pl.DataFrame, control: pl.DataFrame, seed: int) -> Change:
    from lodestone.statistics.lineages import cluster_difference_interval

    own, base = _sample(rows), _sample(control)
    if not own.n or not base.n:
        return NOTHING
    rngs = (_rng(seed, "control"), _rng(seed, "candidate"))
    interval = cluster_difference_interval(base, own, rngs)
    return Change(base.successes / base.n - own.successes / own.n, interval.low, interval.high)


def median_rise(own: list[np.ndarray], base: list[np.ndarray], seed: int) -> Change:
    """Difference of medians of energies given by lineage, with its 95 % percentile interval.

    Without an interval where a side has fewer than `FEWEST` lineages: their bootstrap has no spread to
    speak of, and would refuse a candidate by chance.
    """
    if not own or not base:
        return NOTHING
    value = float(np.median(np.concatenate(own)) - np.median(np.concatenate(base)))
    if min(len(own), len(base)) < FEWEST:
        return Change(value, None, None)
    drawn = _medians(own, _rng(seed, "energy")) - _medians(base, _rng(seed, "energy of control"))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Change(value, float(low), float(high))


def _medians(groups: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Medians of `DRAWS` resamples of whole lineages, (DRAWS,)."""
    values = np.concatenate(groups)
    lineage = np.repeat(np.arange(len(groups)), [len(g) for g in groups])
    order = np.argsort(values, kind="stable")
    times = rng.multinomial(len(groups), np.full(len(groups), 1 / len(groups)), size=DRAWS)
    reached = np.cumsum(times[:, lineage[order]], axis=1)  # values drawn up to each place
    total = reached[:, -1:]
    lower, upper = (np.argmax(reached >= place, axis=1) for place in ((total + 1) // 2, total // 2 + 1))
    medians: np.ndarray = (values[order][lower] + values[order][upper]) / 2
    return medians


def _energies(rows: pl.DataFrame) -> list[np.ndarray]:
    """Energies above the hull of the valid structures that have one, by lineage."""
    known = rows.filter(rows[Col.VALID] & rows[Col.E_ABOVE_HULL].is_finite().fill_null(value=False))
    return [
        part[Col.E_ABOVE_HULL].to_numpy() for part in known.partition_by(Col.LINEAGE, maintain_order=True)
    ]


def _sample(rows: pl.DataFrame) -> Sample:
    from lodestone.statistics.outcomes import Sample

    valid = rows[Col.VALID].to_numpy().astype(bool)
    return Sample(valid, valid, rows[Col.LINEAGE].to_numpy())


def _rng(seed: int, purpose: str) -> np.random.Generator:
    return np.random.default_rng(derive_seed(seed, purpose))
