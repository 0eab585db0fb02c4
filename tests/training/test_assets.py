"""The committed assets: complete, consistent with their cards, small."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from training.references.prototypes import SYSTEMS, Quota, decorations, load_prototypes

from lodestone.runtime.files import file_hash
from lodestone.sampling.mattergen.checkpoint import EMBEDDED
from lodestone.structures.table import read_table

pytestmark = pytest.mark.slow

FOLDER = EMBEDDED.parent


@pytest.fixture(scope="module")
def references() -> pl.DataFrame:
    return read_table(FOLDER / "references.parquet")


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_case_study_has_its_elements_and_compounds(references: pl.DataFrame, system: str) -> None:
    known = set(references["chemical_system"].to_list())
    elements = system.split("-")
    assert set(elements) <= known
    assert "-".join(sorted(elements)) in known


def test_energies_define_a_hull(references: pl.DataFrame) -> None:
    assert references["id"].n_unique() == len(references)
    assert references["e_above_hull"].min() == pytest.approx(0, abs=1e-9)
    for element in {e for s in SYSTEMS for e in s.split("-")}:
        own = references.filter(pl.col("chemical_system") == element)
        assert own["e_above_hull"].min() == pytest.approx(0, abs=1e-9)


def test_lithium_cobalt_oxide_is_stable(references: pl.DataFrame) -> None:
    rows = references.filter(pl.col("formula") == "LiCoO2")
    assert rows["e_above_hull"].min() < 0.05


def test_cards_tell_the_hashes_of_the_files() -> None:
    checked = 0
    for card in (FOLDER / "card.json", FOLDER / "mattergen/card.json", FOLDER / "grace/card.json"):
        for name, expected in json.loads(card.read_text())["sha256"].items():
            assert file_hash(card.parent / name) == expected, name
            checked += 1
    assert checked >= 4


def test_the_card_of_the_checkpoint_meets_the_promise() -> None:
    """Measured, on two training seeds and every system, without resets or retries."""
    quality = json.loads((FOLDER / "mattergen/card.json").read_text())["quality"]
    assert {name.split("-")[0] for name in quality} == {"seed1", "seed2"}
    assert len(quality) == 2 * len(SYSTEMS)
    for name, q in quality.items():
        assert q["n"] >= 256, name
        assert q["dense"] >= 0.95, name
        assert q["apart"] >= 0.90, name
        assert abs(q["median_volume_shift"]) <= 0.10, name
        assert q["exact_system"] >= 0.60, name


def test_assets_are_small() -> None:
    files = [p for p in Path(FOLDER).rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert sum(p.stat().st_size for p in files) < 10 * 2**20


@pytest.mark.slow
def test_decorations_are_deterministic_and_of_the_right_elements() -> None:
    prototypes = load_prototypes()[:120]
    quota = Quota(("Co", "O"), 12)
    first, second = (decorations(prototypes, quota, 7) for _ in range(2))
    assert [s.formula for s in first] == [s.formula for s in second]
    assert all({e.symbol for e in s.composition.elements} == {"Co", "O"} for s in first)
    assert 0 < len(first) <= 12
