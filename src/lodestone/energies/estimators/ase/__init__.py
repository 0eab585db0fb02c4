"""Any calculator with ASE's interface, by its import path or by the name that ASE knows it by."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, JsonValue, model_validator

from lodestone.energies.estimators.base import EstimatorSettings
from lodestone.schema.sections import allowed, refuse
from lodestone.text import did_you_mean

if TYPE_CHECKING:
    from lodestone.energies.estimators.ase.calculator import AseEstimator

# fmt: off
ASE_NAMES = (
    "abinit", "aims", "amber", "castep", "cp2k", "crystal", "demon", "demonnano", "dftb", "dftd3", "dmol",
    "eam", "elk", "emt", "espresso", "exciting", "ff", "gamess_us", "gaussian", "gromacs", "gulp", "kim",
    "lammpslib", "lammpsrun", "lj", "mopac", "morse", "nwchem", "octopus", "onetep", "openmx", "orca",
    "plumed", "psi4", "qchem", "siesta", "tersoff", "tip3p", "tip4p", "turbomole", "vasp",
)
# fmt: on
"""Calculators of ASE itself, by ASE's own names; most need a program or parameters of their own."""


class Ase(EstimatorSettings):
    """Any calculator of ASE."""

    rank: ClassVar[int] = 2

    kind: Literal["ase"] = Field("ase", description="Any calculator with ASE's interface.")
    calculator: Annotated[
        str,
        Field(
            pattern=r"^([A-Za-z_][\w.]*:[A-Za-z_][\w.]*|[A-Za-z_]\w*)$",
            json_schema_extra=allowed(
                "module:attribute, e.g. ase.calculators.emt:EMT, or ASE's own name: emt"
            ),
        ),
    ] = Field(description="Import path of what makes the calculator, or the name that ASE knows it by.")
    arguments: dict[str, JsonValue] = Field({}, description="Keyword arguments that it is called with.")

    @model_validator(mode="after")
    def _package_is_installed(self) -> Ase:
        if ":" not in self.calculator:
            if self.calculator not in ASE_NAMES:
                wrong = (
                    f"{self.calculator!r} is no calculator of ASE{did_you_mean(self.calculator, ASE_NAMES)}"
                )
                refuse([(("calculator",), wrong, f"module:attribute, or one of {', '.join(ASE_NAMES)}")])
            return self
        package = self.calculator.split(":")[0].split(".")[0]
        if find_spec(package) is None:
            wrong = f"no module {package!r} is installed"
            refuse([(("calculator",), wrong, "module:attribute of an installed package")])
        return self

    def create(self, batch_size: int) -> AseEstimator:
        """The calculator, which takes structures one by one."""
        from lodestone.energies.estimators.ase.calculator import AseEstimator, load_calculator

        del batch_size
        return AseEstimator(load_calculator(self.calculator, self.arguments), f"ase-{self.calculator}")
