"""Several estimators: from the scripts of the stages to hulls, agreement and the worst disagreements."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from ase import Atoms
from ase.build import bulk
from estimator_cases import script

from lodestone.energies import identity
from lodestone.energies.agreement import DISAGREEMENTS, SCHEMA, Judged, agreement, disagreements
from lodestone.energies.settings import EnergySettings
from lodestone.inference.intervals import wilson
from lodestone.report.figures.agreement import parity_figure
from lodestone.report.panels import agreement as family
from lodestone.structures import table
from lodestone.workflow.script_settings import HullSettings

EMT = {"kind": "ase", "calculator": "emt", "arguments": {}}
LJ = {"kind": "ase", "calculator": "lj", "arguments": {"sigma": 2.3, "epsilon": 0.4, "rc": 6.0}}
NONE = {"kind": "ase", "calculator": "ase.calculators.emt:Nothing", "arguments": {}}


def alloys(n: int) -> list[Atoms]:
    rng = np.random.default_rng(0)
    found = []
    for k in range(n):
        atoms = bulk("Cu", "fcc", a=3.7 + 0.02 * k, cubic=True)
        atoms.symbols = "CuAuCuAu" if k % 2 else "CuCuCuAu"
        atoms.positions += rng.normal(scale=0.1, size=(4, 3))
        found.append(atoms)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Structures of two arms and references."""
    known = table.from_ase(["r/Cu", "r/Au", "r/CuAu"], [bulk("Cu", a=3.6), bulk("Au", a=4.08), alloys(2)[1]])
    known = known.with_columns(source=pl.lit("r"), energy_per_atom=pl.lit(None, dtype=pl.Float64))
    table.write_table(known, tmp_path / "references.parquet")
    for arm, crystals in (("a", alloys(8)[:5]), ("b", alloys(8)[5:])):
        names = [f"{arm}{i}" for i in range(len(crystals))]
        table.write_table(table.from_ase(names, crystals), tmp_path / arm / "symmetrized.parquet")
        passed = pl.DataFrame({"id": names, "passed": [True] * len(names)})
        table.write_table(passed, tmp_path / arm / "screened.parquet")
    return tmp_path


def evaluate(folder: Path, estimator: dict[str, Any], name: str, *, optional: bool) -> None:
    settings = {"energy": {"estimator": estimator, "batch_size": 8}} | (
        {"optional": True} if optional else {}
    )
    typed = EnergySettings.model_validate(settings)
    for arm in ("a", "b"):
        script("energy").main(
            symmetrized=folder / arm / "symmetrized.parquet", screened=folder / arm / "screened.parquet",
            settings=typed, output=folder / arm / f"{name}.parquet", state=folder / "state" / arm / name,
        )  # fmt: skip
    script("reference_energy").main(
        references=folder / "references.parquet", settings=typed,
        output=folder / f"{name}.parquet", state=folder / "state" / name,
    )  # fmt: skip


def hull(folder: Path, others: list[str]) -> pl.DataFrame:
    script("hull").main(
        symmetrized=[folder / arm / "symmetrized.parquet" for arm in ("a", "b")],
        energies=[folder / arm / "judge.parquet" for arm in ("a", "b")],
        references=folder / "references.parquet", reference_energies=folder / "judge.parquet",
        settings=HullSettings(elements=("Au", "Cu"), others=tuple(others)),
        output=folder / "hull.parquet", audit=folder / "audit.parquet",
        estimator_error=folder / "error.parquet",
        other_energies=[folder / arm / f"{name}.parquet" for name in others for arm in ("a", "b")],
        other_reference_energies=[folder / f"{name}.parquet" for name in others],
        agreement=[folder / "agreement.parquet", folder / "disagreements.parquet"],
        hulls=[folder / "hulls" / f"{name}.parquet" for name in others],
    )  # fmt: skip
    return table.read_table(folder / "hull.parquet")


