"""Every reason against a structure is named."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lodestone.curation.screening import (
    SCHEMA,
    ScreenLimits,
    composition_reasons,
    screen,
    screening_table,
)
from lodestone.structures import table

LITHIUM_COBALT_OXIDE = ScreenLimits(elements=("Co", "Li", "O"))
SODIUM_CHLORIDE = ScreenLimits(elements=("Cl", "Na"))


def test_a_real_crystal_of_the_system_passes(crystals: dict) -> None:
    found = screen(*crystals["layered LiCoO2"], LITHIUM_COBALT_OXIDE)
    assert (found.passed, found.on_system, found.reasons) == (True, True, ())


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([3, 27, 8], ()),
        ([3, 8], ("missing elements: Co",)),
        ([3, 27, 8, 9, 26], ("foreign elements: F, Fe",)),
        ([26], ("missing elements: Co, Li, O", "foreign elements: Fe")),
        ([3, 27, 8, 0, 119], ("foreign elements: element 0, element 119",)),
    ],
)
def test_composition_gate(numbers: list[int], expected: tuple[str, ...]) -> None:
    assert composition_reasons(np.array(numbers), ("Co", "Li", "O")) == expected


@pytest.mark.parametrize(("edge", "passed"), [(1.9, False), (2.2, True), (4.9, True), (5.1, False)])
def test_volume_bounds(edge: float, passed: bool) -> None:
    limits = ScreenLimits(elements=("Li",), volume_per_atom=(10.0, 120.0), distance_fraction=0.1)
    found = screen(np.array([3]), np.eye(3) * edge, np.zeros((1, 3)), limits)
    expected = () if passed else (f"volume per atom {edge**3:.4g} Å³ outside 10 to 120 Å³",)
    assert found.reasons == expected


def test_closest_pair_against_its_radii(crystals: dict) -> None:
    numbers, cell, frac = crystals["rocksalt NaCl"]
    radii = 1.66 + 1.02  # Å, Cordero et al.
    limit = 5.64 / 2 / radii
    tight = ScreenLimits(elements=("Cl", "Na"), distance_fraction=limit * 1.001)
    loose = ScreenLimits(elements=("Cl", "Na"), distance_fraction=limit * 0.999)
    assert screen(numbers, cell, frac, loose).passed
    (reason,) = screen(numbers, cell, frac, tight).reasons
    assert reason.startswith("Cl-Na distance 2.82 Å below ")


def test_worst_pair_is_relative_to_its_radii_not_the_shortest() -> None:
    frac = np.array([[0, 0, 0], [0.12, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.7]])
    found = screen(np.array([1, 1, 55, 55]), np.eye(3) * 7, frac, ScreenLimits(elements=("Cs", "H")))
    assert found.reasons == ("Cs-Cs distance 1.4 Å below 0.6 × the sum of covalent radii (2.93 Å)",)


def test_absolute_limit_comes_first() -> None:
    frac = np.array([[0, 0, 0], [0.1, 0, 0]])
    (reason,) = screen(np.array([11, 17]), np.eye(3) * 4, frac, SODIUM_CHLORIDE).reasons
    assert reason == "smallest distance 0.4 Å below 0.7 Å"


def test_own_images_are_screened() -> None:
    cell = np.diag([1.2, 6.0, 6.0])
    (reason,) = screen(np.array([3]), cell, np.zeros((1, 3)), ScreenLimits(elements=("Li",))).reasons
    assert reason.startswith("Li-Li distance 1.2 Å below")


def test_degenerate_cells_are_named_not_raised(degenerate_cells: list) -> None:
    for cell in degenerate_cells:
        found = screen(np.array([11, 17]), cell, np.array([[0.0] * 3, [0.5] * 3]), SODIUM_CHLORIDE)
        assert not found.passed
        assert found.on_system
    assert (
        screen(np.array([], dtype=int), np.eye(3), np.empty((0, 3)), SODIUM_CHLORIDE).reasons[0] == "no atoms"
    )


def test_table_keeps_rows_and_names_all_reasons(crystals: dict) -> None:
    nan = np.full((3, 3), np.nan)
    chosen = [
        crystals["rocksalt NaCl"],
        (np.array([11, 8]), nan, np.zeros((2, 3))),
        crystals["rocksalt NaCl"],
    ]
    symmetrized = table.from_arrays(["b", "a", "c"], *zip(*chosen, strict=True)).with_columns(
        symmetrize_failure=pl.Series([None, "not finite", "not generated: diverged"])
    )
    found = screening_table(symmetrized, SODIUM_CHLORIDE)
    assert found.schema == pl.Schema(SCHEMA)
    assert found["id"].to_list() == ["b", "a", "c"]
    assert found["passed"].to_list() == [True, False, False]
    assert found["on_system"].to_list() == [True, False, True]
    assert found["screen_reason"].to_list() == [
        None,
        "cell not finite; missing elements: Cl; foreign elements: O",
        "not generated: diverged",
    ]
