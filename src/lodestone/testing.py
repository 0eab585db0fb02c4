"""What every descriptor and every estimator must hold to, as checks for the tests of whoever writes one.

    from lodestone.testing import check_descriptor, check_estimator

    def test_contract():
        check_descriptor(MyTerm)
        check_estimator({"kind": "my_kind"})

A check that fails raises AssertionError, which says what was found and what is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ase import Atoms
    from torch import Tensor

    from lodestone.constraints.clean import CleanEstimate
    from lodestone.constraints.term import Term
    from lodestone.energies.evaluation import Estimator, Evaluation

ENERGY = 2e-5
"""Tolerance, eV/atom; networks compute in single precision."""
FORCE = 1e-4
"""Tolerance, eV/Å."""
TRICLINIC = np.array([[3.1, 0.2, 0.1], [0.7, 3.9, -0.3], [-0.9, 0.4, 4.4]])
PLACES = np.array([[0.1, 0.2, 0.3], [0.6, 0.55, 0.7], [0.35, 0.9, 0.05]])
SKEWED = np.array([[2.9, 0.2, -0.3], [0.4, 3.1, 0.5], [-0.6, 0.3, 5.2]])
FRAC = np.array([[0.02, 0.0, 0.01], [0.48, 0.53, 0.5], [0.1, 0.52, 0.26], [0.55, 0.08, 0.73]])


def check_descriptor(model: type[Term], keys: Mapping[str, Any] | None = None) -> None:
    """Check a descriptor: words, values of crystals and of broken cells, batches, gradients.

    Args:
        model: the class; its `kind` has a default.
        keys: its keys beside `kind`; by default those of its `example`.

    Raises:
        AssertionError: it does not hold to the contract.
    """
    term = _term(model, model.example if keys is None else keys)
    a, b = (*term.elements, "Co", "O")[:2] if len(term.elements) != 1 else (*term.elements, "O")
    crystal = _atoms([a, b, b], TRICLINIC, PLACES)
    _words(term)
    _one_value_however_described(term, crystal)
    _alone_as_in_a_batch(term, crystal, _atoms([a, b], np.eye(3) * 4, PLACES[:2]))
    for bad in (np.nan, np.inf, 0.0):
        _breaks_no_neighbour(term, crystal, bad)
    _slopes(term, crystal)


def check_estimator(settings: Mapping[str, Any], structures: Sequence[Atoms] | None = None) -> None:
    """Check an estimator: order, batches, symmetries of energies, forces as slopes.

    Args:
        settings: the section `energy.estimator`, `kind` among its keys.
        structures: crystals of low symmetry that it covers; by default of Li, Co and O, or of its `elements`.

    Raises:
        AssertionError: it does not hold to the contract.
    """
    from lodestone.energies.estimators import make_estimator

    estimator = make_estimator(settings, 8)
    known = list(structures or (rattled(_covered(estimator), seed) for seed in range(5)))
    _require(bool(estimator.name), "`name` is empty; it stands in tables and report")
    for check in (_order, _energies_alone):
        check(estimator, known)
    for check_one in (_symmetries, _handedness, _forces):
        check_one(estimator, known[-1])


def rattled(symbols: str, seed: int = 1, *, left_handed: bool = False) -> Atoms:
    """Four atoms, a little displaced, in a skewed cell; of odd seeds a cell of two.

    The mirrored cell of `left_handed` makes another crystal, not the same one.
    """
    atoms = _atoms(symbols, SKEWED * [[1], [1], [-1 if left_handed else 1]], FRAC)
    atoms.rattle(0.05, seed=seed)
    return atoms.repeat((1 + seed % 2, 1, 1))


def _require(good: object, wrong: str) -> None:
    if not good:
        raise AssertionError(wrong)


def _near(found: Any, wanted: Any, tolerance: float, what: str) -> None:
    close = np.allclose(found, wanted, rtol=0, atol=tolerance, equal_nan=True)
    _require(close, f"{what}: {found} is not {wanted}, to {tolerance:g}")


def _atoms(symbols: Any, cell: np.ndarray, frac: np.ndarray) -> Atoms:
    from ase import Atoms

    return Atoms(symbols, cell=cell, scaled_positions=frac, pbc=True)


# --- descriptors --------------------------------------------------------------------------------------------


def _term(model: type[Term], keys: Mapping[str, Any]) -> Term:
    from pydantic import ValidationError

    kind = model.model_fields["kind"].default
    _require(isinstance(kind, str), f"{model.__name__}.kind has no default: kind: Literal['x'] = 'x'")
    lacking = [key for key, field in model.model_fields.items() if key != "kind" and not field.description]
    _require(
        not lacking, f"{model.__name__}: {', '.join(lacking)} lack a description: Field(description=...)"
    )
    try:
        return model.model_validate({"kind": kind, **keys})
    except ValidationError as error:
        raise AssertionError(f"{model.__name__}.example is no good: {error}") from None


def _words(term: Term) -> None:
    unit = getattr(term, "unit", None)
    _require(isinstance(unit, str), f"unit is {unit!r}; wanted: the unit of the value, '' for a pure number")
    words = term.describe()
    _require(isinstance(words, str) and words.strip(), f"describe() gives {words!r}, no words")


def _hard(term: Term, atoms: Atoms) -> float | None:
    found = term.hard(atoms.numbers, atoms.cell.array, atoms.get_scaled_positions(wrap=False))
    good = found is None or (isinstance(found, float | int) and np.isfinite(found))
    _require(good, f"hard() gives {found!r}; wanted: a finite number, or None where it is not defined")
    return found


def _one_value_however_described(term: Term, atoms: Atoms) -> None:
    moved, turned, sorted_back = atoms.copy(), atoms.copy(), atoms[[2, 0, 1]]
    moved.translate((0.7, -1.3, 2.9))
    turned.rotate(37, (1, 2, 3), rotate_cell=True)
    hard, smooth = _hard(term, atoms), _smooth(term, atoms)[0]
    for how, other in (("moved", moved), ("turned", turned), ("in another order", sorted_back)):
        found = _hard(term, other)
        _require((found is None) == (hard is None), f"hard() of a crystal {how}: {found} is not {hard}")
        _near(found or 0.0, hard or 0.0, 1e-6, f"hard() of a crystal {how}")
        _near(_smooth(term, other)[0], smooth, 1e-6, f"smooth() of a crystal {how}")


def _alone_as_in_a_batch(term: Term, *many: Atoms) -> None:
    together = _smooth(term, *many)
    _require(together.shape == (len(many),), f"smooth() has the shape {together.shape}, not (n_structures,)")
    for value, atoms in zip(together, many, strict=True):
        _require(np.isfinite(value), f"smooth() gives {value} for {atoms.symbols}; 0 where it is not defined")
        _near(value, _smooth(term, atoms)[0], 1e-9, f"smooth() of {atoms.symbols} in a batch and alone")


def _breaks_no_neighbour(term: Term, atoms: Atoms, bad: float) -> None:
    import torch

    cell = atoms.cell.array.copy()
    cell[0] = bad
    found = term.hard(atoms.numbers, cell, atoms.get_scaled_positions(wrap=False))
    _require(
        found is None or np.isfinite(found),
        f"hard() of a cell with a vector of {bad} gives {found}; wanted: None",
    )
    batch = _clean(atoms, atoms)
    batch.cell[0] = torch.tensor(cell)
    after = float(term.smooth(batch)[1])
    _near(after, _smooth(term, atoms)[0], 1e-9, f"smooth() beside a cell with a vector of {bad}")


def _slopes(term: Term, atoms: Atoms) -> None:
    import torch

    known = _clean(atoms)
    undecided = known.types.clone()
    undecided[:, atoms.numbers - 1] = 0.8 * undecided[:, atoms.numbers - 1] + 0.1
    inputs = tuple(x.clone().requires_grad_() for x in (known.frac, known.cell, undecided))

    def value(frac: Tensor, cell: Tensor, types: Tensor) -> Tensor:
        found = term.smooth(_estimate(frac, cell, types, known.structure_idx))
        return found + 0 * (frac.sum() + cell.sum() + types.sum())

    try:
        torch.autograd.gradcheck(value, inputs, eps=1e-6, atol=1e-5, fast_mode=True)
    except RuntimeError as error:  # what gradcheck raises tells both slopes
        raise AssertionError(f"gradients of smooth() are not those of finite differences: {error}") from None


def _smooth(term: Term, *many: Atoms) -> np.ndarray:
    return term.smooth(_clean(*many)).detach().numpy()


def _clean(*many: Atoms) -> CleanEstimate:
    """A batch of crystals whose types are certain, in double precision."""
    import torch

    numbers = torch.cat([torch.tensor(atoms.numbers) for atoms in many])
    return _estimate(
        torch.cat([torch.tensor(atoms.get_scaled_positions(wrap=False)) for atoms in many]),
        torch.stack([torch.tensor(atoms.cell.array) for atoms in many]),
        torch.nn.functional.one_hot(numbers - 1, 100).double(),
        torch.repeat_interleave(torch.arange(len(many)), torch.tensor([len(atoms) for atoms in many])),
    )


def _estimate(frac: Tensor, cell: Tensor, types: Tensor, index: Tensor) -> CleanEstimate:
    from lodestone.constraints.clean import CleanEstimate

    return CleanEstimate(frac, cell, types, index)


# --- estimators ---------------------------------------------------------------------------------------------


def _covered(estimator: Estimator) -> str:
    elements = set(getattr(estimator, "elements", None) or ())
    if not elements or {"Li", "Co", "O"} <= elements:
        return "LiCoO2"
    first, *others = sorted(elements)
    return (first + (others or [first])[0]) * 2


def _one(estimator: Estimator, atoms: Atoms) -> Evaluation:
    (found,) = estimator.evaluate([atoms])
    wrong = f"no energy of {atoms.symbols}: {found.failure}; give check_estimator structures that it covers"
    _require(found.failure is None, wrong)
    return found


def _order(estimator: Estimator, structures: Sequence[Atoms]) -> None:
    """The order is kept, whatever the batch."""
    together = estimator.evaluate(structures)
    backwards = estimator.evaluate(structures[::-1])[::-1]
    _require(len(together) == len(structures), f"{len(together)} evaluations of {len(structures)} structures")
    for atoms, a, b in zip(structures, together, backwards, strict=True):
        alone = _one(estimator, atoms)
        for found in (a, b):
            _near(found.energy, alone.energy, ENERGY * len(atoms), "energy in a batch, and alone")
        _require(a.forces.shape == (len(atoms), 3), f"forces have the shape {a.forces.shape}")
        _near(a.forces, alone.forces, FORCE, "forces in a batch, and alone")
    _require(estimator.evaluate([]) == [], "evaluate([]) is not []")


def _energies_alone(estimator: Estimator, structures: Sequence[Atoms]) -> None:
    """Where there is `energy_only`, it gives the same energies."""
    energy_only: Callable[[Sequence[Atoms]], list[Evaluation]] | None
    energy_only = getattr(estimator, "energy_only", None)
    if energy_only is None:
        return
    whole, alone = estimator.evaluate(structures), energy_only(structures)
    for atoms, a, b in zip(structures, whole, alone, strict=True):
        _near(b.energy, a.energy, ENERGY * len(atoms), "energy_only() and evaluate()")
        _require(b.failure is None, f"energy_only() fails: {b.failure}")
        _require(np.isnan(b.forces).all(), "energy_only() gives forces: use Evaluation.energy_alone")
    _require(energy_only([]) == [], "energy_only([]) is not []")


def _symmetries(estimator: Estimator, atoms: Atoms) -> None:
    """Moving, turning, sorting and repeating a crystal leave its energy per atom."""
    known = _one(estimator, atoms)
    moved, turned = atoms.copy(), atoms.copy()
    moved.positions += [0.7, -1.3, 2.9]
    turned.rotate(37, (1, 2, 3), rotate_cell=True)
    for how, other in (
        ("moved", moved),
        ("turned", turned),
        ("in another order", atoms[list(range(len(atoms)))[::-1]]),
        ("twice", atoms.repeat((2, 1, 1))),
        ("three times", atoms.repeat((1, 1, 3))),
    ):
        found = _one(estimator, other).energy / len(other)
        _near(found, known.energy / len(atoms), ENERGY, f"energy per atom of a crystal {how}")
    _near(_one(estimator, moved).forces, known.forces, FORCE, "forces of a crystal moved")
    lengths = np.linalg.norm(_one(estimator, turned).forces, axis=1)
    _near(lengths, np.linalg.norm(known.forces, axis=1), FORCE, "lengths of the forces of a crystal turned")


def _handedness(estimator: Estimator, atoms: Atoms) -> None:
    """A left-handed cell of the same lattice is the same crystal."""
    left = atoms.copy()
    left.set_cell(atoms.cell.array * [[1], [1], [-1]])
    known, found = _one(estimator, atoms), _one(estimator, left)
    _near(found.energy, known.energy, ENERGY * len(atoms), "energy in a left-handed cell")
    _near(found.forces, known.forces, FORCE, "forces in a left-handed cell")
    _near(found.stress, known.stress, FORCE, "stress in a left-handed cell")


def _forces(estimator: Estimator, atoms: Atoms, step: float = 4e-3) -> None:
    """Forces are the slopes of the energy, and add up to nothing."""
    forces = _one(estimator, atoms).forces
    _near(forces.sum(axis=0), 0, 1e-3, "sum of the forces")
    rng = np.random.default_rng(0)
    for _ in range(3):
        direction = rng.normal(size=(len(atoms), 3))
        ends = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions += sign * step * direction
            ends.append(_one(estimator, moved).energy)
        slope = (ends[0] - ends[1]) / (2 * step)
        _near(
            -(forces * direction).sum(), slope, 2e-2 + 2e-2 * abs(slope), "forces, and slopes of the energy"
        )
