"""The cases of `search`: compositions, potentials and budgets; its methods, and the runs of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

GRACE: dict[str, Any] = {"kind": "grace", "model": "embedded"}
METHODS = {"gss": "gss", "diffusion": "gss", "rss": "rss"}
"""Names of the methods and the sampler that each of them is; diffusion is gss with strength 0."""


@dataclass(frozen=True)
class Case:
    """A composition of one cell, the potential, and the budget of a run in calls."""

    title: str
    composition: dict[str, int]
    estimator: dict[str, Any]
    budget: int


CASES = {
    "LiCoO2": Case("LiCoO2, trained on, GRACE", {"Li": 1, "Co": 1, "O": 2}, GRACE, 800),
    "Li2Co2O4": Case("Li2Co2O4, trained on, GRACE", {"Li": 2, "Co": 2, "O": 4}, GRACE, 800),
    "Co2P2": Case("Co2P2, never seen, GRACE", {"Co": 2, "P": 2}, GRACE, 600),
    "Co2P2-chgnet": Case("Co2P2, never seen, CHGNet", {"Co": 2, "P": 2}, {"kind": "chgnet"}, 150),
}


@dataclass(frozen=True)
class Job:
    """One run of one method on a case."""

    case: str
    method: str
    seed: int


def jobs(cases: tuple[str, ...], seeds: int) -> Iterator[Job]:
    """Every run, case by case and seed by seed, so that a cut plan still compares like with like."""
    for case in cases:
        for seed in range(seeds):
            for method in METHODS:
                yield Job(case, method, seed)
