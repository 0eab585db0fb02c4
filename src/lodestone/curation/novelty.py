"""Which generated crystals are already known, and where from.

Sources are asked in order, and the first one that holds the crystal is named. Where none does, the
nearest reference of the same composition is named with its distance, so that a reader sees by how
much the crystal differs; `known` tells the two cases apart.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from lodestone.columns import Col
from lodestone.curation.clustering import WORTH_PROCESSES, grouped, nearest_same
from lodestone.curation.duplicates import require_same_ids
from lodestone.curation.fingerprint import distances
from lodestone.curation.fingerprints import Fingerprints, fingerprints
from lodestone.curation.matching import PairDecisions, Similarity
from lodestone.curation.results import Cost
from lodestone.runtime.processes import each
from lodestone.runtime.progress import Progress
from lodestone.structures.crystals import Crystal, Packed, bucket_labels, join, pack, pack_table

PART = 1000  # crystals and references handled together, unless one composition alone has more
ROWS = 1024  # rows of the distance matrix held at a time
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Nearest:
    """A reference by index, the fingerprint distance to it, and whether it is the same crystal."""

    reference: int
    distance: float
    known: bool


@dataclass(frozen=True)
class Lookups:
    """What was found for each crystal; None where no reference has its composition.

    `compared` is the number of references of the compositions asked: only they were looked at.
    `flawed` are those without a fingerprint, by index, with the reason.
    """

    found: list[Nearest | None]
    compared: int = 0
    flawed: dict[int, str] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)


@dataclass(frozen=True)
class Part:
    """Crystals of some compositions, the first `n_asked`, and behind them the references of those."""

    crystals: Packed
    n_asked: int
    labels: np.ndarray
    ranks: np.ndarray
    similarity: Similarity


def look_up_all(
    crystals: Sequence[Crystal],
    references: Sequence[Crystal],
    sources: Sequence[str],
    similarity: Similarity,
    *,
    order: Sequence[str] | None = None,
    progress: Progress | None = None,
    processes: int = 1,
) -> Lookups:
    """Find each crystal among the references.

    Args:
        crystals: what is looked up.
        references: where it is looked up; only those of a composition asked cost anything.
        sources: the source of each reference.
        similarity: when two crystals are the same.
        order: the sources in the order in which they are asked; by default that of first
            appearance. References of a source that is not in it are asked last.
        progress: called with the numbers of crystals done and in all.
        processes: how many work side by side.
    """
    asked, known = pack(crystals), pack(references)
    ranks = _ranks(sources, order)
    labels = bucket_labels(join(asked, known))
    ours, theirs = labels[: len(asked)], labels[len(asked) :]
    wanted = np.flatnonzero(np.isin(theirs, ours))
    parts = [(m, wanted[np.isin(theirs[wanted], ours[m])]) for m in _parts(ours, theirs[wanted])]
    parts.sort(key=lambda part: -len(part[0]) - len(part[1]))
    tasks = [
        Part(join(asked.take(m), known.take(r)), len(m), np.r_[ours[m], theirs[r]], ranks[r], similarity)
        for m, r in parts
    ]
    whole = Lookups([None] * len(asked), len(wanted))
    done = 0
    worth = len(asked) + len(wanted) >= WORTH_PROCESSES
    for k, part in each(look_up_part, tasks, processes if worth else 1):
        members, candidates = parts[k]
        for i, nearest in zip(members.tolist(), part.found, strict=True):
            whole.found[i] = _placed(nearest, candidates)
        whole.flawed.update({int(candidates[i]): reason for i, reason in part.flawed.items()})
        whole.cost.add(part.cost)
        done += len(members)
        if progress:
            progress(done, len(asked))
    if whole.flawed:
        reasons = sorted(set(whole.flawed.values()))
        LOG.warning("%d references have no fingerprint: %s", len(whole.flawed), reasons)
    return whole


def look_up_part(part: Part) -> Lookups:
    """The nearest references of one part, as positions among its references."""
    begin = time.process_time()
    features = fingerprints(part.crystals, part.similarity.fingerprint)
    cost, clock = Cost(fingerprints=time.process_time() - begin), time.perf_counter()
    n = part.n_asked
    flawed = {i - n: reason for i, reason in features.failures.items() if i >= n}
    whole = Lookups([None] * n, len(part.ranks), flawed, cost)
    failed = np.isin(np.arange(len(part.labels)), list(features.failures))
    for bucket in grouped(part.labels):
        fit = bucket[~failed[bucket]]
        ours, theirs = fit[fit < n], fit[fit >= n]
        if len(ours) and len(theirs):
            _in_bucket(part, features, ours, theirs, whole)
    cost.shared(time.process_time() - begin - cost.fingerprints, time.perf_counter() - clock)
    return whole


def _in_bucket(
    part: Part, features: Fingerprints, ours: np.ndarray, theirs: np.ndarray, whole: Lookups
) -> None:
    """Write the nearest reference of every crystal of one composition into `whole`."""
    decisions = PairDecisions(part.crystals.take(np.r_[ours, theirs]), part.similarity)
    vectors, ranks = features.vectors(theirs), part.ranks[theirs - part.n_asked]
    for start in range(0, len(ours), ROWS):
        apart = distances(features.vectors(ours[start : start + ROWS]), vectors)
        for row, gaps in enumerate(apart, start):

            def same(k: int, row: int = row) -> bool:
                return decisions.same(row, len(ours) + k)

            best = _first_source(gaps, ranks, part.similarity.threshold, same)
            column = int(gaps.argmin()) if best is None else best
            nearest = Nearest(int(theirs[column]) - part.n_asked, float(gaps[column]), best is not None)
            whole.found[int(ours[row])] = nearest
    whole.cost.confirmations.add(decisions.counts)


def _first_source(
    apart: np.ndarray, ranks: np.ndarray, threshold: float, same: Callable[[int], bool]
) -> int | None:
    """The nearest match of the first source that has one, as an index into `apart`."""
    for source in np.unique(ranks[apart <= threshold]):
        of_source = np.flatnonzero(ranks == source)

        def matches(k: int, of_source: np.ndarray = of_source) -> bool:
            return same(int(of_source[k]))

        best = nearest_same(apart[of_source], threshold, matches)
        if best is not None:
            return int(of_source[best])
    return None


def _ranks(sources: Sequence[str], order: Sequence[str] | None) -> np.ndarray:
    """The place of each reference's source in the order of asking."""
    places = {name: place for place, name in enumerate(dict.fromkeys([*(order or ()), *sources]))}
    return np.array([places[source] for source in sources], dtype=np.int64)


