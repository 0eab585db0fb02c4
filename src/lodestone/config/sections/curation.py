"""From raw samples to distinct, known or new structures: symmetry, screening, duplicates, novelty."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from lodestone.schema.sections import Listed, Range, Section, refuse, unit

Positive = Annotated[float, Field(gt=0)]
Threshold = Annotated[float, Field(gt=0, le=1)]


class Symmetrize(Section):
    """Standardising each sample to its primitive cell."""

    symprec: Annotated[Listed[Annotated[float, Field(gt=0, le=1)]], Field(min_length=1)] = Field(
        (0.01, 0.05, 0.1),
        description="Ladder of tolerances; the largest that keeps every atom near its place is used.",
        json_schema_extra=unit("Å"),
    )
    max_displacement: Positive = Field(
        0.1, description="Farthest that symmetrisation may move an atom.", json_schema_extra=unit("Å")
    )

    @model_validator(mode="after")
    def _rising(self) -> Symmetrize:
        steps = enumerate(pairwise(self.symprec), start=1)
        refuse(
            (("symprec", i), f"{high:g} comes after {low:g}", "tolerances that rise from entry to entry, Å")
            for i, (low, high) in steps
            if high <= low
        )
        return self


class Screen(Section):
    """Which structures are judged further; the others are kept and marked."""

    distance_fraction: Annotated[float, Field(ge=0, le=2)] = Field(
        0.6, description="Smallest distance of two atoms as a fraction of the sum of their covalent radii."
    )
    min_distance: Annotated[float, Field(ge=0, le=5)] = Field(
        0.7, description="Smallest distance of any two atoms.", json_schema_extra=unit("Å")
    )
    volume_per_atom: Range[Positive] = Field(
        (3.0, 100.0),
        description="Smallest and largest volume per atom.",
        json_schema_extra=unit("Å³"),
    )

    @model_validator(mode="after")
    def _in_order(self) -> Screen:
        low, high = self.volume_per_atom
        if low >= high:
            wrong = f"{low:g} is not below {high:g}"
            refuse([(("volume_per_atom",), wrong, "[smallest, largest] with smallest < largest, Å³")])
        return self


class Deduplicate(Section):
    """When two structures are the same."""

    method: Literal["two_stage", "fingerprint"] = Field(
        "two_stage",
        description="Fingerprints choose pairs and a matcher of structures decides, or fingerprints alone.",
    )
    threshold: Threshold = Field(
        0.10, description="Largest cosine distance of the fingerprints of one structure."
    )
    ltol: Positive = Field(0.2, description="Tolerance of the matcher for lengths, as a fraction.")
    stol: Positive = Field(
        0.2, description="Tolerance of the matcher for sites, as a fraction of (volume per atom)^(1/3)."
    )
    angle_tol: Annotated[float, Field(gt=0, le=90)] = Field(
        5.0, description="Tolerance of the matcher for angles.", json_schema_extra=unit("°")
    )
    cutoff: Annotated[float, Field(gt=0, le=30)] = Field(
        10.0, description="How far a fingerprint looks.", json_schema_extra=unit("Å")
    )
    sigma: Annotated[float, Field(gt=0, le=5)] = Field(
        0.1, description="Broadening of distances in a fingerprint.", json_schema_extra=unit("Å")
    )


class Novelty(Section):
    """When a structure counts as known."""

    threshold: Threshold = Field(
        0.10,
        description="Like `deduplicate.threshold`, against the references; method and tolerances are those "
        "of `deduplicate`.",
    )
