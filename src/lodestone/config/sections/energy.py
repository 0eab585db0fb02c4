"""Which interatomic potential judges the structures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator

from lodestone.energies.estimators import Estimator, estimator_kinds
from lodestone.energies.estimators.base import EstimatorSettings
from lodestone.energies.estimators.grace import Grace
from lodestone.energies.estimators.grace.models import EMBEDDED
from lodestone.schema.sections import Listed, Problem, Section, allowed, refuse, unit


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
    def others(self) -> tuple[EstimatorSettings, ...]:
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
    kind = estimator.get("kind") if isinstance(estimator, Mapping) else None
    if not isinstance(kind, str) or kind not in estimator_kinds():
        return estimator
    return {**estimator_kinds()[kind].beside_embedded, **estimator}
