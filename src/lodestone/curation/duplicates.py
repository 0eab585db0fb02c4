"""Which generated crystals are the same, and one representative of each.

Only crystals of one reduced composition are compared. Inside such a bucket the clustering is a
greedy leader in the order of generation, so the representative of a cluster is its first member.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from lodestone.curation.clusters import greedy_leaders
from lodestone.curation.crystal import Composition, Crystal, composition
from lodestone.curation.fingerprint import FingerprintSettings, vector
from lodestone.curation.matching import PairDecisions, Similarity
from lodestone.structures import table

SCHEMA: dict[str, pl.DataType] = {
    "id": pl.String(),
    "representative": pl.String(),
    "multiplicity": pl.Int32(),
    "is_representative": pl.Boolean(),
    "is_representative_half": pl.Boolean(),
    "is_representative_double": pl.Boolean(),
    "duplicates_failure": pl.String(),
}
FACTORS = {"": 1.0, "_half": 0.5, "_double": 2.0}
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Clusters:
    """Leaders (n_structures,) by index for each factor of the threshold, and failures by index.

    A structure without a fingerprint leads itself alone.
    """

    leaders: dict[float, np.ndarray]
    failures: dict[int, str]

    def unique(self, factor: float = 1.0) -> int:
        """Number of distinct structures at a factor of the threshold."""
        return len(np.unique(self.leaders[factor]))


def cluster(
    crystals: Sequence[Crystal],
    similarity: Similarity,
    *,
    factors: Iterable[float] = (1.0,),
    progress: Progress | None = None,
) -> Clusters:
    """Cluster crystals by similarity, at the threshold times each of `factors`."""
    leaders = {factor: np.arange(len(crystals)) for factor in factors}
    failures: dict[int, str] = {}
    done = 0
    for bucket in buckets(crystals).values():
        members, features, failed = fingerprinted(crystals, bucket, similarity.fingerprint)
        failures |= failed
        decisions = PairDecisions([crystals[i] for i in members], similarity)
        for factor, found in leaders.items():
            if len(members) > 1:
                threshold = similarity.scaled(factor).threshold
                local = greedy_leaders(features, threshold, decisions.same)
                found[members] = np.asarray(members)[local]
        done += len(bucket)
        if progress:
            progress(done, len(crystals))
    return Clusters(leaders, failures)


def buckets(crystals: Sequence[Crystal]) -> dict[Composition, list[int]]:
    """Indices of the crystals of each reduced composition, in order of first appearance."""
    found: dict[Composition, list[int]] = defaultdict(list)
    for i, (numbers, _, _) in enumerate(crystals):
        found[composition(numbers)].append(i)
    return dict(found)


def fingerprinted(
    crystals: Sequence[Crystal], indices: Iterable[int], settings: FingerprintSettings
) -> tuple[list[int], np.ndarray, dict[int, str]]:
    """The indices with a fingerprint, their vectors (n, n_features), and why the others have none."""
    members: list[int] = []
    rows: list[np.ndarray] = []
    failures: dict[int, str] = {}
    for i in indices:
        try:
            rows.append(vector(crystals[i], settings).astype(np.float32))
            members.append(i)
        except ValueError as error:
            failures[i] = str(error)
    return members, np.stack(rows) if rows else np.empty((0, 0), dtype=np.float32), failures


def duplicates_table(
    symmetrized: pl.DataFrame,
    screened: pl.DataFrame,
    similarity: Similarity,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Cluster the structures that passed; one row per row of `symmetrized`, in the same order.

    The columns `is_representative_half` and `is_representative_double` mark the representatives
    at half and twice the threshold, so that their sums tell how much the count depends on it.
    """
    require_same_ids(symmetrized, screened)
    passed = np.flatnonzero(screened["passed"].to_numpy())
    crystals = [table.arrays(r) for r in symmetrized[passed].iter_rows(named=True)]
    found = cluster(crystals, similarity, factors=FACTORS.values(), progress=progress)
    ids = symmetrized["id"].to_numpy()
    n = len(ids)
    leader = found.leaders[1.0]
    representative = np.full(n, None, dtype=object)
    representative[passed] = ids[passed[leader]]
    multiplicity = np.full(n, None, dtype=object)
    multiplicity[passed] = np.bincount(leader, minlength=len(passed))[leader]
    failure = np.full(n, None, dtype=object)
    failure[passed[list(found.failures)]] = list(found.failures.values())
    columns = {
        "id": ids.tolist(),
        "representative": representative.tolist(),
        "multiplicity": [None if m is None else int(m) for m in multiplicity],
        "duplicates_failure": failure.tolist(),
    }
    for suffix, factor in FACTORS.items():
        leads = np.zeros(n, dtype=bool)
        leads[passed] = found.leaders[factor] == np.arange(len(passed))
        columns[f"is_representative{suffix}"] = leads.tolist()
    return pl.DataFrame(columns, schema=SCHEMA)


def require_same_ids(one: pl.DataFrame, other: pl.DataFrame) -> None:
    """Raise ValueError unless two tables describe the same structures in the same order."""
    if one["id"].to_list() != other["id"].to_list():
        msg = "the tables do not hold the same structures in the same order"
        raise ValueError(msg)
