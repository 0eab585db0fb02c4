"""Clusters of equal crystals, part by part: whole buckets of one composition each, several at a time.

Clusters are of greedy leaders among fingerprint vectors, in blocks so that memory stays bounded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lodestone.curation.fingerprint import distances
from lodestone.curation.fingerprints import fingerprints
from lodestone.curation.matching import PairDecisions, Similarity
from lodestone.curation.results import Clusters, Cost, folder, load, save
from lodestone.runtime.processes import each
from lodestone.runtime.progress import Progress
from lodestone.runtime.signals import stop_if_asked
from lodestone.structures.crystals import Crystal, Packed, bucket_labels, pack

BLOCK = 1024  # rows of the distance matrix held at a time


def greedy_leaders(vectors: np.ndarray, threshold: float, same: Callable[[int, int], bool]) -> np.ndarray:
    """For each row the index of its leader (n_structures,); a leader leads itself.

    Rows are taken in order. A row joins the nearest earlier leader within `threshold` for which
    `same(leader, row)` holds, and becomes a leader where there is none. Equal distances go to the
    earlier leader.
    """
    found = np.arange(len(vectors))
    leaders: list[int] = []
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK]
        known = len(leaders)
        to_known = distances(block, vectors[leaders]) if known else np.empty((len(block), 0))
        within = distances(block, block)
        for row in range(len(block)):
            fresh = leaders[known:]
            apart = np.concatenate([to_known[row], within[row, np.asarray(fresh, dtype=int) - start]])
            i = start + row
            leader = next((k for k in _near(apart, leaders, threshold) if same(k, i)), i)
            found[i] = leader
            if leader == i:
                leaders.append(i)
    return found


def nearest_same(apart: np.ndarray, threshold: float, same: Callable[[int], bool]) -> int | None:
    """Index of the nearest entry of `apart` within `threshold` for which `same(index)` holds."""
    return next((k for k in _near(apart, range(len(apart)), threshold) if same(k)), None)


def _near(apart: np.ndarray, names: Sequence[int], threshold: float) -> Iterator[int]:
    """Names of the entries within the threshold, nearest first, ties in order."""
    inside = np.flatnonzero(apart <= threshold)
    for k in inside[np.argsort(apart[inside], kind="stable")]:
        yield int(names[k])


PARTS = 32
SMALLEST_PART = 1000  # structures; fewer make the arrays of fingerprints too short
LARGEST_PART = 4000  # structures, unless one bucket alone holds more
WORTH_PROCESSES = 4000  # structures; below, starting processes takes longer than the work


@dataclass(frozen=True)
class Part:
    """Whole buckets of crystals, and how to cluster them."""

    crystals: Packed
    labels: np.ndarray
    similarity: Similarity
    factors: tuple[float, ...]


def cluster(
    crystals: Sequence[Crystal],
    similarity: Similarity,
    *,
    factors: Iterable[float] = (1.0,),
    progress: Progress | None = None,
    processes: int = 1,
    state: Path | None = None,
) -> Clusters:
    """Cluster crystals by similarity, at the threshold times each of `factors`.

    Only crystals of one reduced composition are compared. The parts do not depend on `processes`,
    so neither does the result. Finished parts are kept in `state`, where it is given, and read when
    the same work is begun again. `progress` is told the numbers of crystals done and in all.

    Raises:
        Stopped: the job was asked to stop, `state` is given and parts are left.
    """
    packed, multiples = pack(crystals), tuple(factors)
    labels = bucket_labels(packed)
    found = Clusters({factor: np.arange(len(packed)) for factor in multiples}, {})
    members = sorted(_parts(labels), key=len, reverse=True)
    paths = _paths(state, packed, (similarity, multiples), len(members))
    there = {k: load(path, len(members[k]), multiples) for k, path in paths.items()}
    left = [k for k in range(len(members)) if there.get(k) is None]
    done = 0
    for k, part in there.items():
        if part is not None:
            _place(part, members[k], found)
            done += len(members[k])
    if progress and state:
        progress(done, len(packed))
    tasks = [Part(packed.take(members[k]), labels[members[k]], similarity, multiples) for k in left]
    for place, part in each(cluster_part, tasks, processes if len(packed) >= WORTH_PROCESSES else 1):
        k = left[place]
        _place(part, members[k], found)
        done += len(members[k])
        if state:
            save(part, paths[k])
        if progress:
            progress(done, len(packed))
        if state and done < len(packed):
            stop_if_asked(f"{done} of {len(packed)} finished")
    return found


def cluster_part(part: Part) -> Clusters:
    """The clusters of one part."""
    begin = time.process_time()
    features = fingerprints(part.crystals, part.similarity.fingerprint)
    cost, clock = Cost(fingerprints=time.process_time() - begin), time.perf_counter()
    found = Clusters({f: np.arange(len(part.labels)) for f in part.factors}, features.failures, cost)
    failed = np.isin(np.arange(len(part.labels)), list(features.failures))
    for bucket in grouped(part.labels):
        members = bucket[~failed[bucket]]
        if len(members) > 1:
            decisions = PairDecisions(part.crystals.take(members), part.similarity)
            vectors = features.vectors(members)
            for factor, leaders in found.leaders.items():
                threshold = part.similarity.scaled(factor).threshold
                leaders[members] = members[greedy_leaders(vectors, threshold, decisions.same)]
            cost.confirmations.add(decisions.counts)
    cost.shared(time.process_time() - begin - cost.fingerprints, time.perf_counter() - clock)
    return found


def grouped(labels: np.ndarray) -> list[np.ndarray]:
    """Indices of each label in order, label after label."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if len(order) else []


def _place(part: Clusters, members: np.ndarray, found: Clusters) -> None:
    """Write what was found in a part into what is found in all."""
    for factor, leaders in part.leaders.items():
        found.leaders[factor][members] = members[leaders]
    found.failures.update({int(members[i]): reason for i, reason in part.failures.items()})
    found.cost.add(part.cost)


def _paths(state: Path | None, crystals: Packed, settings: object, n: int) -> dict[int, Path]:
    """Where each part is kept; nothing without a `state`."""
    if state is None:
        return {}
    inside = folder(state, crystals, settings)
    return {k: inside / f"part-{k:05d}.npz" for k in range(n)}


def _parts(labels: np.ndarray) -> list[np.ndarray]:
    """Indices of parts: neighbouring buckets together, until there are enough structures."""
    target = int(np.clip(len(labels) // PARTS, SMALLEST_PART, LARGEST_PART))
    parts: list[np.ndarray] = []
    waiting: list[np.ndarray] = []
    for bucket in grouped(labels):
        waiting.append(bucket)
        if sum(map(len, waiting)) >= target:
            parts.append(np.concatenate(waiting))
            waiting = []
    return [*parts, np.concatenate(waiting)] if waiting else parts
