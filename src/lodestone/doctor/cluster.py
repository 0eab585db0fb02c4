"""Looks whether the cluster of a profile can do a campaign: asks SLURM, then a small job on a node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lodestone.campaign.arrays import arrays, asked, submission
from lodestone.campaign.rules import Needs
from lodestone.config.campaign import Campaign
from lodestone.doctor import slurm
from lodestone.doctor.answer import judged
from lodestone.doctor.files import needed
from lodestone.doctor.installation import Check
from lodestone.doctor.job import Sent, send
from lodestone.operations.profile import Profile

WAIT = 120.0
"""Seconds that a job may wait for its start."""


def examine(
    profile: Profile,
    rules: Mapping[str, Needs],
    campaign: Campaign | None = None,
    *,
    results: Path = Path("results"),
    wait: float = WAIT,
) -> Iterator[Check]:
    """Every check of the cluster, in order; what cannot be asked for want of another is left out.

    Raises:
        ProfileError: a rule would ask for what cannot be asked.
    """
    sampling = submission(asked("sample", profile, rules), "sample", profile)
    yield Check(
        "profile", "odd" if profile.remarks else "good", "; ".join((str(profile.path), *profile.remarks))
    )
    if profile.cluster == "slurm":
        for step in (slurm.commands, slurm.controller):
            checks = list(step())
            yield from checks
            if any(check.state == "missing" for check in checks):
                return
        yield from slurm.configuration(profile)
        yield from slurm.partitions(minutes(profile, rules, campaign), profile)
    yield from probe(profile, sampling, campaign, results, wait)


def minutes(profile: Profile, rules: Mapping[str, Needs], campaign: Campaign | None) -> dict[str | None, int]:
    """The longest time limit that is asked of each partition."""
    if campaign is not None:
        found = [array.parameters for array in arrays(campaign, profile, rules) if not array.here]
    else:
        away = [rule for rule in rules if rule not in profile.here]
        found = [submission(asked(rule, profile, rules), rule, profile) for rule in away]
    longest: dict[str | None, int] = {}
    for parameters in found:
        for name in str(parameters.get("slurm_partition") or "").split(","):
            longest[name or None] = max(longest.get(name or None, 0), int(parameters["timeout_min"]))
    return longest


def probe(
    profile: Profile, parameters: Mapping[str, Any], campaign: Campaign | None, results: Path, wait: float
) -> Iterator[Check]:
    """Send the job, and judge what it saw."""
    files = needed(campaign) if campaign else {}
    for name, (path, remedy) in files.items():
        if path is None or not path.is_file():
            yield Check(name, "missing", f"no file {path}" if path else "nowhere on this machine", remedy)
    there = {str(path): name for name, (path, _) in files.items() if path is not None and path.is_file()}
    sent: Sent = send(profile, parameters, results, tuple(there), wait)
    yield sent.check
    if sent.answer is not None:
        yield from judged(sent.answer, parameters, there, str(sent.nonce))
