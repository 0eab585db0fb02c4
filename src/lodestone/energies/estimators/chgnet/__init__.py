"""CHGNet (Deng et al., Nat. Mach. Intell. 5, 1031, 2023), whose weights come with its package."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from lodestone.energies.estimators.base import EstimatorSettings, RunsOn

if TYPE_CHECKING:
    from lodestone.energies.estimators.chgnet.calculator import ChgnetEstimator


class Chgnet(EstimatorSettings):
    """CHGNet."""

    rank: ClassVar[int] = 1
    runs_on: ClassVar[RunsOn] = "torch"

    kind: Literal["chgnet"] = Field("chgnet", description="CHGNet, whose weights come with its package.")
    version: Literal["0.3.0", "0.2.0", "r2scan"] = Field("0.3.0", description="Version of the weights.")

    def create(self, batch_size: int) -> ChgnetEstimator:
        """The network, on the job's device; more than 8 structures a batch only cost memory."""
        from lodestone.energies.estimators.chgnet.calculator import ChgnetEstimator

        return ChgnetEstimator(self.version, min(batch_size, 8))
