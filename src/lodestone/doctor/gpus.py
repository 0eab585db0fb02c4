"""Whether this installation, which nodes share, can use the GPUs that a profile asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lodestone.config.campaign import Campaign
from lodestone.doctor.installation import NO_GPU, Check
from lodestone.doctor.job import gpus_asked
from lodestone.energies.device import built_without
from lodestone.operations.arrays import asked, submission
from lodestone.operations.profile import Profile
from lodestone.runtime import device, gpu
from lodestone.workflow import potentials
from lodestone.workflow.jobs import Needs

SAMPLING = ("sample", "pilot")
"""Rules whose network is torch's."""
JUDGED = ("energy", "relax", "reference_energy")
"""Rules that evaluate energies by the campaign's estimator."""
OTHERS = ("other_energy", "term_reference_energy")
"""Rules that evaluate energies by another one."""


def gpus(profile: Profile, rules: Mapping[str, Needs], campaign: Campaign | None) -> Iterator[Check]:
    """A check for sampling, one for each estimator, and one for the rules that have no use for a GPU.

    Without a campaign the estimator is GRACE, the default of one.

    Raises:
        ProfileError: a rule would ask for what cannot be asked.
    """
    asking = [rule for rule in rules if gpus_asked(submission(asked(rule, profile, rules), rule, profile))]
    sampling = [rule for rule in SAMPLING if rule in asking]
    if asking and device.wanted() == "cpu":
        found = f"{', '.join(asking)} ask for one, but {device.VARIABLE}=cpu here: jobs compute on CPUs"
        yield Check("GPU", "odd", found, f"`unset {device.VARIABLE}`, or gpus: 0 in {profile.path}")
        return
    if sampling:
        yield _sampling(sampling)
    for estimator, names in _estimators(asking, campaign):
        yield _estimator(estimator, names)
    if idle := [rule for rule in asking if rule not in (*SAMPLING, *JUDGED, *OTHERS)]:
        found = f"{', '.join(idle)} ask for a GPU, which they never use"
        yield Check("GPU", "odd", found, f"gpus: 0 for these rules in {profile.path}")


def _sampling(names: list[str]) -> Check:
    """Whether torch is built for a GPU. Whether it sees one is asked of a node, if there is none here."""
    sight = gpu.look()
    title, said = f"GPU for {', '.join(names)}", f"torch {sight.torch}"
    if without := gpu.built_without(sight):
        remedy = f"{without.remedy}; or, to compute on CPUs, `export {device.VARIABLE}=cpu`"
        return Check(
            title, "missing", f"the profile asks for one, but {without.cause}", remedy, exit_code=NO_GPU
        )
    said += f", built for CUDA {sight.built_for}"
    fault = gpu.fault(sight)
    if fault is None:
        return Check(title, "good", f"{said}; {sight.name} here")
    if not sight.on_machine:
        return Check(title, "good", f"{said}; no GPU on this machine, so the node of the test job tells")
    return Check(
        title, "odd", f"{said}; on this machine {fault.cause}; the node of the test job tells", fault.remedy
    )


def _estimators(
    asking: list[str], campaign: Campaign | None
) -> Iterator[tuple[Mapping[str, Any], list[str]]]:
    """Estimators, and the rules that ask for a GPU for them."""
    judge = campaign.energy.estimator.model_dump(mode="json") if campaign else {"kind": "grace"}
    if names := [rule for rule in JUDGED if rule in asking]:
        yield judge, names
    if campaign and (names := [rule for rule in OTHERS if rule in asking]):
        for estimator in potentials.others(campaign):
            yield estimator, names


def _estimator(estimator: Mapping[str, Any], names: list[str]) -> Check:
    title = f"GPU for {', '.join(names)} ({estimator['kind']})"
    if without := built_without(estimator):
        found = f"the profile asks for one, but {without.cause}"
        return Check(title, "missing", found, without.remedy, exit_code=NO_GPU)
    return Check(title, "good", "nothing of this installation is against it")
