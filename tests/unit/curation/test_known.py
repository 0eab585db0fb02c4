"""Looking up at the size of a database, and lithium cobalt oxide among its look-alikes."""

from __future__ import annotations

import itertools
import time

import numpy as np
import polars as pl
import pytest
from ase.spacegroup import crystal as build

from benchmarks.duplicates.known_pairs import setting, shaken, signatures
from lodestone.curation import novelty
from lodestone.curation.matching import Similarity
from lodestone.curation.novelty import look_up_all, novelty_table
from lodestone.structures import table
from lodestone.structures.crystals import Crystal, pack

pytestmark = pytest.mark.slow

TWO_STAGE = Similarity()
EDGE = 4.0  # Å, of the rocksalt cell that all of these order


def as_crystal(atoms: object) -> Crystal:
    return atoms.numbers, np.array(atoms.cell), atoms.get_scaled_positions(wrap=False)


def supercell(crystal: Crystal, sizes: tuple[int, int, int]) -> Crystal:
    numbers, cell, frac = crystal
    shifts = np.array(list(itertools.product(*map(range, sizes))))
    whole = ((frac[None] + shifts[:, None]) / sizes).reshape(-1, 3)
    return np.tile(numbers, len(shifts)), cell * np.array(sizes)[:, None], whole


def orderings() -> dict[str, Crystal]:
    """LiCoO2 as a layered oxide, as a spinel, and as other orderings of rocksalt."""
    hexagonal = [EDGE / np.sqrt(2), EDGE / np.sqrt(2), 2 * np.sqrt(3) * EDGE, 90, 90, 120]
    spinel = [2 * EDGE] * 3 + [90, 90, 90]
    found = {
        "layered": as_crystal(build(
            ["Li", "Co", "O"], [(0, 0, 0.5), (0, 0, 0), (0, 0, 0.26)], spacegroup=166, cellpar=hexagonal,
            primitive_cell=True,
        )),
        "spinel": as_crystal(build(
            ["Co", "Li", "O"], [(0.5, 0.5, 0.5), (0, 0, 0), (0.2575, 0.2575, 0.2575)], spacegroup=227,
            setting=2, cellpar=spinel, primitive_cell=True,
        )),
        "gamma": as_crystal(build(
            ["Li", "Co", "O"], [(0, 0, 0.5), (0, 0, 0), (0, 0, 0.25)], spacegroup=141, setting=1,
            cellpar=[EDGE, EDGE, 2 * EDGE, 90, 90, 90], primitive_cell=True,
        )),
    }  # fmt: skip
    corners = np.array([(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)])
    cube = np.concatenate([corners, corners + 0.5 * np.eye(3)[0]])
    tetragonal = np.array([3, 3, 27, 27, 8, 8, 8, 8])
    found["tetragonal"] = tetragonal, np.eye(3) * EDGE, cube
    rng = np.random.default_rng(3)
    while len(found) < 8:
        numbers, cell, frac = supercell((np.full(8, 8), np.eye(3) * EDGE, cube), (2, 1, 1))
        metal = np.flatnonzero(np.tile(np.arange(8) < 4, 2))
        numbers[metal] = rng.permutation(np.repeat([3, 27], 4))
        drawn = numbers, cell, frac
        if not any(signatures(drawn) & signatures(other) for other in found.values()):
            found[f"disordered {len(found)}"] = drawn
    return found


def reference_table(crystals: dict[str, Crystal], source: str = "library") -> pl.DataFrame:
    return table.from_arrays(list(crystals), *zip(*crystals.values(), strict=True)).with_columns(
        source=pl.lit(source), e_above_hull=pl.Series([0.0, *[2.5] * (len(crystals) - 1)])
    )


def test_layered_licoo2_is_recognised_among_its_look_alikes() -> None:
    """Every ordering, from a turned supercell shaken by 0.03 Å, is itself and no other."""
    references = orderings()
    rng = np.random.default_rng(0)
    samples = {
        name: shaken(
            setting(supercell(crystal, (2, 2, 1) if len(crystal[0]) < 9 else (1, 1, 1)), rng), rng, 0.03
        )
        for name, crystal in references.items()
    }
    asked = table.from_arrays(list(samples), *zip(*samples.values(), strict=True))
    marked = pl.DataFrame({"id": list(samples), "is_representative": [True] * len(samples)})
    said: list[str] = []
    found = novelty_table(asked, marked, reference_table(references), TWO_STAGE, tell=said.append)
    assert found["reference_id"].to_list() == list(references)
    assert found["known"].all()
    assert found["reference_source"].unique().to_list() == ["library"]
    assert 0 < found["reference_distance"].max() < 0.1
    assert f"{len(samples)} structures, {len(samples)} known" in said[0]


def test_an_ordering_that_is_no_reference_is_new() -> None:
    references = orderings()
    layered = references.pop("layered")
    (found,) = look_up_all([layered], list(references.values()), ["a"] * len(references), TWO_STAGE).found
    assert found is not None
    assert not found.known


@pytest.fixture(scope="module")
def database() -> tuple[pl.DataFrame, dict[str, Crystal]]:
    """100,000 references of 500 formulas, and orderings of LiCoO2 among them at the end."""
    rng = np.random.default_rng(1)
    pairs = list(itertools.combinations(range(11, 80), 2))[:500]
    crystals = [
        (np.array(pairs[i % 500]), np.eye(3) * rng.uniform(2.5, 4), rng.random((2, 3)))
        for i in range(100_000)
    ]
    names = [f"mp-{i}" for i in range(len(crystals))]
    rows = table.from_arrays(names, *zip(*crystals, strict=True)).with_columns(source=pl.lit("large"))
    return pl.concat([rows, reference_table(orderings()).drop("e_above_hull")]), orderings()


def test_only_references_of_the_compositions_asked_are_looked_at(
    database: tuple[pl.DataFrame, dict[str, Crystal]], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, references = database
    looked_at: list[int] = []
    original = novelty.fingerprints
    monkeypatch.setattr(novelty, "fingerprints", lambda c, s: looked_at.append(len(c)) or original(c, s))
    asked = table.from_arrays(["x"], *zip(references["layered"], strict=True))
    marked = pl.DataFrame({"id": ["x"], "is_representative": [True]})
    said: list[str] = []
    begin = time.process_time()
    found = novelty_table(asked, marked, rows, TWO_STAGE, order=["large", "library"], tell=said.append)
    seconds = time.process_time() - begin
    assert found["reference_id"].to_list() == ["layered"]
    assert looked_at == [1 + len(references)]
    assert f"of 100008 references {len(references)} have one of their compositions" in said[0]
    assert seconds < 10


def test_two_processes_find_what_one_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novelty, "WORTH_PROCESSES", 1)
    monkeypatch.setattr(novelty, "PART", 10)
    references = orderings()
    rng = np.random.default_rng(0)
    mixed = [(np.array([29]), np.eye(3) * a, np.zeros((1, 3))) for a in (2.4, 2.5, 3.0)]
    asked = pack([*references.values(), *mixed, (np.array([79]), np.eye(3) * 3, np.zeros((1, 3)))])
    theirs = pack([*(shaken(c, rng, 0.02) for c in references.values()), *mixed[::2]])
    sources = ["b"] * 3 + ["a"] * (len(theirs) - 3)
    one, two = (look_up_all(asked, theirs, sources, TWO_STAGE, order=["a", "b"], processes=n) for n in (1, 2))
    assert one.found == two.found
    assert one.found[-1] is None
    assert [n.reference for n in one.found[:8]] == list(range(8))
    assert one.compared == two.compared == len(theirs)
