"""One case study: what the paper asks, and what a finished campaign says. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lodestone.sampling.timing import Timing

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Study:
    """A case study with the results of its small variant; those are None where it has not been run."""

    name: str
    asked: tuple[str, ...]
    """What the paper asks, in words: one entry per constraint."""
    campaign: str
    """The campaign of the small variant."""
    result: Result | None


@dataclass(frozen=True)
class Result:
    """What is told of a finished campaign."""

    summary: Row
    """statistics/summary.json."""
    success: Sequence[Row]
    """statistics/success.parquet."""
    attrition: Sequence[Row]
    """statistics/attrition.parquet."""
    timing: Timing | None
    """Of all sampling together."""
    versions: Mapping[str, str]

    def rates(self, constraint: str) -> dict[tuple[str, str], Row]:
        """Rates of a constraint by the kind of arm and outcome: its primary arm is `guided`."""
        one = self.constraint(constraint)
        kinds = {arm["name"]: arm["kind"] for arm in self.summary["arms"]}
        wanted = (one["primary_arm"], None)
        return {
            (kinds[row["arm"]], row["outcome"]): row
            for row in one["rates"]
            if kinds[row["arm"]] != "guided" or row["arm"] in wanted
        }

    def constraint(self, name: str) -> Row:
        """The summary of a constraint."""
        return next(one for one in self.summary["constraints"] if one["name"] == name)

    def p_adjusted(self, constraint: str, outcome: str, against: str) -> float | None:
        """The adjusted p-value of its primary arm against another; None where it is not defined."""
        arm = self.constraint(constraint)["primary_arm"]
        wanted = (constraint, arm, outcome, against)
        keys = ("constraint", "arm", "outcome", "comparison")
        return next(
            (row["p_adjusted"] for row in self.success if tuple(row[key] for key in keys) == wanted), None
        )

    def survivors(self, stage: str) -> dict[str, tuple[int, int]]:
        """By arm: how many structures are left after a stage, and how many were generated."""
        generated = {row["arm"]: row["survived"] for row in self.attrition if row["stage"] == "generated"}
        return {
            row["arm"]: (row["survived"], generated[row["arm"]])
            for row in self.attrition
            if row["stage"] == stage
        }

    def best(self, constraint: str) -> Row | None:
        """The best candidate for a constraint; None where none is eligible."""
        return next((row for row in self.summary["best"] if row["best_for"] == constraint), None)
