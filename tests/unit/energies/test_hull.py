from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from lodestone.energies.audit import hull_audit
from lodestone.energies.hull import Hulls, hull_table, with_energies
from lodestone.energies.phases import Phase, suspect_references

LI, CO, OX = 3, 27, 8


def _rows(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    """id, numbers, energy per atom, own energy, source."""
    schema = {
        "id": pl.String(), "numbers": pl.List(pl.Int16()), "energy_per_atom": pl.Float64(),
        "own_energy": pl.Float64(), "source": pl.String(),
    }  # fmt: skip
    failure = pl.when(pl.col("energy_per_atom").is_null()).then(pl.lit("refused"))
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(energy_failure=failure)


REFERENCES = _rows(
    [
        ("r/Li", [LI], -2.0, -2.0, "a"),
        ("r/O", [OX, OX], -5.0, -5.0, "a"),
        ("r/Li2O", [LI, LI, OX], -5.0, -5.0, "b"),  # formation -2 eV/atom
        ("r/LiO", [LI, OX], -4.5, -4.5, "b"),  # formation -1: above the line Li2O-O (-1.5)
    ]
)


def _above(found: pl.DataFrame, name: str, column: str = "e_above_hull") -> float | None:
    return found.filter(pl.col("id") == name)[column].item()


def test_a_binary_by_hand() -> None:
    candidates = _rows([("c/LiO", [LI, OX], -4.4, None, None), ("c/Li3O", [LI] * 3 + [OX], -4.0, None, None)])
    found = hull_table(candidates, REFERENCES)
    # LiO: hull at x(O)=1/2 between Li2O (x=1/3, -2) and O (x=1, 0): -1.5; energies of elements -3.5
    assert _above(found, "c/LiO") == pytest.approx(-4.4 - (-3.5 - 1.5))
    # Li3O: x(O)=1/4 between Li (0) and Li2O (x=1/3, -2): -1.5; elements -2.75
    assert _above(found, "c/Li3O") == pytest.approx(-4.0 - (-2.75 - 1.5))
    assert _above(found, "r/LiO") == pytest.approx(0.5)
    assert _above(found, "r/Li2O") == 0.0
    assert found["id"].to_list() == ["c/LiO", "c/Li3O", *REFERENCES["id"]]
    assert found["kind"].to_list() == ["candidate"] * 2 + ["reference"] * 4


def test_a_candidate_may_lie_below_the_references_hull_and_moves_the_combined_one() -> None:
    found = hull_table(_rows([("c/LiO", [LI, OX], -5.3, None, None)]), REFERENCES)
    assert _above(found, "c/LiO") == pytest.approx(-0.3)
    assert _above(found, "c/LiO", "e_above_hull_combined") == 0.0
    # the reference of the same formula is now further away: -4.5 against -5.3
    assert _above(found, "r/LiO", "e_above_hull_combined") == pytest.approx(0.8)
    assert _above(found, "r/LiO") == pytest.approx(0.5)


def test_a_hole_of_the_model_is_quarantined() -> None:
    candidates = _rows([("c/hole", [LI, OX], -9.0, None, None), ("c/LiO", [LI, OX], -4.4, None, None)])
    found = hull_table(candidates, REFERENCES)
    assert _above(found, "c/hole") == pytest.approx(-4.0)
    assert "quarantined" in _above(found, "c/hole", "hull_note")
    assert _above(found, "c/hole", "e_above_hull_combined") is None
    assert _above(found, "c/LiO", "e_above_hull_combined") == pytest.approx(0.6)


def test_a_missing_element_disables_only_what_needs_it() -> None:
    candidates = _rows([("c/CoO", [CO, OX], -6.0, None, None), ("c/LiO", [LI, OX], -4.4, None, None)])
    found = hull_table(candidates, REFERENCES)
    assert _above(found, "c/CoO") is None
    assert _above(found, "c/CoO", "hull_note") == "no hull: no reference of pure Co"
    assert _above(found, "c/LiO") == pytest.approx(0.6)
    assert _above(found, "c/LiO", "hull_note") is None


def test_no_phase_of_all_elements_is_a_lower_bound() -> None:
    more = _rows([("r/Co", [CO], -7.0, -7.0, "a")])
    found = hull_table(_rows([("c/x", [LI, CO, OX], -5.0, None, None)]), pl.concat([REFERENCES, more]))
    assert _above(found, "c/x", "hull_note") == "lower bound: no reference holds all of Co, Li, O"
    assert _above(found, "c/x") is not None


def test_no_energy_keeps_its_row_and_reason() -> None:
    found = hull_table(_rows([("c/x", [LI, OX], None, None, None)]), REFERENCES)
    assert _above(found, "c/x") is None
    assert _above(found, "c/x", "hull_note") == "no energy: refused"


def test_a_reference_that_the_estimator_gets_absurdly_wrong_stays_out_of_the_hull() -> None:
    wrong = _rows([("r/bad", [LI, OX, OX], -30.0, -5.0, "b")])
    references = pl.concat([REFERENCES, wrong])
    assert list(suspect_references(references)) == ["r/bad"]
    found = hull_table(_rows([("c/LiO", [LI, OX], -4.4, None, None)]), references)
    assert _above(found, "c/LiO") == pytest.approx(0.6)
    assert "quarantined" in _above(found, "r/bad", "hull_note")


def test_a_ternary_against_pymatgen_itself() -> None:
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
    from pymatgen.core import Composition

    phases = [
        Phase("Li", {"Li": 1}, -1.9), Phase("Co", {"Co": 1}, -7.0), Phase("O", {"O": 2}, -4.9),
        Phase("CoO", {"Co": 1, "O": 1}, -6.9), Phase("LiCoO2", {"Li": 1, "Co": 1, "O": 2}, -6.1),
    ]  # fmt: skip
    diagram = PhaseDiagram(
        [PDEntry(c := Composition(dict(p.composition)), p.energy * c.num_atoms) for p in phases]
    )
    wanted = {"Li": 2, "Co": 1, "O": 3}
    assert Hulls(phases).energy(wanted) == pytest.approx(
        diagram.get_hull_energy_per_atom(Composition(wanted))
    )


def test_the_audit_names_what_the_hull_lacks() -> None:
    candidates = _rows([("c/LiO", [LI, OX], -4.4, None, None), ("c/CoO", [CO, OX], -6.0, None, None)])
    found = hull_audit(REFERENCES, candidates, ("Co", "Li", "O"))
    rows = {r["name"]: r for r in found.iter_rows(named=True)}
    assert found.filter(pl.col("kind") == "subsystem").height == 7
    assert rows["Li-O"]["references"] == 2
    assert rows["Li-O"]["on_hull"] == 1
    assert rows["Co-O"]["missing_elements"] == "Co"
    assert rows["Co-Li-O"]["lower_bound"]
    # without source b the hull at LiO is the line between the elements: 1.5 eV/atom higher
    assert rows["b"]["largest_shift"] == pytest.approx(1.5)
    assert rows["b"]["compositions_lost"] == 0
    # without source a there are no elements left: LiO loses its hull
    assert rows["a"]["compositions_lost"] == 1


def test_energies_are_joined_by_id() -> None:
    structures = pl.DataFrame({"id": ["a", "b"], "numbers": [[3], [8]]})
    energies = pl.DataFrame(
        {"id": ["b", "a"], "energy_per_atom": [-1.0, -2.0], "energy_failure": [None, None]}
    )
    found = with_energies(structures, energies)
    assert found["energy_per_atom"].to_list() == [-2.0, -1.0]
    assert found["own_energy"].to_list() == [None, None]


def test_a_structure_without_atoms_has_its_row_and_no_hull() -> None:
    candidates = _rows([("c/none", [], None, None, None), ("c/LiO", [LI, OX], -4.4, None, None)])
    found = hull_table(candidates, REFERENCES)
    assert found["id"].to_list()[:2] == ["c/none", "c/LiO"]
    assert _above(found, "c/none") is None
    assert _above(found, "c/none", "e_above_hull_combined") is None
    assert found["hull_note"][0] == "no energy: refused"
    assert _above(found, "c/LiO") == pytest.approx(0.6)  # hull of Li2O and O at -5
