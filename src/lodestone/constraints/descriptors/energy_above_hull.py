"""Energy above the convex hull of the references, E/n - hull(composition).

Its key `estimator` takes the same mapping as `energy.estimator`, or null for that one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, PrivateAttr, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError, core_schema

from lodestone.constraints.targets import show
from lodestone.constraints.term import Positive, Term
from lodestone.schema.sections import PROBLEMS, Problem

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from lodestone.constraints.clean import CleanEstimate
    from lodestone.constraints.context import Context, Potential
    from lodestone.structures.crystals import Crystal

ALLOWED = (
    "null for energy.estimator, or a mapping like it: {kind: grace, model: embedded}, {kind: chgnet} or "
    "{kind: ase, calculator: module:attribute}"
)


class EstimatorKey:
    """Annotation of a field that holds a section `energy.estimator` or None.

    The union of all kinds is looked up when a value is validated, not when this module is imported.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _validated, serialization=core_schema.plain_serializer_function_ser_schema(_plain)
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        section = handler(_adapter().core_schema)
        return {"anyOf": [section, {"type": "null"}], "allowed": ALLOWED}


def _adapter() -> TypeAdapter[Any]:
    from lodestone.energies.estimators import Estimator

    return TypeAdapter(Estimator)


def _kinds() -> list[str]:
    from lodestone.energies.estimators import estimator_kinds

    return list(estimator_kinds())


def _validated(data: Any) -> Any:
    if data is None:
        return None
    try:
        return _adapter().validate_python(data)
    except ValidationError as error:
        problems = [p for details in error.errors(include_url=False) for p in _problems(details, data)]
        raise PydanticCustomError(
            PROBLEMS, "{first}", {"first": problems[0][1], PROBLEMS: problems}
        ) from None


def _problems(details: Any, data: Any) -> Iterator[Problem]:
    key, kind = tuple(details["loc"][1:]), details["type"]  # the first part names the section, not a key
    if kind == PROBLEMS:
        yield from (((*key, *inner), wrong, allowed) for inner, wrong, allowed in details["ctx"][PROBLEMS])
    elif not isinstance(data, dict):
        yield (), f"{show(data)} is no mapping", ALLOWED
    elif kind.startswith("union_tag"):
        wrong = f"{show(data['kind'])} is not known" if "kind" in data else "is missing"
        yield ("kind",), wrong, ", ".join(_kinds())
    elif kind == "extra_forbidden":
        yield key, "unknown key", ALLOWED
    else:
        yield key, f"{show(details['input'])}: {details['msg'].lower()}", ALLOWED


def _plain(estimator: Any) -> Any:
    return None if estimator is None else estimator.model_dump(mode="json")


REFUSED = 10.0
"""eV/atom; the smooth value of a structure that has no energy above the hull."""


class EnergyAboveHull(Term):
    """Energy per atom by an interatomic potential, above the hull of references by the same potential.

    Smooth: positions and cell get the gradient that forces and stress give (first derivative only).
    A potential needs definite elements, so each atom is taken as its most probable one and the types
    get no gradient. What the guards of the estimator refuse (overlapping or isolated atoms, absurd
    volumes), what has no hull (an element without a pure reference), and what lies more than
    1 eV/atom below the hull (a hole in the potential, no crystal) has the constant value 10 eV/atom
    and no gradient: guidance leaves it alone until the rest of the sampler has made a crystal of it,
    and particles prefer every other. Hard: the same energy; not defined in those cases.
    """

    unit: ClassVar[str] = "eV/atom"
    needs_hull: ClassVar[bool] = True
    """The job that uses the term needs reference energies by its estimator."""

    kind: Literal["energy_above_hull"] = "energy_above_hull"
    estimator: Annotated[Any, EstimatorKey()] = Field(
        None, description="The potential that gives the energies of structures and references alike."
    )
    delta: Positive = Field(0.1, description="Gap at which the huber distance turns linear.")

    _bound_to: Any = PrivateAttr(None)

    def describe(self) -> str:
        """The term in words."""
        from lodestone.constraints.context import words

        by = "" if self.estimator is None else f" by {words(self.estimator.model_dump(mode='json'))}"
        return f"energy above hull {self.target.words()} eV/atom{by}"

    def bound(self, context: Context) -> EnergyAboveHull:
        """A copy that computes with the context's potential; nothing is loaded yet."""
        estimator = None if self.estimator is None else self.estimator.model_dump(mode="json")
        copy = self.model_copy()
        copy._bound_to = context.potential(estimator)  # noqa: SLF001 - a copy of its own
        return copy

    @property
    def potential(self) -> Potential:
        """What the term is bound to."""
        if self._bound_to is None:
            raise RuntimeError("energy_above_hull computes nothing before it is bound to a context")
        potential: Potential = self._bound_to
        return potential

    def prepare(self, crystals: Sequence[Crystal]) -> None:
        """Evaluate many (numbers, cell, frac) at once for the calls of `hard` that follow."""
        self.potential.prepare(crystals)

    def smooth(self, clean: CleanEstimate) -> Tensor:
        """E/n - hull in eV/atom, (n_structures,); 10 where it is not defined."""
        import torch

        from lodestone.energies.differentiable import potential_energy
        from lodestone.energies.hull import DEEPEST

        numbers = clean.types.detach().argmax(dim=1) + 1
        energy, refused = potential_energy(
            clean.frac, clean.cell, numbers, clean.structure_idx, self.potential.evaluate
        )
        z, owner = numbers.cpu().numpy(), clean.structure_idx.cpu().numpy()
        hulls = [
            None if why is not None else self.potential.hull_energy(z[owner == k])
            for k, why in enumerate(refused)
        ]
        hull = torch.tensor([h or 0.0 for h in hulls]).to(energy)
        known = torch.tensor([h is not None for h in hulls], device=energy.device)
        value = energy / clean.n_atoms - hull
        return torch.where(known & (value.detach() >= -DEEPEST), value, REFUSED)

    def hard(self, numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray) -> float | None:
        """E/n - hull in eV/atom; None where it is not defined."""
        return self.potential.above_hull((numbers, cell, frac))