@pytest.mark.slow
def test_two_estimators_and_one_that_cannot_be_had(folder: Path) -> None:
    evaluate(folder, EMT, "judge", optional=False)
    alone = hull(folder, [])
    assert not (folder / "agreement.parquet").exists()
    evaluate(folder, LJ, "lj", optional=True)
    evaluate(folder, NONE, "none", optional=True)
    found = hull(folder, ["lj", "none"])
    assert found.columns == [*alone.columns, "e_above_hull_lj", "e_above_hull_none"]
    assert found.select(alone.columns).equals(alone)
    by_lj = table.read_table(folder / "hulls" / "lj.parquet")
    assert found["e_above_hull_lj"].to_list() == by_lj["e_above_hull"].to_list()
    assert found["e_above_hull_none"].null_count() == len(found)
    agreed = table.read_table(folder / "agreement.parquet")
    assert agreed.columns == list(SCHEMA)
    assert agreed.height == 6  # three pairs, two kinds
    first = agreed.row(0, named=True)
    assert (first["first"], first["second"], first["kind"]) == ("ase emt", "ase lj", "candidate")
    apart = (found["e_above_hull_lj"] - found["e_above_hull"]).to_numpy()[:8]
    assert first["n"] == 8
    assert first["mae"] == pytest.approx(np.abs(apart).mean())
    assert first["bias"] == pytest.approx(apart.mean())
    assert first["mae_low"] <= first["mae"] <= first["mae_high"]
    without = agreed.filter(pl.col("second_key") == "none", pl.col("first_key") == "")
    assert without["n"].to_list() == [0, 0]
    assert without["only_first"].to_list() == [8, 3]
    assert "Nothing" in without["note"][0]
    assert (folder / "agreement.tsv").read_text().startswith("first\tsecond\t")
    worst = table.read_table(folder / "disagreements.parquet").filter(pl.col("kind") == "candidate")
    assert worst.columns == list(DISAGREEMENTS)
    assert worst["difference"].abs().to_list() == sorted(np.abs(apart), reverse=True)
    assert set(worst["formula"]) == {"Au2Cu2", "AuCu3"}
    figure = parity_figure(found, "lj", "ase emt", "ase lj")
    assert figure is not None
    assert "eV/atom" in figure.layout.xaxis.title.text
    assert parity_figure(found, "none", "ase emt", "x") is None
    data = SimpleNamespace(agreement=agreed, disagreements=worst, hull=found)
    (panel,) = family.panels(data)
    assert [title for title, _ in panel.figures] == ["ase emt and ase lj"]
    assert len(panel.tables[0][1].rows) == 6
    assert family.panels(SimpleNamespace(agreement=None, disagreements=None, hull=alone)) == ()


def test_a_judge_that_cannot_be_had_stops_the_stage(folder: Path) -> None:
    with pytest.raises(ValueError, match="cannot be imported"):
        evaluate(folder, NONE, "judge", optional=False)
    assert not (folder / "a" / "judge.parquet").exists()


def test_energies_of_two_models_never_meet(folder: Path) -> None:
    evaluate(folder, EMT, "judge", optional=False)
    maker = identity.read(folder / "judge.parquet")
    assert maker is not None
    identity.write(maker | {"sha256": "f" * 64}, folder / "judge.parquet")
    with pytest.raises(identity.OtherModelError, match=r"judge\.parquet.*were made by different estimators"):
        hull(folder, [])


def test_a_model_that_changed_since_the_jobs_were_planned_is_refused() -> None:
    made = {"name": "grace-x", "sha256": "a" * 64}
    identity.verify(made, {})
    identity.verify(made, {"x": "missing"})
    identity.verify(made, {"x": "a" * 64})
    with pytest.raises(identity.OtherModelError, match="grace-x have changed"):
        identity.verify(made, {"x": "b" * 64})


def judged(name: str, values: list[float | None], notes: list[str | None] | None = None) -> Judged:
    n = len(values)
    rows = {"id": [f"s{i}" for i in range(n)], "kind": ["candidate"] * n, "e_above_hull": values}
    schema = {"e_above_hull": pl.Float64(), "hull_note": pl.String()}
    return Judged(name, pl.DataFrame(rows | {"hull_note": notes or [None] * n}, schema_overrides=schema))


def test_agreement_by_hand() -> None:
    one = judged("one", [0.05, 0.2, 0.3, None, -3.0], [None, None, None, None, "quarantined: a hole"])
    two = judged("two", [0.15, 0.25, 0.5, 0.1, 0.0])
    row = agreement([one, two]).row(0, named=True)
    assert (row["n"], row["only_first"], row["only_second"], row["quarantined"]) == (3, 0, 1, 1)
    assert row["bias"] == row["mae"] == pytest.approx(0.35 / 3)
    assert row["rmse"] == pytest.approx(np.sqrt((0.01 + 0.0025 + 0.04) / 3))
    assert row["spearman"] == pytest.approx(1.0)
    assert (row["same_side"], row["share"]) == (2, pytest.approx(2 / 3))
    assert row["share_low"] == pytest.approx(wilson(2, 3).low)
    worst = disagreements([one, two], {f"s{i}": [3, 8, 8] for i in range(5)})
    assert worst["id"].to_list() == ["s2", "s0", "s1"]
    assert worst["formula"].to_list() == ["LiO2"] * 3


def test_ties_share_ranks_and_a_flat_side_has_no_correlation() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, 40) / 10, rng.integers(0, 5, 40) / 10
    row = agreement([judged("a", a.tolist()), judged("b", b.tolist())]).row(0, named=True)
    assert row["spearman"] == pytest.approx(spearmanr(a, b).statistic)
    flat = agreement([judged("a", a.tolist()), judged("b", [0.1] * 40)]).row(0, named=True)
    assert flat["spearman"] is None
