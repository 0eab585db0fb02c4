"""Proposals as a table and back; sharing of proposals over compositions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import polars as pl
import pytest

from lodestone.structures.formulas import counts_of, formula_of
from lodestone.wyckoff.assignments import best_assignments
from lodestone.wyckoff.generator import proposals_for
from lodestone.wyckoff.groups import space_group
from lodestone.wyckoff.proposals import SCHEMA, Proposal, from_table, illegal, parse, to_table


class Listing:
    """A generator that lists the assignments of a few groups with falling weights."""

    source = "listing"

    def propose(self, counts: Mapping[str, int], n: int, *, space_groups=None, **_: object) -> list:
        found = []
        for number in space_groups or (225, 166, 62):
            found += best_assignments(counts, space_group(number), n)
        return [Proposal(p.space_group, p.orbits, 0.5 ** (i + 1)) for i, p in enumerate(found[:n])]


def test_a_table_gives_its_proposals_back() -> None:
    proposals = [parse("225 Li:a O:b", 0.5), parse("166 Co:a Li:b O:c", 0.25)]
    table = to_table([("Li1O1", proposals[0]), ("Li1Co1O2", proposals[1])], "prototypes")
    assert dict(table.schema) == {
        k: pl.DataType.from_python(v) if isinstance(v, type) else v for k, v in SCHEMA.items()
    }
    assert table["symbol"].to_list() == ["Fm-3m", "R-3m"]
    assert table["orbits"].to_list() == ["Li:a O:b", "Co:a Li:b O:c"]
    assert table["n_atoms"].to_list() == [2, 4]
    assert from_table(table) == proposals
    assert from_table(table.reverse()) == proposals
    assert to_table([], "learned").schema == table.schema


def test_wrong_rows_are_named() -> None:
    table = to_table([("Li1O1", parse("225 Li:a O:b"))], "x")
    with pytest.raises(ValueError, match=r"rank 0: .*225 has no Wyckoff letter 'z'"):
        from_table(table.with_columns(orbits=pl.lit("Li:a O:z")))
    with pytest.raises(ValueError, match=r"rank 0: the multiplicities add up"):
        from_table(table.with_columns(formula=pl.lit("Li1O2")))
    with pytest.raises(ValueError, match="columns orbits"):
        from_table(table.drop("orbits"))


def test_formulas() -> None:
    assert counts_of("Li2Co2O4") == {"Li": 2, "Co": 2, "O": 4}
    assert counts_of("LiCoO2") == {"Li": 1, "Co": 1, "O": 2}
    assert formula_of({"Li": 1, "O": 2}) == "Li1O2"
    assert counts_of(formula_of({"Ca": 12, "P": 7})) == {"Ca": 12, "P": 7}
    for wrong in ("", "li2", "Ca(OH)2", "LiOLi", "Li-O"):
        with pytest.raises(ValueError, match="no formula"):
            counts_of(wrong)


def test_proposals_are_shared_evenly_and_ranked_by_weight() -> None:
    compositions = [{"Li": 1, "O": 1}, {"Li": 2, "O": 2}, {"Li": 4, "O": 4}]
    table = proposals_for(Listing(), compositions, 11)
    assert table["rank"].to_list() == list(range(11))
    assert table["weight"].to_list() == sorted(table["weight"], reverse=True)
    assert Counter(table["formula"]) == {"Li1O1": 4, "Li2O2": 4, "Li4O4": 3}
    for formula, proposal in zip(table["formula"], from_table(table), strict=True):
        assert illegal(proposal, counts_of(formula)) is None


def test_what_one_composition_lacks_goes_to_the_others() -> None:
    table = proposals_for(Listing(), [{"Li": 1, "O": 1}, {"Li": 4, "O": 4}], 8, space_groups=[225, 62])
    assert len(table) == 8
    assert Counter(table["formula"])["Li1O1"] == 2  # 225 a b and b a


def test_nothing_legal_names_compositions_and_groups() -> None:
    with pytest.raises(
        ValueError, match=r"B5Li5: the Wyckoff positions of space groups 225, 227 never add up"
    ):
        proposals_for(Listing(), [{"B": 5, "Li": 5}], 4, space_groups=[225, 227])
    with pytest.raises(ValueError, match="twice"):
        proposals_for(Listing(), [{"B": 5, "Li": 5}, {"Li": 5, "B": 5}], 4)
    with pytest.raises(ValueError, match="number from 1"):
        proposals_for(Listing(), [{"B": 5}], 0)
