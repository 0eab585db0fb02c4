"""Same or not the same: buckets, leaders, two stages, counts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmarks.duplicates.synthetic import duplicated_crystals
from lodestone.curation import clustering
from lodestone.curation.clustering import cluster, greedy_leaders
from lodestone.curation.duplicates import SCHEMA, duplicates_table
from lodestone.curation.fingerprint import distance, distances
from lodestone.curation.matching import PairDecisions, Similarity
from lodestone.structures import table
from lodestone.structures.crystals import bucket_labels, pack

BY_FINGERPRINT = Similarity(method="fingerprint")
TWO_STAGE = Similarity()


def partition(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == k).tolist()) for k in np.unique(labels)}


def naive_leaders(vectors: np.ndarray, threshold: float) -> list[int]:
    """The rule as written, one structure after the other."""
    leaders, found = [], []
    for i, row in enumerate(vectors):
        near = [(float(distances(row[None], vectors[k][None])[0, 0]), k) for k in leaders]
        near = [(d, k) for d, k in near if d <= threshold]
        found.append(min(near)[1] if near else i)
        if not near:
            leaders.append(i)
    return found


@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.6), st.sampled_from([3, 7, 1000]))
@settings(max_examples=40, deadline=None)
def test_blocks_do_not_change_the_leaders(seed: int, threshold: float, block: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(25, 3)).round(1)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clustering, "BLOCK", block)
        found = greedy_leaders(vectors, threshold, lambda *_: True)
    gaps = distances(vectors, vectors)
    assume(np.abs(gaps - threshold).min() > 1e-9)  # else rounding decides
    expected = naive_leaders(vectors, threshold)
    assert set(found) == set(expected)
    rows = np.arange(len(vectors))
    assert gaps[rows, found] == pytest.approx(gaps[rows, expected], abs=1e-9)


def test_the_second_opinion_is_asked_nearest_first_until_one_agrees() -> None:
    angles = np.array([0.0, 0.3, 0.2])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    asked = []

    def same(leader: int, i: int) -> bool:
        asked.append((leader, i))
        return leader == 0 and i == 2

    assert greedy_leaders(vectors, 0.1, same).tolist() == [0, 1, 0]
    assert asked == [(0, 1), (1, 2), (0, 2)]


@pytest.mark.parametrize("similarity", [BY_FINGERPRINT, TWO_STAGE])
def test_known_duplicates_are_found(similarity: Similarity) -> None:
    crystals, origin = duplicated_crystals(150, 6, parents=3, seed=4)
    found = cluster(crystals, similarity)
    assert partition(found.leaders[1.0]) == partition(origin)
    assert found.unique() == len(set(origin.tolist()))
    assert not found.failures


def test_every_real_crystal_is_distinct_and_equals_its_distorted_supercell(crystals: dict) -> None:
    rng = np.random.default_rng(0)
    both = []
    for numbers, cell, frac in crystals.values():
        doubled = np.concatenate([frac, frac + np.array([1, 0, 0])]) / [2, 1, 1]
        shaken = doubled + rng.normal(scale=0.005, size=doubled.shape)
        both += [(numbers, cell, frac), (np.tile(numbers, 2), cell * [[2], [1], [1]], shaken)]
    found = cluster(both, TWO_STAGE).leaders[1.0]
    assert found.tolist() == [i - i % 2 for i in range(len(both))]


def test_two_stages_tell_apart_what_one_threshold_merges() -> None:
    """A body-centred tetragonal series: fingerprints are near, the matcher sees the strain."""
    frac = np.array([[0.0] * 3, [0.5] * 3])
    series = [(np.array([26, 26]), np.diag([2.9, 2.9, c]), frac) for c in (2.9, 3.05, 3.6, 4.1)]
    wide = 0.6
    merged = cluster(series, Similarity(method="fingerprint", threshold=wide))
    decided = cluster(series, Similarity(threshold=wide))
    assert merged.unique() == 1
    assert decided.leaders[1.0].tolist() == [0, 0, 2, 2]


def test_gate_is_never_opened_by_the_matcher(crystals: dict) -> None:
    numbers, cell, frac = crystals["rutile TiO2"]
    pair = [(numbers, cell, frac), (numbers, cell * 1.04, frac)]
    assert PairDecisions(pair, TWO_STAGE).same(0, 1)
    gap = distance(*pair)
    assert cluster(pair, Similarity(threshold=gap * 0.9)).unique() == 2
    assert cluster(pair, Similarity(threshold=gap * 1.1)).unique() == 1


def test_counts_fall_with_the_threshold() -> None:
    frac = np.array([[0.0] * 3, [0.5] * 3])
    series = [(np.array([26, 8]), np.eye(3) * a, frac) for a in np.linspace(2.8, 3.4, 30)]
    found = cluster(series, BY_FINGERPRINT, factors=[0.5, 1.0, 2.0])
    counts = [found.unique(f) for f in (0.5, 1.0, 2.0)]
    assert all(a > b for a, b in pairwise(counts))


def test_buckets_hold_one_reduced_composition(crystals: dict) -> None:
    everything = list(crystals.values())
    assert bucket_labels(pack(everything)).tolist() == list(range(len(everything)))
    doubled = [
        (np.array([3, 8]), np.eye(3), np.zeros((2, 3))),
        (np.array([], dtype=int), np.eye(3), np.zeros((0, 3))),
        (np.array([8, 8, 3, 3]), np.eye(3), np.zeros((4, 3))),
        (np.array([8, 3, 3]), np.eye(3), np.zeros((3, 3))),
    ]
    assert bucket_labels(pack(doubled)).tolist() == [0, 1, 0, 2]


def test_each_pair_is_decided_once(crystals: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers, cell, frac = crystals["rutile TiO2"]
    chosen = [crystals["rutile TiO2"], (numbers, cell * 1.15, frac), crystals["rutile TiO2"]]
    pair = PairDecisions(chosen, TWO_STAGE)
    calls = []
    decide = pair._decide
    monkeypatch.setattr(pair, "_decide", lambda *a: calls.append(a) or decide(*a))
    assert [pair.same(0, 1), pair.same(1, 0), pair.same(0, 2)] == [True, True, True]
    assert calls == [(0, 1), (0, 2)]
    counts = pair.counts
    assert (counts.same, counts.different, counts.evident, counts.matched) == (2, 0, 1, 1)


def tables(crystals: list, passed: list[bool]) -> tuple[pl.DataFrame, pl.DataFrame]:
    names = [f"s{i}" for i in range(len(crystals))]
    structures = table.from_arrays(names, *zip(*crystals, strict=True))
    return structures, pl.DataFrame({"id": names, "passed": passed})


def test_table_marks_everything_and_drops_nothing(crystals: dict) -> None:
    nothing = (np.array([29]), np.full((3, 3), np.nan), np.zeros((1, 3)))
    chosen = [
        nothing,
        crystals["fcc Cu"],
        crystals["hcp Mg"],
        (crystals["fcc Cu"][0], crystals["fcc Cu"][1] * 1.001, crystals["fcc Cu"][2]),
        crystals["fcc Cu"],
    ]
    calls = []
    found = duplicates_table(
        *tables(chosen, [False, True, True, True, False]), TWO_STAGE, lambda *a: calls.append(a)
    )
    assert found.schema == pl.Schema(SCHEMA)
    assert found["id"].to_list() == ["s0", "s1", "s2", "s3", "s4"]
    assert found["representative"].to_list() == [None, "s1", "s2", "s1", None]
    assert found["multiplicity"].to_list() == [None, 2, 1, 2, None]
    assert found["is_representative"].to_list() == [False, True, True, False, False]
    assert found["is_representative_double"].sum() == 2
    assert found["duplicates_failure"].null_count() == 5
    assert calls[-1] == (3, 3)


def test_structures_without_a_fingerprint_stand_alone_with_the_reason() -> None:
    collapsed = (np.array([29, 29]), np.eye(3) * 3, np.zeros((2, 3)))
    found = duplicates_table(*tables([collapsed, collapsed], [True, True]), TWO_STAGE)
    assert found["multiplicity"].to_list() == [1, 1]
    assert found["is_representative"].to_list() == [True, True]
    assert all("0 Å apart" in reason for reason in found["duplicates_failure"])


def test_nothing_passed_is_a_table_too(crystals: dict) -> None:
    found = duplicates_table(*tables([crystals["fcc Cu"]], [False]), TWO_STAGE)
    assert found["representative"].to_list() == [None]


def test_tables_of_different_structures_are_refused(crystals: dict) -> None:
    structures, screened = tables([crystals["fcc Cu"], crystals["hcp Mg"]], [True, True])
    with pytest.raises(ValueError, match="same structures in the same order"):
        duplicates_table(structures, screened.reverse(), TWO_STAGE)
