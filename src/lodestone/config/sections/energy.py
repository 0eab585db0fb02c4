"""Which interatomic potential judges the structures."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, model_validator

from lodestone.campaign.suggest import did_you_mean
from lodestone.energies.estimators.grace.models import ALIASES, EMBEDDED, SAVED_MODEL, incomplete, place
from lodestone.schema.sections import Listed, Problem, Section, allowed, refuse, unit

PUBLISHED_DEFAULT = "GRACE-2L-OMAT-large-ft-AM"
# fmt: off
GRACE_TWO_PRECISIONS = (
    "1L-OMAT-medium-base", "1L-OMAT-medium-ft-E", "1L-OMAT-medium-ft-AM", "1L-OMAT-large-base",
    "1L-OMAT-large-ft-E", "1L-OMAT-large-ft-AM", "1L-SMAX-large", "1L-SMAX-OMAT-large",
    "2L-OMAT-medium-base", "2L-OMAT-medium-ft-E", "2L-OMAT-medium-ft-AM", "2L-OMAT-large-base",
    "2L-OMAT-large-ft-E", "2L-OMAT-large-ft-AM", "2L-SMAX-large", "2L-SMAX-medium",
    "2L-SMAX-OMAT-large", "2L-SMAX-OMAT-medium",
)
GRACE_PUBLISHED = (
    "GRACE-FS-OAM", "GRACE-1L-OAM", "GRACE-2L-OAM", "GRACE-FS-OMAT", "GRACE-1L-OMAT", "GRACE-2L-OMAT",
    *(f"GRACE-{name}{precision}" for name in GRACE_TWO_PRECISIONS for precision in ("", "-fp64")),
    "GRACE-3L-OMAT-large", "GRACE-3L-OMAT-large-ft-AM",
)
# fmt: on
"""Names of the foundation models that the GRACE package can fetch."""
# fmt: off
ASE_NAMES = (
    "abinit", "aims", "amber", "castep", "cp2k", "crystal", "demon", "demonnano", "dftb", "dftd3", "dmol",
    "eam", "elk", "emt", "espresso", "exciting", "ff", "gamess_us", "gaussian", "gromacs", "gulp", "kim",
    "lammpslib", "lammpsrun", "lj", "mopac", "morse", "nwchem", "octopus", "onetep", "openmx", "orca",
    "plumed", "psi4", "qchem", "siesta", "tersoff", "tip3p", "tip4p", "turbomole", "vasp",
)
# fmt: on
"""Calculators of ASE itself, by ASE's own names; most need a program or parameters of their own."""
GRACE_ALLOWED = (
    f"{EMBEDDED}, a published name such as GRACE-2L-OMAT-large-ft-AM (`grace_models list` shows all), or a "
    f"folder that holds {SAVED_MODEL}"
)


def _unknown_model(model: str) -> str | None:
    folder = Path(model)
    if os.sep in model or folder.is_dir():
        if not folder.is_dir():
            return f"there is no folder {model!r}"
        return None if (folder / SAVED_MODEL).is_file() else f"folder {model!r} lacks {SAVED_MODEL}"
    if model in GRACE_PUBLISHED or model in ALIASES or incomplete(place(model)[0]) is None:
        return None
    return f"{model!r} is no published name{did_you_mean(model, (EMBEDDED, *GRACE_PUBLISHED))}"


class Grace(Section):
    """GRACE, through tensorpotential."""

    kind: Literal["grace"] = Field("grace", description="GRACE, through tensorpotential.")
    model: str = Field(
        PUBLISHED_DEFAULT,
        description="The small potential that comes with the package (embedded; for trying, not for "
        "science), the name of a published model, looked for in $GRACE_CACHE, or a folder, relative to the "
        "folder that the command runs in. The default of a campaign with model.checkpoint: embedded is "
        "embedded.",
        json_schema_extra=allowed(GRACE_ALLOWED),
    )

    @model_validator(mode="after")
    def _model_is_known(self) -> Grace:
        if self.model != EMBEDDED and (wrong := _unknown_model(self.model)):
            refuse([(("model",), wrong, GRACE_ALLOWED)])
        return self


