"""What several estimators, and the record of each, add to the rules of a campaign."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lodestone.config.arms import arms
from lodestone.config.campaign import Campaign
from lodestone.workflow.paths import CampaignPaths
from lodestone.workflow.potentials import key, missing_models, other_estimators, others


@dataclass(frozen=True)
class Several:
    """The estimators of `energy.estimators` that do not judge, as the rules see them."""

    campaign: Campaign
    paths: CampaignPaths

    @cached_property
    def names(self) -> list[str]:
        """Their keys."""
        return [key(estimator) for estimator in others(self.campaign)]

    @cached_property
    def _arms(self) -> list[str]:
        return [arm.name for arm in arms(self.campaign)]

    @property
    def energies(self) -> list[Path]:
        """The energies of every arm by each of them."""
        return [self.paths.energy_by(arm, name) for name in self.names for arm in self._arms]

    @property
    def reference_energies(self) -> list[Path]:
        """The energies of the references by each of them."""
        return [self.paths.energies_by(name) for name in self.names]

    @property
    def makers(self) -> list[Path]:
        """What made each table of energies; asked for, or Snakemake would trust old tables without it."""
        own = [self.paths.stage(arm, "energy") for arm in self._arms]
        by = [self.paths.energies_by(name) for name in other_estimators(self.campaign)]
        tables = [*own, self.paths.reference_energies, *self.energies, *by]
        return [path.with_suffix(".json") for path in tables]

    @property
    def agreement(self) -> dict[str, list[str]]:
        """What the hull writes more where there are several estimators.

        No outputs: a finished hull that lacks one of its outputs would not be made again for new estimators.
        """
        if not self.names:
            return {}
        tables = [str(path) for path in (self.paths.agreement, self.paths.disagreements)]
        return {"agreement": tables, "hulls": [str(self.paths.hull_by(name)) for name in self.names]}

    def require_models(self) -> None:
        """Stop with exit code 1 before any job where a potential that the campaign needs is not there.

        One that only takes part in the comparison of estimators is told, and the campaign goes on.
        """
        found = missing_models(self.campaign)
        for message in found:
            print(message, file=sys.stderr)
        if any(found.values()):
            raise SystemExit(1)
