"""Same or not: quick answers beside the matcher's, primitive cells of shaken supercells, and the trial."""

from __future__ import annotations

from math import gcd

import numpy as np
import pytest
from curation_cases import random_crystal, seen_otherwise
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.duplicates.known_pairs import (
    CHANGES,
    distinct_pairs,
    prototypes,
    same_pairs,
    setting,
    shaken,
    signatures,
    supercell,
)
from benchmarks.duplicates.trial import decided, matcher_alone
from lodestone.curation.coincidence import coincide, frame
from lodestone.curation.exclusion import excluded, lattices_differ
from lodestone.curation.fingerprint import DEFAULTS, distances
from lodestone.curation.fingerprints import fingerprints
from lodestone.curation.matching import PairDecisions, Similarity
from lodestone.curation.primitive import primitive_cell
from lodestone.structures.crystals import Crystal, bucket_labels, pack
from lodestone.structures.lattices import reduce_crystal

pytestmark = pytest.mark.slow

SEEDS = st.integers(0, 2**32 - 1)
TOLERANCES = {"ltol": 0.2, "stol": 0.2, "angle_tol": 5.0}
TWO_STAGE = Similarity()


@pytest.fixture(scope="session")
def oxides() -> list[Crystal]:
    """Decorated prototypes of two systems."""
    return prototypes([("Co", "O"), ("Co", "Li", "O")])


def reduced(crystal: Crystal) -> Crystal:
    found = reduce_crystal(crystal[1], crystal[2])
    assert found is not None
    return crystal[0], *found


def near_pairs(crystals: list[Crystal], gate: float) -> list[tuple[int, int]]:
    packed = pack(crystals)
    features, labels = fingerprints(packed, DEFAULTS), bucket_labels(packed)
    found = []
    for label in np.unique(labels):
        bucket = np.flatnonzero(labels == label)
        vectors = features.vectors(bucket)
        found += [
            (bucket[i], bucket[j]) for i, j in np.argwhere(np.triu(distances(vectors, vectors) <= gate, 1))
        ]
    return found


def test_quick_answers_are_those_of_the_matcher(oxides: list[Crystal]) -> None:
    """Every way to a decision occurs, and fewer than one in two hundred differs from pymatgen alone."""
    changed = [b for kind in ("shaken by 0.05 Å", "strained by 1 %") for _, b in same_pairs(oxides, kind)]
    crystals = [*oxides, *changed]
    pairs = near_pairs(crystals, 0.2)
    pairs = [pairs[k] for k in np.random.default_rng(0).permutation(len(pairs))[:1000]]
    decisions, alone = PairDecisions(crystals, TWO_STAGE), matcher_alone(crystals)
    other = sum(decisions.same(i, j) != alone(min(i, j), max(i, j)) for i, j in pairs)
    counts = decisions.counts
    assert min(counts.evident, counts.unequal, counts.excluded, counts.matched) > 20
    assert counts.same + counts.different == len(pairs)
    assert counts.evident + counts.unequal + counts.excluded + counts.matched == len(pairs)
    assert other <= 5


def test_what_is_excluded_the_matcher_refuses(oxides: list[Crystal]) -> None:
    frames = [frame(primitive_cell(reduced(c))) for c in oxides]
    as_seen = [(f.numbers, f.cell, f.frac) for f in frames]
    alone = matcher_alone(as_seen)
    pairs = [p for p in near_pairs(oxides, 0.3) if len(frames[p[0]].numbers) == len(frames[p[1]].numbers)]
    said_no = [(i, j) for i, j in pairs if excluded(frames[i], frames[j], **TOLERANCES)]
    assert len(said_no) > 100
    assert not any(alone(i, j) for i, j in said_no)
    assert not any(coincide(frames[i], frames[j], **TOLERANCES) for i, j in said_no)
    differ = {(i, j) for i, j in pairs if lattices_differ(frames[i], frames[j], 0.2)}
    assert len(differ) > 20
    assert differ <= set(said_no)


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_a_crystal_seen_otherwise_coincides_with_itself(seed: int) -> None:
    rng = np.random.default_rng(seed)
    crystal = random_crystal(rng)
    other = seen_otherwise(crystal, rng)
    one, two = (frame(primitive_cell(reduced(c))) for c in (crystal, other))
    assert coincide(one, two, **TOLERANCES)
    assert not excluded(one, two, **TOLERANCES)
    assert PairDecisions([crystal, other], TWO_STAGE).same(0, 1)


