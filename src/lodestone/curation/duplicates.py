"""Which generated crystals are the same, and one representative of each.

Only crystals of one reduced composition are compared. Inside such a bucket the clustering is a
greedy leader in the order of generation, so the representative of a cluster is its first member.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.curation.clustering import cluster
from lodestone.curation.matching import Similarity
from lodestone.curation.results import Clusters
from lodestone.runtime.progress import Progress
from lodestone.structures.crystals import pack_table

__all__ = ["SCHEMA", "Clusters", "cluster", "duplicates_table", "require_same_ids"]

SCHEMA: dict[str, pl.DataType] = {
    "id": pl.String(),
    Col.REPRESENTATIVE: pl.String(),
    Col.MULTIPLICITY: pl.Int32(),
    Col.IS_REPRESENTATIVE: pl.Boolean(),
    "is_representative_half": pl.Boolean(),
    "is_representative_double": pl.Boolean(),
    "duplicates_failure": pl.String(),
}
FACTORS = {"": 1.0, "_half": 0.5, "_double": 2.0}


def duplicates_table(
    symmetrized: pl.DataFrame,
    screened: pl.DataFrame,
    similarity: Similarity,
    progress: Progress | None = None,
    *,
    processes: int = 1,
    tell: Callable[[str], None] | None = None,
    state: Path | None = None,
) -> pl.DataFrame:
    """Cluster the structures that passed; one row per row of `symmetrized`, in the same order.

    The columns `is_representative_half` and `is_representative_double` mark the representatives
    at half and twice the threshold, so that their sums tell how much the count depends on it.
    `tell` is given a summary with counts and costs; `state` keeps finished parts (see `cluster`).
    """
    require_same_ids(symmetrized, screened)
    passed = np.flatnonzero(screened[Col.PASSED].to_numpy())
    crystals = pack_table(symmetrized[passed])
    found = cluster(
        crystals, similarity, factors=FACTORS.values(), progress=progress, processes=processes, state=state
    )
    if tell:
        tell(summary(found))
    return _table(symmetrized["id"], passed, found)


def summary(found: Clusters) -> str:
    """Counts and costs of a clustering in one line."""
    confirmed = found.cost.confirmations
    return (
        f"{len(found.leaders[1.0])} structures, distinct at half, once and twice the threshold: "
        f"{', '.join(str(found.unique(f)) for f in sorted(found.leaders))}; "
        f"{len(found.failures)} without a fingerprint; inside the gates {confirmed.same} pairs the same "
        f"({confirmed.evident} evidently), {confirmed.different} not, {confirmed.matched} by the matcher; "
        f"CPU s: {found.cost}"
    )


def require_same_ids(one: pl.DataFrame, other: pl.DataFrame) -> None:
    """Raise ValueError unless two tables describe the same structures in the same order."""
    if not one["id"].equals(other["id"]):
        msg = "the tables do not hold the same structures in the same order"
        raise ValueError(msg)


def _table(ids: pl.Series, passed: np.ndarray, found: Clusters) -> pl.DataFrame:
    """One row per id; those that did not pass are in no cluster."""
    leader = found.leaders[1.0]
    inside = pl.DataFrame({
        "row": passed,
        Col.REPRESENTATIVE: ids[passed[leader]],
        Col.MULTIPLICITY: np.bincount(leader, minlength=len(passed))[leader],
        "duplicates_failure": pl.Series(
            [found.failures.get(i) for i in range(len(passed))], dtype=pl.String
        ),
        **{
            f"is_representative{suffix}": found.leaders[factor] == np.arange(len(passed))
            for suffix, factor in FACTORS.items()
        },
    })  # fmt: skip
    everything = pl.DataFrame({"id": ids, "row": np.arange(len(ids))})
    return everything.join(inside, on="row", how="left", maintain_order="left").select(
        pl.col(name).fill_null(value=False).cast(kind) if kind == pl.Boolean() else pl.col(name).cast(kind)
        for name, kind in SCHEMA.items()
    )
