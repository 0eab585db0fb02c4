"""Energy above hull: equal to pymatgen's, the same for guiding and judging, and never a crash."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from lodestone.constraints import context as contexts
from lodestone.constraints.clean import CleanEstimate
from lodestone.constraints.context import Context, MissingReferencesError, Potential
from lodestone.constraints.descriptors.energy_above_hull import REFUSED, EnergyAboveHull
from lodestone.constraints.measurement import measure, measure_table
from lodestone.energies.estimators.ase.calculator import load_calculator
from lodestone.energies.evaluation import SCHEMA, Evaluation, energies
from lodestone.energies.guards import Guards
from lodestone.structures import table

EMT = {"kind": "ase", "calculator": "ase.calculators.emt:EMT", "arguments": {}}
TERM = EnergyAboveHull.model_validate({"target": {"lower": 0.1}})


def alloy(a: float = 3.8) -> Atoms:
    """CuAu, L1_0."""
    return Atoms("CuAu", scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]], cell=[a / 2**0.5] * 2 + [a], pbc=True)


def stretched() -> Atoms:
    atoms = Atoms("Cu3Au", scaled_positions=[[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0], [0, 0, 0]],
                  cell=[3.9, 3.7, 3.8], pbc=True)  # fmt: skip
    atoms.rattle(0.05, seed=1)
    return atoms


def references(folder: Path, structures: dict[str, Atoms], **changes: Any) -> list[Path]:
    """Tables of references and of their EMT energies; `changes` replaces energies by name."""
    known = table.from_ase(list(structures), list(structures.values()))
    found = energies(known, contexts.Context(slice_of()).potential(None).made[0], Guards())
    new = [changes.get(name, e) for name, e in found.select("id", "energy_per_atom").iter_rows()]
    paths = [folder / "references.parquet", folder / "energies.parquet"]
    table.write_table(known, paths[0])
    table.write_table(found.with_columns(pl.Series("energy_per_atom", new, dtype=pl.Float64)), paths[1])
    return paths


def slice_of(estimator: dict[str, Any] = EMT, elements: Sequence[str] = ("Au", "Cu")) -> dict[str, Any]:
    screen = {"volume_per_atom": [3.0, 60.0], "min_distance": 0.7}
    return {"default": estimator, "estimators": [estimator], "batch_size": 8, "screen": screen,
            "elements": list(elements)}  # fmt: skip


KNOWN = {"Cu": bulk("Cu", a=3.6), "Au": bulk("Au", a=4.1), "CuAu": alloy(), "Cu-strained": bulk("Cu", a=3.9)}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return Context(slice_of(), references(tmp_path_factory.mktemp("hull"), KNOWN))


def fractional(atoms: Atoms) -> np.ndarray:
    """Fractional coordinates; those of a cell that has no inverse are arbitrary."""
    regular = np.isfinite(atoms.cell.array).all() and atoms.get_volume() > 1e-6
    return atoms.get_scaled_positions(wrap=False) if regular else np.eye(3)[: len(atoms)] / 2


def crystal(atoms: Atoms) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return atoms.numbers, atoms.cell.array, fractional(atoms)


def clean(*structures: Atoms) -> CleanEstimate:
    numbers = torch.tensor(np.concatenate([a.numbers for a in structures]))
    sizes = torch.tensor([len(a) for a in structures])
    return CleanEstimate(
        frac=torch.tensor(np.concatenate([fractional(a) for a in structures])),
        cell=torch.tensor(np.stack([a.cell.array for a in structures])),
        types=torch.nn.functional.one_hot(numbers - 1, 100).double(),
        structure_idx=torch.repeat_interleave(torch.arange(len(structures)), sizes),
    )


def energy(atoms: Atoms) -> float:
    copy = atoms.copy()
    copy.calc = load_calculator(EMT["calculator"], {})
    return float(copy.get_potential_energy())


def test_the_value_is_pymatgen_s(context: Context) -> None:
    diagram = PhaseDiagram([PDEntry(Composition(str(a.symbols)), energy(a)) for a in KNOWN.values()])
    for atoms in (stretched(), alloy(4.1), bulk("Cu", a=3.8)):
        entry = PDEntry(Composition(str(atoms.symbols)), energy(atoms))
        expected = diagram.get_e_above_hull(entry, allow_negative=True)
        assert TERM.bound(context).hard(*crystal(atoms)) == pytest.approx(expected, abs=1e-9)
        assert expected > 0.005


def test_what_guides_is_what_is_judged_alone_and_in_a_batch(context: Context) -> None:
    term, many = TERM.bound(context), [stretched(), alloy(4.1), bulk("Cu", a=3.8), stretched() * (2, 1, 1)]
    together = term.smooth(clean(*many))
    assert together.tolist() == pytest.approx([term.hard(*crystal(a)) for a in many], abs=1e-9)
    assert float(together[0]) == pytest.approx(float(together[3]), abs=1e-9)
    assert float(term.smooth(clean(many[1]))[0]) == pytest.approx(float(together[1]), abs=1e-12)


def test_the_most_probable_element_counts_and_types_get_no_gradient(context: Context) -> None:
    estimate, term = clean(alloy(4.1)), TERM.bound(context)
    soft = (0.6 * estimate.types + 0.4 * estimate.types.flip(0)).requires_grad_()
    frac = estimate.frac.clone().requires_grad_()
    value = term.smooth(CleanEstimate(frac, estimate.cell, soft, estimate.structure_idx))
    assert value.tolist() == [pytest.approx(term.hard(*crystal(alloy(4.1))), abs=1e-9)]
    assert torch.autograd.grad(value.sum(), [frac, soft], allow_unused=True)[1] is None


def test_a_step_down_the_gradient_lowers_the_value(context: Context) -> None:
    term, estimate = TERM.bound(context), clean(stretched(), alloy(4.1))
    leaves = estimate.frac.clone().requires_grad_(), estimate.cell.clone().requires_grad_()
    value = term.smooth(CleanEstimate(*leaves, estimate.types, estimate.structure_idx))
    on_frac, on_cell = torch.autograd.grad(value.sum(), leaves)
    after = CleanEstimate(
        leaves[0].detach() - 1e-3 * on_frac, leaves[1].detach() - 0.05 * on_cell, estimate.types,
        estimate.structure_idx,
    )  # fmt: skip
    assert (term.smooth(after) < value.detach() - 1e-4).all()


def odd() -> dict[str, Atoms]:
    overlapping = alloy()
    overlapping.positions[1] = overlapping.positions[0] + 0.2
    exploded, singular, foreign = alloy(30.0), alloy(), bulk("Ag", a=4.1)
    singular.set_cell([[1, 0, 0], [2, 0, 0], [0, 0, 3]])
    uncovered = bulk("Fe", a=2.9)
    return {
        "overlapping": overlapping,
        "exploded": exploded,
        "singular": singular,
        "foreign": foreign,
        "uncovered": uncovered,
    }


def test_odd_structures_have_a_constant_value_no_gradient_and_harm_nobody(context: Context) -> None:
    term, strange = TERM.bound(context), list(odd().values())
    broken = alloy()
    broken.set_cell(np.full((3, 3), np.nan))
    estimate = clean(*strange, broken, stretched())
    leaves = estimate.frac.clone().requires_grad_(), estimate.cell.clone().requires_grad_()
    value = term.smooth(CleanEstimate(*leaves, estimate.types, estimate.structure_idx))
    grads = torch.autograd.grad(value.sum(), leaves)
    assert value[:-1].tolist() == [REFUSED] * 6
    assert value.tolist()[-1] == pytest.approx(term.hard(*crystal(stretched())), abs=1e-9)
    assert all(torch.isfinite(g).all() for g in grads)
    assert torch.equal(grads[0][:-4], torch.zeros_like(grads[0][:-4]))
    assert torch.equal(grads[1][:-1], torch.zeros(6, 3, 3).double())
    assert grads[1][-1].abs().max() > 0.01


@pytest.mark.parametrize("name", ["overlapping", "exploded", "singular", "foreign"])
def test_odd_structures_have_no_hard_value_and_satisfy_nothing(context: Context, name: str) -> None:
    found = measure([TERM.bound(context)], 2.0, 0.0, *crystal(odd()[name]))
    assert (found.values, found.loss, found.satisfied) == ([None], None, False)


def test_a_hole_in_the_potential_is_no_stable_crystal(tmp_path: Path) -> None:
    changed = {"Cu": energy(KNOWN["Cu"]) + 2.0, "Cu-strained": energy(KNOWN["Cu"]) + 2.0}
    term = TERM.bound(Context(slice_of(), references(tmp_path, KNOWN, **changed)))
    assert term.hard(*crystal(bulk("Cu", a=3.6))) is None
    assert float(term.smooth(clean(bulk("Cu", a=3.6)))[0]) == REFUSED


def test_a_missing_element_stops_the_sampler_before_it_starts(tmp_path: Path) -> None:
    paths = references(tmp_path, {"Cu": KNOWN["Cu"], "CuAu": KNOWN["CuAu"]})
    with pytest.raises(MissingReferencesError, match="pure Au with an energy by ase ase"):
        Context(slice_of(), paths).require()
    Context(slice_of(elements=["Cu"]), paths).require()
    assert TERM.bound(Context(slice_of(), paths)).hard(*crystal(alloy())) is None


def test_a_reference_that_the_estimator_gets_absurdly_wrong_is_no_part_of_the_hull(tmp_path: Path) -> None:
    many = {f"Cu{i}": bulk("Cu", a=3.55 + 0.01 * i) for i in range(8)} | KNOWN
    paths = references(tmp_path, many, Cu3=-9.0)
    own = pl.Series("energy_per_atom", [energy(a) / len(a) for a in many.values()])
    table.write_table(table.read_table(paths[0]).with_columns(own), paths[0])
    value = TERM.bound(Context(slice_of(), paths)).hard(*crystal(bulk("Cu", a=3.8)))
    assert value is not None
    assert 0 < value < 1


def test_nothing_is_loaded_by_binding_and_then_once(context: Context, monkeypatch) -> None:
    calls: list[str] = []

    def load() -> tuple[Any, Guards]:
        calls.append("loaded")
        torch.rand(3)  # as a model that draws its weights before it reads them
        return context.potential(None).made

    fresh = Context(slice_of(), context.tables)
    monkeypatch.setattr(fresh, "_load", lambda _: load())
    terms = [TERM.bound(fresh), TERM.bound(fresh)]
    assert calls == []
    state = torch.random.get_rng_state()
    for term in terms:
        term.hard(*crystal(stretched()))
    assert calls == ["loaded"]
    assert torch.equal(torch.random.get_rng_state(), state)


def test_an_estimator_that_raises_fails_one_structure_not_the_batch() -> None:
    class Fragile:
        name = "fragile"

        def evaluate(self, structures: Sequence[Atoms]) -> list[Evaluation]:
            if any(len(a) == 4 for a in structures):
                raise RuntimeError("four atoms")
            return [Evaluation(-1.0, np.zeros((len(a), 3)), np.zeros((3, 3))) for a in structures]

    potential = Potential("fragile", lambda: (Fragile(), Guards()), lambda: pl.DataFrame(schema=SCHEMA))
    with pytest.warns(UserWarning, match="RuntimeError: four atoms"):
        found = potential.evaluate([alloy(), stretched(), alloy()])
    assert [isinstance(e, str) for e in found] == [False, True, False]


def test_unbound_or_without_references_it_says_so() -> None:
    with pytest.raises(RuntimeError, match="bound to a context"):
        TERM.hard(*crystal(alloy()))
    with pytest.raises(MissingReferencesError, match="needs an estimator and reference energies"):
        TERM.bound(Context({}))


def test_the_table_of_samples_holds_the_values(context: Context) -> None:
    rows = table.from_ase(["a", "b", "c"], [stretched(), odd()["overlapping"], alloy()])
    raw = rows.with_columns(failed=pl.Series([False, False, True]), failure=pl.lit(None, dtype=pl.String))
    one = {"terms": [TERM.model_dump(mode="json")], "combine": 2.0, "satisfied_within": 0.0}
    found = measure_table(raw, {"hull": one}, context)
    value = TERM.bound(context).hard(*crystal(stretched()))
    assert found["hull.values"].to_list() == [[pytest.approx(value)], [None], [None]]
