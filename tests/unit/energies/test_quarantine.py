"""References that must not shape a hull."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from lodestone.energies.audit import hull_audit
from lodestone.energies.errors import estimator_errors, reference_errors
from lodestone.energies.hull import hull_table
from lodestone.energies.phases import suspect_references

LI, OX = 3, 8


def rows(entries: list[tuple[Any, ...]]) -> pl.DataFrame:
    """id, numbers, energy per atom, own energy, source."""
    schema = {
        "id": pl.String(), "numbers": pl.List(pl.Int16()), "energy_per_atom": pl.Float64(),
        "own_energy": pl.Float64(), "source": pl.String(),
    }  # fmt: skip
    failure = pl.when(pl.col("energy_per_atom").is_null()).then(pl.lit("refused"))
    return pl.DataFrame(entries, schema=schema, orient="row").with_columns(energy_failure=failure)


GOOD = [
    ("Li", [LI], -2.0, None, "a"),
    ("O", [OX, OX], -5.0, None, "a"),
    *((f"Li2O/{k}", [LI, LI, OX], -5.0 + 0.02 * k, None, "a") for k in range(5)),
    ("LiO", [LI, OX], -4.5, None, "a"),
]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (("x", [LI, OX], -73.2, None, "a"), "an energy of -73.20 eV/atom"),
        (("x", [LI, OX], 88.0, None, "a"), "an energy of +88.00 eV/atom"),
        (("x", [LI, LI, OX], -8.0, None, "a"), "3.03 eV/atom below the middle of its formula"),
        (("x", [LI, OX], -10.0, None, "a"), "a formation energy of -6.50 eV/atom"),
        (("x", [LI, OX], -9.0, -4.5, "a"), "-4.50 eV/atom from its own energy"),
    ],
    ids=["too deep", "too high", "below its formula", "formed too deep", "missed"],
)
def test_what_is_absurd_is_kept_out_with_its_reason(entry: tuple[Any, ...], reason: str) -> None:
    known = [(n, z, e, e, s) for n, z, e, _, s in GOOD] if entry[3] is not None else GOOD
    references = rows([*known, entry])
    assert suspect_references(references) == {"x": f"quarantined: {reason}"}
    candidates = rows([("c", [LI, OX], -4.4, None, None)])
    found = hull_table(candidates, references)
    clean = hull_table(candidates, rows(known))
    assert found["e_above_hull"][0] == pytest.approx(clean["e_above_hull"][0])
    assert found.filter(pl.col("id") == "x")["hull_note"].item() == f"quarantined: {reason}"
    audit = hull_audit(references, candidates, ("Li", "O"))
    assert audit.filter(pl.col("name") == "a")["quarantined"].item() == 1
    assert audit.filter(pl.col("kind") == "subsystem")["quarantined"].sum() == 1
    assert audit.filter(pl.col("kind") == "subsystem")["references"].sum() == len(GOOD)


def test_what_is_only_high_harms_nobody_and_stays() -> None:
    assert suspect_references(rows([*GOOD, ("x", [LI, LI, OX], 3.0, None, "a")])) == {}
    assert suspect_references(rows(GOOD)) == {}
    assert suspect_references(rows([])) == {}


def test_sources_have_their_own_zeros() -> None:
    """A source whose energies are all 3 eV/atom away is no collection of outliers, its one outlier is."""
    one = [(f"a{k}", [LI, OX], -4.5 + 0.01 * k, -4.5, "a") for k in range(9)]
    other = [(f"b{k}", [LI, OX], -4.5 + 0.01 * k, -7.5, "b") for k in range(5)]
    assert suspect_references(rows([*one, *other])) == {}
    wrong = [*other, ("b9", [LI, OX], -4.5, -10.0, "b")]
    assert list(suspect_references(rows([*one, *wrong]))) == ["b9"]


def test_an_outlier_shapes_no_hull_of_the_errors_but_its_error_counts() -> None:
    """Own hulls are made of each source alone: their zeros would mix otherwise."""

    def source(name: str, zero: float) -> list[tuple[Any, ...]]:
        known = [([LI], -2.0), ([OX, OX], -5.0), ([LI, LI, OX], -5.0), ([LI, OX], -4.5)]
        return [(f"{name}{i}", z, e, e + zero, name) for i, (z, e) in enumerate(known)]

    both = rows([*source("a", 0.0), *source("b", 4.0)])
    errors = reference_errors(both)
    assert errors["id"].to_list() == both["id"].to_list()
    assert errors["e_above_hull"].to_list() == pytest.approx([0.0] * 8, abs=1e-9)
    outlier = pl.concat([both, rows([("x", [LI, OX], -20.0, -4.5, "a")])])
    worse = reference_errors(outlier)
    assert worse["e_above_hull"].to_list()[:8] == pytest.approx([0.0] * 8, abs=1e-9)
    assert worse["e_above_hull"][8] is None
    summary = estimator_errors(outlier).filter(pl.col("elements") == "all")
    assert summary["n"].to_list() == [9, 8]


def test_leaving_out_one_of_several_sources_shifts_the_hull_by_what_it_alone_holds() -> None:
    a = [("Li", [LI], -2.0, None, "a"), ("O", [OX, OX], -5.0, None, "a"), ("LiO", [LI, OX], -4.5, None, "a")]
    b = [("b/Li2O", [LI, LI, OX], -5.0, None, "b")]
    c = [("c/Li2O", [LI, LI, OX], -4.9, None, "c"), ("c/bad", [LI, OX], -60.0, None, "c")]
    candidates = rows([("c0", [LI, OX], -4.0, None, None), ("c1", [LI, LI, OX], -4.0, None, None)])
    found = hull_audit(rows([*a, *b, *c]), candidates, ("Li", "O"))
    shifts = {row["name"]: row for row in found.iter_rows(named=True) if row["kind"] == "source"}
    assert shifts["a"]["compositions_lost"] == 2
    # without b the deepest Li2O is that of c, 0.1 eV/atom higher; at LiO the hull is 3/4 of it
    assert shifts["b"]["largest_shift"] == pytest.approx(0.1)
    assert shifts["b"]["mean_shift"] == pytest.approx((0.1 + 0.075) / 2)
    assert shifts["c"]["largest_shift"] == pytest.approx(0.0, abs=1e-12)
    assert shifts["c"]["quarantined"] == 1
    assert shifts["c"]["references"] == 1
