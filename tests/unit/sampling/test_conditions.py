"""What may be asked of a checkpoint's conditions, and what is refused by name."""

from __future__ import annotations

import pytest

from lodestone.sampling.mattergen.checkpoint import EMBEDDED, read_config
from lodestone.sampling.mattergen.conditions import (
    SYSTEM,
    Trained,
    problems,
    trained,
    trained_of_published,
    words,
)
from lodestone.sampling.mattergen.published import PUBLISHED, configuration

GOOD = {
    "mattergen_base": {},
    "chemical_system": {},
    "space_group": {"space_group": 225},
    "dft_mag_density": {"dft_mag_density": 0.15},
    "dft_band_gap": {"dft_band_gap": 0.0},
    "ml_bulk_modulus": {"ml_bulk_modulus": 400},
    "dft_mag_density_hhi_score": {"dft_mag_density": 0.15, "hhi_score": 1200.5},
    "chemical_system_energy_above_hull": {"energy_above_hull": 0.05},
    "mp_20_base": {},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_configurations_say_what_the_table_says(name: str) -> None:
    assert trained(configuration(name)) == trained_of_published(name)


def test_the_embedded_checkpoint_knows_the_chemical_system() -> None:
    found = trained(read_config(EMBEDDED / "config.yaml"))
    assert (found.fields, found.independent, found.masks) == ((SYSTEM,), False, True)


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_was_trained_is_taken(name: str) -> None:
    known = trained_of_published(name)
    assert problems(name, known, GOOD[name], 1.0) == []
    assert problems(name, known, {}, 0.0) == []
    assert bool(problems(name, known, GOOD[name], 2.0)) == (not known.fields)
    assert known.used(GOOD[name], 1.0) == tuple(sorted(PUBLISHED[name]))
    assert known.used({}, 0.0) == ()


@pytest.mark.parametrize(
    ("name", "conditions", "factor", "key", "wrong", "right"),
    [
        ("space_group", {}, 1.0, ("conditions",), "lacks its condition space_group", "guidance_factor: 0"),
        ("space_group", {"space_group": 0}, 1.0, ("conditions", "space_group"), "0", "1 to 230"),
        ("space_group", {"space_group": 225.5}, 1.0, ("conditions", "space_group"), "225.5", "whole"),
        ("space_group", {"spacegroup": 1}, 1.0, ("conditions", "spacegroup"), "not trained", "space_group"),
        (
            "mattergen_base",
            {"hhi_score": 1},
            1.0,
            ("conditions", "hhi_score"),
            "not trained",
            "no conditions",
        ),
        ("mattergen_base", {}, 2.0, ("guidance_factor",), "for nothing", "0 or 1"),
        ("chemical_system", {SYSTEM: 1}, 1.0, ("conditions", SYSTEM), "own chemical_system", "no such key"),
        ("dft_band_gap", {"dft_band_gap": -1}, 1.0, ("conditions", "dft_band_gap"), "-1", "0 on eV"),
        (
            "ml_bulk_modulus",
            {"ml_bulk_modulus": 0},
            1.0,
            ("conditions", "ml_bulk_modulus"),
            "0",
            "above 0 GPa",
        ),
        ("dft_band_gap", {"dft_band_gap": 1}, 0.0, ("guidance_factor",), "without conditions", "above 0"),
        (
            "dft_mag_density_hhi_score",
            {"hhi_score": 1},
            1.0,
            ("conditions",),
            "dft_mag_density (µB/Å³); it knows its conditions together",
            "dft_mag_density (µB/Å³), hhi_score",
        ),
        ("chemical_system_energy_above_hull", {}, 1.0, ("conditions",), "energy_above_hull (eV/atom)", "0"),
    ],
)
def test_faults_name_the_key_and_what_is_known(
    name: str, conditions: dict[str, float], factor: float, key: tuple[str, ...], wrong: str, right: str
) -> None:
    [(found, what, allowed)] = problems(name, trained_of_published(name), conditions, factor)
    assert found == key
    assert wrong in what
    assert right in allowed


def test_a_checkpoint_that_never_dropped_conditions_knows_no_score_without() -> None:
    always = Trained(("dft_band_gap",), 0.0)
    assert problems("mine", always, {"dft_band_gap": 1.0}, 1.0) == []
    for factor in (0.5, 2.0):
        [(key, what, right)] = problems("mine", always, {"dft_band_gap": 1.0}, factor)
        assert (key, right) == (("guidance_factor",), "1")
        assert "always on" in what


def test_conditions_that_were_dropped_one_by_one_may_be_asked_one_by_one() -> None:
    free = Trained(("dft_band_gap", "hhi_score"), 0.2, independent=True)
    assert problems("mine", free, {"hhi_score": 1.0}, 2.0) == []
    assert problems("mine", free, {}, 1.0)


def test_words_say_what_keeps_structures_inside_the_system() -> None:
    both = trained_of_published("chemical_system_energy_above_hull")
    assert words(both, "Co-Li-O", {"energy_above_hull": 0.05}, 2.0, masked=False) == (
        "conditioned on chemical_system Co-Li-O, energy_above_hull 0.05 eV/atom (γ = 2)"
    )
    said = words(trained_of_published("mattergen_base"), "Co-Li-O", {}, 1.0, masked=True)
    assert said.startswith("no condition; a mask")
    assert "has no condition chemical_system" in said
    assert words(both, "Co-Li-O", {}, 0.0, masked=True).endswith("for γ is 0")
