"""The generator from references: similar ones first, then every legal assignment, by probability."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import polars as pl
import pytest

from lodestone.structures.table import read_table
from lodestone.wyckoff.assignments import count_assignments
from lodestone.wyckoff.general import General
from lodestone.wyckoff.groups import space_group
from lodestone.wyckoff.normaliser import canonical, equivalents
from lodestone.wyckoff.proposals import illegal, parse
from lodestone.wyckoff.prototypes import Prototypes, composition_distance, replacements
from lodestone.wyckoff.reading import Example, examples_of


@pytest.fixture(scope="module")
def references() -> pl.DataFrame:
    return read_table(files("lodestone.embedded") / "references.parquet").gather_every(12)


@pytest.fixture(scope="module")
def generator(references: pl.DataFrame) -> Prototypes:
    return Prototypes(references, target="e_above_hull")


FORMULAS = [{"Li": 1, "Co": 1, "O": 2}, {"Na": 1, "Cl": 1}, {"B": 7}, {"Ca": 2, "Cu": 2, "P": 2, "Si": 2}]


@pytest.mark.parametrize("counts", FORMULAS)
def test_proposals_are_legal_canonical_distinct_and_ranked_by_probability(
    generator: Prototypes, counts: dict
) -> None:
    found = generator.propose(counts, 40)
    assert len(found) == 40
    assert [illegal(p, counts) for p in found] == [None] * 40
    assert [canonical(p) for p in found] == found
    assert len({(p.space_group, p.orbits) for p in found}) == 40
    weights = [p.weight for p in found]
    assert weights == sorted(weights, reverse=True)
    assert 0 < sum(weights) <= 1 + 1e-9
    assert found == generator.propose(dict(reversed(counts.items())), 40, seed=3)


def test_all_proposals_together_have_probability_one(generator: Prototypes) -> None:
    counts, groups = {"Li": 1, "O": 2}, [164, 225, 136, 12]
    total = sum(count_assignments(counts, space_group(g)) for g in groups)
    found = generator.propose(counts, total, space_groups=groups)
    assert sum(p.weight for p in found) == pytest.approx(1)
    assert sum(len(equivalents(p)) for p in found) == total
    assert {p.space_group for p in found} <= set(groups)


def test_group_probabilities_are_those_of_the_proposals(generator: Prototypes) -> None:
    counts = {"Na": 1, "Cl": 1}
    by_group = generator.group_probabilities(counts)
    assert sum(by_group.values()) == pytest.approx(1)
    found = generator.propose(counts, 2000)
    assert sum(p.weight for p in found) == pytest.approx(1, abs=1e-3)
    for number in (225, 221, 166):
        assert sum(p.weight for p in found if p.space_group == number) == pytest.approx(
            by_group[number], abs=1e-3
        )


def test_the_structure_of_a_similar_composition_comes_first() -> None:
    examples = [
        Example("a", parse("225 Cl:a Na:b")), Example("b", parse("221 Cl:a Cs:b")),
        Example("c", parse("62 O:c O:c Si:c")),
    ]  # fmt: skip
    generator = Prototypes.of(examples)
    assert generator.propose({"Li": 1, "F": 1}, 1)[0].space_group == 225
    assert generator.propose({"Rb": 1, "I": 1}, 1)[0].space_group == 221
    # nothing of the kind is known: the tables alone answer
    assert generator.propose({"B": 5, "N": 3}, 5)


def test_a_target_draws_references_near_it() -> None:
    examples = [Example("a", parse("225 Cl:a Na:b"), 0.0), Example("b", parse("221 Cl:a Na:b"), 1.0)]
    generator = Prototypes.of(examples)
    assert generator.propose({"K": 1, "Cl": 1}, 1, target=0.0)[0].space_group == 225
    assert generator.propose({"K": 1, "Cl": 1}, 1, target=1.0)[0].space_group == 221
    untargeted = Prototypes.of([Example("a", parse("225 Cl:a Na:b"))])
    with pytest.raises(ValueError, match="target"):
        untargeted.propose({"K": 1, "Cl": 1}, 1, target=0.0)


def test_nothing_legal_is_nothing_and_a_wrong_column_is_named(
    generator: Prototypes, references: pl.DataFrame
) -> None:
    assert generator.propose({"B": 5, "Li": 5}, 4, space_groups=[225]) == []
    assert generator.propose({"B": 5, "Li": 5}, 0) == []
    with pytest.raises(ValueError, match=r"no column 'gap' of numbers; there are .*e_above_hull"):
        Prototypes(references, target="gap")
    with pytest.raises(ValueError, match="no column 'formula' of numbers"):
        examples_of(references, "formula")


def test_probabilities_of_all_assignments_add_up_to_the_share_of_their_group(generator: Prototypes) -> None:
    counts = {"Li": 2, "O": 4}
    general = General(counts, {136: 0.25, 123: 0.75}, generator._sites)
    found = list(general.ranked(2000))
    total = {g: sum(general.probability(p) for p in found if p.space_group == g) for g in (136, 123)}
    assert total == pytest.approx({136: 0.25, 123: 0.75})


def test_distances_and_replacements() -> None:
    assert composition_distance({"Li": 1, "O": 1}, {"O": 1, "Li": 1}) == 0
    near = composition_distance({"Li": 1, "O": 1}, {"Na": 1, "S": 1})
    assert 0 < near < composition_distance({"Li": 1, "O": 1}, {"Na": 1, "S": 3})
    pairs = replacements({"Na": 1, "Cl": 1}, {"F": 1, "Li": 1})
    ways = {tuple(sorted(names.items())): distance for names, distance in pairs}
    assert len(ways) == 2
    assert min(ways, key=ways.get) == (("Cl", "F"), ("Na", "Li"))
    many = dict.fromkeys(("Li", "Na", "K", "Rb", "F", "Cl", "Br"), 1)
    (same,) = replacements(many, many)
    assert same[0] == dict(zip(many, many, strict=True))
    assert np.isclose(same[1], 0)
