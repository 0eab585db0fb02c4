"""Which generated crystals are already known, and where from.

Sources are asked in order, and the first one that holds the crystal is named. Where none does, the
nearest reference of the same composition is named with its distance, so that a reader sees by how
much the crystal differs; `known` tells the two cases apart.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from lodestone.curation.clusters import nearest_same
from lodestone.curation.crystal import Crystal
from lodestone.curation.duplicates import Progress, buckets, fingerprinted, require_same_ids
from lodestone.curation.fingerprint import distances
from lodestone.curation.matching import PairDecisions, Similarity
from lodestone.structures import table

SCHEMA: dict[str, pl.DataType] = {
    "id": pl.String(),
    "known": pl.Boolean(),
    "reference_source": pl.String(),
    "reference_id": pl.String(),
    "reference_distance": pl.Float64(),
}
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Nearest:
    """A reference by index, the fingerprint distance to it, and whether it is the same crystal."""

    reference: int
    distance: float
    known: bool


def look_up(
    crystals: Sequence[Crystal],
    references: Sequence[Crystal],
    sources: Sequence[str],
    similarity: Similarity,
    *,
    order: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> list[Nearest | None]:
    """Find each crystal among the references; None where no reference has its composition.

    Args:
        crystals: what is looked up.
        references: where it is looked up.
        sources: the source of each reference.
        similarity: when two crystals are the same.
        order: the sources in the order in which they are asked; by default that of first
            appearance. References of a source that is not in it are asked last.
        progress: called with the numbers of crystals done and in all.
    """
    ranked = list(dict.fromkeys([*(order or ()), *sources]))
    rank = np.array([ranked.index(s) for s in sources], dtype=int)
    groups = buckets(references)
    found: list[Nearest | None] = [None] * len(crystals)
    done = 0
    for key, members in buckets(crystals).items():
        for i, nearest in _in_bucket(
            crystals, members, references, groups.get(key, []), rank=rank, similarity=similarity
        ).items():
            found[i] = nearest
        done += len(members)
        if progress:
            progress(done, len(crystals))
    return found


def novelty_table(
    symmetrized: pl.DataFrame,
    duplicates: pl.DataFrame,
    references: pl.DataFrame,
    similarity: Similarity,
    *,
    order: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Look up every representative; one row per row of `symmetrized`, in the same order."""
    require_same_ids(symmetrized, duplicates)
    asked = np.flatnonzero(duplicates["is_representative"].to_numpy())
    found = look_up(
        [table.arrays(r) for r in symmetrized[asked].iter_rows(named=True)],
        [table.arrays(r) for r in references.iter_rows(named=True)],
        references["source"].to_list(),
        similarity,
        order=order,
        progress=progress,
    )
    by_row = dict(zip(asked.tolist(), found, strict=True))
    names = list(zip(references["source"].to_list(), references["id"].to_list(), strict=True))
    rows = []
    for i, name in enumerate(symmetrized["id"].to_list()):
        nearest = by_row.get(i)
        if nearest is None:
            rows.append((name, False if i in by_row else None, None, None, None))
        else:
            source, reference = names[nearest.reference]
            rows.append((name, nearest.known, source, reference, nearest.distance))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _in_bucket(
    crystals: Sequence[Crystal],
    members: list[int],
    references: Sequence[Crystal],
    candidates: list[int],
    *,
    rank: np.ndarray,
    similarity: Similarity,
) -> dict[int, Nearest]:
    """The nearest reference of each member, all of one composition."""
    theirs, their_vectors, bad = fingerprinted(references, candidates, similarity.fingerprint)
    if bad:
        LOG.warning("%d references have no fingerprint: %s", len(bad), sorted(set(bad.values())))
    ours, our_vectors, _ = fingerprinted(crystals, members, similarity.fingerprint)
    if not theirs or not ours:
        return {}
    decisions = PairDecisions([crystals[i] for i in ours] + [references[i] for i in theirs], similarity)
    apart = distances(our_vectors, their_vectors)
    ranks = rank[theirs]
    found = {}
    for row, i in enumerate(ours):

        def same(k: int, row: int = row) -> bool:
            return decisions.same(row, len(ours) + k)

        best = _first_source(apart[row], ranks, similarity.threshold, same)
        known = best is not None
        column = int(apart[row].argmin()) if best is None else best
        found[i] = Nearest(theirs[column], float(apart[row, column]), known)
    return found


def _first_source(
    apart: np.ndarray, ranks: np.ndarray, threshold: float, same: Callable[[int], bool]
) -> int | None:
    """The nearest match of the first source that has one, as an index into `apart`."""
    for source in np.unique(ranks):
        of_source = np.flatnonzero(ranks == source)

        def matches(k: int, of_source: np.ndarray = of_source) -> bool:
            return same(int(of_source[k]))

        best = nearest_same(apart[of_source], threshold, matches)
        if best is not None:
            return int(of_source[best])
    return None
