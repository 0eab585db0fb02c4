"""Known or not: sources in order, nearest references, nothing dropped."""

from __future__ import annotations

import logging

import numpy as np
import polars as pl
import pytest

from lodestone.curation.fingerprint import distance
from lodestone.curation.matching import Similarity
from lodestone.curation.novelty import SCHEMA, look_up, novelty_table
from lodestone.structures import table

TWO_STAGE = Similarity()


def scaled(crystal: tuple, factor: float) -> tuple:
    return crystal[0], crystal[1] * factor, crystal[2]


def test_every_crystal_knows_itself_among_all_others(crystals: dict) -> None:
    everything = list(crystals.values())
    found = look_up(everything, everything, ["a"] * len(everything), TWO_STAGE)
    assert [n.reference for n in found] == list(range(len(everything)))
    assert all(n.known and n.distance == pytest.approx(0, abs=1e-6) for n in found)


def test_the_first_source_wins_even_where_a_later_one_is_nearer(crystals: dict) -> None:
    copper = crystals["fcc Cu"]
    references = [copper, scaled(copper, 1.006), scaled(copper, 1.004)]
    sources = ["late", "early", "early"]
    (by_appearance,) = look_up([copper], references, sources, TWO_STAGE)
    (ordered,) = look_up([copper], references, sources, TWO_STAGE, order=["early", "late"])
    assert (by_appearance.reference, by_appearance.known) == (0, True)
    assert (ordered.reference, ordered.known) == (2, True)
    assert ordered.distance == pytest.approx(distance(copper, references[2]), abs=1e-4)


def test_an_early_source_without_the_crystal_passes_on(crystals: dict) -> None:
    copper = crystals["fcc Cu"]
    body_centred = (copper[0], np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) * 1.45, copper[2])
    (found,) = look_up([copper], [body_centred, copper], ["early", "late"], TWO_STAGE)
    assert (found.reference, found.known) == (1, True)


def test_the_nearest_is_named_where_none_is_the_same(crystals: dict) -> None:
    zincblende = crystals["zincblende ZnS"]
    far, near = scaled(zincblende, 1.5), scaled(zincblende, 1.25)
    gaps = [distance(zincblende, r) for r in (far, near)]
    (found,) = look_up([zincblende], [far, near], ["a", "b"], TWO_STAGE)
    assert not found.known
    assert found.reference == int(np.argmin(gaps))
    assert found.distance == pytest.approx(min(gaps), abs=1e-4)


def test_other_compositions_are_no_neighbours(crystals: dict) -> None:
    assert look_up([crystals["fcc Cu"]], [crystals["hcp Mg"]], ["a"], TWO_STAGE) == [None]
    assert look_up([crystals["fcc Cu"]], [], [], TWO_STAGE) == [None]


def test_threshold_and_method_are_those_given(crystals: dict) -> None:
    copper = crystals["fcc Cu"]
    other = scaled(copper, 1.01)
    gap = distance(copper, other)
    for method in ("two_stage", "fingerprint"):
        for factor, known in ((0.9, False), (1.1, True)):
            similarity = Similarity(method=method, threshold=gap * factor)
            (found,) = look_up([copper], [other], ["a"], similarity)
            assert found.known is known


def reference_table(crystals: list) -> pl.DataFrame:
    names = [f"library/{i}" for i in range(len(crystals))]
    return table.from_arrays(names, *zip(*crystals, strict=True)).with_columns(source=pl.lit("library"))


def test_table_keeps_rows_and_asks_only_representatives(
    crystals: dict, caplog: pytest.LogCaptureFixture
) -> None:
    nothing = (np.array([29]), np.full((3, 3), np.nan), np.zeros((1, 3)))
    chosen = [nothing, crystals["fcc Cu"], crystals["fcc Cu"], crystals["hcp Mg"]]
    symmetrized = table.from_arrays(list("dcba"), *zip(*chosen, strict=True))
    duplicates = pl.DataFrame({"id": list("dcba"), "is_representative": [False, True, False, True]})
    collapsed = (np.array([29, 29]), np.eye(3) * 3, np.zeros((2, 3)))
    calls = []
    with caplog.at_level(logging.WARNING):
        found = novelty_table(
            symmetrized,
            duplicates,
            reference_table([collapsed, crystals["fcc Cu"]]),
            TWO_STAGE,
            progress=lambda *a: calls.append(a),
        )
    assert found.schema == pl.Schema(SCHEMA)
    assert found["id"].to_list() == list("dcba")
    assert found["known"].to_list() == [None, True, None, False]
    assert found["reference_source"].to_list() == [None, "library", None, None]
    assert found["reference_id"].to_list() == [None, "library/1", None, None]
    assert found["reference_distance"].to_list() == [None, pytest.approx(0, abs=1e-6), None, None]
    assert "1 references have no fingerprint" in caplog.text
    assert calls[-1] == (2, 2)
