"""Which estimators the terms of constraints need, and where the references' energies by them lie."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lodestone.config.campaign import Campaign
from lodestone.energies.estimators import settings_of as validated
from lodestone.references.descriptions import contents
from lodestone.workflow.assets import estimator_hashes, hashes
from lodestone.workflow.paths import CampaignPaths

Estimator = dict[str, Any]


def estimators(campaign: Campaign, constraints: Iterable[str]) -> list[Estimator]:
    """Settings of the estimators that the terms of these constraints need, each once."""
    default = _dump(campaign.energy.estimator)
    terms = [term for name in constraints for term in campaign.constraints[name].terms]
    wanted = [t.estimator for t in terms if getattr(t, "needs_hull", False)]
    found: list[Estimator] = []
    for estimator in (default if e is None else _dump(e) for e in wanted):
        if estimator not in found:
            found.append(estimator)
    return found


def potentials(campaign: Campaign, constraints: Iterable[str]) -> dict[str, Any]:
    """`{"potentials": ...}`, the settings of the context of terms; empty where no term needs one."""
    wanted = estimators(campaign, constraints)
    if not wanted:
        return {}
    models = {name: sha256 for e in wanted for name, sha256 in estimator_hashes(e).items()}
    return {
        "potentials": {
            "default": _dump(campaign.energy.estimator),
            "estimators": wanted,
            "batch_size": campaign.energy.batch_size,
            "screen": campaign.screen.model_dump(mode="json", include={"volume_per_atom", "min_distance"}),
            "elements": list(campaign.elements),
            "references": [contents(source) for source in campaign.references],
            "assets": hashes(campaign, "references") | models,
        }
    }


def tables(campaign: Campaign, paths: CampaignPaths, constraints: Iterable[str]) -> list[Path]:
    """The table of references and those of their energies, one per estimator; empty where none is needed."""
    wanted = estimators(campaign, constraints)
    return [paths.references, *(energies(campaign, paths, e) for e in wanted)] if wanted else []


def energies(campaign: Campaign, paths: CampaignPaths, estimator: Estimator) -> Path:
    """The energies of the references by an estimator."""
    if estimator == _dump(campaign.energy.estimator):
        return paths.reference_energies
    return paths.energies_by(key(estimator))


def key(estimator: Estimator) -> str:
    """A name for an estimator's settings: its kind and a hash."""
    text = json.dumps(estimator, sort_keys=True)
    return f"{estimator['kind']}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def of_key(campaign: Campaign, wanted: str) -> Estimator:
    """The estimator of that name among those of the campaign's terms and of `energy.estimators`."""
    every = [*estimators(campaign, campaign.constraints), *others(campaign)]
    known = {key(e): e for e in every}
    if wanted not in known:
        raise ValueError(f"no estimator {wanted!r} in this campaign; there are: {', '.join(known) or 'none'}")
    return known[wanted]


def others(campaign: Campaign) -> list[Estimator]:
    """Settings of the estimators of `energy.estimators` that do not judge."""
    return [_dump(estimator) for estimator in campaign.energy.others]


def other_estimators(campaign: Campaign) -> list[str]:
    """Names of the estimators beside the judge: of terms of constraints, then of `energy.estimators`."""
    own = _dump(campaign.energy.estimator)
    wanted = [*estimators(campaign, campaign.constraints), *others(campaign)]
    return list(dict.fromkeys(key(estimator) for estimator in wanted if estimator != own))


def missing_models(campaign: Campaign) -> dict[str, bool]:
    """What is to be said of each model that is not there, and whether the campaign needs it.

    It needs that of the judge, by which particles look ahead and samples are relaxed too, and those of terms.
    """
    needed = [_dump(campaign.energy.estimator), *estimators(campaign, campaign.constraints)]
    found: dict[str, bool] = {}
    for estimator in [*needed, *others(campaign)]:
        if message := validated(estimator).missing():
            found.setdefault(message, estimator in needed)
    return found


def settings_of(campaign: Campaign, wanted: str) -> dict[str, Any]:
    """What the settings of an energy stage hold for another estimator than the judge.

    One that no term needs is optional: where it cannot be had, the campaign goes on without it.
    """
    estimator = of_key(campaign, wanted)
    needed = estimator in estimators(campaign, campaign.constraints)
    return {"estimator": estimator, "assets": estimator_hashes(estimator), "optional": not needed}


def _dump(estimator: Any) -> Estimator:
    found: Estimator = estimator.model_dump(mode="json")
    return found
