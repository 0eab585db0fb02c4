"""Rates of successes with 95 % intervals, by lineage where structures share ancestors; distinct crystals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

ALPHA = 0.05


@dataclass(frozen=True)
class Rate:
    """A rate per structure with its interval."""

    value: float
    low: float
    high: float


def rate(weights: np.ndarray, lineage: np.ndarray, seed: int = 0) -> Rate:
    """Mean of the weights (n,), 0 to 1 each, over structures that share ancestors.

    Bootstrap over lineages; Wilson's interval where all structures are independent and count 0 or 1.
    """
    import numpy as np

    from lodestone.inference.intervals import wilson
    from lodestone.statistics.lineages import cluster_interval
    from lodestone.statistics.outcomes import Sample

    sample = Sample(weights, np.ones(len(weights), dtype=bool), lineage)
    if not sample.clustered and np.isin(weights, (0, 1)).all():
        found = wilson(int(weights.sum()), len(weights), ALPHA)
    else:
        found = cluster_interval(sample, np.random.default_rng(seed), ALPHA)
    if found.low is None or found.high is None:
        raise ValueError("a rate needs at least one structure")
    return Rate(float(weights.mean()), found.low, found.high)


def distinct_weights(chosen: np.ndarray, leaders: np.ndarray) -> np.ndarray:
    """1/multiplicity for each chosen structure, else 0 (n,); their sum is the number of distinct ones.

    `leaders` (n_chosen,) names the crystal of each chosen structure. With these weights the number
    of distinct structures is a sum over structures, so that it has an interval like any rate; the
    interval holds for the number of structures sampled, because distinct ones become rarer.
    """
    import numpy as np

    _, index, counts = np.unique(leaders, return_inverse=True, return_counts=True)
    weights = np.zeros(len(chosen))
    weights[np.flatnonzero(chosen)] = 1.0 / counts[index]
    return weights


def leaders(rows: pl.DataFrame, chosen: np.ndarray, curation: Mapping[str, Any]) -> Any:
    """The crystal of each chosen structure, compared as a campaign with these settings compares."""
    from lodestone.curation.clustering import cluster
    from lodestone.curation.settings import DeduplicateSettings, similarity
    from lodestone.structures.table import SCHEMA, arrays

    picked = rows.select(list(SCHEMA)).filter(chosen)
    crystals = [arrays(row) for row in picked.iter_rows(named=True)]
    section = DeduplicateSettings.model_validate(curation)
    return cluster(crystals, similarity(section, section.threshold)).leaders[1.0]
