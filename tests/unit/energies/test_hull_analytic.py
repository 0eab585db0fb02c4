"""Hulls whose energies are known on paper, and pymatgen's own decompositions on random ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from lodestone.energies.hull import Hulls
from lodestone.energies.phases import Phase, reduced

ELEMENTS = ("Co", "Li", "O", "P")


def random_phases(seed: int, n: int, elements: tuple[str, ...], *, grid: bool = False) -> list[Phase]:
    """Elements at random energies and compounds around them; `grid`: energies that coincide."""
    rng = np.random.default_rng(seed)
    found = [Phase(e, {e: int(rng.integers(1, 5))}, -2.0 - i) for i, e in enumerate(elements)]
    for k in range(n):
        chosen = rng.choice(elements, size=rng.integers(1, len(elements) + 1), replace=False)
        composition = {str(e): int(rng.integers(1, 7)) for e in chosen}
        mean = sum(m * (-2.0 - elements.index(e)) for e, m in composition.items()) / sum(composition.values())
        step = rng.normal(-0.3 if len(chosen) > 1 else 0.5, 0.5)
        found.append(Phase(f"p{k}", composition, mean + (round(step, 1) if grid else step)))
    return found


def diagram(phases: list[Phase]) -> PhaseDiagram:
    return PhaseDiagram(
        [PDEntry(c := Composition(dict(p.composition)), p.energy * c.num_atoms, name=p.id) for p in phases]
    )


def test_a_binary_is_the_tie_line() -> None:
    hulls = Hulls(
        [Phase("Li", {"Li": 3}, -2.0), Phase("O", {"O": 2}, -5.0), Phase("x", {"Li": 2, "O": 1}, -4.0)]
    )
    # from Li (x = 0) to Li2O (1/3) to O (1), in energies per atom
    for composition, energy in (
        ({"Li": 5, "O": 1}, -2.0 + (-4.0 + 2.0) * (1 / 6) * 3),
        ({"Li": 4, "O": 2}, -4.0),
        ({"Li": 1, "O": 1}, -4.0 + (-5.0 + 4.0) * (1 / 2 - 1 / 3) * 3 / 2),
        ({"Li": 1, "O": 3}, -4.0 + (-5.0 + 4.0) * (3 / 4 - 1 / 3) * 3 / 2),
        ({"O": 7}, -5.0),
    ):
        assert hulls.energy(composition) == pytest.approx(energy, abs=1e-12)


def test_a_ternary_is_the_tangent_plane() -> None:
    elements = [Phase("A", {"Co": 1}, 0.0), Phase("B", {"Li": 1}, 0.0), Phase("C", {"O": 2}, 0.0)]
    deep = Phase("ABC", {"Co": 1, "Li": 1, "O": 1}, -3.0)
    hulls = Hulls([*elements, deep])
    # from the middle the hull falls off linearly to nothing on the edges: -9 × the smallest fraction
    for composition in ({"Co": 2, "Li": 1, "O": 1}, {"Co": 1, "Li": 5, "O": 3}, {"Co": 4, "Li": 4, "O": 1}):
        n = sum(composition.values())
        assert hulls.energy(composition) == pytest.approx(-9.0 * min(composition.values()) / n, abs=1e-12)
    assert hulls.energy({"Co": 2, "Li": 1}) == pytest.approx(0.0, abs=1e-12)


def test_duplicates_and_higher_polymorphs_change_nothing() -> None:
    phases = random_phases(3, 40, ELEMENTS[:3])
    more = [Phase(f"{p.id}'", {e: 2 * n for e, n in p.composition.items()}, p.energy + 0.1) for p in phases]
    twins = [Phase(f'{p.id}"', p.composition, p.energy) for p in phases]
    wanted = [p.composition for p in random_phases(4, 60, ELEMENTS[:3])]
    assert Hulls([*phases, *more, *twins]).energies(wanted) == pytest.approx(Hulls(phases).energies(wanted))


@pytest.mark.parametrize("grid", [False, True], ids=["any", "coinciding"])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(4))
def test_energies_are_those_of_pymatgen_s_decompositions(seed: int, size: int, *, grid: bool) -> None:
    elements = ELEMENTS[:size]
    phases = random_phases(seed, 120, elements, grid=grid)
    theirs = diagram(phases)
    wanted = [p.composition for p in random_phases(seed + 100, 80, elements)]
    for composition, energy in zip(wanted, Hulls(phases).energies(wanted), strict=True):
        parts = theirs.get_decomposition(Composition(composition))
        expected = sum(amount * entry.energy_per_atom for entry, amount in parts.items())
        assert energy == pytest.approx(expected, abs=1e-9), composition


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_no_phase_lies_below_its_hull_and_the_stable_ones_lie_on_it(seed: int) -> None:
    phases = random_phases(seed, 30, ELEMENTS[:3])
    hulls = Hulls(phases)
    above = [
        p.energy - e for p, e in zip(phases, hulls.energies([p.composition for p in phases]), strict=True)
    ]
    assert min(above) > -1e-9
    stable = hulls.stable(ELEMENTS[:3])
    assert all(
        a == pytest.approx(0.0, abs=1e-9) for p, a in zip(phases, above, strict=True) if p.id in stable
    )


def test_a_candidate_below_moves_the_hull_at_its_composition_by_its_depth() -> None:
    phases = random_phases(5, 40, ELEMENTS[:3])
    composition = {"Co": 1, "Li": 2, "O": 3}
    before = Hulls(phases).energy(composition)
    after = Hulls([*phases, Phase("c", composition, before - 0.25)])
    assert after.energy(composition) == pytest.approx(before - 0.25)
    assert "c" in after.stable(ELEMENTS[:3])


def test_equal_formulas_are_equal() -> None:
    assert reduced({"Li": 4, "O": 2}) == reduced({"O": 1, "Li": 2}) == (("Li", 2), ("O", 1))
    assert reduced({"O": 2}) == (("O", 1),)
