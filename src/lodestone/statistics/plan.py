"""What a campaign asked and how it is judged: the plain facts that the statistics need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lodestone.constraints import Term


EXTRA_KINDS = ("imported", "drawn")
"""Kinds of arms beside those of the guidance: from elsewhere, and of another sampler."""


@dataclass(frozen=True)
class ArmPlan:
    """An arm of the campaign; `constraint` is None for unguided and control."""

    name: str
    kind: str
    constraint: str | None
    strength: float
    """Å."""
    piloted: bool = False
    """Whether a pilot chose the strength."""
    imported: bool = False
    """Whether its structures come from elsewhere."""
    sampler: str | None = None
    """The other sampler that drew it, if one did."""


@dataclass(frozen=True)
class ConstraintPlan:
    """A constraint: its terms as configured, and when it counts as satisfied."""

    name: str
    primary: bool
    terms: tuple[Mapping[str, Any], ...]
    satisfied_within: float
    power: float = 2.0

    def models(self) -> list[Term]:
        """The terms as models that can describe and measure."""
        from lodestone.constraints import terms_of

        return terms_of({"terms": self.terms})


@dataclass(frozen=True)
class Plan:
    """Arms, constraints and the conventions of the analysis."""

    campaign: str
    chemical_system: str
    arms: tuple[ArmPlan, ...]
    constraints: tuple[ConstraintPlan, ...]
    comparisons: tuple[str, ...] = ("unguided", "control", "late")
    alpha: float = 0.05
    seed: int = 0
    shown_below: float = 0.5
    """eV/atom above the hull; the cut of plots and of the last attrition stage."""
    best: int = 10
    matching: Mapping[str, float] = field(default_factory=dict)
    """ltol, stol, angle_tol of pymatgen's StructureMatcher."""
    passes: Mapping[str, float | None] = field(default_factory=dict)
    """Network passes per structure of each arm; None where they are not known."""
    pilots: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What the pilot of each constraint chose and tried; see `pilot.record`."""

    def arms_of(self, constraint: str) -> list[ArmPlan]:
        """Guided and late arms of a constraint, and extra ones made for it, in the campaign's order."""
        return [a for a in self.arms if a.constraint == constraint]

    def primary_arm(self, constraint: str) -> ArmPlan | None:
        """The guided arm of the last (primary) strength."""
        guided = [a for a in self.arms_of(constraint) if a.kind == "guided"]
        return guided[-1] if guided else None

    def compared_with(self, arm: ArmPlan, comparison: str) -> ArmPlan | None:
        """The arm that `comparison` names for `arm`; None where there is none (or it is the arm itself)."""
        pool = self.arms_of(arm.constraint) if comparison == "late" and arm.constraint else self.arms
        found = [a for a in pool if a.kind == comparison]
        return found[0] if found and found[0] != arm else None


def plan_from_settings(settings: Mapping[str, Any]) -> Plan:
    """Read the plan from the settings of the analysis stage (resolved configuration, JSON-able).

    `pilots` of the settings, by constraint, are the documents of the pilots that chose the strengths which
    the settings leave open.
    """
    statistics, deduplicate = settings.get("statistics", {}), settings.get("deduplicate", {})
    optional = {
        "comparisons": _tuple(statistics.get("comparisons")),
        "alpha": statistics.get("alpha"),
        "shown_below": settings.get("hull", {}).get("shown_below"),
        "best": settings.get("report", {}).get("best"),
        "seed": settings.get("seed", settings.get("sampling", {}).get("seed")),
    }
    return Plan(
        campaign=settings["campaign"],
        chemical_system=settings["chemical_system"],
        arms=tuple(_arm(a, settings.get("pilots", {})) for a in settings["arms"]),
        passes=settings.get("passes", {}),
        pilots=settings.get("pilots", {}),
        constraints=tuple(_constraint(n, c) for n, c in settings.get("constraints", {}).items()),
        matching={k: deduplicate[k] for k in ("ltol", "stol", "angle_tol") if k in deduplicate},
        **{key: value for key, value in optional.items() if value is not None},
    )


def _arm(arm: Mapping[str, Any], pilots: Mapping[str, Mapping[str, Any]]) -> ArmPlan:
    constraint, strength = arm.get("constraint"), arm.get("strength", 0.0)
    piloted = strength is None
    if piloted:
        strength = pilots[str(constraint)]["strength"]
    imported = arm.get("structures") is not None
    return ArmPlan(arm["name"], arm["kind"], constraint, strength, piloted, imported, arm.get("sampler"))


def _constraint(name: str, section: Mapping[str, Any]) -> ConstraintPlan:
    return ConstraintPlan(
        name=name,
        primary=section.get("primary", True),
        terms=tuple(section["terms"]),
        satisfied_within=section["satisfied_within"],
        power=section.get("combine", 2.0),
    )


def _tuple(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
