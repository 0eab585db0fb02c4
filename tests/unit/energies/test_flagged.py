"""What must never get an energy, through every kind of estimator and through the script of the stage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from ase import Atoms
from estimator_cases import FRAC, KINDS, broken, crystal, estimator_of, script

from lodestone.energies import identity
from lodestone.energies.evaluation import Evaluation, energies
from lodestone.energies.guards import Guards, evaluate_guarded, guards_for
from lodestone.energies.settings import EnergySettings
from lodestone.structures import table

pytestmark = pytest.mark.slow

CASES = list(broken("emt"))


def rows(structures: dict[str, Atoms]) -> pl.DataFrame:
    """A structure table; a cell that cannot be inverted has fractional coordinates all the same."""
    plain = []
    for name, atoms in structures.items():
        cell, frac = atoms.cell.array, FRAC[: len(atoms)]
        if np.isfinite(cell).all() and abs(np.linalg.det(cell)) > 1e-6:
            frac = atoms.get_scaled_positions(wrap=False)
        plain.append((name, atoms.numbers.tolist(), cell.reshape(-1).tolist(), frac.reshape(-1).tolist()))
    return pl.DataFrame(plain, schema=table.SCHEMA, orient="row")


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", KINDS)
def test_it_has_a_reason_and_no_energy_and_the_others_keep_theirs(kind: str, case: str) -> None:
    bad, reason = broken(kind)[case]
    estimator = estimator_of(kind)
    good = crystal(kind)
    for forces in (True, False):
        found = evaluate_guarded([good, bad, good], estimator, guards_for(estimator), forces=forces)
        assert isinstance(found[1], str), found[1]
        assert found[1]
        assert reason in found[1]
        assert all(isinstance(found[i], Evaluation) for i in (0, 2))
        (alone,) = evaluate_guarded([good], estimator, guards_for(estimator), forces=forces)
        assert found[0].energy == pytest.approx(alone.energy, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_public_evaluation_marks_every_one_of_them(kind: str) -> None:
    cases = broken(kind)
    structures = rows({"good": crystal(kind), **{name: atoms for name, (atoms, _) in cases.items()}})
    estimator = estimator_of(kind)
    found = energies(structures, estimator, guards_for(estimator))
    assert found["id"].to_list() == ["good", *cases]
    assert found["energy_per_atom"].is_not_null().to_list() == [True] + [False] * len(cases)
    assert found["energy_failure"].is_null().to_list() == [True] + [False] * len(cases)
    reasons = dict(found.select("id", "energy_failure").iter_rows())
    for name, (_, reason) in cases.items():
        assert reason in reasons[name], (name, reasons[name])


@pytest.mark.parametrize("kind", KINDS)
def test_so_does_the_script_of_the_stage(kind: str, tmp_path: Path) -> None:
    cases = broken(kind)
    structures = rows({"good": crystal(kind), **{name: atoms for name, (atoms, _) in cases.items()}})
    table.write_table(structures, tmp_path / "symmetrized.parquet")
    screened = structures.select("id", pl.lit(value=True).alias("passed"))
    table.write_table(screened, tmp_path / "screened.parquet")
    script("energy").main(
        symmetrized=tmp_path / "symmetrized.parquet", screened=tmp_path / "screened.parquet",
        settings=EnergySettings.model_validate(
            {"energy": {"estimator": KINDS[kind][0], "batch_size": 8}}
        ),
        output=tmp_path / "energy.parquet", state=tmp_path / "state",
    )  # fmt: skip
    found = table.read_table(tmp_path / "energy.parquet")
    assert found["energy_per_atom"].is_not_null().to_list() == [True] + [False] * len(cases)
    assert (found["energy_failure"].str.len_chars() > 5).sum() == len(cases)
    maker = identity.read(tmp_path / "energy.parquet")
    assert maker is not None
    assert maker["structures"] == len(cases) + 1
    assert maker["without_energy"] == len(cases)


def test_a_row_that_is_no_structure_is_marked_too() -> None:
    good = rows({"good": crystal("emt")})
    short = good.with_columns(pl.lit("short").alias("id"), pl.col("frac").list.head(5))
    empty = good.with_columns(
        pl.lit("empty").alias("id"), pl.lit(None, dtype=pl.List(pl.Int16)).alias("numbers")
    )
    estimator = estimator_of("emt")
    found = energies(pl.concat([short, empty.select(good.columns), good]), estimator, guards_for(estimator))
    assert found["energy_per_atom"].is_not_null().to_list() == [False, False, True]
    assert found["energy_failure"].str.starts_with("no structure").to_list() == [True, True, None]


class Raising:
    """Raises for what it is told to."""

    name = "raising"

    def __init__(self, wrong: set[int]) -> None:
        self.wrong, self.calls = wrong, 0

    def evaluate(self, structures):
        self.calls += 1
        if any(a.info["i"] in self.wrong for a in structures):
            raise RuntimeError("odd\nstructure")
        return [Evaluation.energy_alone(len(a), -1.0 * a.info["i"]) for a in structures]

    energy_only = evaluate


def numbered(n: int) -> list[Atoms]:
    structures = [crystal("emt") for _ in range(n)]
    for i, atoms in enumerate(structures):
        atoms.info["i"] = i
    return structures


def test_an_estimator_that_raises_fails_the_structures_that_it_raises_for() -> None:
    estimator = Raising({5, 20})
    with pytest.warns(UserWarning, match="raising raised for 2 of 64 structures, first RuntimeError: odd"):
        found = evaluate_guarded(numbered(64), estimator, Guards(), forces=False)
    assert [i for i, e in enumerate(found) if isinstance(e, str)] == [5, 20]
    assert found[5] == "raising failed: RuntimeError: odd structure"
    assert [e.energy for e in found if isinstance(e, Evaluation)] == [
        -i for i in range(64) if i not in {5, 20}
    ]
    assert estimator.calls < 30  # halves, not one by one


def test_an_estimator_that_raises_for_everything_is_broken() -> None:
    with pytest.raises(RuntimeError, match="odd"):
        evaluate_guarded(numbered(8), Raising(set(range(8))), Guards(), forces=False)
    with pytest.warns(UserWarning, match="3 of 3"):
        few = evaluate_guarded(numbered(3), Raising({0, 1, 2}), Guards(), forces=False)
    assert all("odd structure" in str(reason) for reason in few)
