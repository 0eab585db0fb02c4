"""What the benchmark of functions says: ratios of rates, and functions that count what terms count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from crystals import CRYSTALS, IDS, arrays
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.functions.questions import CUTOFF, PAIR
from benchmarks.functions.rates import ratio
from benchmarks.shared.rates import Rate
from lodestone.constraints.descriptors.coordination import Coordination
from lodestone.constraints.functions import load, sha256

ROOT = Path(__file__).resolve().parents[3]
UNIT = st.floats(0.01, 0.99)


def function(text: str):
    name = str(ROOT / "config" / "functions" / text.partition(":")[0])
    return load(f"{name}:{text.partition(':')[2]}", {name: str(sha256(name))})


@given(UNIT, UNIT, UNIT, UNIT)
def test_a_ratio_to_an_exact_rate_has_the_interval_of_its_own_rate(
    a: float, b: float, c: float, to: float
) -> None:
    low, value, high = sorted((a, b, c))
    found = ratio(Rate(value, low, high), Rate(to, to, to))
    assert found["value"] == pytest.approx(value / to)
    assert (found["low"], found["high"]) == pytest.approx((low / to, high / to), rel=1e-6)


@given(UNIT, UNIT, UNIT, st.floats(0.3, 0.5), st.floats(0.2, 0.3), st.floats(0.5, 0.9))
def test_an_interval_holds_its_ratio_and_an_uncertain_base_widens_it(
    a: float, b: float, c: float, to: float, low: float, high: float
) -> None:
    of = Rate(*[sorted((a, b, c))[k] for k in (1, 0, 2)])
    sure, unsure = ratio(of, Rate(to, to, to)), ratio(of, Rate(to, low, high))
    assert unsure["low"] <= sure["low"] + 1e-9
    assert unsure["low"] <= unsure["value"] + 1e-9
    assert unsure["high"] >= sure["high"] - 1e-9


def test_a_ratio_to_no_success_is_not_defined_but_has_a_lower_bound() -> None:
    found = ratio(Rate(0.5, 0.4, 0.6), Rate(0.0, 0.0, 0.05))
    assert found["value"] is None
    assert found["high"] is None
    assert found["low"] is not None
    assert found["low"] > 1
    assert ratio(Rate(0.0, 0.0, 0.1), Rate(0.2, 0.1, 0.3))["low"] == 0


def test_the_cutoff_of_both_forms_of_the_question_is_one() -> None:
    assert Coordination.model_validate({**PAIR, "target": 1}).resolved_cutoff() == CUTOFF


@pytest.mark.parametrize("known", CRYSTALS, ids=IDS)
def test_the_function_counts_what_the_coordination_term_counts(
    known: tuple[str, Atoms, str, str, float],
) -> None:
    _, atoms, center, neighbor, cutoff = known
    term = Coordination.model_validate(
        {"center": center, "neighbor": neighbor, "target": 1, "cutoff": cutoff}
    )
    found = function("neighbours.py:mean_neighbours")(atoms, center, neighbor, cutoff)
    assert found == pytest.approx(term.hard(*arrays(atoms)))
    assert function("neighbours.py:mean_neighbours")(atoms, "Xe", neighbor, cutoff) is None


@pytest.mark.parametrize(
    ("atoms", "number"),
    [(bulk("Cu", a=3.6), 225), (bulk("Si", a=5.43), 227), (bulk("NaCl", "rocksalt", a=5.6), 225),
     (bulk("Co", "hcp", a=2.51, c=4.07), 194), (Atoms("Cu", cell=[3, 4, 5], pbc=True), 47)],
    ids=["fcc", "diamond", "rocksalt", "hcp", "orthorhombic"],
)  # fmt: skip
def test_space_groups_are_those_of_the_tables(atoms: Atoms, number: int) -> None:
    assert function("symmetry.py:space_group_number")(atoms) == number


def test_missing_symmetry_falls_as_a_crystal_becomes_symmetric() -> None:
    missing = function("symmetry.py:missing_symmetry")
    perfect = bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    noise = np.random.default_rng(1).normal(size=perfect.positions.shape)
    found = []
    for scale in (0.0, 0.05, 0.1, 0.2, 0.4):
        atoms = perfect.copy()
        atoms.positions += scale * noise
        found.append(missing(atoms))
    assert found[0] == 0
    assert found == sorted(found)
    assert 0 < found[2] < 1
    low = missing(
        Atoms("CuP", cell=[[3, 0.3, 0.1], [0, 4, 1.1], [1, 0, 7]], positions=[[0, 0, 0], [1, 1, 2]], pbc=True)
    )
    assert 1 < low <= 2
