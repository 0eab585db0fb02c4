"""Any ASE calculator, named by its import path, as an estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from lodestone.energies.evaluation import Evaluation

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator


class AseEstimator:
    """An ASE calculator; structures are evaluated one by one, whatever the calculator does inside.

    A calculator without stresses gives NaN stresses; one that raises for a structure gives a failed
    evaluation with its message.
    """

    def __init__(self, calculator: Calculator, name: str) -> None:
        self.name = name
        self._calculator = calculator

    @property
    def described(self) -> dict[str, Any]:
        """What is recorded of it; device and precision are the calculator's own affair."""
        return {
            "model": self.name.removeprefix("ase-"), "sha256": None,
            "package": type(self._calculator).__module__.partition(".")[0], "device": None, "precision": None,
        }  # fmt: skip

    def energy_only(self, structures: Sequence[Atoms]) -> list[Evaluation]:
        """Energies alone; the order is kept. A calculator without forces can give them."""
        return [self._energy(atoms) for atoms in structures]

    def _energy(self, atoms: Atoms) -> Evaluation:
        copy = atoms.copy()
        copy.calc = self._calculator
        try:
            return Evaluation.energy_alone(len(atoms), float(copy.get_potential_energy()))
        except Exception as error:  # noqa: BLE001 - whatever a foreign calculator raises is about this structure
            return Evaluation.failed(len(atoms), f"{type(error).__name__}: {error}")

    def evaluate(self, structures: Sequence[Atoms]) -> list[Evaluation]:
        """Evaluate structures; the order is kept."""
        return [self._evaluate(atoms) for atoms in structures]

    def _evaluate(self, atoms: Atoms) -> Evaluation:
        from ase.calculators.calculator import PropertyNotImplementedError

        copy = atoms.copy()
        copy.calc = self._calculator
        try:
            energy, forces = float(copy.get_potential_energy()), np.array(copy.get_forces(), float)
        except Exception as error:  # noqa: BLE001 - whatever a foreign calculator raises is about this structure
            return Evaluation.failed(len(atoms), f"{type(error).__name__}: {error}")
        try:
            stress = np.array(copy.get_stress(voigt=False), float)
        except PropertyNotImplementedError:
            stress = np.full((3, 3), np.nan)
        return Evaluation(energy, forces, stress)


def load_calculator(path: str, arguments: Mapping[str, Any]) -> Calculator:
    """Import "module:attribute", or the calculator that ASE knows by a name ("emt"), and call it.

    Raises ValueError with what is wrong if the path has another form or names nothing.
    """
    if path.isidentifier():
        return _named(path)(**arguments)
    module, separator, attribute = path.partition(":")
    if not (module and separator and attribute):
        message = f"calculator {path!r} must have the form module:attribute, as in ase.calculators.emt:EMT"
        raise ValueError(message)
    try:
        make = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        message = f"calculator {path!r} cannot be imported: {error}"
        raise ValueError(message) from error
    return make(**arguments)


def _named(name: str) -> Any:
    from ase.calculators.calculator import get_calculator_class

    try:
        return get_calculator_class(name)
    except Exception as error:  # ASE raises what the import of the calculator raises
        message = f"calculator {name!r} is no name that ASE knows: {error}"
        raise ValueError(message) from error
