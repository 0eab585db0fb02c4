"""The files that the jobs of a campaign read beside its results: weights, references, potentials."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lodestone.campaign import potentials
from lodestone.config.campaign import Campaign
from lodestone.doctor.installation import Check
from lodestone.energies.estimators.grace.models import SAVED_MODEL, place
from lodestone.sampling.mattergen.checkpoint import HUB_REPOSITORY
from lodestone.workflow.assets import ASSETS, EMBEDDED

WEIGHTS = ("config.yaml", "checkpoints/last.ckpt")
Needed = dict[str, tuple[Path | None, str]]
"""Where each file lies, None where it is nowhere to be found, and what to do if it is not there."""


def needed(campaign: Campaign) -> Needed:
    """Every such file of a campaign, by a name for it."""
    found = _model(campaign.model.checkpoint)
    if any(source.kind == "embedded" for source in campaign.references):
        found |= _embedded("references")
    wanted = [campaign.energy.estimator.model_dump(mode="json"), *potentials.others(campaign)]
    for estimator in [*wanted, *potentials.estimators(campaign, campaign.constraints)]:
        found |= _potential(estimator)
    return {
        name: (None if path is None else path.absolute(), remedy) for name, (path, remedy) in found.items()
    }


def here(campaign: Campaign) -> Iterator[Check]:
    """Whether each of them is on this machine; a published checkpoint is fetched at its first use."""
    for name, (path, remedy) in needed(campaign).items():
        if path is None:
            yield Check(name, "odd", "not here; it is fetched when it is first used", remedy)
        elif path.is_file():
            yield Check(name, "good", str(path))
        else:
            yield Check(name, "missing", f"no file {path}", remedy)


def _model(checkpoint: str) -> Needed:
    if checkpoint == "embedded":
        return _embedded("model")
    folder = Path(checkpoint)
    if folder.is_dir():
        remedy = "put the folder where nodes see it, or name another: model.checkpoint"
        return {f"checkpoint {checkpoint}, {file}": (folder / file, remedy) for file in WEIGHTS}
    remedy = "nodes often have no network: fetch it once here, "
    remedy += f"`hf download {HUB_REPOSITORY} --include 'checkpoints/{checkpoint}/*'`"
    return {
        f"checkpoint {checkpoint}, {file}": (_cached(f"checkpoints/{checkpoint}/{file}"), remedy)
        for file in WEIGHTS
    }


def _cached(file: str) -> Path | None:
    """A file of the hub where it was fetched before."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(HUB_REPOSITORY, file)
    return Path(found) if isinstance(found, str) else None


def _potential(estimator: dict[str, Any]) -> Needed:
    """GRACE reads a model; CHGNet's weights come with its package, and calculators of ASE see to theirs."""
    if estimator["kind"] != "grace":
        return {}
    model = str(estimator["model"])
    if model == "embedded":
        return _embedded("energy")
    folder, remedy = place(model)
    return {f"potential {model}": (folder / SAVED_MODEL, remedy)}


def _embedded(section: str) -> Needed:
    remedy = "restore the file, or rebuild it with `make embedded`"
    return {f"embedded {name}": (EMBEDDED / name, remedy) for name in ASSETS[section]}
