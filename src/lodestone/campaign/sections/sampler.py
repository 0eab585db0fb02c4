"""What the section of every sampler tells the campaign about it."""

from __future__ import annotations

from typing import ClassVar

from lodestone.schema.sections import Section


class Sampler(Section):
    """A way of drawing structures that an arm can name by its `kind`."""

    uses_network: ClassVar[bool] = True
    """Whether it asks the diffusion model at all."""
    uses_forces: ClassVar[bool] = False
    """Whether it searches by the energies and forces of the campaign's estimator."""
    needs_proposals: ClassVar[bool] = False
    """Whether it is told space groups and Wyckoff positions by a generator."""
    can_be_guided: ClassVar[bool] = False
    """Whether it follows a constraint."""