def _parts(ours: np.ndarray, theirs: np.ndarray) -> list[np.ndarray]:
    """Indices of the crystals of each part: whole compositions, until there are enough structures."""
    references = np.bincount(theirs, minlength=int(ours.max(initial=-1)) + 1)
    parts: list[np.ndarray] = []
    waiting: list[np.ndarray] = []
    total = 0
    for bucket in grouped(ours):
        waiting.append(bucket)
        total += len(bucket) + int(references[ours[bucket[0]]])
        if total >= PART:
            parts.append(np.concatenate(waiting))
            waiting, total = [], 0
    return [*parts, np.concatenate(waiting)] if waiting else parts


def _placed(nearest: Nearest | None, candidates: np.ndarray) -> Nearest | None:
    """The same with the reference's index among all references."""
    if nearest is None:
        return None
    return Nearest(int(candidates[nearest.reference]), nearest.distance, nearest.known)


__all__ = ["SCHEMA", "Nearest", "look_up", "novelty_table"]

SCHEMA: dict[str, pl.DataType] = {
    "id": pl.String(),
    Col.KNOWN: pl.Boolean(),
    Col.REFERENCE_SOURCE: pl.String(),
    Col.REFERENCE_ID: pl.String(),
    Col.REFERENCE_DISTANCE: pl.Float64(),
}


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

    The arguments are those of `known.look_up_all`, which tells the costs too.
    """
    return look_up_all(crystals, references, sources, similarity, order=order, progress=progress).found


def novelty_table(
    symmetrized: pl.DataFrame,
    duplicates: pl.DataFrame,
    references: pl.DataFrame,
    similarity: Similarity,
    *,
    order: Sequence[str] | None = None,
    progress: Progress | None = None,
    processes: int = 1,
    tell: Callable[[str], None] | None = None,
) -> pl.DataFrame:
    """Look up every representative; one row per row of `symmetrized`, in the same order.

    `tell` is given a summary with counts and costs.
    """
    require_same_ids(symmetrized, duplicates)
    asked = np.flatnonzero(duplicates[Col.IS_REPRESENTATIVE].to_numpy())
    found = look_up_all(
        pack_table(symmetrized[asked]),
        pack_table(references),
        references["source"].to_list(),
        similarity,
        order=order,
        progress=progress,
        processes=processes,
    )
    if tell:
        tell(summary(found, len(references)))
    by_row = dict(zip(asked.tolist(), found.found, strict=True))
    names = references["source"].to_list(), references["id"].to_list()
    rows = []
    for i, name in enumerate(symmetrized["id"].to_list()):
        nearest = by_row.get(i)
        if nearest is None:
            rows.append((name, False if i in by_row else None, None, None, None))
        else:
            source, reference = (column[nearest.reference] for column in names)
            rows.append((name, nearest.known, source, reference, nearest.distance))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def summary(found: Lookups, n_references: int) -> str:
    """Counts and costs of looking up in one line."""
    confirmed = found.cost.confirmations
    known = sum(nearest is not None and nearest.known for nearest in found.found)
    return (
        f"{len(found.found)} structures, {known} known; of {n_references} references {found.compared} have "
        f"one of their compositions; inside the gate {confirmed.same} pairs the same ({confirmed.evident} "
        f"evidently), {confirmed.different} not, {confirmed.matched} by the matcher; CPU s: {found.cost}"
    )
