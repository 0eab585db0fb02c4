"""Structures from elsewhere go through everything after sampling, beside nothing that is drawn."""

import json

import numpy as np
import polars as pl
import pytest
from ase.io import write

CAMPAIGN = """\
campaign: elsewhere
chemical_system: Li-Co-O
sampling: {structures: 0}
constraints:
  co_o_4:
    terms: [{kind: coordination, center: Co, neighbor: O, target: 4, cutoff: 2.6}]
    satisfied_within: 0.5
arms:
  - {name: mine, structures: mine.extxyz, constraint: co_o_4}
  - {name: plain, structures: plain, role: unguided}
energy: {estimator: {kind: ase, calculator: "ase.calculators.lj:LennardJones"}, relax: {steps: 2}}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory, root, snakemake):
    """A finished campaign on known crystals: as they are, shaken, doubled, and broken in four ways."""
    from lodestone.structures import table

    folder = tmp_path_factory.mktemp("elsewhere")
    known = pl.read_parquet(root / "src/lodestone/embedded/references.parquet")
    known = known.filter(pl.col("chemical_system") == "Co-Li-O").head(12)
    crystals = table.to_ase(known)
    for atoms, name in zip(crystals, known["id"], strict=True):
        atoms.info["id"] = name
    doubled = [atoms * (1, 1, 2) for atoms in crystals[:4]]
    overlapping, alien, blown, flat = (atoms.copy() for atoms in crystals[:4])
    overlapping.positions[1] = overlapping.positions[0]
    alien.numbers[0] = 92
    blown.positions[0] = np.nan
    flat.set_cell(np.zeros((3, 3)))
    write(folder / "mine.extxyz", [*crystals, *doubled, overlapping, alien, blown, flat])
    (folder / "plain").mkdir()
    for i, atoms in enumerate(crystals[:5]):
        write(folder / "plain" / f"{i}.cif", atoms)
    (folder / "elsewhere.yaml").write_text(CAMPAIGN)
    done = snakemake(folder, "--configfile", "elsewhere.yaml", "--cores", "2", timeout=900)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def candidates(finished):
    return pl.read_parquet(finished / "results/elsewhere/candidates.parquet")


def test_every_structure_is_a_candidate_and_broken_ones_have_no_energy(candidates):
    assert dict(candidates.group_by("arm").len().iter_rows()) == {"mine": 20, "plain": 5}
    mine = candidates.filter(pl.col("arm") == "mine")
    broken = mine[-4:]
    assert broken["energy_per_atom"].null_count() == 4
    assert broken["e_above_hull"].null_count() == 4
    assert broken["passed"].to_list() == [False] * 4
    overlapping, alien, blown, flat = broken["screen_reason"]
    assert overlapping.startswith("smallest distance 0 Å")
    assert alien.endswith("foreign elements: U")
    assert "could not be read: an atom without an element, or a number that is not finite" in blown
    assert "could not be read: not periodic" in flat
    good = mine[:16]
    assert good.filter("passed")["energy_per_atom"].null_count() == 0


def test_known_crystals_are_known_by_their_ids_and_copies_by_their_originals(candidates):
    mine = candidates.filter(pl.col("arm") == "mine", pl.col("passed"))
    named = dict(
        mine.select("imported_id", "reference_id").filter(pl.col("reference_id").is_not_null()).iter_rows()
    )
    assert len(named) >= 8
    assert all(name == found for name, found in named.items())
    leaders = dict(mine.select("id", "representative").iter_rows())
    ids = mine["id"].to_list()
    doubled = [name for name in ids if int(name.rsplit("/", 1)[1]) in range(12, 16)]
    assert doubled
    for name in doubled:
        original = f"elsewhere/mine/0000/{int(name.rsplit('/', 1)[1]) - 12:05d}"
        assert leaders[name] == leaders[original]


def test_they_are_tested_against_each_other_and_cost_nothing(finished):
    folder = finished / "results/elsewhere/statistics"
    success = pl.read_parquet(folder / "success.parquet")
    assert set(success["arm"]) == {"mine"}
    assert set(success["reference_arm"]) == {"plain"}
    assert set(success["family"]) == {"exploratory"}
    assert pl.read_parquet(folder / "cost.parquet").height == 0
    (constraint,) = json.loads((folder / "summary.json").read_text())["constraints"]
    assert constraint["verdict"]["status"] == "not tested"
    assert "mine: structures from elsewhere" in constraint["verdict"]["sentence"]


def test_nothing_was_drawn_and_nothing_runs_again(finished, snakemake, jobs):
    assert not (finished / "results/elsewhere/timing").exists()
    assert jobs(snakemake(finished, "--configfile", "elsewhere.yaml", "-n")) == {}
    path = finished / "plain/0.cif"
    text = path.read_text()
    try:
        path.write_text(f"{text}\n# edited\n")
        again = jobs(snakemake(finished, "--configfile", "elsewhere.yaml", "-n"))
    finally:
        path.write_text(text)
    assert again == {
        **dict.fromkeys(("import_structures", "measure", "relax", "symmetrize", "screen"), 1),
        **dict.fromkeys(
            ("deduplicate", "novelty", "energy", "hull", "analyse", "record", "report", "figures"), 1
        ),
    }
