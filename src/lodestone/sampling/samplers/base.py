"""What every sampler is: its settings, what it tells the campaign of itself, and what draws its batches.

A sampler is one file of this folder (or one folder): a frozen model derived from `Sampler` with a `kind`, its
keys with their units and bounds, and `drawer`. Nothing heavy is imported at its top. Shards, resume,
curation, energies, statistics and report follow. Other packages register theirs as entry points of
`lodestone.samplers`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lodestone.schema.sections import Section

if TYPE_CHECKING:
    from lodestone.sampling.shard import Draw, ShardPlan
    from lodestone.sampling.trial import Trial


Conditioned = tuple[Mapping[str, float], float]
"""Values of the checkpoint's conditions, and the factor γ of classifier-free guidance."""


@dataclass(frozen=True)
class Job:
    """A sampling job: its settings, the device, and the files that it was given."""

    settings: Mapping[str, Any]
    device: str
    hull: Sequence[Path] = ()
    """References and their energies, where a term needs a hull."""
    proposals: Sequence[Path] = ()
    """The table of proposals, where the sampler asks for them."""


@dataclass(frozen=True)
class Drawer:
    """How a shard is drawn: `draw(offset, size)` gives the rows of a batch."""

    plan: ShardPlan
    draw: Draw
    per_lineage: int = 1
    steps: int = 0
    """Denoising steps; 0 where no network is asked."""
    trial: Trial | None = None
    """What a batch on a device is tried by before the first is drawn."""


class Sampler(Section):
    """A way of drawing structures that an arm can name by its `kind`."""

    rank: ClassVar[int] = 100
    """Its place in lists of kinds; the lowest comes first."""
    title: ClassVar[str] = ""
    """What it is, in a few words, for the documentation of the key `sampler`."""
    citation: ClassVar[str] = ""
    """What the report tells to cite, as plain text."""
    version: ClassVar[int] = 1
    """Raised by hand when its samples would come out differently: finished ones are then drawn anew."""
    uses_network: ClassVar[bool] = True
    """Whether it asks the diffusion model at all."""
    uses_forces: ClassVar[bool] = False
    """Whether it searches by the energies and forces of the campaign's estimator."""
    needs_proposals: ClassVar[bool] = False
    """Whether it is told space groups and Wyckoff positions by a generator."""
    can_be_guided: ClassVar[bool] = False
    """Whether it follows a constraint."""

    def conditioned(self, conditions: Mapping[str, float], factor: float) -> Conditioned:
        """What the model is conditioned on in its arm, and γ: the campaign's, unless it has its own."""
        return conditions, factor

    def drawer(self, job: Job) -> Drawer:
        """What draws the shard of a job; heavy imports belong here."""
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """What the samples depend on, JSON-able: all keys, and the version where it was raised."""
        raised = {"version": self.version} if self.version > 1 else {}
        return self.model_dump(mode="json") | raised