def test_far_crystals_do_not_coincide(crystals: dict) -> None:
    numbers, cell, frac = crystals["triclinic Li2CoO3"]
    direction = np.random.default_rng(0).normal(size=frac.shape)
    direction /= np.linalg.norm(direction @ cell, axis=1, keepdims=True)
    moved = frame(reduced((numbers, cell, frac + 0.8 * direction)))
    assert not coincide(frame(reduced((numbers, cell, frac))), moved, **TOLERANCES)
    swapped = frame(reduced((numbers[::-1].copy(), cell, frac)))
    assert not coincide(frame(reduced((numbers, cell, frac))), swapped, **TOLERANCES)


@given(SEEDS, st.floats(0, 0.03))
@settings(max_examples=60, deadline=None)
def test_shaken_supercells_come_back_to_their_primitive_cell(crystals: dict, seed: int, sigma: float) -> None:
    rng = np.random.default_rng(seed)
    crystal = list(crystals.values())[seed % len(crystals)]
    small = primitive_cell(reduced(crystal))
    large = shaken(setting(supercell(crystal, rng), rng), rng, sigma)
    found = primitive_cell(reduced(large))
    assert sorted(found[0].tolist()) == sorted(small[0].tolist())
    volumes = [abs(np.linalg.det(c[1])) for c in (small, found)]
    assert volumes[0] == pytest.approx(volumes[1], rel=1e-9)  # the noise of atoms does not reach the cell
    assert coincide(frame(small), frame(found), **TOLERANCES)


def test_primitive_cells_of_prototypes_have_the_size_that_pymatgen_finds(oxides: list[Crystal]) -> None:
    from pymatgen.core import Lattice, Structure

    rng = np.random.default_rng(1)
    doubled = [reduced(supercell(c, rng)) for c in oxides[::6]]
    for numbers, cell, frac in doubled:
        expected = Structure(Lattice(cell), numbers, frac).get_primitive_structure()
        assert len(primitive_cell((numbers, cell, frac))[0]) == len(expected)


def test_a_superstructure_is_not_averaged_away(crystals: dict) -> None:
    """A doubled cell in which one copy moved by 0.8 Å is primitive; a cell of odd counts is not searched."""
    numbers, cell, frac = reduced(crystals["rocksalt NaCl"])
    doubled = np.concatenate([frac, frac + np.eye(3)[0]]) / [2, 1, 1]
    doubled[0] += np.linalg.solve((cell * [[2], [1], [1]]).T, [0.8, 0, 0])
    given_cell = reduced((np.tile(numbers, 2), cell * [[2], [1], [1]], doubled))
    assert primitive_cell(given_cell) is given_cell
    odd = reduced(crystals["triclinic Li2CoO3"])
    assert gcd(*np.unique(odd[0], return_counts=True)[1].tolist()) == 1
    assert primitive_cell(odd) is odd


def test_trial_of_known_answers(oxides: list[Crystal]) -> None:
    """False splits at most 1 % of at least 1000 pairs, false merges at most 0.5 %."""
    same = [pair for kind in sorted(CHANGES) for pair in same_pairs(oxides[::3], kind, seed=7)]
    pairs, left_out = distinct_pairs(oxides)
    distinct = [(oxides[i], oxides[j]) for i, j in pairs]
    splits, merges = decided(same), decided(distinct)
    assert min(len(same), len(distinct)) >= 1000
    assert left_out > 0
    assert sum(not answer for answer in splits["two_stage"]) <= 0.01 * len(same)
    assert sum(merges["two_stage"]) <= 0.005 * len(distinct)
    assert sum(merges["fingerprint"]) > 2 * sum(merges["two_stage"])  # what the second stage is for


def test_signatures_tell_polymorphs_apart_and_not_settings(crystals: dict) -> None:
    rng = np.random.default_rng(0)
    rutile = crystals["rutile TiO2"]
    assert signatures(rutile) & signatures(setting(supercell(rutile, rng), rng))
    numbers, cell, frac = crystals["fluorite CaF2"]
    fluorite = (np.where(numbers == 20, 22, 8), cell * 0.88, frac)
    assert not signatures(rutile) & signatures(fluorite)
    assert distinct_pairs([rutile, fluorite, rutile]) == ([(0, 1), (1, 2)], 1)