class Chgnet(Section):
    """CHGNet."""

    kind: Literal["chgnet"] = Field("chgnet", description="CHGNet, whose weights come with its package.")
    version: Literal["0.3.0", "0.2.0", "r2scan"] = Field("0.3.0", description="Version of the weights.")


class Ase(Section):
    """Any calculator of ASE."""

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


Estimator = Annotated[Grace | Chgnet | Ase, Field(discriminator="kind")]


class Relax(Section):
    """The short relaxation that shows whether a property persists."""

    steps: Annotated[int, Field(ge=1, le=10_000)] = Field(50, description="Most steps of the relaxation.")
    largest_force: Annotated[float, Field(gt=0)] = Field(
        0.1, description="Largest remaining force that counts as relaxed.", json_schema_extra=unit("eV/Å")
    )


class Energy(Section):
    """Estimator, and the relaxation by it."""

    estimator: Estimator = Field(
        Grace(),
        description="The potential that judges candidates and references alike. The default is GRACE, whose "
        "model follows model.checkpoint.",
    )
    estimators: Listed[Estimator] = Field(
        (),
        description="In the place of estimator: several. The first judges; candidates and references are "
        "evaluated by each, and the report says where they agree.",
        json_schema_extra=allowed("a list of mappings like estimator, each once; not beside estimator"),
    )
    batch_size: Annotated[int, Field(ge=1, le=100_000)] = Field(32, description="Structures per evaluation.")
    relax: Relax = Field(Relax(), description="The short relaxation of the raw samples.")

    @property
    def others(self) -> tuple[Grace | Chgnet | Ase, ...]:
        """The estimators that do not judge."""
        return self.estimators[1:]

    @model_validator(mode="after")
    def _first_judges(self) -> Energy:
        """`estimators` without `estimator`: its first is the judge."""
        if not self.estimators:
            return self
        once = "every estimator once"
        problems: list[Problem] = [
            (("estimators", i), f"{estimator.kind} is there twice", once)
            for i, estimator in enumerate(self.estimators)
            if estimator in self.estimators[:i]
        ]
        if "estimator" in self.model_fields_set:
            wrong = "stands beside energy.estimator, and both name a judge"
            problems.append((("estimators",), wrong, "one of the two; the first of estimators is the judge"))
        refuse(problems)
        object.__setattr__(self, "estimator", self.estimators[0])  # the section is frozen
        return self


def fill_models(data: Any) -> Any:
    """A campaign's data with the model of every GRACE that names none: that which suits the checkpoint.

    Embedded beside the embedded checkpoint, which is for trying the software; else the default, since
    judging real samples by a toy would be a trap. What is no campaign is left for the validation to tell.
    """
    if not isinstance(data, Mapping):
        return data
    section = data.get("model")
    checkpoint = section.get("checkpoint", EMBEDDED) if isinstance(section, Mapping) else EMBEDDED
    if checkpoint != EMBEDDED:
        return data
    filled = dict(data)
    energy = data.get("energy", {})
    if isinstance(energy, Mapping):
        filled["energy"] = _filled_energy(energy)
    if isinstance(data.get("constraints"), Mapping):
        filled["constraints"] = {name: _filled_terms(one) for name, one in data["constraints"].items()}
    return filled


def _filled_energy(energy: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(energy)
    if isinstance(energy.get("estimators"), list | tuple):
        found["estimators"] = [_filled(one) for one in energy["estimators"]]
    if "estimator" in energy or not found.get("estimators"):
        found["estimator"] = _filled(energy.get("estimator", {"kind": "grace"}))
    return found


def _filled_terms(constraint: Any) -> Any:
    terms = constraint.get("terms") if isinstance(constraint, Mapping) else None
    if not isinstance(terms, list | tuple):
        return constraint
    return {
        **constraint,
        "terms": [
            {**term, "estimator": _filled(term["estimator"])}
            if isinstance(term, Mapping) and "estimator" in term
            else term
            for term in terms
        ],
    }


def _filled(estimator: Any) -> Any:
    if isinstance(estimator, Mapping) and estimator.get("kind") == "grace" and "model" not in estimator:
        return {**estimator, "model": EMBEDDED}
    return estimator
