"""Over a hundred references, as they are and shaken: space groups, displacements, screening in a row."""

from __future__ import annotations

from collections import Counter
from importlib.resources import files

import numpy as np
import polars as pl
import pytest

from benchmarks.duplicates.known_pairs import shaken
from lodestone.curation.fingerprint import distance
from lodestone.curation.screening import ScreenLimits, screening_table
from lodestone.curation.symmetry import symmetry_table
from lodestone.structures import table
from lodestone.structures.distances import min_distance

LADDER = (0.01, 0.05, 0.1)
BOUND = 0.1  # Å


@pytest.fixture(scope="module")
def samples() -> pl.DataFrame:
    """120 embedded references and each shaken by 0.01 Å per coordinate."""
    rows = table.read_table(files("lodestone.embedded") / "references.parquet")
    rng = np.random.default_rng(0)
    chosen = rows[rng.choice(len(rows), 120, replace=False)]
    crystals = [table.arrays(row) for row in chosen.iter_rows(named=True)]
    both = [*crystals, *(shaken(c, rng, 0.01) for c in crystals)]
    return table.from_arrays([str(i) for i in range(len(both))], *zip(*both, strict=True))


@pytest.fixture(scope="module")
def symmetrized(samples: pl.DataFrame) -> pl.DataFrame:
    return symmetry_table(samples, symprec=LADDER, max_displacement=BOUND)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_space_groups_are_those_of_spglib_alone_on_the_returned_cells(symmetrized: pl.DataFrame) -> None:
    import spglib

    found = symmetrized.filter(pl.col("symmetrize_failure").is_null())
    assert len(found) >= 230
    for row in found.iter_rows(named=True):
        numbers, cell, frac = table.arrays(row)
        alone = spglib.get_symmetry_dataset((cell, frac, numbers), symprec=LADDER[0])
        assert (alone.number, alone.international) == (row["space_group"], row["space_group_symbol"])


def test_displacements_stay_within_their_bound_and_the_crystal_is_the_same(
    samples: pl.DataFrame, symmetrized: pl.DataFrame
) -> None:
    """The bound holds for what is reported, and by the fingerprint, which knows nothing of symmetry."""
    for given, row in zip(samples.iter_rows(named=True), symmetrized.iter_rows(named=True), strict=True):
        before, after = table.arrays(given), table.arrays(row)
        if row["symmetrize_failure"] is not None:
            assert "moves an atom by" in row["symmetrize_failure"]
            assert np.array_equal(before[1], after[1])
            continue
        assert 0 <= row["displacement"] <= BOUND
        assert row["symprec"] in LADDER
        assert distance(before, after) < 0.1
        # both ends of a distance move by the bound at most, and the cell strains it by as much again
        assert abs(min_distance(*before) - min_distance(*after)) < 3 * BOUND
        assert len(before[0]) % len(after[0]) == 0 or len(after[0]) % len(before[0]) == 0


def test_shaking_is_undone_for_most(samples: pl.DataFrame, symmetrized: pl.DataFrame) -> None:
    groups = symmetrized["space_group"].to_numpy()
    half = len(samples) // 2
    assert (groups[:half] == groups[half:]).mean() > 0.9


def test_screening_names_every_reason_by_its_kind(samples: pl.DataFrame, symmetrized: pl.DataFrame) -> None:
    limits = ScreenLimits(("Co", "Li", "O"))
    found = screening_table(symmetrized, limits)
    reasons = found["screen_reason"]
    assert (found["passed"] == reasons.is_null()).all()
    kinds = ("missing elements", "foreign elements", "volume per atom", "distance", "moves an atom")
    named = Counter(kind for text in reasons.drop_nulls() for kind in kinds if kind in text)
    assert named["missing elements"] > 20
    assert named["foreign elements"] > 20
    assert all(any(kind in text for kind in kinds) for text in reasons.drop_nulls())
    on_system = [set(n) == {3, 8, 27} for n in symmetrized["numbers"].to_list()]
    assert found["on_system"].to_list() == on_system
    assert len(found) == len(samples)
