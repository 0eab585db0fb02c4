"""Energy above the convex hull of the references, E/n - hull(composition)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, PrivateAttr

from lodestone.constraints.estimators import EstimatorKey
from lodestone.constraints.term import Positive, Term

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from lodestone.constraints.clean import CleanEstimate
    from lodestone.constraints.context import Context, Potential
    from lodestone.structures.crystals import Crystal

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
        hulls = [
            None
            if why is not None
            else self.potential.hull_energy(numbers[clean.structure_idx == k].tolist())
            for k, why in enumerate(refused)
        ]
        hull = torch.tensor([h or 0.0 for h in hulls]).to(energy)
        known = torch.tensor([h is not None for h in hulls], device=energy.device)
        value = energy / clean.n_atoms - hull
        return torch.where(known & (value.detach() >= -DEEPEST), value, REFUSED)

    def hard(self, numbers: np.ndarray, cell: np.ndarray, frac: np.ndarray) -> float | None:
        """E/n - hull in eV/atom; None where it is not defined."""
        return self.potential.above_hull((numbers, cell, frac))
