"""An estimator in one file: Lennard-Jones spheres, which need no element to be known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from lodestone.energies.estimators.base import EstimatorSettings

if TYPE_CHECKING:
    from lodestone.energies.evaluation import Estimator


class SoftSpheres(EstimatorSettings):
    """Spheres of one size."""

    citation: ClassVar[str] = "A. Toymaker, Soft spheres for everybody, J. Toys 1, 1 (2020)."

    kind: Literal["soft_spheres"] = Field("soft_spheres", description="Lennard-Jones spheres.")
    depth: Annotated[float, Field(gt=0)] = Field(0.4, description="Depth of the well, eV.")

    def create(self, batch_size: int) -> Estimator:
        """The spheres, one structure at a time."""
        from ase.calculators.lj import LennardJones

        from lodestone.energies.estimators.ase.calculator import AseEstimator

        del batch_size
        spheres = LennardJones(sigma=2.1, epsilon=self.depth, rc=4.5, smooth=True)
        return AseEstimator(spheres, "soft spheres")
