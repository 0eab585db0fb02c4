"""The arms of a campaign: what is sampled and compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lodestone.campaign.config import Campaign

Kind = Literal["unguided", "control", "guided", "late"]


@dataclass(frozen=True)
class Arm:
    """A way of sampling.

    unguided: the plain model. control: guidance of strength 0, the effect of recurrence alone.
    guided: towards a constraint. late: the same, at the last noise levels only.
    """

    name: str
    kind: Kind
    constraint: str | None = None
    strength: float | None = 0.0
    """Å; None where a pilot chooses it."""

    @property
    def piloted(self) -> bool:
        """Whether a pilot chooses the strength."""
        return self.strength is None


def arms(campaign: Campaign) -> list[Arm]:
    """All arms, in the order of the report."""
    found = [Arm("unguided", "unguided"), Arm("control", "control")]
    strengths = campaign.guidance.fixed_strengths
    for name in campaign.constraints:
        found += [Arm(f"{name}-s{strength:g}", "guided", name, strength) for strength in strengths]
        if not strengths:
            found.append(Arm(f"{name}-auto", "guided", name, None))
        if campaign.guidance.late:
            found.append(Arm(f"{name}-late", "late", name, strengths[-1] if strengths else None))
    return found
